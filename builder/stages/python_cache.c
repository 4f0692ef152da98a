/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "stages/python_cache.h"

#include "base/clamp.h"
#include "base/file.h"
#include "base/strings.h"
#include "stages/python_marshal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#define CACHE_DIRECTORY "__pycache__"
#define SUFFIX ".pyc"
#define DEPTH_MAX 200u /* images end at 126 levels */

/* Magic numbers are a version and "\r\n"; those of Python 2 are above those of 3. */
#define VERSION_3_7 3390u
#define VERSION_2 20000u
#define FLAG_HASHED 1u
#define HEADER_BYTES 12
#define MODULE_LIMIT_BYTES ((uint64_t) 64 << 20)

typedef struct Search {
        int64_t epoch_sec;
        dev_t device;
} Search;

static uint32_t number_at(const uint8_t *bytes)
{
        return (uint32_t) bytes[0] | (uint32_t) bytes[1] << 8 | (uint32_t) bytes[2] << 16 | (uint32_t) bytes[3] << 24;
}

typedef struct Module {
        uint32_t version;
        bool holds_time;
        uint32_t time_sec; /* of its source */
} Module;

/* False for what is no compiled module. */
static bool read_module(int directory_fd, const char *name, Module *ret)
{
        _cleanup_close_ int fd = openat(directory_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
        uint8_t header[HEADER_BYTES];

        if (fd < 0 || read(fd, header, sizeof header) != (ssize_t) sizeof header || header[2] != '\r' ||
            header[3] != '\n')
                return false;
        uint32_t version = number_at(header) & 0xffff;
        bool has_flags = version >= VERSION_3_7 && version < VERSION_2;
        *ret = (Module){
                .version = version,
                .holds_time = !has_flags || !(number_at(header + 4) & FLAG_HASHED),
                .time_sec = number_at(header + (has_flags ? 8 : 4)),
        };
        return true;
}

/* *ret_differs: it can't be made the same. */
static int settle_module(int directory_fd, const char *name, const Module *module, bool *ret_differs, Error *error)
{
        _cleanup_buffer_ Buffer before = BUFFER_INIT, after = BUFFER_INIT;
        int r = read_file(directory_fd, name, MODULE_LIMIT_BYTES, &before, NULL);

        /* one that large is something else */
        if (r < 0)
                return r == -ENOMEM ? error_out_of_memory(error) : 0;
        if (buffer_append(&after, before.data, before.length) < 0)
                return error_out_of_memory(error);
        PythonModule verdict = python_module_settle((uint8_t *) after.data, after.length, module->version);
        *ret_differs = verdict == PYTHON_MODULE_DIFFERS;
        if (*ret_differs || memcmp(before.data, after.data, before.length) == 0)
                return 0;
        _cleanup_close_ int fd = openat(directory_fd, name, O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
        r = fd < 0 ? -errno : write_all(fd, after.data, after.length);
        return r < 0 ? error_set_errno(error, -r, "Can't rewrite %s", name) : 0;
}

/* "module.cpython-311.opt-1.pyc" has ../module.py; "module.pyc", of Python 2, module.py beside it. */
static char *source_of(const char *name, bool in_cache)
{
        size_t length = in_cache ? strcspn(name, ".") : strlen(name) - strlen(SUFFIX);
        char *path = NULL;

        return asprintf(&path, "%s%.*s.py", in_cache ? "../" : "", (int) length, name) < 0 ? NULL : path;
}

static bool is_stale(const Search *search, int directory_fd, const char *source, bool in_cache, uint32_t time_sec)
{
        struct stat status;

        /* one that came without its source is a module by itself, but not in a cache */
        if (fstatat(directory_fd, source, &status, AT_SYMLINK_NOFOLLOW) < 0)
                return errno == ENOENT && in_cache;
        /* a link is followed by Python; where to is not for us to find out */
        if (!S_ISREG(status.st_mode))
                return false;
        return status.st_mtim.tv_nsec == CLAMP_NSEC || status.st_mtim.tv_sec > search->epoch_sec ||
               (uint32_t) status.st_mtim.tv_sec != time_sec;
}

static int look_at_module(const Search *search, int directory_fd, const char *name, bool in_cache, Error *error)
{
        _cleanup_free_ char *source = source_of(name, in_cache);
        bool differs = false;
        Module module;

        if (!source)
                return error_out_of_memory(error);
        if (!read_module(directory_fd, name, &module))
                return 0;
        bool stale = module.holds_time && is_stale(search, directory_fd, source, in_cache, module.time_sec);
        /* one outside of a cache may be all that there is of the module, and nobody has compiled it during the build */
        int r = !stale && in_cache && python_module_may_differ(module.version)
                        ? settle_module(directory_fd, name, &module, &differs, error)
                        : 0;
        if (r < 0 || !(stale || differs))
                return r;
        if (unlinkat(directory_fd, name, 0) < 0 && errno != ENOENT)
                return error_set_errno(error, errno, "Can't remove %s", name);
        return 0;
}

static mode_t type_of(DIR *directory, const struct dirent *entry)
{
        struct stat status;

        if (entry->d_type != DT_UNKNOWN)
                return DTTOIF(entry->d_type);
        return fstatat(dirfd(directory), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) < 0 ? 0 : status.st_mode & S_IFMT;
}

static int list(DIR *directory, char ***ret_directories, char ***ret_modules)
{
        for (struct dirent *entry; (entry = directory_next(directory));) {
                mode_t type = type_of(directory, entry);
                int r = 0;
                if (type == S_IFDIR)
                        r = strv_append(ret_directories, entry->d_name);
                else if (type == S_IFREG && string_ends_with(entry->d_name, SUFFIX))
                        r = strv_append(ret_modules, entry->d_name);
                if (r < 0)
                        return -ENOMEM;
        }
        return -errno;
}

/* Takes `fd`. */
static int search_directory(const Search *search, int fd, bool in_cache, unsigned depth, Error *error)
{
        _cleanup_strv_ char **directories = NULL, **modules = NULL;
        _cleanup_closedir_ DIR *directory = fdopendir(fd);

        if (!directory) {
                close(fd);
                return error_out_of_memory(error);
        }
        int r = list(directory, &directories, &modules);
        if (r < 0)
                return error_set_errno(error, -r, "Can't read a directory");
        for (char **name = modules; r == 0 && name && *name; name++)
                r = look_at_module(search, dirfd(directory), *name, in_cache, error);
        for (char **name = directories; r == 0 && name && *name && depth < DEPTH_MAX; name++) {
                int below = openat(dirfd(directory), *name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
                struct stat status;
                if (below < 0)
                        return error_set_errno(error, errno, "Can't open the directory %s", *name);
                if (fstat(below, &status) < 0 || status.st_dev != search->device)
                        close(below);
                else
                        r = search_directory(search, below, strcmp(*name, CACHE_DIRECTORY) == 0, depth + 1, error);
        }
        return r;
}

int python_cache_clean(int root_fd, int64_t epoch_sec, Error *error)
{
        int fd = openat(root_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        struct stat status;

        if (fd < 0)
                return error_set_errno(error, errno, "Can't open the tree");
        if (fstat(fd, &status) < 0) {
                close(fd);
                return error_set_errno(error, errno, "Can't look at the tree");
        }
        Search search = { .epoch_sec = epoch_sec, .device = status.st_dev };
        return search_directory(&search, fd, false, 0, error);
}
