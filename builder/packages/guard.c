/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "packages/guard.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/file.h"
#include "base/strings.h"

#define SUFFIX ".templar-saved"
#define STUB_LIMIT_BYTES ((uint64_t) 4096)

#define STUB(name)                                                                                           \
        "#!/bin/sh\n"                                                                                        \
        "echo \"" name ": no service starts while an image is built\" >&2\n"                                 \
        "exit 0\n"

/* Both paths of a program; where /sbin is a link they are one file, and the second time there is nothing to do. */
static const struct {
        const char *path;
        const char *stub;
        bool always; /* also where there is nothing to stand in for */
} guarded[] = {
        { "/usr/sbin/policy-rc.d", "#!/bin/sh\n# no service starts while an image is built\nexit 101\n", true },
        { "/usr/sbin/start-stop-daemon", STUB("start-stop-daemon"), false },
        { "/sbin/start-stop-daemon", STUB("start-stop-daemon"), false },
        { "/usr/sbin/initctl", STUB("initctl"), false },
        { "/sbin/initctl", STUB("initctl"), false },
        { "/usr/bin/ischroot",
          "#!/bin/sh\n# while an image is built, no init runs that packages could reach\nexit 0\n", false },
};

static bool exists(int directory_fd, const char *name)
{
        struct stat status;

        return fstatat(directory_fd, name, &status, AT_SYMLINK_NOFOLLOW) == 0;
}

static int write_stub(int directory_fd, const char *name, const char *stub)
{
        /* not through a link that may stand there */
        if (unlinkat(directory_fd, name, 0) < 0 && errno != ENOENT)
                return -errno;
        _cleanup_close_ int fd = openat(directory_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0755);
        if (fd < 0)
                return -errno;
        int r = write_all(fd, stub, strlen(stub));
        return r == 0 && fchmod(fd, 0755) < 0 ? -errno : r;
}

static bool is_stub(int directory_fd, const char *name, const char *stub)
{
        _cleanup_close_ int fd = openat(directory_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        _cleanup_buffer_ Buffer text = BUFFER_INIT;

        return fd >= 0 && read_descriptor(fd, STUB_LIMIT_BYTES, &text) == 0 && string_equal(text.data, stub);
}

/* The directory and both names; -ENOENT where the tree has no such directory. */
static int open_guarded(int root_fd, const char *path, char **ret_name, char **ret_saved)
{
        int directory_fd = open_parent_in_root(root_fd, path, false, ret_name);

        if (directory_fd < 0)
                return directory_fd;
        if (asprintf(ret_saved, "%s" SUFFIX, *ret_name) < 0) {
                *ret_saved = NULL;
                close(directory_fd);
                return -ENOMEM;
        }
        return directory_fd;
}

static int remove_file(int directory_fd, const char *name)
{
        return unlinkat(directory_fd, name, 0) < 0 && errno != ENOENT ? -errno : 0;
}

static int put_stub(int root_fd, size_t index)
{
        _cleanup_free_ char *name = NULL, *saved = NULL;
        _cleanup_close_ int directory_fd = open_guarded(root_fd, guarded[index].path, &name, &saved);

        if (directory_fd < 0)
                return directory_fd == -ENOENT ? 0 : directory_fd;
        if (is_stub(directory_fd, name, guarded[index].stub))
                return 0;
        bool there = exists(directory_fd, name);
        /* a stub that is gone was removed with its package, and what it stood for with it */
        int r = there ? 0 : remove_file(directory_fd, saved);
        if (there && renameat(directory_fd, name, directory_fd, saved) < 0)
                r = -errno;
        return r == 0 && (there || guarded[index].always) ? write_stub(directory_fd, name, guarded[index].stub) : r;
}

static int take_stub(int root_fd, size_t index)
{
        _cleanup_free_ char *name = NULL, *saved = NULL;
        _cleanup_close_ int directory_fd = open_guarded(root_fd, guarded[index].path, &name, &saved);

        if (directory_fd < 0)
                return directory_fd == -ENOENT ? 0 : directory_fd;
        if (!is_stub(directory_fd, name, guarded[index].stub))
                return remove_file(directory_fd, saved);
        if (exists(directory_fd, saved))
                return renameat(directory_fd, saved, directory_fd, name) < 0 ? -errno : 0;
        return remove_file(directory_fd, name);
}

static bool has_dpkg(int root_fd)
{
        _cleanup_close_ int fd = open_in_root(root_fd, "/usr/bin/dpkg", O_PATH, 0);

        return fd >= 0;
}

static int call_leave(int root_fd, void *userdata, Buffer *reply, Error *error)
{
        int r = 0;

        (void) userdata;
        (void) reply;
        /* each of them, whatever becomes of the others */
        for (size_t i = 0; i < ELEMENTS(guarded); i++) {
                int one = take_stub(root_fd, i);
                r = r < 0 ? r : one;
        }
        return r < 0 ? error_set_errno(error, -r, "Can't restore the programs that stubs stand in for") : 0;
}

static int call_enter(int root_fd, void *userdata, Buffer *reply, Error *error)
{
        int r = 0;

        if (!has_dpkg(root_fd)) {
                error_set(error, -ENOENT, "There is no dpkg in the tree, so packages can't be installed");
                return error_hint(error, "A [Debootstrap] stage must come first, with a variant that has dpkg");
        }
        for (size_t i = 0; r == 0 && i < ELEMENTS(guarded); i++)
                r = put_stub(root_fd, i);
        if (r == 0)
                return 0;
        error_set_errno(error, -r, "Can't keep services from starting");
        int left = call_leave(root_fd, userdata, reply, NULL);
        (void) left;
        return r;
}

int guard_enter(Sandbox *sandbox, const SandboxTree *tree, Error *error)
{
        return sandbox_call(sandbox, tree, call_enter, NULL, NULL, error);
}

int guard_leave(Sandbox *sandbox, const SandboxTree *tree, Error *error)
{
        return sandbox_call(sandbox, tree, call_leave, NULL, NULL, error);
}
