/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sandbox/sandbox.h"

#include "base/file.h"
#include "sandbox/internal.h"
#include "sandbox/userns.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

int sandbox_open(Sandbox **ret, Error *error)
{
        _cleanup_sandbox_ Sandbox *sandbox = calloc(1, sizeof *sandbox);

        if (!sandbox)
                return error_out_of_memory(error);
        sandbox->user_namespace_fd = sandbox->owner_namespace_fd = -1;
        int r = idmap_find(&sandbox->map, error);
        if (r == 0)
                r = user_namespace_new(&sandbox->map, USER_NAMESPACE_SANDBOX, &sandbox->user_namespace_fd,
                                       error);
        if (r == 0)
                *ret = TAKE_PTR(sandbox);
        return r;
}

Sandbox *sandbox_close(Sandbox *sandbox)
{
        if (!sandbox)
                return NULL;
        cleanup_close(&sandbox->user_namespace_fd);
        cleanup_close(&sandbox->owner_namespace_fd);
        free(sandbox);
        return NULL;
}

void sandbox_id_base(const Sandbox *sandbox, uint32_t *ret_uid_base, uint32_t *ret_gid_base)
{
        *ret_uid_base = sandbox->map.uid_base;
        *ret_gid_base = sandbox->map.gid_base;
}

typedef struct HandOver {
        const char *name;
        int fd;
        uid_t uid;
        gid_t gid;
} HandOver;

/* The directory around it may have ACLs to inherit, which would stand above the modes of all files that are made in it. */
static int drop_acls(int fd)
{
        static const char *const names[] = { "system.posix_acl_default", "system.posix_acl_access" };

        for (size_t i = 0; i < ELEMENTS(names); i++)
                if (fremovexattr(fd, names[i]) < 0 && errno != ENODATA && errno != EOPNOTSUPP)
                        return -errno;
        return 0;
}

static int hand_over(int root_fd, void *userdata, Buffer *reply, Error *error)
{
        const HandOver *work = userdata;

        (void) root_fd;
        (void) reply;
        int r = drop_acls(work->fd);
        if (r < 0)
                return error_set_errno(error, -r, "Can't remove the ACLs that %s inherited", work->name);
        if (fchown(work->fd, work->uid, work->gid) < 0 || fchmod(work->fd, 0755) < 0)
                return error_set_errno(error, errno, "Can't hand the directory %s over to the sandbox",
                                       work->name);
        return 0;
}

int sandbox_make_directory(Sandbox *sandbox, const char *path, const char *name, Error *error)
{
        _cleanup_close_ int parent = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);

        if (parent < 0)
                return error_set_errno(error, errno, "Can't open %s", path);
        if (mkdirat(parent, name, 0700) < 0)
                return error_set_errno(error, errno, "Can't make the directory %s/%s", path, name);
        _cleanup_close_ int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        int r;
        if (fd < 0) {
                r = error_set_errno(error, errno, "Can't open %s/%s", path, name);
        } else if (sandbox->map.privileged) {
                HandOver work = { name, fd, sandbox->map.uid_base, sandbox->map.gid_base };
                r = hand_over(-1, &work, NULL, error);
        } else {
                /* in the owner namespace 0 is the caller, so the sandbox's root is 1 */
                HandOver work = { name, fd, 1, 1 };
                r = sandbox_call_as_owner(sandbox, hand_over, &work, NULL, error);
        }
        if (r < 0)
                unlinkat(parent, name, AT_REMOVEDIR);
        return r;
}

static int remove_as_owner(int root_fd, void *userdata, Buffer *reply, Error *error)
{
        (void) root_fd;
        (void) reply;
        return remove_tree(AT_FDCWD, userdata, error);
}

int sandbox_remove_tree(Sandbox *sandbox, const char *path, Error *error)
{
        return sandbox_call_as_caller(sandbox, remove_as_owner, (void *) (uintptr_t) path, NULL, error);
}

static int make_placeholder(int root_fd, void *userdata, Buffer *reply, Error *error)
{
        struct stat status;

        (void) userdata;
        _cleanup_close_ int etc = open_in_root(root_fd, "/etc", O_RDONLY | O_DIRECTORY, 0);
        if (etc < 0 || fstatat(etc, "resolv.conf", &status, AT_SYMLINK_NOFOLLOW) == 0)
                return 0;
        _cleanup_close_ int fd = openat(etc, "resolv.conf", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
        if (fd < 0)
                return error_set_errno(error, errno, "Can't make /etc/resolv.conf in the staging tree");
        return buffer_append_string(reply, "made") < 0 ? error_out_of_memory(error) : 0;
}

int sandbox_make_placeholder(Sandbox *sandbox, const SandboxTree *tree, bool *ret_made, Error *error)
{
        _cleanup_buffer_ Buffer reply = BUFFER_INIT;
        int r = sandbox_call_full(sandbox, tree, make_placeholder, NULL, false, &reply, error);

        if (r == 0)
                *ret_made = reply.length > 0;
        return r;
}

static int remove_placeholder(int root_fd, void *userdata, Buffer *reply, Error *error)
{
        struct stat status;

        (void) userdata;
        (void) reply;
        _cleanup_close_ int etc = open_in_root(root_fd, "/etc", O_RDONLY | O_DIRECTORY, 0);
        if (etc < 0 || fstatat(etc, "resolv.conf", &status, AT_SYMLINK_NOFOLLOW) < 0)
                return 0;
        if (!S_ISREG(status.st_mode) || status.st_size > 0)
                return 0;
        if (unlinkat(etc, "resolv.conf", 0) < 0)
                return error_set_errno(error, errno, "Can't remove /etc/resolv.conf from the staging tree");
        return 0;
}

int sandbox_remove_placeholder(Sandbox *sandbox, const SandboxTree *tree, Error *error)
{
        return sandbox_call_full(sandbox, tree, remove_placeholder, NULL, false, NULL, error);
}
