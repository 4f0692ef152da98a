/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bootstrap/unpack_internal.h"

#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/stat.h>

#define WORKERS_MAX 16
#define MEMORY_MAX_BYTES ((uint64_t) 128 << 20)

/* ------------------------------------------------------------------------------------------------ one member */

static void read_attributes(const Unpack *unpack, Member *member)
{
        struct archive_entry *entry = member->entry;
        const Override *override = member->type == CLAIM_LINK ? NULL
                                                              : diversions_override(&unpack->diversions, member->path);

        member->attributes = (Attributes){
                .mode = override ? override->mode : archive_entry_perm(entry) & 07777,
                .uid = override ? override->uid : (uid_t) archive_entry_uid(entry),
                .gid = override ? override->gid : (gid_t) archive_entry_gid(entry),
                .mtime_sec = archive_entry_mtime(entry),
                .mtime_nsec = archive_entry_mtime_nsec(entry),
        };
}

static int place_file(Worker *worker, const Directory *directory, const char *name, const Member *member, Error *error)
{
        Verdict verdict;
        Claim *claim;
        int r = unpack_claim(worker, directory, name, member, &claim, &verdict, error);

        if (r < 0)
                return r;
        if (verdict == VERDICT_PLACE || verdict == VERDICT_REPLACE) {
                r = unpack_write(worker, directory, name, member, &verdict, error);
                unpack_written(worker, claim);
        }
        if (r < 0 || verdict == VERDICT_LOST)
                return r;
        PathType type = member->type == CLAIM_LINK ? PATH_LINK : PATH_FILE;
        return paths_append(&worker->package->paths, type, member->path) < 0 ? error_out_of_memory(error) : 0;
}

static int place_directory(Worker *worker, const Directory *directory, const char *name, const Member *member,
                           Error *error)
{
        int r = unpack_directory(worker, directory, name, member, error);

        if (r < 0)
                return r;
        return paths_append(&worker->package->paths, PATH_DIRECTORY, member->path) < 0 ? error_out_of_memory(error) : 0;
}

static int place(Worker *worker, Member *member, Error *error)
{
        bool is_directory = archive_entry_filetype(member->entry) == AE_IFDIR;
        const Directory *directory;
        const char *name;

        member->type = is_directory                                          ? CLAIM_DIRECTORY
                       : archive_entry_filetype(member->entry) == AE_IFLNK ? CLAIM_LINK
                                                                             : CLAIM_FILE;
        member->real = is_directory ? member->path
                                    : diversions_apply(&worker->unpack->diversions, member->path,
                                                       worker->package->origin->name);
        read_attributes(worker->unpack, member);
        int r = directories_find(&worker->directories, member->real + 1, &directory, &name, error);
        if (r < 0)
                return r;
        return is_directory ? place_directory(worker, directory, name, member, error)
                            : place_file(worker, directory, name, member, error);
}

static int unpack_member(Worker *worker, struct archive_entry *entry, Error *error)
{
        _cleanup_free_ char *path = NULL;
        const char *name;
        size_t length;
        int r = deb_member_name(archive_entry_pathname(entry), &name, &length, error);

        if (r < 0)
                return r;
        /* the root itself is there, as it shall be */
        if (length == 0)
                return paths_append(&worker->package->paths, PATH_DIRECTORY, "/.") < 0 ? error_out_of_memory(error) : 0;
        if (asprintf(&path, "/%.*s", (int) length, name) < 0) {
                path = NULL;
                return error_out_of_memory(error);
        }
        return place(worker, &(Member){ .entry = entry, .path = path }, error);
}

/* ------------------------------------------------------------------------------------------------ one package */

static bool is_stopped(Unpack *unpack)
{
        pthread_mutex_lock(&unpack->lock);
        bool stopped = unpack->stopped;
        pthread_mutex_unlock(&unpack->lock);
        return stopped;
}

static int unpack_members(Worker *worker, Error *error)
{
        struct archive_entry *entry;
        int r;

        while ((r = deb_reader_next(&worker->reader, &entry, error)) > 0) {
                if (is_stopped(worker->unpack))
                        return 0;
                r = unpack_member(worker, entry, error);
                if (r < 0)
                        return r;
        }
        return r;
}

static int unpack_package(Worker *worker, Error *error)
{
        Package *package = worker->package;
        int r;

        buffer_done(&package->paths);
        buffer_done(&package->md5sums);
        worker->has_md5sums = package_file(package, "md5sums") != NULL;
        package->paths_changed = true;
        r = deb_reader_open(&worker->reader, package->fd, &package->layout.data, error);
        if (r < 0)
                return r;
        r = directories_open(&worker->directories, worker->unpack->root_fd, unpack_enter, worker, error);
        if (r == 0)
                r = directories_open(&worker->targets, worker->unpack->root_fd, unpack_enter, worker, error);
        if (r == 0)
                r = unpack_members(worker, error);
        directories_close(&worker->directories);
        directories_close(&worker->targets);
        deb_reader_close(&worker->reader);
        return r;
}

/* ------------------------------------------------------------------------------------------------ all of them */

static bool next_package(Unpack *unpack, size_t *ret)
{
        pthread_mutex_lock(&unpack->lock);
        bool found = !unpack->stopped && unpack->next < unpack->job->n_numbers;
        if (found)
                *ret = unpack->queue[unpack->next++];
        pthread_mutex_unlock(&unpack->lock);
        return found;
}

static void stop(Unpack *unpack, Error *error)
{
        pthread_mutex_lock(&unpack->lock);
        if (!unpack->stopped)
                error_move(&unpack->error, error);
        unpack->stopped = true;
        pthread_cond_broadcast(&unpack->written);
        pthread_mutex_unlock(&unpack->lock);
}

/* Few packages take much, but many of those at once would. One alone is always let through. */
static void reserve(Unpack *unpack, uint64_t bytes)
{
        pthread_mutex_lock(&unpack->lock);
        while (unpack->memory_bytes > 0 && unpack->memory_bytes + bytes > MEMORY_MAX_BYTES)
                pthread_cond_wait(&unpack->written, &unpack->lock);
        unpack->memory_bytes += bytes;
        pthread_mutex_unlock(&unpack->lock);
}

static void release(Unpack *unpack, uint64_t bytes)
{
        pthread_mutex_lock(&unpack->lock);
        unpack->memory_bytes -= bytes;
        pthread_cond_broadcast(&unpack->written);
        pthread_mutex_unlock(&unpack->lock);
}

static void *work(void *userdata)
{
        Unpack *unpack = userdata;
        Worker worker = { .unpack = unpack };

        while (next_package(unpack, &worker.number)) {
                _cleanup_error_ Error error = ERROR_INIT;
                worker.package = &unpack->job->packages->items[worker.number];
                uint64_t memory_bytes = deb_member_memory(worker.package->fd, &worker.package->layout.data);
                reserve(unpack, memory_bytes);
                if (unpack_package(&worker, &error) < 0) {
                        if (error.code < 0)
                                package_error(worker.package, &error);
                        stop(unpack, &error);
                }
                release(unpack, memory_bytes);
        }
        return NULL;
}

static size_t count_workers(const UnpackJob *job)
{
        cpu_set_t set;
        size_t n = sched_getaffinity(0, sizeof set, &set) == 0 ? (size_t) CPU_COUNT(&set) : 1;

        if (n > WORKERS_MAX)
                n = WORKERS_MAX;
        if (n > job->n_numbers)
                n = job->n_numbers;
        return job->one_by_one || n == 0 ? 1 : n;
}

/* This thread is one of them. */
static void work_together(Unpack *unpack)
{
        size_t n = count_workers(unpack->job), started = 0;
        pthread_t threads[WORKERS_MAX];

        while (started + 1 < n && pthread_create(&threads[started], NULL, work, unpack) == 0)
                started++;
        work(unpack);
        for (size_t i = 0; i < started; i++)
                pthread_join(threads[i], NULL);
}

static int compare_sizes(const void *a, const void *b, void *userdata)
{
        const Packages *packages = userdata;
        size_t left = *(const size_t *) a, right = *(const size_t *) b;
        uint64_t left_bytes = packages->items[left].layout.data.size_bytes;
        uint64_t right_bytes = packages->items[right].layout.data.size_bytes;

        if (left_bytes != right_bytes)
                return left_bytes < right_bytes ? 1 : -1;
        return left < right ? -1 : left > right;
}

/* The biggest first, so that none of them is what all wait for at the end; or in their order. */
static int make_queue(Unpack *unpack)
{
        const UnpackJob *job = unpack->job;

        unpack->queue = calloc(job->n_numbers + 1, sizeof *unpack->queue);
        if (!unpack->queue)
                return -ENOMEM;
        memcpy(unpack->queue, job->numbers, job->n_numbers * sizeof *unpack->queue);
        if (!job->one_by_one && job->n_numbers > 1)
                qsort_r(unpack->queue, job->n_numbers, sizeof *unpack->queue, compare_sizes, job->packages);
        return 0;
}

static void unpack_done(Unpack *unpack)
{
        for (size_t i = 0; i < unpack->n_lost; i++)
                free(unpack->lost[i].path);
        free(unpack->lost);
        free(unpack->queue);
        claims_done(&unpack->claims);
        diversions_done(&unpack->diversions);
        error_done(&unpack->error);
        pthread_mutex_destroy(&unpack->lock);
        pthread_cond_destroy(&unpack->written);
}

int unpack_packages(int root_fd, const UnpackJob *job, Error *error)
{
        _cleanup_(unpack_done) Unpack unpack = { .job = job, .root_fd = root_fd };
        mode_t mask = umask(0);
        int r;

        pthread_mutex_init(&unpack.lock, NULL);
        pthread_cond_init(&unpack.written, NULL);
        r = make_queue(&unpack) < 0 ? error_out_of_memory(error) : 0;
        if (r == 0)
                r = diversions_read(root_fd, &unpack.diversions, error);
        if (r == 0)
                r = unpack_recall(&unpack, error);
        if (r == 0)
                work_together(&unpack);
        if (r == 0 && unpack.stopped)
                r = error_move(error, &unpack.error);
        if (r == 0)
                r = unpack_finish_directories(&unpack, error);
        if (r == 0)
                r = unpack_drop_lost(&unpack, error);
        umask(mask);
        return r;
}
