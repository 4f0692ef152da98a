/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sandbox/root.h"

#include "base/file.h"
#include "base/strings.h"
#include "sandbox/mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int mount_sys(int root_fd, Error *error)
{
        /* empty: the host's hardware must not have a say in what is built */
        _cleanup_close_ int sys = mount_new_tmpfs("0555", MOUNT_SAFE | MOUNT_ATTR_NOEXEC | MOUNT_ATTR_RDONLY);

        if (sys < 0)
                return error_set_errno(error, -sys, "Can't mount /sys in the sandbox");
        return mount_attach(sys, root_fd, "sys", MOUNT_POINT_DIRECTORY, true, error);
}

/* As at boot, with the file by which systemd-detect-virt(1) and others know where they are. */
static int fill_run(int run_fd)
{
        static const char manager[] = "systemd-nspawn\n";

        if (mkdirat(run_fd, "lock", 01777) < 0 || fchmodat(run_fd, "lock", 01777, 0) < 0 ||
            mkdirat(run_fd, "systemd", 0755) < 0)
                return -errno;
        _cleanup_close_ int fd =
                openat(run_fd, "systemd/container", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0444);
        return fd < 0 ? -errno : write_all(fd, manager, strlen(manager));
}

static int mount_run_and_tmp(int root_fd, Error *error)
{
        _cleanup_close_ int run = mount_new_tmpfs("0755", MOUNT_SAFE);
        _cleanup_close_ int tmp = mount_new_tmpfs("1777", MOUNT_SAFE);

        if (run < 0 || tmp < 0)
                return error_set_errno(error, run < 0 ? -run : -tmp,
                                       "Can't mount /run and /tmp in the sandbox");
        int r = fill_run(run);
        if (r < 0)
                return error_set_errno(error, -r, "Can't fill /run in the sandbox");
        r = mount_attach(run, root_fd, "run", MOUNT_POINT_DIRECTORY, true, error);
        return r < 0 ? r : mount_attach(tmp, root_fd, "tmp", MOUNT_POINT_DIRECTORY, true, error);
}

int root_mount_api(int root_fd, Error *error)
{
        int r = root_mount_proc(root_fd, error);

        if (r == 0)
                r = mount_sys(root_fd, error);
        if (r == 0)
                r = root_mount_dev(root_fd, error);
        return r == 0 ? mount_run_and_tmp(root_fd, error) : r;
}

/* In the tree a missing mount point is an error elsewhere: it would be left behind in the image. */
static bool may_make(const Spec *spec, const char *target)
{
        return spec->root == SANDBOX_ROOT_TOOLS ||
               ((string_starts_with(target, "/run/") || string_starts_with(target, "/tmp/")) &&
                path_is_inside(target + 1));
}

static int attach_mounts(const Spec *spec, int root_fd, const int *mount_fds, Error *error)
{
        for (size_t i = 0; i < spec->n_mounts; i++) {
                const char *target = spec->mounts[i].target;
                struct stat status;
                if (fstat(mount_fds[i], &status) < 0)
                        return error_set_errno(error, errno, "Can't look at %s", spec->mounts[i].source);
                MountPoint kind = S_ISDIR(status.st_mode) ? MOUNT_POINT_DIRECTORY : MOUNT_POINT_FILE;
                int r = mount_attach(mount_fds[i], root_fd, target, kind, may_make(spec, target), error);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int attach_root(int tree_fd, Error *error)
{
        if (move_mount(tree_fd, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH) < 0)
                return error_set_errno(error, errno, "Can't mount the staging tree in the sandbox");
        return 0;
}

int root_build(const Spec *spec, int tree_fd, const int *mount_fds, Error *error)
{
        bool tools = spec->root == SANDBOX_ROOT_TOOLS;
        _cleanup_close_ int tools_fd = -1;

        int r = tools ? root_make_tools(&tools_fd, error) : attach_root(tree_fd, error);
        if (r < 0)
                return r;
        int root_fd = tools ? tools_fd : tree_fd;
        r = root_mount_api(root_fd, error);
        if (r == 0 && tools && spec->has_tree)
                r = mount_attach(tree_fd, root_fd, SANDBOX_TREE_PATH, MOUNT_POINT_DIRECTORY, true, error);
        if (r == 0)
                r = attach_mounts(spec, root_fd, mount_fds, error);
        if (r == 0 && spec->network)
                r = root_mount_resolv_conf(root_fd, spec->resolv_conf, error);
        if (r == 0 && tools) {
                r = mount_restrict(root_fd, MOUNT_ATTR_RDONLY);
                if (r < 0)
                        return error_set_errno(error, -r, "Can't make / read only in the sandbox");
        }
        return r == 0 ? mount_pivot(root_fd, error) : r;
}
