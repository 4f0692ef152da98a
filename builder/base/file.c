/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/syscall.h>

#define COPY_CHUNK_BYTES (1u << 20)

int open_in_root(int root_fd, const char *path, int flags, mode_t mode)
{
        struct open_how how = {
                .flags = (uint64_t) (unsigned) flags | O_CLOEXEC,
                .mode = (flags & (O_CREAT | O_TMPFILE)) ? mode : 0,
                .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
        };

        for (;;) {
                long fd = syscall(SYS_openat2, root_fd, path, &how, sizeof how);
                if (fd >= 0)
                        return (int) fd;
                /* EAGAIN: something was renamed at the same time; the kernel asks to try again */
                if (errno != EINTR && errno != EAGAIN)
                        return -errno;
        }
}

/* Opens `name` in `directory_fd`, making it when it is missing; symbolic links are resolved by openat2 from the root,
 * so `done` is the whole path so far. */
static int open_or_make(int root_fd, const char *done, int directory_fd, const char *name, mode_t mode)
{
        int fd = open_in_root(root_fd, done, O_PATH | O_DIRECTORY, 0);

        if (fd != -ENOENT)
                return fd;
        if (mkdirat(directory_fd, name, mode) < 0)
                return -errno;
        int created = openat(directory_fd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        return created < 0 ? -errno : created;
}

/* Walks `path` component by component and returns the last directory. */
static int walk_directories(int root_fd, const char *path, mode_t mode)
{
        _cleanup_buffer_ Buffer done = BUFFER_INIT;
        _cleanup_close_ int fd = open_in_root(root_fd, "/", O_PATH | O_DIRECTORY, 0);

        if (fd < 0)
                return fd;
        while (*(path += strspn(path, "/"))) {
                size_t length = strcspn(path, "/");
                _cleanup_free_ char *name = strndup(path, length);
                if (!name || buffer_printf(&done, "/%s", name) < 0)
                        return -ENOMEM;
                int next = open_or_make(root_fd, done.data, fd, name, mode);
                if (next < 0)
                        return next;
                close(fd);
                fd = next;
                path += length;
        }
        return TAKE_FD(fd);
}

int make_directories_in_root(int root_fd, const char *path, mode_t mode)
{
        _cleanup_close_ int fd = walk_directories(root_fd, path, mode);

        return fd < 0 ? fd : 0;
}

int open_parent_in_root(int root_fd, const char *path, bool make_parents, char **ret_name)
{
        size_t end = strlen(path);

        while (end > 0 && path[end - 1] == '/')
                end--;
        size_t start = end;
        while (start > 0 && path[start - 1] != '/')
                start--;
        _cleanup_free_ char *name = strndup(path + start, end - start);
        _cleanup_free_ char *parent = strndup(path, start);
        if (!name || !parent)
                return -ENOMEM;
        if (string_empty(name) || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
                return -EINVAL;
        int fd = make_parents ? walk_directories(root_fd, parent, 0755)
                              : open_in_root(root_fd, start > 0 ? parent : "/", O_PATH | O_DIRECTORY, 0);
        if (fd < 0)
                return fd;
        *ret_name = TAKE_PTR(name);
        return fd;
}

int make_directories(const char *path, mode_t mode, Error *error)
{
        _cleanup_free_ char *copy = strdup(path);

        if (!copy)
                return error_out_of_memory(error);
        for (char *slash = copy + 1;; slash++) {
                bool last = *slash == '\0';
                if (*slash != '/' && !last)
                        continue;
                *slash = '\0';
                if (mkdir(copy, mode) < 0 && errno != EEXIST)
                        return error_set_errno(error, errno, "Can't make the directory %s", copy);
                if (last)
                        break;
                *slash = '/';
        }
        struct stat status;
        if (stat(path, &status) < 0)
                return error_set_errno(error, errno, "Can't look at %s", path);
        if (!S_ISDIR(status.st_mode))
                return error_set(error, -ENOTDIR, "%s is there, but it is not a directory", path);
        return 0;
}

int make_temporary_directory(const char *parent, const char *prefix, char **ret_path, Error *error)
{
        _cleanup_free_ char *path = NULL;

        if (asprintf(&path, "%s/%sXXXXXX", parent, prefix) < 0) {
                path = NULL;
                return error_out_of_memory(error);
        }
        if (!mkdtemp(path))
                return error_set_errno(error, errno, "Can't make a temporary directory in %s", parent);
        *ret_path = TAKE_PTR(path);
        return 0;
}

int read_descriptor(int fd, uint64_t limit_bytes, Buffer *ret)
{
        _cleanup_buffer_ Buffer buffer = BUFFER_INIT;
        char chunk[16384];

        for (;;) {
                ssize_t n = read(fd, chunk, sizeof chunk);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                if (n == 0)
                        break;
                if (buffer.length + (size_t) n > limit_bytes)
                        return -EFBIG;
                if (buffer_append(&buffer, chunk, (size_t) n) < 0)
                        return -ENOMEM;
        }
        if (buffer_append(&buffer, "", 0) < 0)
                return -ENOMEM;
        *ret = TAKE_BUFFER(buffer);
        return 0;
}

int read_file(int directory_fd, const char *path, uint64_t limit_bytes, Buffer *ret, Error *error)
{
        /* O_NONBLOCK: a FIFO under that name must not hang us */
        _cleanup_close_ int fd = openat(directory_fd, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        struct stat status;

        if (fd < 0)
                return error_set_errno(error, errno, "Can't open %s", path);
        if (fstat(fd, &status) < 0)
                return error_set_errno(error, errno, "Can't look at %s", path);
        if (!S_ISREG(status.st_mode))
                return error_set(error, -EINVAL, "%s is not a regular file", path);
        int r = read_descriptor(fd, limit_bytes, ret);
        if (r == -EFBIG)
                return error_set(error, r, "%s is larger than the %llu bytes allowed", path,
                                 (unsigned long long) limit_bytes);
        return r < 0 ? error_set_errno(error, -r, "Can't read %s", path) : 0;
}

int write_all(int fd, const void *data, size_t size_bytes)
{
        const char *next = data;

        while (size_bytes > 0) {
                ssize_t n = write(fd, next, size_bytes);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                next += n;
                size_bytes -= (size_t) n;
        }
        return 0;
}

static int write_and_sync(int fd, const void *data, size_t size_bytes, mode_t mode)
{
        int r = write_all(fd, data, size_bytes);

        if (r < 0)
                return r;
        return fchmod(fd, mode) < 0 || fsync(fd) < 0 ? -errno : 0;
}

int write_file_atomic(int directory_fd, const char *path, const void *data, size_t size_bytes, mode_t mode,
                      Error *error)
{
        _cleanup_free_ char *temporary = NULL;

        if (asprintf(&temporary, "%s.%d.tmp", path, (int) getpid()) < 0) {
                temporary = NULL;
                return error_out_of_memory(error);
        }
        int fd = openat(directory_fd, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (fd < 0)
                return error_set_errno(error, errno, "Can't make %s", temporary);
        int r = write_and_sync(fd, data, size_bytes, mode);
        if (close(fd) < 0 && r == 0)
                r = -errno;
        if (r == 0 && renameat(directory_fd, temporary, directory_fd, path) < 0)
                r = -errno;
        if (r < 0) {
                unlinkat(directory_fd, temporary, 0);
                return error_set_errno(error, -r, "Can't write %s", path);
        }
        return 0;
}

/* A tree may be deeper than there are descriptors. What lies LEVELS_MAX below `top_fd` is moved up to it, where a
 * later pass finds it. */
#define LEVELS_MAX 64

typedef struct Removal {
        int top_fd; /* -1 until the topmost directory is open; borrowed */
        unsigned level;
        unsigned n_moved;
} Removal;

static int remove_entries(Removal *removal, int fd, dev_t device);

static int move_to_top(Removal *removal, int parent_fd, const char *name)
{
        char moved[48];

        for (;;) {
                snprintf(moved, sizeof moved, ".removed-%d-%u", (int) getpid(), removal->n_moved++);
                if (renameat2(parent_fd, name, removal->top_fd, moved, RENAME_NOREPLACE) == 0)
                        return 0;
                /* a directory that moves to another one must be writable itself */
                if (errno == EACCES && fchmodat(parent_fd, name, 0700, 0) == 0 &&
                    renameat2(parent_fd, name, removal->top_fd, moved, RENAME_NOREPLACE) == 0)
                        return 0;
                if (errno != EEXIST)
                        return -errno;
        }
}

static int remove_entry(Removal *removal, int parent_fd, const char *name, dev_t device)
{
        if (unlinkat(parent_fd, name, 0) == 0 || errno == ENOENT)
                return 0;
        if (errno != EISDIR && errno != EPERM)
                return -errno;
        if (removal->level == LEVELS_MAX)
                return move_to_top(removal, parent_fd, name);
        int fd = openat(parent_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0 && errno == EACCES && fchmodat(parent_fd, name, 0700, 0) == 0)
                fd = openat(parent_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        removal->level++;
        int r = remove_entries(removal, fd, device); /* takes fd */
        removal->level--;
        if (r < 0)
                return r;
        return unlinkat(parent_fd, name, AT_REMOVEDIR) < 0 && errno != ENOENT ? -errno : 0;
}

/* Removes what it finds: 1 if that was anything, since names may be missed that are removed or added meanwhile. */
static int remove_pass(Removal *removal, DIR *directory, dev_t device)
{
        int fd = dirfd(directory);
        bool found = false;

        for (struct dirent *entry; (entry = directory_next(directory));) {
                int r = remove_entry(removal, fd, entry->d_name, device);
                if (r == -EACCES && fchmod(fd, 0700) == 0)
                        r = remove_entry(removal, fd, entry->d_name, device);
                if (r < 0)
                        return r;
                found = true;
        }
        return errno ? -errno : found;
}

static int remove_entries(Removal *removal, int fd, dev_t device)
{
        struct stat status;
        _cleanup_closedir_ DIR *directory = fdopendir(fd);
        int r;

        if (!directory) {
                r = -errno;
                close(fd);
                return r;
        }
        if (fstat(fd, &status) < 0)
                return -errno;
        if (device && status.st_dev != device)
                return -EXDEV;
        if (removal->top_fd < 0)
                removal->top_fd = fd;
        while ((r = remove_pass(removal, directory, status.st_dev)) > 0)
                rewinddir(directory);
        return r;
}

int remove_tree(int directory_fd, const char *path, Error *error)
{
        Removal removal = { .top_fd = -1 };
        int r = remove_entry(&removal, directory_fd, path, 0);

        return r < 0 ? error_set_errno(error, -r, "Can't remove %s", path) : 0;
}

void remove_and_free(char **path)
{
        if (!*path)
                return;
        int r = remove_tree(AT_FDCWD, *path, NULL);
        (void) r;
        free(*path);
}

int fsync_directory(const char *path, Error *error)
{
        _cleanup_close_ int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        if (fd < 0 || fsync(fd) < 0)
                return error_set_errno(error, errno, "Can't sync the directory %s", path);
        return 0;
}

static int copy_by_reading(int from_fd, int to_fd)
{
        _cleanup_free_ char *chunk = malloc(COPY_CHUNK_BYTES);

        if (!chunk)
                return -ENOMEM;
        for (;;) {
                ssize_t n = read(from_fd, chunk, COPY_CHUNK_BYTES);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        return n < 0 ? -errno : 0;
                int r = write_all(to_fd, chunk, (size_t) n);
                if (r < 0)
                        return r;
        }
}

int copy_bytes(int from_fd, int to_fd)
{
        for (;;) {
                ssize_t n = copy_file_range(from_fd, NULL, to_fd, NULL, COPY_CHUNK_BYTES, 0);
                if (n > 0)
                        continue;
                /* 0 is the end, or a file system that can't say: reading finds out */
                return copy_by_reading(from_fd, to_fd);
        }
}

bool path_is_absolute(const char *path)
{
        return path[0] == '/';
}

bool path_is_inside(const char *path)
{
        if (!*path || path_is_absolute(path))
                return false;
        while (*path) {
                size_t length = strcspn(path, "/");
                if (length == 2 && path[0] == '.' && path[1] == '.')
                        return false;
                path += length + strspn(path + length, "/");
        }
        return true;
}

char *path_join(const char *directory, const char *name)
{
        char *path = NULL;

        if (asprintf(&path, "%s%s%s", directory, string_ends_with(directory, "/") ? "" : "/", name) < 0)
                return NULL;
        return path;
}

char *path_parent(const char *path)
{
        size_t end = strlen(path);

        while (end > 1 && path[end - 1] == '/')
                end--;
        while (end > 0 && path[end - 1] != '/')
                end--;
        while (end > 1 && path[end - 1] == '/')
                end--;
        return end > 0 ? strndup(path, end) : strdup(".");
}

struct dirent *directory_next(DIR *directory)
{
        struct dirent *entry;

        do {
                errno = 0;
                entry = readdir(directory);
        } while (entry && (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0));
        return entry;
}
