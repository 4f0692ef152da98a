/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sandbox/root.h"

#include "base/file.h"
#include "base/strings.h"
#include "sandbox/mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define COPY_PATH "/run/templar/resolv.conf"

/* Below /run only, which is ours and empty, so that no directory is left in the tree. */
static int write_below_run(int root_fd, const char *path, const char *text)
{
        _cleanup_free_ char *name = NULL;
        _cleanup_close_ int parent = open_parent_in_root(root_fd, path, true, &name);

        if (parent < 0)
                return parent;
        _cleanup_close_ int fd =
                openat(parent, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
        return fd < 0 ? -errno : write_all(fd, text, strlen(text));
}

static int mount_over(int root_fd, int target_fd, const char *text)
{
        int r = write_below_run(root_fd, COPY_PATH, text);

        if (r < 0)
                return r;
        _cleanup_close_ int copy = open_in_root(root_fd, COPY_PATH, O_PATH, 0);
        if (copy < 0)
                return copy;
        _cleanup_close_ int clone = mount_clone(copy, "", MOUNT_SAFE | MOUNT_ATTR_NOEXEC | MOUNT_ATTR_RDONLY);
        return clone < 0 ? clone : mount_attach_over(clone, target_fd);
}

/* Where a dangling link leads, as on systems with systemd-resolved; NULL when that is not below /run. */
static const char *link_below_run(int root_fd, char target[static PATH_MAX])
{
        ssize_t length = readlinkat(root_fd, "etc/resolv.conf", target, PATH_MAX - 1);

        if (length < 0)
                return NULL;
        target[length] = '\0';
        const char *path = target;
        while (string_starts_with(path, "../"))
                path += 2;
        return string_starts_with(path, "/run/") && path_is_inside(path + 1) ? path : NULL;
}

int root_mount_resolv_conf(int root_fd, const char *text, Error *error)
{
        char link[PATH_MAX];
        struct stat status;
        int r = 0;
        _cleanup_close_ int target = open_in_root(root_fd, "/etc/resolv.conf", O_PATH, 0);

        if (target >= 0 && fstat(target, &status) == 0 && S_ISREG(status.st_mode)) {
                r = mount_over(root_fd, target, text);
        } else if (target == -ENOENT) {
                const char *path = link_below_run(root_fd, link);
                r = path ? write_below_run(root_fd, path, text) : 0;
        }
        return r < 0 ? error_set_errno(error, -r, "Can't put the host's resolv.conf into the sandbox") : 0;
}
