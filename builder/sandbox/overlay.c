/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sandbox/overlay.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

/* Any directory that all hosts have and no sandbox takes anything from. */
#define MOUNT_POINT "/sys"

/* Appends the directory as /proc/self/fd/N: mount(2) takes one page of options, and the layers' own paths would fill it
 * after some forty. */
static int append_directory(Buffer *options, const char *prefix, const char *path)
{
        int fd = open(path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

        return fd < 0 ? -errno : buffer_printf(options, "%s/proc/self/fd/%d", prefix, fd);
}

/* The mark of an earlier volatile mount of the same directories. It warns of a crash in between; this is the same
 * build, in which nothing crashed. */
static int clear_volatile_mark(const char *work)
{
        static const struct {
                const char *path;
                int flags;
        } marks[] = {
                { "work/incompat/volatile/dirty", 0 },
                { "work/incompat/volatile", AT_REMOVEDIR },
                { "work/incompat", AT_REMOVEDIR },
        };
        _cleanup_close_ int fd = open(work, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

        if (fd < 0)
                return -errno;
        for (size_t i = 0; i < ELEMENTS(marks); i++)
                if (unlinkat(fd, marks[i].path, marks[i].flags) < 0 && errno != ENOENT)
                        return -errno;
        return 0;
}

int overlay_open(const SandboxTree *tree, Buffer *ret_options)
{
        const char *prefix = "userxattr,lowerdir=";
        int r = 0;

        for (char *const *lower = tree->lowers; r == 0 && *lower; lower++, prefix = ":")
                r = append_directory(ret_options, prefix, *lower);
        if (r < 0 || !tree->upper)
                return r;
        r = clear_volatile_mark(tree->work);
        if (r == 0)
                r = append_directory(ret_options, ",upperdir=", tree->upper);
        if (r == 0)
                r = append_directory(ret_options, ",workdir=", tree->work);
        return r == 0 ? buffer_append_string(ret_options, ",volatile") : r;
}

int overlay_mount(const SandboxTree *tree, const Buffer *options)
{
        /* a single layer that is only read needs no overlay, and overlayfs takes none */
        if (!tree->upper && !tree->lowers[1])
                return chdir(strchr(options->data, '=') + 1) < 0 ? -errno : 0;
        if (mount("overlay", MOUNT_POINT, "overlay", MS_NOSUID | MS_NODEV, options->data) < 0)
                return -errno;
        return chdir(MOUNT_POINT) < 0 ? -errno : 0;
}
