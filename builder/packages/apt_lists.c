/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "packages/apt_internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <time.h>

#include "base/file.h"

/* The indexes of a set of repositories, keyrings and trust settings are kept together: apt believes an index that
 * it has verified once, so what was fetched as Trusted=yes must not be found by a build that asks for signatures.
 *
 *   lists/KEY/lock        held while `state` is read or replaced
 *   lists/KEY/state       which generation counts, what is in it, when it was verified and last found unchanged
 *   lists/KEY/HEX/        a generation: what apt-get update left, never changed again; the sandbox's
 *
 * A build holds the generation that it works with by a shared lock on its directory, so another build's update does not
 * change it between two stages; the next update removes those that nobody holds. `state` is written after the
 * indexes are on the disk, so that a crash leaves the old generation, the new one, or none that counts. Sets that no build
 * has asked for in LISTS_DAYS lose their generations. */

#define STATE_VERSION 1
#define STATE_LIMIT_BYTES ((uint64_t) 4 << 20)
#define GENERATION_BYTES 8
#define LISTS_DAYS 30
#define DAY_SEC 86400

void apt_set_free(Apt *apt, AptSet *set)
{
        if (!set)
                return;
        if (set->lists) {
                /* best effort: the work directory goes as a whole anyway */
                int r = sandbox_remove_tree(apt->sandbox, set->lists, NULL);
                (void) r;
        }
        cleanup_close(&set->generation_fd);
        json_decref(set->state);
        repository_list_done(&set->repositories);
        free(set->key);
        free(set->store);
        free(set->lock_path);
        free(set->generation);
        free(set->lists);
        free(set);
}

static bool is_generation(const char *name)
{
        return strlen(name) == 2 * GENERATION_BYTES && strspn(name, "0123456789abcdef") == 2 * GENERATION_BYTES;
}

/* NULL when there is none that can be read: then apt has the word. */
static json_t *read_state(const AptSet *set)
{
        _cleanup_free_ char *path = path_join(set->store, "state");
        _cleanup_buffer_ Buffer text = BUFFER_INIT;

        if (!path || read_file(AT_FDCWD, path, STATE_LIMIT_BYTES, &text, NULL) < 0)
                return NULL;
        _cleanup_json_ json_t *state =
                json_loadb(text.data ? text.data : "", text.length, JSON_REJECT_DUPLICATES, NULL);
        const char *generation = json_string_value(json_object_get(state, "generation"));
        if (json_integer_value(json_object_get(state, "version")) != STATE_VERSION || !generation ||
            !is_generation(generation))
                return NULL;
        return TAKE_PTR(state);
}

/* Under the lock, so a fixed temporary name will do. Not synced: half a state counts as none. */
static int write_state(const AptSet *set, const json_t *state)
{
        _cleanup_free_ char *path = path_join(set->store, "state"), *temporary = path_join(set->store, "state.new");
        _cleanup_free_ char *text = json_dumps(state, JSON_COMPACT | JSON_SORT_KEYS);

        if (!path || !temporary || !text)
                return -ENOMEM;
        if (unlink(temporary) < 0 && errno != ENOENT)
                return -errno;
        _cleanup_close_ int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
        int r = fd < 0 ? -errno : write_all(fd, text, strlen(text));
        if (r == 0 && rename(temporary, path) < 0)
                r = -errno;
        return r;
}

/* Nobody but the sandbox may have made it, and every file is what it was when the state was written. */
static bool is_complete(Apt *apt, int generation_fd, const json_t *state)
{
        _cleanup_json_ json_t *files = NULL;
        uint32_t uid_base, gid_base;
        struct stat status;

        sandbox_id_base(apt->sandbox, &uid_base, &gid_base);
        return fstat(generation_fd, &status) == 0 && status.st_uid == uid_base &&
               apt_lists_describe(generation_fd, &files) == 0 && json_object_size(files) > 0 &&
               json_equal(files, json_object_get(state, "files"));
}

/* Takes hold of the generation that counts, if there is one that is whole. */
static int hold_generation(Apt *apt, AptSet *set, Error *error)
{
        _cleanup_close_ int lock_fd = -1;
        int r = apt_lock(set->lock_path, false, &lock_fd, error);

        if (r < 0)
                return r;
        _cleanup_json_ json_t *state = read_state(set);
        if (!state)
                return 0;
        _cleanup_free_ char *path = path_join(set->store, json_string_value(json_object_get(state, "generation")));
        if (!path)
                return error_out_of_memory(error);
        _cleanup_close_ int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0 || flock(fd, LOCK_SH | LOCK_NB) < 0 || !is_complete(apt, fd, state))
                return 0;
        (void) !utimensat(AT_FDCWD, set->lock_path, NULL, 0);
        set->generation = TAKE_PTR(path);
        set->generation_fd = TAKE_FD(fd);
        set->state = TAKE_PTR(state);
        return 0;
}

int apt_set_new(Apt *apt, const char *key, const RepositoryList *repositories, AptSet **ret, Error *error)
{
        _cleanup_free_ char *lists = path_join(apt->cache, "lists");
        AptSet *set = calloc(1, sizeof *set);

        if (!set)
                return error_out_of_memory(error);
        set->generation_fd = -1;
        set->key = strdup(key);
        set->store = lists ? path_join(lists, key) : NULL;
        set->lock_path = set->store ? path_join(set->store, "lock") : NULL;
        int r = 0;
        if (!set->key || !set->lock_path || repository_list_copy(repositories, &set->repositories) < 0)
                r = error_out_of_memory(error);
        if (r == 0)
                r = make_directories(set->store, 0755, error);
        if (r == 0)
                r = hold_generation(apt, set, error);
        if (r < 0) {
                apt_set_free(apt, set);
                return r;
        }
        *ret = set;
        return 0;
}

int apt_set_fill(Apt *apt, AptSet *set, Error *error)
{
        char name[32];

        if (set->filled)
                return 0;
        if (!set->lists) {
                snprintf(name, sizeof name, "apt-lists-%u", ++apt->n_lists);
                int r = apt_make_sandbox_directory(apt->sandbox, apt->work_parent, name, &set->lists, error);
                if (r < 0)
                        return r;
        }
        int r = set->generation ? apt_lists_transfer(apt, set->generation, set->lists, error) : 0;
        set->filled = r == 0;
        return r;
}

int64_t apt_set_time(const AptSet *set, const char *name)
{
        return json_integer_value(json_object_get(set->state, name));
}

/* A failure is no more than a run of apt the next time. */
static void keep_state(const AptSet *set, const json_t *state)
{
        int r = write_state(set, state);
        (void) r;
}

void apt_set_found_fresh(AptSet *set)
{
        _cleanup_close_ int lock_fd = open(set->lock_path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);

        if (json_object_set_new(set->state, "fresh", json_integer(time(NULL))) < 0)
                return;
        /* who holds it is about to write a newer one */
        if (lock_fd < 0 || flock(lock_fd, LOCK_EX | LOCK_NB) < 0)
                return;
        _cleanup_json_ json_t *there = read_state(set);
        if (json_equal(json_object_get(there, "generation"), json_object_get(set->state, "generation")))
                keep_state(set, set->state);
}

static int new_generation(Apt *apt, const AptSet *set, char ret_name[static 2 * GENERATION_BYTES + 1], char **ret_path,
                          Error *error)
{
        unsigned char random[GENERATION_BYTES];

        if (getrandom(random, sizeof random, 0) != (ssize_t) sizeof random)
                return error_set_errno(error, errno, "Can't get random bytes");
        hex_encode(random, sizeof random, ret_name);
        _cleanup_free_ char *path = path_join(set->store, ret_name);
        if (!path)
                return error_out_of_memory(error);
        int r = sandbox_make_directory(apt->sandbox, set->store, ret_name, error);
        if (r == 0)
                r = apt_lists_transfer(apt, set->lists, path, error);
        if (r == 0)
                *ret_path = TAKE_PTR(path);
        return r;
}

static int describe_generation(const char *path, json_t **ret, Error *error)
{
        _cleanup_close_ int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        int r = fd < 0 || syncfs(fd) < 0 ? -errno : apt_lists_describe(fd, ret);

        return r < 0 ? error_set_errno(error, -r, "Can't store the package indexes in %s", path) : 0;
}

/* Under the exclusive lock, under which nobody takes hold of one. */
static void remove_others(Apt *apt, const char *store, const char *name)
{
        _cleanup_closedir_ DIR *directory = opendir(store);

        for (struct dirent *entry; directory && (entry = directory_next(directory));) {
                if (!is_generation(entry->d_name) || strcmp(entry->d_name, name) == 0)
                        continue;
                _cleanup_free_ char *path = path_join(store, entry->d_name);
                _cleanup_close_ int fd = path ? open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) : -1;
                if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0)
                        continue;
                /* best effort: the next update tries again */
                int r = sandbox_remove_tree(apt->sandbox, path, NULL);
                (void) r;
        }
}

static int publish_new(Apt *apt, AptSet *set, Error *error)
{
        char name[2 * GENERATION_BYTES + 1];
        _cleanup_free_ char *path = NULL;
        _cleanup_json_ json_t *files = NULL;
        int64_t now_sec = time(NULL);
        int r = new_generation(apt, set, name, &path, error);

        if (r == 0)
                r = describe_generation(path, &files, error);
        if (r < 0)
                return r;
        json_t *state = json_pack("{si ss sO sI sI s{}}", "version", STATE_VERSION, "generation", name, "files", files,
                                  "verified", (json_int_t) now_sec, "fresh", (json_int_t) now_sec, "answers");
        if (!state)
                return error_out_of_memory(error);
        json_decref(set->state);
        set->state = state;
        cleanup_close(&set->generation_fd);
        set->generation_fd = -1;
        r = write_state(set, state);
        if (r < 0)
                return error_set_errno(error, -r, "Can't write the state of %s", set->store);
        remove_others(apt, set->store, name);
        return 0;
}

/* True when apt left everything as it was. */
static bool is_unchanged(const AptSet *set)
{
        _cleanup_close_ int fd = open(set->lists, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        _cleanup_json_ json_t *files = NULL;

        return set->state && fd >= 0 && apt_lists_describe(fd, &files) == 0 &&
               json_equal(files, json_object_get(set->state, "files"));
}

int apt_set_publish(Apt *apt, AptSet *set, Error *error)
{
        _cleanup_close_ int lock_fd = -1;

        if (is_unchanged(set)) {
                json_object_set_new(set->state, "verified", json_integer(time(NULL)));
                apt_set_found_fresh(set);
                return 0;
        }
        int r = apt_lock(set->lock_path, true, &lock_fd, error);
        return r < 0 ? r : publish_new(apt, set, error);
}

/* The lock is touched whenever a build asks. */
static bool is_forgotten(const char *lock_path)
{
        struct stat status;

        return lstat(lock_path, &status) == 0 && time(NULL) - status.st_mtim.tv_sec > (time_t) LISTS_DAYS * DAY_SEC;
}

static void collect_set(Apt *apt, const char *store)
{
        _cleanup_free_ char *state = path_join(store, "state"), *lock_path = path_join(store, "lock");

        if (!state || !lock_path || !is_forgotten(lock_path))
                return;
        _cleanup_close_ int lock_fd = open(lock_path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
        if (lock_fd < 0 || flock(lock_fd, LOCK_EX | LOCK_NB) < 0 || !is_forgotten(lock_path))
                return;
        /* the lock stays: somebody may be waiting for it */
        if (unlink(state) == 0 || errno == ENOENT)
                remove_others(apt, store, "");
}

void apt_collect_lists(Apt *apt)
{
        _cleanup_free_ char *lists = path_join(apt->cache, "lists");
        _cleanup_closedir_ DIR *directory = lists ? opendir(lists) : NULL;

        for (struct dirent *entry; directory && (entry = directory_next(directory));) {
                _cleanup_free_ char *store = path_join(lists, entry->d_name);
                if (store)
                        collect_set(apt, store);
        }
}
