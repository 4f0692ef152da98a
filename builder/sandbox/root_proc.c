/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sandbox/root.h"

#include "sandbox/mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* What root of a user namespace could still read or write there although it is the host's. Beyond the list of
 * systemd-nspawn: what tells about the host's hardware and would make a build depend on it. */

static const char *const read_only[] = { "asound", "bus", "driver",        "fs",
                                         "irq",    "sys", "sysrq-trigger", "sysvipc" };
static const char *const covered[] = { "acpi",          "cmdline",     "config.gz", "kallsyms",
                                       "kcore",         "key-users",   "keys",      "kmsg",
                                       "latency_stats", "sched_debug", "scsi",      "timer_list" };

/* A missing entry (it depends on the kernel) is fine. */
static int make_read_only(int proc_fd, const char *name)
{
        _cleanup_close_ int clone =
                mount_clone(proc_fd, name, MOUNT_ATTR_RDONLY | MOUNT_SAFE | MOUNT_ATTR_NOEXEC);

        if (clone < 0)
                return clone == -ENOENT ? 0 : clone;
        _cleanup_close_ int target = openat(proc_fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
        return target < 0 ? -errno : mount_attach_over(clone, target);
}

static int cover(int proc_fd, const char *name)
{
        _cleanup_close_ int target = openat(proc_fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
        struct stat status;

        if (target < 0)
                return errno == ENOENT ? 0 : -errno;
        if (fstat(target, &status) < 0)
                return -errno;
        _cleanup_close_ int blank =
                S_ISDIR(status.st_mode)
                        ? mount_new_tmpfs("0555", MOUNT_ATTR_RDONLY | MOUNT_SAFE)
                        : mount_clone(AT_FDCWD, "/dev/null", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC);
        return blank < 0 ? blank : mount_attach_over(blank, target);
}

int root_mount_proc(int root_fd, Error *error)
{
        _cleanup_close_ int fd = mount_new("proc", NULL, MOUNT_SAFE | MOUNT_ATTR_NOEXEC);

        if (fd < 0) {
                error_set_errno(error, -fd, "Can't mount /proc in the sandbox");
                return fd == -EPERM
                               ? error_hint(error,
                                            "The host's own /proc must be mounted without anything over it; "
                                            "in a container: unmask it (--security-opt unmask=ALL)")
                               : fd;
        }
        int r = mount_attach(fd, root_fd, "proc", MOUNT_POINT_DIRECTORY, true, error);
        if (r < 0)
                return r;
        for (size_t i = 0; i < ELEMENTS(read_only); i++) {
                r = make_read_only(fd, read_only[i]);
                if (r < 0)
                        return error_set_errno(error, -r, "Can't make /proc/%s read only in the sandbox",
                                               read_only[i]);
        }
        for (size_t i = 0; i < ELEMENTS(covered); i++) {
                r = cover(fd, covered[i]);
                if (r < 0)
                        return error_set_errno(error, -r, "Can't cover /proc/%s in the sandbox", covered[i]);
        }
        return 0;
}
