/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "recipe/sourcefile.h"

#include "base/file.h"
#include "base/strings.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

static int open_beneath(int directory_fd, const char *path, int flags)
{
        struct open_how how = {
                .flags = (uint64_t) (unsigned) flags | O_CLOEXEC,
                .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
        };

        for (;;) {
                long fd = syscall(SYS_openat2, directory_fd, path, &how, sizeof how);
                if (fd >= 0)
                        return (int) fd;
                if (errno != EINTR && errno != EAGAIN)
                        return -errno;
        }
}

/* The name in that directory which is nearest to `name`; the caller frees; NULL: none. Takes the descriptor. */
static char *nearest_entry(int fd, const char *name)
{
        _cleanup_closedir_ DIR *directory = fdopendir(fd);
        _cleanup_strv_ char **names = NULL;

        if (!directory) {
                close(fd);
                return NULL;
        }
        for (struct dirent *entry; (entry = directory_next(directory));)
                if ((entry->d_name[0] != '.' || name[0] == '.') && entry->d_type != DT_DIR &&
                    strv_append(&names, entry->d_name) < 0)
                        return NULL;
        if (!names)
                return NULL;
        strv_sort(names);
        const char *nearest = nearest_word(name, (const char *const *) names);
        return nearest ? strdup(nearest) : NULL;
}

/* Says what stands in that folder under a similar name. */
static void hint_nearest(int directory_fd, const char *path, bool beneath, Error *error)
{
        const char *slash = strrchr(path, '/');
        size_t length = slash ? (size_t) (slash - path) + 1 : 0;
        _cleanup_free_ char *folder = slash ? strndup(path, length) : strdup(".");

        if (!folder)
                return;
        int flags = O_RDONLY | O_DIRECTORY;
        int fd = beneath ? open_beneath(directory_fd, folder, flags) : open(folder, flags | O_CLOEXEC);
        _cleanup_free_ char *nearest = fd >= 0 ? nearest_entry(fd, path + length) : NULL;
        if (nearest)
                error_hint(error, "did you mean \"%.*s%s\"?", (int) length, path, nearest);
}

static int check_descriptor(int fd, bool regular, Error *error)
{
        struct stat status;

        if (fstat(fd, &status) < 0)
                return error_set_errno(error, errno, "can't look at this file");
        if (S_ISDIR(status.st_mode))
                return error_set_usage(error, -EISDIR, "this is a directory; expected a file");
        if (regular && !S_ISREG(status.st_mode))
                return error_set_usage(error, -EINVAL, "this is no regular file; expected one");
        if (faccessat(fd, "", R_OK, AT_EMPTY_PATH | AT_EACCESS) < 0)
                return error_set_usage(error, -errno, "this file can't be read: %s", strerror(errno));
        return 0;
}

int source_file_check(int directory_fd, const char *path, Error *error)
{
        _cleanup_close_ int fd = open_beneath(directory_fd, path, O_PATH);

        if (fd == -EXDEV)
                return error_set_usage(error, fd, "a symbolic link on this path leaves the recipe's folder; expected "
                                                  "a file inside it");
        if (fd < 0) {
                int r = error_set_usage(error, fd, fd == -ENOENT ? "no such file in the recipe's folder" :
                                                                   "can't open this file: %s", strerror(-fd));
                if (fd == -ENOENT)
                        hint_nearest(directory_fd, path, true, error);
                return r;
        }
        return check_descriptor(fd, true, error);
}

int host_file_check(const char *path, Error *error)
{
        _cleanup_close_ int fd = open(path, O_PATH | O_CLOEXEC);

        if (fd < 0) {
                int r = error_set_usage(error, -errno, "can't open this file of the host: %s", strerror(errno));
                host_file_hint(path, error);
                return r;
        }
        return check_descriptor(fd, false, error);
}

void host_file_hint(const char *path, Error *error)
{
        hint_nearest(AT_FDCWD, path, false, error);
}
