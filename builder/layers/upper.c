/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "layers/upper.h"

#include "base/clamp.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/limits.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

/* ------------------------------------------------------------------------------------------------ the root */

static bool is_of_overlay(const char *name)
{
        return string_starts_with(name, "user.overlay.") || string_starts_with(name, "trusted.overlay.");
}

/* `from` and `to` are paths below /proc/self/fd: an O_PATH descriptor has no fgetxattr(2). */
static int copy_xattrs(const char *from, const char *to)
{
        _cleanup_free_ char *names = malloc(XATTR_LIST_MAX), *value = malloc(XATTR_SIZE_MAX);

        if (!names || !value)
                return -ENOMEM;
        ssize_t length = listxattr(from, names, XATTR_LIST_MAX);
        if (length < 0)
                return errno == ENOTSUP ? 0 : -errno;
        for (const char *name = names; name < names + length; name += strlen(name) + 1) {
                if (is_of_overlay(name))
                        continue;
                ssize_t size = getxattr(from, name, value, XATTR_SIZE_MAX);
                if (size < 0 || setxattr(to, name, value, (size_t) size, 0) < 0)
                        return -errno;
        }
        return 0;
}

typedef struct Inherit {
        int from_fd, to_fd;
} Inherit;

static int inherit_in_sandbox(int root_fd, void *userdata, Buffer *reply, Error *error)
{
        const Inherit *inherit = userdata;
        char from[64], to[64];
        struct stat status;

        (void) root_fd;
        (void) reply;
        snprintf(from, sizeof from, "/proc/self/fd/%d", inherit->from_fd);
        snprintf(to, sizeof to, "/proc/self/fd/%d", inherit->to_fd);
        int r = fstat(inherit->from_fd, &status) < 0 || chown(to, status.st_uid, status.st_gid) < 0 ||
                                chmod(to, status.st_mode & 07777) < 0
                        ? -errno
                        : copy_xattrs(from, to);
        const struct timespec times[] = { status.st_atim, status.st_mtim };
        if (r == 0 && utimensat(AT_FDCWD, to, times, 0) < 0)
                r = -errno;
        return r < 0 ? error_set_errno(error, -r, "Can't copy the attributes of the tree's root") : 0;
}

int upper_inherit_root(Sandbox *sandbox, const char *below_path, int upper_fd, Error *error)
{
        _cleanup_close_ int from_fd = open(below_path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        Inherit inherit = { from_fd, upper_fd };
        SandboxTree tree = { .directory_fd = upper_fd };

        if (from_fd < 0)
                return error_set_errno(error, errno, "Can't open %s", below_path);
        return sandbox_call(sandbox, &tree, inherit_in_sandbox, &inherit, NULL, error);
}

/* ------------------------------------------------------------------------------------------------ times */

typedef struct Seal {
        struct timespec start;
        int64_t epoch_sec;
} Seal;

static bool is_older(struct timespec a, struct timespec b)
{
        return a.tv_sec != b.tv_sec ? a.tv_sec < b.tv_sec : a.tv_nsec < b.tv_nsec;
}

/* What is gone from the trees below. Root's belong to root of the host, who mounted the overlay. */
static bool is_whiteout(const struct stat *status)
{
        return S_ISCHR(status->st_mode) && status->st_rdev == 0;
}

static int seal_directory(const Seal *seal, int fd);

static int seal_entry(const Seal *seal, int directory_fd, const char *name)
{
        const struct timespec times[] = { { .tv_nsec = UTIME_OMIT }, clamp_time(seal->epoch_sec) };
        struct stat status;
        int r = 0;

        if (fstatat(directory_fd, name, &status, AT_SYMLINK_NOFOLLOW) < 0)
                return -errno;
        if (S_ISDIR(status.st_mode) && strcmp(name, ".") != 0) {
                int fd = openat(directory_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
                r = fd < 0 ? -errno : seal_directory(seal, fd);
        }
        if (r == 0 && !is_whiteout(&status) && !is_older(status.st_mtim, seal->start) &&
            utimensat(directory_fd, name, times, AT_SYMLINK_NOFOLLOW) < 0)
                r = -errno;
        return r;
}

/* Takes the descriptor. */
static int seal_directory(const Seal *seal, int fd)
{
        _cleanup_closedir_ DIR *directory = fdopendir(fd);

        if (!directory) {
                int r = -errno;
                close(fd);
                return r;
        }
        for (struct dirent *entry; (entry = directory_next(directory));) {
                int r = seal_entry(seal, fd, entry->d_name);
                if (r < 0)
                        return r;
        }
        return -errno;
}

static int seal_in_sandbox(int root_fd, void *userdata, Buffer *reply, Error *error)
{
        const Seal *seal = userdata;
        int fd = openat(root_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        (void) reply;
        int r = fd < 0 ? -errno : seal_directory(seal, fd);
        if (r == 0)
                r = seal_entry(seal, root_fd, ".");
        return r < 0 ? error_set_errno(error, -r, "Can't set the times of what the stage made") : 0;
}

int upper_seal(Sandbox *sandbox, int upper_fd, struct timespec start, int64_t epoch_sec, Error *error)
{
        Seal seal = { start, epoch_sec };
        SandboxTree tree = { .directory_fd = upper_fd };

        return sandbox_call(sandbox, &tree, seal_in_sandbox, &seal, NULL, error);
}
