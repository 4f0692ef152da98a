/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sandbox/root.h"

#include "base/strings.h"
#include "sandbox/mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* A small /dev. The devices are the host's, bound one by one: a user namespace can't make any. It is writable, as in a
 * booted machine: what a package leaves in it is gone with the sandbox, and what it may not make is refused with EPERM, as
 * its scripts expect. */

static const char *const devices[] = { "full", "null", "random", "tty", "urandom", "zero" };

static const struct {
        const char *name;
        const char *target;
} links[] = {
        { "fd", "/proc/self/fd" },       { "stdin", "/proc/self/fd/0" }, { "stdout", "/proc/self/fd/1" },
        { "stderr", "/proc/self/fd/2" }, { "ptmx", "pts/ptmx" },
};

static int bind_device(int dev_fd, const char *name)
{
        char path[32];
        int made = openat(dev_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);

        if (made < 0)
                return -errno;
        close(made);
        snprintf(path, sizeof path, "/dev/%s", name);
        _cleanup_close_ int clone = mount_clone(AT_FDCWD, path, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC);
        if (clone < 0)
                return clone;
        _cleanup_close_ int target = openat(dev_fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
        return target < 0 ? -errno : mount_attach_over(clone, target);
}

static int mount_at(int dev_fd, const char *name, int mount_fd)
{
        if (mount_fd < 0)
                return mount_fd;
        if (mkdirat(dev_fd, name, 0755) < 0)
                return -errno;
        _cleanup_close_ int target = openat(dev_fd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        return target < 0 ? -errno : mount_attach_over(mount_fd, target);
}

static int mount_pts_and_shm(int dev_fd, Error *error)
{
        /* group 5 is tty on Debian and its relatives; without it grantpt(3) wants a setuid program */
        const MountOption options[] = {
                { "ptmxmode", "0666" }, { "mode", "0620" }, { "gid", "5" }, { NULL, NULL }
        };
        _cleanup_close_ int pts = mount_new("devpts", options, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC);
        _cleanup_close_ int shm = mount_new_tmpfs("1777", MOUNT_SAFE);
        int r = mount_at(dev_fd, "pts", pts);

        if (r < 0)
                return error_set_errno(error, -r, "Can't mount /dev/pts in the sandbox");
        r = mount_at(dev_fd, "shm", shm);
        return r < 0 ? error_set_errno(error, -r, "Can't mount /dev/shm in the sandbox") : 0;
}

int root_mount_dev(int root_fd, Error *error)
{
        _cleanup_close_ int dev = mount_new_tmpfs("0755", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC);

        if (dev < 0)
                return error_set_errno(error, -dev, "Can't mount /dev in the sandbox");
        int r = mount_attach(dev, root_fd, "dev", MOUNT_POINT_DIRECTORY, true, error);
        if (r < 0)
                return r;
        for (size_t i = 0; i < ELEMENTS(devices); i++) {
                r = bind_device(dev, devices[i]);
                if (r < 0)
                        return error_set_errno(error, -r, "Can't bind /dev/%s into the sandbox", devices[i]);
        }
        for (size_t i = 0; i < ELEMENTS(links); i++)
                if (symlinkat(links[i].target, dev, links[i].name) < 0)
                        return error_set_errno(error, errno, "Can't make /dev/%s in the sandbox",
                                               links[i].name);
        return mount_pts_and_shm(dev, error);
}
