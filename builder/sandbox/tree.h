/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/error.h"
#include "sandbox/sandbox.h"
#include "sandbox/spec.h"

/* The way into the sandbox, for a forked child: a mount namespace of its own, the tree and other directories
 * of the host as detached mounts, the user namespace, root in it. */

typedef struct TreeEntry {
        int user_namespace_fd;
        const SandboxTree *tree; /* may be NULL */
        const SpecMount *mounts; /* opened as the caller, with what the caller may read */
        size_t n_mounts;
} TreeEntry;

/* *ret_tree_fd is the tree's mount (-1 without one), ret_mount_fds[i] that of mounts[i]. What fails leaves
 * descriptors open: the child ends then. Clears the death signal (see die_with_parent()). */
int tree_enter(const TreeEntry *entry, int *ret_tree_fd, int *ret_mount_fds, Error *error) _must_check_;
