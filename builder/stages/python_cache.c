/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "stages/python_cache.h"

#include "base/clamp.h"
#include "base/file.h"
#include "base/strings.h"

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

typedef struct Search {
        int64_t epoch_sec;
        dev_t device;
} Search;

static uint32_t number_at(const uint8_t *bytes)
{
        return (uint32_t) bytes[0] | (uint32_t) bytes[1] << 8 | (uint32_t) bytes[2] << 16 | (uint32_t) bytes[3] << 24;
}

/* False for what holds no time, or is no compiled module. */
static bool read_time(int directory_fd, const char *name, uint32_t *ret_sec)
{
        _cleanup_close_ int fd = openat(directory_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
        uint8_t header[12];
        struct stat status;

        if (fd < 0 || fstat(fd, &status) < 0 || !S_ISREG(status.st_mode) ||
            read(fd, header, sizeof header) != (ssize_t) sizeof header || header[2] != '\r' || header[3] != '\n')
                return false;
        uint32_t version = number_at(header) & 0xffff;
        if (version < VERSION_3_7 || version >= VERSION_2) {
                *ret_sec = number_at(header + 4);
                return true;
        }
        *ret_sec = number_at(header + 8);
        return !(number_at(header + 4) & FLAG_HASHED);
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
        uint32_t time_sec;

        if (!source)
                return error_out_of_memory(error);
        if (!read_time(directory_fd, name, &time_sec) || !is_stale(search, directory_fd, source, in_cache, time_sec))
                return 0;
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
