/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "layers/keep.h"

#include "base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/limits.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#define OPAQUE "user.overlay.opaque"

typedef struct Keep {
        Buffer *removed;
        char path[PATH_MAX]; /* of the current directory, relative, with a final slash; "" at the root */
        size_t length;
} Keep;

static int note_removed(Keep *keep, const char *name)
{
        return buffer_printf(keep->removed, "%s%s\n", keep->path, name);
}

/* The directory stands in place of one that was removed with all its content. */
static bool is_opaque(int fd)
{
        char value[2];

        return fgetxattr(fd, OPAQUE, value, sizeof value) == 1 && value[0] == 'y';
}

static int remove_marks(int fd)
{
        char names[4096];
        ssize_t length = flistxattr(fd, names, sizeof names);

        for (const char *name = names; length > 0 && name < names + length; name += strlen(name) + 1)
                if (string_starts_with(name, "user.overlay.") && fremovexattr(fd, name) < 0 && errno != ENODATA)
                        return -errno;
        return 0;
}

static int keep_directory(Keep *keep, int fd);

static int keep_file(int directory_fd, const char *name)
{
        _cleanup_close_ int fd = openat(directory_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        struct stat status;

        if (fd < 0 || fchown(fd, 0, 0) < 0 || fstat(fd, &status) < 0 ||
            fchmod(fd, (status.st_mode & 0777) | S_IRUSR | S_IWUSR) < 0)
                return -errno;
        return remove_marks(fd);
}

static int keep_subdirectory(Keep *keep, int directory_fd, const char *name)
{
        size_t length = keep->length;
        int fd = openat(directory_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

        if (fd < 0)
                return -errno;
        int n = snprintf(keep->path + length, sizeof keep->path - length, "%s/", name);
        if ((size_t) n >= sizeof keep->path - length) {
                close(fd);
                return -ENAMETOOLONG;
        }
        keep->length += (size_t) n;
        int r = keep_directory(keep, fd);
        if (r < 0)
                return r; /* the path says where */
        keep->length = length;
        keep->path[length] = '\0';
        return 0;
}

static int keep_entry(Keep *keep, int directory_fd, const char *name)
{
        struct stat status;

        if (fstatat(directory_fd, name, &status, AT_SYMLINK_NOFOLLOW) < 0)
                return -errno;
        if (S_ISCHR(status.st_mode) && status.st_rdev == 0) {
                int r = note_removed(keep, name);
                return r == 0 && unlinkat(directory_fd, name, 0) < 0 ? -errno : r;
        }
        if (S_ISDIR(status.st_mode))
                return keep_subdirectory(keep, directory_fd, name);
        if (S_ISREG(status.st_mode))
                return keep_file(directory_fd, name);
        return fchownat(directory_fd, name, 0, 0, AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
}

/* Takes the descriptor. */
static int keep_directory(Keep *keep, int fd)
{
        _cleanup_closedir_ DIR *directory = fdopendir(fd);
        struct stat status;
        int r = 0;

        if (!directory) {
                r = -errno;
                close(fd);
                return r;
        }
        if (keep->length > 0 && is_opaque(fd))
                r = note_removed(keep, "");
        if (r == 0 && (fchown(fd, 0, 0) < 0 || fstat(fd, &status) < 0 ||
                       fchmod(fd, (status.st_mode & 01777) | S_IRWXU) < 0))
                r = -errno;
        if (r == 0)
                r = remove_marks(fd);
        errno = 0;
        for (struct dirent *entry; r == 0 && (entry = readdir(directory)); errno = 0)
                if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
                        r = keep_entry(keep, fd, entry->d_name);
        return r < 0 ? r : -errno;
}

static int keep_as_caller(int root_fd, void *userdata, Buffer *reply, Error *error)
{
        const char *path = userdata;
        _cleanup_free_ Keep *keep = calloc(1, sizeof *keep);
        int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

        (void) root_fd;
        if (!keep) {
                close(fd);
                return error_out_of_memory(error);
        }
        keep->removed = reply;
        int r = fd < 0 ? -errno : keep_directory(keep, fd);
        return r < 0 ? error_set_errno(error, -r, "Can't hand over %s/%s", path, keep->path) : 0;
}

int upper_keep(Sandbox *sandbox, const char *path, Buffer *ret_removed, Error *error)
{
        return sandbox_call_as_caller(sandbox, keep_as_caller, (void *) (uintptr_t) path, ret_removed, error);
}
