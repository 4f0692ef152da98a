/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "packages/guard.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/file.h"
#include "base/strings.h"

#define DIVERSIONS_PATH "/var/lib/dpkg/diversions"
#define DIVERSIONS_LIMIT_BYTES ((uint64_t) 8 << 20)
#define SUFFIX ".templar-diverted"
#define STUB_LIMIT_BYTES ((uint64_t) 4096)

#define STUB(name)                                                                                           \
        "#!/bin/sh\n"                                                                                        \
        "echo \"" name ": no service starts while an image is built\" >&2\n"                                 \
        "exit 0\n"

/* Both paths of a program: dpkg knows it under the one that its package has, and where /sbin is a link they are one
 * file. */
static const struct {
        const char *path;
        const char *stub;
        bool always; /* also where there is nothing to divert */
} guarded[] = {
        { "/usr/sbin/policy-rc.d", "#!/bin/sh\n# no service starts while an image is built\nexit 101\n", true },
        { "/usr/sbin/start-stop-daemon", STUB("start-stop-daemon"), false },
        { "/sbin/start-stop-daemon", STUB("start-stop-daemon"), false },
        { "/usr/sbin/initctl", STUB("initctl"), false },
        { "/sbin/initctl", STUB("initctl"), false },
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
static int open_guarded(int root_fd, const char *path, char **ret_name, char **ret_diverted)
{
        int directory_fd = open_parent_in_root(root_fd, path, false, ret_name);

        if (directory_fd < 0)
                return directory_fd;
        if (asprintf(ret_diverted, "%s" SUFFIX, *ret_name) < 0) {
                *ret_diverted = NULL;
                close(directory_fd);
                return -ENOMEM;
        }
        return directory_fd;
}

static int put_stub(int root_fd, size_t index)
{
        _cleanup_free_ char *name = NULL, *diverted = NULL;
        _cleanup_close_ int directory_fd = open_guarded(root_fd, guarded[index].path, &name, &diverted);

        if (directory_fd < 0)
                return directory_fd == -ENOENT ? 0 : directory_fd;
        bool is_diverted = exists(directory_fd, diverted);
        if (!is_diverted && exists(directory_fd, name)) {
                if (renameat(directory_fd, name, directory_fd, diverted) < 0)
                        return -errno;
                is_diverted = true;
        }
        return is_diverted || guarded[index].always ? write_stub(directory_fd, name, guarded[index].stub) : 0;
}

static int take_stub(int root_fd, size_t index)
{
        _cleanup_free_ char *name = NULL, *diverted = NULL;
        _cleanup_close_ int directory_fd = open_guarded(root_fd, guarded[index].path, &name, &diverted);

        if (directory_fd < 0)
                return directory_fd == -ENOENT ? 0 : directory_fd;
        if (exists(directory_fd, diverted))
                return renameat(directory_fd, diverted, directory_fd, name) < 0 ? -errno : 0;
        if (is_stub(directory_fd, name, guarded[index].stub) && unlinkat(directory_fd, name, 0) < 0)
                return -errno;
        return 0;
}

/* Lines of three: from, to, package (":" for the local administrator). */
static int append_diversions(Buffer *text)
{
        for (size_t i = 0; i < ELEMENTS(guarded); i++) {
                int r = buffer_printf(text, "%s\n%s" SUFFIX "\n:\n", guarded[i].path, guarded[i].path);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int without_diversions(const char *text, Buffer *ret)
{
        for (const char *next; *text; text = next) {
                next = text;
                for (int line = 0; line < 3; line++) {
                        next += strcspn(next, "\n");
                        next += *next != '\0';
                }
                const char *target = text + strcspn(text, "\n");
                size_t length = *target ? strcspn(target + 1, "\n") : 0;
                bool ours = length > strlen(SUFFIX) &&
                            strncmp(target + 1 + length - strlen(SUFFIX), SUFFIX, strlen(SUFFIX)) == 0;
                if (!ours && buffer_append(ret, text, (size_t) (next - text)) < 0)
                        return -ENOMEM;
        }
        return 0;
}

/* Takes ours out; with `add` puts them (back) in. */
static int edit_database(int root_fd, bool add, bool remove_empty, bool *ret_made)
{
        _cleanup_free_ char *name = NULL;
        _cleanup_close_ int directory_fd = open_parent_in_root(root_fd, DIVERSIONS_PATH, false, &name);
        _cleanup_buffer_ Buffer before = BUFFER_INIT, after = BUFFER_INIT;
        int r = 0;

        if (directory_fd < 0)
                return directory_fd;
        _cleanup_close_ int fd = openat(directory_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        if (fd < 0 && errno != ENOENT)
                return -errno;
        *ret_made = fd < 0;
        if (fd >= 0)
                r = read_descriptor(fd, DIVERSIONS_LIMIT_BYTES, &before);
        if (r == 0)
                r = without_diversions(before.data ? before.data : "", &after);
        if (r == 0 && add)
                r = append_diversions(&after);
        if (r < 0)
                return r;
        if (remove_empty && after.length == 0)
                return unlinkat(directory_fd, name, 0) < 0 && errno != ENOENT ? -errno : 0;
        return write_file_atomic(directory_fd, name, after.data ? after.data : "", after.length, 0644, NULL);
}

static bool has_dpkg(int root_fd)
{
        _cleanup_close_ int fd = open_in_root(root_fd, "/usr/bin/dpkg", O_PATH, 0);

        return fd >= 0;
}

/* Each of them, whatever becomes of the others. */
static int restore(int root_fd, bool made_database)
{
        bool made;
        int r = 0;

        for (size_t i = 0; i < ELEMENTS(guarded); i++) {
                int one = take_stub(root_fd, i);
                r = r < 0 ? r : one;
        }
        int one = edit_database(root_fd, false, made_database, &made);
        return r < 0 ? r : one;
}

static int call_enter(int root_fd, void *userdata, Buffer *reply, Error *error)
{
        bool made = false;

        (void) userdata;
        if (!has_dpkg(root_fd)) {
                error_set(error, -ENOENT, "There is no dpkg in the tree, so packages can't be installed");
                return error_hint(error, "A [Debootstrap] stage must come first, with a variant that has dpkg");
        }
        int r = edit_database(root_fd, true, false, &made);
        if (r < 0)
                return error_set_errno(error, -r, "Can't keep services from starting");
        for (size_t i = 0; r == 0 && i < ELEMENTS(guarded); i++)
                r = put_stub(root_fd, i);
        if (r == 0)
                r = buffer_append(reply, made ? "1" : "0", 1);
        if (r < 0) {
                int restored = restore(root_fd, made);
                (void) restored;
                return error_set_errno(error, -r, "Can't keep services from starting");
        }
        return 0;
}

static int call_leave(int root_fd, void *userdata, Buffer *reply, Error *error)
{
        const Guard *guard = userdata;
        int r = restore(root_fd, guard->made_database);

        (void) reply;
        return r < 0 ? error_set_errno(error, -r, "Can't restore the programs that start services") : 0;
}

int guard_enter(Sandbox *sandbox, const SandboxTree *tree, Guard *ret, Error *error)
{
        _cleanup_buffer_ Buffer reply = BUFFER_INIT;
        int r = sandbox_call(sandbox, tree, call_enter, NULL, &reply, error);

        if (r < 0)
                return r;
        *ret = (Guard){ .made_database = string_equal(reply.data, "1") };
        return 0;
}

int guard_leave(Sandbox *sandbox, const SandboxTree *tree, const Guard *guard, Error *error)
{
        return sandbox_call(sandbox, tree, call_leave, (void *) guard, NULL, error);
}
