/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sandbox/mounts.h"

#include "base/file.h"
#include "base/strings.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>

int mount_restrict(int mount_fd, unsigned attributes)
{
        struct mount_attr attr = { .attr_set = attributes };

        return mount_setattr(mount_fd, "", AT_EMPTY_PATH, &attr, sizeof attr) < 0 ? -errno : 0;
}

int mount_new(const char *type, const MountOption *options, unsigned attributes)
{
        _cleanup_close_ int context = fsopen(type, FSOPEN_CLOEXEC);

        if (context < 0)
                return -errno;
        if (fsconfig(context, FSCONFIG_SET_STRING, "source", type, 0) < 0)
                return -errno;
        for (; options && options->key; options++)
                if (fsconfig(context, FSCONFIG_SET_STRING, options->key, options->value, 0) < 0)
                        return -errno;
        if (fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
                return -errno;
        int fd = fsmount(context, FSMOUNT_CLOEXEC, attributes);
        return fd < 0 ? -errno : fd;
}

int mount_new_tmpfs(const char *mode, unsigned attributes)
{
        const MountOption options[] = { { "mode", mode }, { NULL, NULL } };

        return mount_new("tmpfs", options, attributes);
}

int mount_clone(int directory_fd, const char *path, unsigned attributes)
{
        /* whole subtrees: the kernel refuses to show what another mount covers */
        _cleanup_close_ int fd = open_tree(
                directory_fd, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE | AT_EMPTY_PATH);
        struct mount_attr attr = { .attr_set = attributes };

        if (fd < 0)
                return -errno;
        if (attributes && mount_setattr(fd, "", AT_EMPTY_PATH | AT_RECURSIVE, &attr, sizeof attr) < 0)
                return -errno;
        return TAKE_FD(fd);
}

static int open_mount_point(int root_fd, const char *path)
{
        struct open_how how = {
                .flags = O_PATH | O_CLOEXEC,
                .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
        };

        for (;;) {
                long fd = syscall(SYS_openat2, root_fd, path, &how, sizeof how);
                if (fd >= 0)
                        return (int) fd;
                if (errno != EINTR && errno != EAGAIN)
                        return -errno;
        }
}

static int make_mount_point(int root_fd, const char *path, MountPoint kind)
{
        _cleanup_free_ char *name = NULL;
        _cleanup_close_ int parent = open_parent_in_root(root_fd, path, true, &name);

        if (parent < 0)
                return parent;
        if (kind == MOUNT_POINT_DIRECTORY)
                return mkdirat(parent, name, 0755) < 0 ? -errno : 0;
        _cleanup_close_ int file = openat(parent, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
        return file < 0 ? -errno : 0;
}

static int mount_point_error(int code, const char *path, MountPoint kind, Error *error)
{
        const char *slash = path_is_absolute(path) ? "" : "/";

        if (code == -ELOOP)
                return error_set(
                        error, code,
                        "Can't mount over %s%s in the sandbox: it is a symbolic link, or lies behind one",
                        slash, path);
        if (code == -ENOTDIR || code == -EISDIR)
                return error_set(error, code, "Can't mount over %s%s in the sandbox: it is not a %s", slash,
                                 path, kind == MOUNT_POINT_DIRECTORY ? "directory" : "file");
        return error_set_errno(error, -code, "Can't mount %s%s in the sandbox", slash, path);
}

int mount_attach_over(int mount_fd, int target_fd)
{
        return move_mount(mount_fd, "", target_fd, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0
                       ? -errno
                       : 0;
}

int mount_attach(int mount_fd, int root_fd, const char *path, MountPoint kind, bool make, Error *error)
{
        struct stat status;
        int fd = open_mount_point(root_fd, path);

        if (fd == -ENOENT && make) {
                int r = make_mount_point(root_fd, path, kind);
                if (r < 0)
                        return mount_point_error(r, path, kind, error);
                fd = open_mount_point(root_fd, path);
        }
        if (fd < 0)
                return mount_point_error(fd, path, kind, error);
        _cleanup_close_ int target = fd;
        if (fstat(target, &status) < 0)
                return mount_point_error(-errno, path, kind, error);
        if (S_ISLNK(status.st_mode))
                return mount_point_error(-ELOOP, path, kind, error);
        if (S_ISDIR(status.st_mode) != (kind == MOUNT_POINT_DIRECTORY))
                return mount_point_error(-ENOTDIR, path, kind, error);
        int r = mount_attach_over(mount_fd, target);
        return r < 0 ? mount_point_error(r, path, kind, error) : 0;
}

int mount_make_private(void)
{
        return mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ? -errno : 0;
}

int mount_pivot(int root_fd, Error *error)
{
        /* with both arguments "." the old root lies on top of the new one, see pivot_root(2), NOTES */
        if (fchdir(root_fd) < 0 || syscall(SYS_pivot_root, ".", ".") < 0 || umount2(".", MNT_DETACH) < 0 ||
            chdir("/") < 0) {
                int failure = errno;
                error_set_errno(error, failure, "Can't change the root directory of the sandbox");
                return failure == EINVAL ? error_hint(error, "The root file system must not be an initramfs")
                                         : -failure;
        }
        return 0;
}
