/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "stages/bootstrap_cache.h"

#include "base/file.h"
#include "base/strings.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>

#define DIRECTORY_NAME "debootstrap"
#define OWN_PREFIX "build-"
#define DAY_SEC 86400

typedef struct CacheJob {
        const char *own_name;
        int tree_fd; /* -1 unless wanted */
} CacheJob;

/* Calls `function` for each entry of the directory; a first error ends it. */
typedef int (*EntryFunction)(int directory_fd, const char *name, void *userdata);
static int for_each_entry(int directory_fd, const char *path, EntryFunction function, void *userdata)
{
        int fd = openat(directory_fd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        _cleanup_closedir_ DIR *directory = fdopendir(fd);
        if (!directory) {
                close(fd);
                return -ENOMEM;
        }
        for (struct dirent *entry; (entry = directory_next(directory));) {
                if (entry->d_name[0] == '.')
                        continue;
                int r = function(dirfd(directory), entry->d_name, userdata);
                if (r < 0)
                        return r;
        }
        return 0;
}

static bool is_package(const char *name)
{
        return string_ends_with(name, ".deb");
}

static int link_package(int shared_fd, const char *name, void *userdata)
{
        int own_fd = *(int *) userdata;

        /* another build may have replaced it in between; a file less in the cache is no fault */
        if (is_package(name) && linkat(shared_fd, name, own_fd, name, 0) < 0 && errno != ENOENT && errno != EEXIST)
                return -errno;
        return 0;
}

/* Drops what is left of builds that were killed, and packages that nobody uses any more. */
static int drop_old(int shared_fd, const char *name, void *userdata)
{
        time_t now = *(time_t *) userdata;
        struct stat status;

        if (fstatat(shared_fd, name, &status, AT_SYMLINK_NOFOLLOW) < 0)
                return 0;
        if (is_package(name) && now - status.st_mtime > BOOTSTRAP_CACHE_DAYS * DAY_SEC)
                unlinkat(shared_fd, name, 0);
        else if (string_starts_with(name, OWN_PREFIX) && now - status.st_ctime > DAY_SEC &&
                 remove_tree(shared_fd, name, NULL) < 0)
                return 0;
        return 0;
}

static int make_own(int shared_fd, void *userdata, Buffer *reply _unused_, Error *error)
{
        const CacheJob *job = userdata;
        time_t now = time(NULL);

        int r = for_each_entry(shared_fd, ".", drop_old, &now);
        if (r == 0 && mkdirat(shared_fd, job->own_name, 0755) < 0)
                r = -errno;
        _cleanup_close_ int own_fd = r < 0 ? -1 : openat(shared_fd, job->own_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (r == 0 && own_fd < 0)
                r = -errno;
        if (r == 0)
                r = for_each_entry(shared_fd, ".", link_package, &own_fd);
        return r < 0 ? error_set_errno(error, -r, "Can't prepare debootstrap's cache") : 0;
}

static int take_package(int own_fd, const char *name, void *userdata)
{
        int shared_fd = *(int *) userdata;
        struct stat own, shared;

        if (!is_package(name) || fstatat(own_fd, name, &own, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(own.st_mode))
                return 0;
        if (fstatat(shared_fd, name, &shared, AT_SYMLINK_NOFOLLOW) == 0 && shared.st_ino == own.st_ino)
                return 0;
        return renameat(own_fd, name, shared_fd, name) < 0 ? -errno : 0;
}

static int mark_used(int archives_fd _unused_, const char *name, void *userdata)
{
        int shared_fd = *(int *) userdata;

        if (is_package(name) && utimensat(shared_fd, name, NULL, AT_SYMLINK_NOFOLLOW) < 0 && errno != ENOENT)
                return -errno;
        return 0;
}

static int keep_own(int shared_fd, void *userdata, Buffer *reply _unused_, Error *error)
{
        const CacheJob *job = userdata;
        _cleanup_close_ int archives_fd =
                open_in_root(job->tree_fd, "/var/cache/apt/archives", O_RDONLY | O_DIRECTORY, 0);

        int r = for_each_entry(shared_fd, job->own_name, take_package, &shared_fd);
        if (r == 0 && archives_fd >= 0)
                r = for_each_entry(archives_fd, ".", mark_used, &shared_fd);
        return r < 0 ? error_set_errno(error, -r, "Can't keep what debootstrap downloaded") : 0;
}

static int call(BootstrapCache *cache, SandboxFunction function, int tree_fd, Error *error)
{
        _cleanup_close_ int fd = open(cache->shared, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        CacheJob job = { .own_name = strrchr(cache->own, '/') + 1, .tree_fd = tree_fd };

        if (fd < 0)
                return error_set_errno(error, errno, "Can't open %s", cache->shared);
        return sandbox_call(cache->sandbox, &(SandboxTree){ .directory_fd = fd }, function, &job, NULL, error);
}

/* Under another name first: a build beside this one sees a directory that is ready, or none. */
static int make_shared(Sandbox *sandbox, const char *cache_directory, const char *shared, uint64_t random, Error *error)
{
        _cleanup_free_ char *path = NULL;

        if (access(shared, F_OK) == 0)
                return 0;
        if (asprintf(&path, "%s/" DIRECTORY_NAME "-%016" PRIx64, cache_directory, random) < 0) {
                path = NULL;
                return error_out_of_memory(error);
        }
        int r = sandbox_make_directory(sandbox, cache_directory, strrchr(path, '/') + 1, error);
        if (r < 0)
                return r;
        if (rename(path, shared) < 0) {
                r = errno == ENOTEMPTY || errno == EEXIST ? 0 : error_set_errno(error, errno, "Can't make %s", shared);
                rmdir(path);
        }
        return r;
}

int bootstrap_cache_open(Sandbox *sandbox, const char *cache_directory, BootstrapCache *ret, Error *error)
{
        _cleanup_bootstrap_cache_ BootstrapCache cache = { .sandbox = sandbox };
        uint32_t uid_base, gid_base;
        uint64_t random;

        /* files of other ids would be neither readable nor writable */
        sandbox_id_base(sandbox, &uid_base, &gid_base);
        if (getrandom(&random, sizeof random, 0) != sizeof random)
                return error_set_errno(error, errno, "Can't get random bytes");
        if (asprintf(&cache.shared, "%s/" DIRECTORY_NAME "-%" PRIu32, cache_directory, uid_base) < 0) {
                cache.shared = NULL;
                return error_out_of_memory(error);
        }
        if (asprintf(&cache.own, "%s/" OWN_PREFIX "%016" PRIx64, cache.shared, random) < 0) {
                cache.own = NULL;
                return error_out_of_memory(error);
        }
        int r = make_shared(sandbox, cache_directory, cache.shared, random, error);
        if (r < 0)
                return r;
        r = call(&cache, make_own, -1, error);
        if (r < 0)
                return error_wrap(error, "%s", cache.shared);
        *ret = cache;
        cache = (BootstrapCache){ 0 };
        return 0;
}

int bootstrap_cache_keep(BootstrapCache *cache, const SandboxTree *tree, Error *error)
{
        return call(cache, keep_own, tree->directory_fd, error);
}

void bootstrap_cache_done(BootstrapCache *cache)
{
        if (cache->own && access(cache->own, F_OK) == 0 &&
            sandbox_remove_tree(cache->sandbox, cache->own, NULL) < 0)
                (void) 0; /* the next build drops it */
        free(cache->shared);
        free(cache->own);
        *cache = (BootstrapCache){ 0 };
}
