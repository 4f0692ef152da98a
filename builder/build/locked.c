/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "build/locked.h"

#include "packages/transaction.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#define RECIPE_SUFFIX ".recipe"
#define LOCK_SUFFIX ".lock"

char *lock_path_of(const char *recipe_path)
{
        size_t length = strlen(recipe_path);
        char *path = NULL;

        if (string_ends_with(recipe_path, RECIPE_SUFFIX))
                length -= strlen(RECIPE_SUFFIX);
        return asprintf(&path, "%.*s" LOCK_SUFFIX, (int) length, recipe_path) < 0 ? NULL : path;
}

static int refuse(const Job *job, Error *error, const char *format, ...) _printf_(3, 4);
static int refuse(const Job *job, Error *error, const char *format, ...)
{
        _cleanup_free_ char *text = NULL;
        va_list arguments;

        va_start(arguments, format);
        if (vasprintf(&text, format, arguments) < 0)
                text = NULL;
        va_end(arguments);
        if (!text)
                return error_out_of_memory(error);
        error_set_usage(error, -ESTALE, "%s: %s", job->options->lock_path, text);
        error_hint(error, "Make the lock anew, and see what changes: templar lock --update %s", recipe_path(job->recipe));
        return -ESTALE;
}

/* ------------------------------------------------------------------------------------------------ is it this recipe's? */

static int check_image(const Job *job, Error *error)
{
        const Lock *lock = job->options->lock;

        if (strcmp(lock->image, recipe_name(job->recipe)) != 0)
                return refuse(job, error, "it is the lock of the image %s, not of %s", lock->image,
                              recipe_name(job->recipe));
        if (strcmp(lock->architecture, recipe_architecture(job->recipe)) != 0)
                return refuse(job, error, "it is a lock for %s, not for %s", lock->architecture,
                              recipe_architecture(job->recipe));
        if (lock->n_bases != job->levels.n_items - 1)
                return refuse(job, error, "the recipe stands on %zu others, and the lock was made for %zu",
                              job->levels.n_items - 1, lock->n_bases);
        for (size_t i = 0; i < lock->n_bases; i++)
                if (strcmp(lock->bases[i].image, recipe_name(job->levels.items[i].recipe)) != 0)
                        return refuse(job, error, "the recipe stands on %s, and the lock was made for one on %s",
                                      recipe_name(job->levels.items[i].recipe), lock->bases[i].image);
        return 0;
}

/* Those from which packages come, or by which they are chosen. */
static bool is_about_packages(const JobStage *stage, const LockStage *locked)
{
        return locked->resolved || stage->kind->request || stage->kind->repositories || stage->kind->installs_packages;
}

static int check_stage(const Job *job, size_t index, bool *changed, Error *error)
{
        const JobStage *stage = &job->stages[index];
        const LockStage *locked = &job->options->lock->stages[index];
        RecipePlace place = section_place(stage->section);
        _cleanup_digest_ Digest *digest = NULL;
        char hex[SHA256_HEX_SIZE];

        if (strcmp(stage->kind->schema->name, locked->kind) != 0)
                return refuse(job, error, "stage %zu is [%s] now (%s:%u), and was [%s]", index + 1,
                              stage->kind->schema->name, place.file, place.line, locked->kind);
        if (digest_new(&digest) < 0)
                return error_out_of_memory(error);
        int r = stage_digest(stage->section, digest, error);
        if (r < 0)
                return r;
        if (digest_finish(digest, hex) < 0)
                return error_out_of_memory(error);
        if (strcmp(hex, locked->sha256) == 0)
                return 0;
        if (is_about_packages(stage, locked))
                return refuse(job, error, "stage %zu [%s] (%s:%u) has changed since the lock was made", index + 1,
                              locked->kind, place.file, place.line);
        *changed = true;
        return 0;
}

static int check_engine(const Job *job, Error *error)
{
        for (size_t i = 0; i < job->n_stages; i++) {
                const JobStage *stage = &job->stages[i];
                RecipePlace place = section_place(stage->section);
                StageRequest request = { 0 };
                if (!stage->kind->installs_packages ||
                    (stage->kind->request && stage->kind->request(stage->section, &request)))
                        continue;
                error_set_usage(error, -EOPNOTSUPP, "%s:%u: stage %zu [%s] chooses its packages by itself, so it can't be built "
                                                    "from a lock", place.file, place.line, i + 1, stage->kind->schema->name);
                error_hint(error, "Only Engine=native can; change it, and make the lock anew");
                return -EOPNOTSUPP;
        }
        return 0;
}

static int check_stages(const Job *job, Error *error)
{
        const Lock *lock = job->options->lock;
        bool changed = strcmp(lock->recipe_sha256, recipe_digest(job->recipe)) != 0;

        if (lock->n_stages != job->n_stages)
                return refuse(job, error, "the recipe has %zu stages, and had %zu when the lock was made", job->n_stages,
                              lock->n_stages);
        int r = check_engine(job, error);
        for (size_t i = 0; r == 0 && i < job->n_stages; i++)
                r = check_stage(job, i, &changed, error);
        if (r == 0 && changed)
                report_note(job->options->report, "%s has changed since %s was made, though not in its packages: the image "
                                                  "will differ from the one that was locked",
                            recipe_path(job->recipe), job->options->lock_path);
        return r;
}

/* ------------------------------------------------------------------------------------------------ what it says */

static int take_releases(Job *job, Error *error)
{
        const Lock *lock = job->options->lock;

        job->releases.items = calloc(lock->n_repositories + 1, sizeof *job->releases.items);
        if (!job->releases.items)
                return error_out_of_memory(error);
        for (size_t i = 0; i < lock->n_repositories; i++) {
                const AptRelease *from = &lock->repositories[i];
                AptRelease *release = &job->releases.items[job->releases.n_items++];
                *release = (AptRelease){ .uri = strdup(from->uri), .suite = strdup(from->suite),
                                         .sha256 = strdup(from->sha256), .date_sec = from->date_sec };
                if (!release->uri || !release->suite || !release->sha256)
                        return error_out_of_memory(error);
                if (release->date_sec > job->releases.newest_sec)
                        job->releases.newest_sec = release->date_sec;
        }
        return 0;
}

static int check_epoch(const Job *job, Error *error)
{
        const char *text = getenv("SOURCE_DATE_EPOCH");
        char own[32];

        snprintf(own, sizeof own, "%" PRId64, job->options->lock->source_date_epoch_sec);
        if (string_empty(text) || strcmp(text, own) == 0)
                return 0;
        error_set_usage(error, -EINVAL, "SOURCE_DATE_EPOCH=%s contradicts %s, which says %s", text, job->options->lock_path,
                        own);
        return error_hint(error, "Unset it: the date of a locked build comes from the lock");
}

static int take_dates(Job *job, Error *error)
{
        const Lock *lock = job->options->lock;
        int r = check_epoch(job, error);

        for (size_t i = 0; r == 0 && i < lock->n_bases; i++)
                r = level_lock_version(&job->levels.items[i], job->options->out_directory,
                                       lock->bases[i].source_date_epoch_sec, lock->bases[i].version, error);
        return r == 0 ? level_lock_version(levels_last(&job->levels), job->options->out_directory,
                                           lock->source_date_epoch_sec, lock->version, error)
                      : r;
}

int job_take_lock(Job *job, Error *error)
{
        int r = check_image(job, error);

        if (r == 0)
                r = take_releases(job, error);
        if (r == 0)
                r = take_dates(job, error);
        return r == 0 ? check_stages(job, error) : r;
}

int job_locked_transaction(Job *job, size_t index, bool *ret_asks, AptTransaction *ret, Error *error)
{
        const JobStage *stage = &job->stages[index];
        const LockStage *locked = &job->options->lock->stages[index];
        StageRequest request = { 0 };

        *ret_asks = stage->kind->request && stage->kind->request(stage->section, &request) && locked->resolved;
        if (!*ret_asks)
                return 0;
        if (apt_transaction_copy(&locked->transaction, ret) < 0)
                return error_out_of_memory(error);
        return apt_find_locals(job->apt, request.apt.deb_paths, ret, error);
}
