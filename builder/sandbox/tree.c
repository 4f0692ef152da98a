/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sandbox/tree.h"

#include "sandbox/mounts.h"
#include "sandbox/overlay.h"
#include "sandbox/userns.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

/* A descriptor belongs to the mount namespace in which it was opened and can't be mounted in another one. The
 * working directory alone is carried over by unshare(2), so the tree goes in as ".". Returns a negative
 * errno. */
static int own_mount_namespace(const SandboxTree *tree)
{
        if (tree && !tree->lowers && fchdir(tree->directory_fd) < 0)
                return -errno;
        if (unshare(CLONE_NEWNS) < 0)
                return -errno;
        /* before anything is mounted or cloned: a shared mount would carry it to the host */
        return mount_make_private();
}

/* Root of the host reads the mounts' sources with its own capabilities, so it opens them before it gives
 * those up; anyone else needs the capabilities of the user namespace to open anything at all. */
static int enter_namespaces(const TreeEntry *entry, bool *ret_inside, Error *error)
{
        int r = -EPERM;

        if (geteuid() == 0)
                r = own_mount_namespace(entry->tree);
        *ret_inside = r == -EPERM;
        if (r == -EPERM) {
                r = user_namespace_enter(entry->user_namespace_fd, error);
                if (r < 0)
                        return r;
                r = own_mount_namespace(entry->tree);
        }
        if (r == 0)
                return 0;
        error_set_errno(error, -r, "Can't make a mount namespace for the sandbox");
        if (r == -EPERM)
                return error_hint(error, "Where AppArmor restricts user namespaces: sysctl "
                                         "kernel.apparmor_restrict_unprivileged_userns=0");
        return r;
}

static int clone_mounts(const TreeEntry *entry, int *ret_mount_fds, Error *error)
{
        for (size_t i = 0; i < entry->n_mounts; i++) {
                const SpecMount *mount = &entry->mounts[i];
                ret_mount_fds[i] = mount_clone(AT_FDCWD, mount->source,
                                               MOUNT_SAFE | (mount->writable ? 0 : MOUNT_ATTR_RDONLY));
                if (ret_mount_fds[i] < 0)
                        return error_set_errno(error, -ret_mount_fds[i], "Can't take %s into the sandbox",
                                               mount->source);
        }
        return 0;
}

/* The tree's mount, its layers (named by `layers`) merged if it has any; -1 without a tree. */
static int take_tree(const TreeEntry *entry, const Buffer *layers, int *ret_tree_fd, Error *error)
{
        *ret_tree_fd = -1;
        if (!entry->tree)
                return 0;
        int r = entry->tree->lowers ? overlay_mount(entry->tree, layers) : 0;
        if (r < 0)
                return error_set_errno(error, -r, "Can't mount the layers of the staging tree");
        *ret_tree_fd = mount_clone(AT_FDCWD, ".", MOUNT_SAFE);
        if (*ret_tree_fd < 0)
                return error_set_errno(error, -*ret_tree_fd, "Can't take the staging tree into the sandbox");
        return 0;
}

int tree_enter(const TreeEntry *entry, int *ret_tree_fd, int *ret_mount_fds, Error *error)
{
        _cleanup_buffer_ Buffer layers = BUFFER_INIT;
        bool inside = false;

        int r = enter_namespaces(entry, &inside, error);
        if (r < 0)
                return r;
        if (entry->tree && entry->tree->lowers) {
                r = overlay_open(entry->tree, &layers);
                if (r < 0)
                        return error_set_errno(error, -r, "Can't open the layers of the staging tree");
        }
        r = clone_mounts(entry, ret_mount_fds, error);
        if (r == 0 && !inside) {
                /* the mount namespace is the host's root's: the sandbox's root can't mount in it */
                r = take_tree(entry, &layers, ret_tree_fd, error);
                if (r == 0)
                        r = user_namespace_enter(entry->user_namespace_fd, error);
        }
        if (r == 0)
                r = user_namespace_become_root(error);
        return r == 0 && inside ? take_tree(entry, &layers, ret_tree_fd, error) : r;
}
