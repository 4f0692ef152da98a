/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "packages/lock.h"

#include "build/job.h"
#include "packages/transaction.h"

#include <errno.h>
#include <string.h>

static bool copy(const char *text, char **ret)
{
        *ret = strdup(text);
        return *ret;
}

static bool copy_head(const Job *job, Lock *lock)
{
        return copy(TEMPLAR_VERSION, &lock->tool_version) && copy(recipe_digest(job->recipe), &lock->recipe_sha256) &&
               copy(recipe_name(job->recipe), &lock->image) &&
               copy(recipe_architecture(job->recipe), &lock->architecture) && copy(job_version(job), &lock->version);
}

static bool add_bases(const Job *job, Lock *lock)
{
        size_t n_bases = job->levels.n_items - 1;

        lock->bases = calloc(n_bases + 1, sizeof *lock->bases);
        for (size_t i = 0; lock->bases && i < n_bases; i++) {
                const Level *level = &job->levels.items[i];
                LockBase *base = &lock->bases[lock->n_bases++];
                base->source_date_epoch_sec = level->epoch_sec;
                if (!copy(recipe_name(level->recipe), &base->image) || !copy(level->version, &base->version))
                        return false;
        }
        return lock->bases;
}

static bool add_repositories(const Job *job, Lock *lock)
{
        lock->repositories = calloc(job->releases.n_items + 1, sizeof *lock->repositories);
        for (size_t i = 0; lock->repositories && i < job->releases.n_items; i++) {
                const AptRelease *from = &job->releases.items[i];
                AptRelease *release = &lock->repositories[lock->n_repositories++];
                release->date_sec = from->date_sec;
                release->uri = lock_uri(from->uri);
                if (!release->uri || !copy(from->suite, &release->suite) || !copy(from->sha256, &release->sha256))
                        return false;
        }
        return lock->repositories;
}

static int add_stage(const JobStage *from, Lock *lock, Error *error)
{
        LockStage *stage = &lock->stages[lock->n_stages++];
        const AptTransaction *transaction = from->has_used ? &from->used : &from->transaction;
        const char *sha256 = json_string_value(json_object_get(from->inputs, "stage"));

        *stage = (LockStage){ .resolved = from->has_used || from->asks };
        if (!copy(from->kind->schema->name, &stage->kind) || !copy(sha256 ?: "", &stage->sha256))
                return error_out_of_memory(error);
        if (!stage->resolved)
                return 0;
        if (apt_transaction_copy(transaction, &stage->transaction) < 0)
                return error_out_of_memory(error);
        for (size_t i = 0; i < transaction->n_packages; i++)
                if (lock_add_package(lock, &transaction->packages[i]) < 0)
                        return error_out_of_memory(error);
        return 0;
}

int job_lock(const Job *job, Lock *ret, Error *error)
{
        _cleanup_lock_ Lock lock = { .source_date_epoch_sec = job_epoch_sec(job) };

        lock.stages = calloc(job->n_stages + 1, sizeof *lock.stages);
        if (!lock.stages || !copy_head(job, &lock) || !add_bases(job, &lock) || !add_repositories(job, &lock))
                return error_out_of_memory(error);
        for (size_t i = 0; i < job->n_stages; i++) {
                int r = add_stage(&job->stages[i], &lock, error);
                if (r < 0)
                        return r;
        }
        lock_sort(&lock);
        *ret = lock;
        lock = (Lock){ 0 };
        return 0;
}
