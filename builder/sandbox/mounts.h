/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/mount.h>

/* Mounts as descriptors (open_tree(2), fsmount(2), move_mount(2)): made detached, attached at a descriptor.
 * No path of a hostile tree is ever given to mount(2). All paths are relative to a descriptor. */

typedef struct MountOption {
        const char *key;
        const char *value;
} MountOption;

#define MOUNT_SAFE (MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV)

/* A new file system; `options` end with a NULL key, may be NULL. Returns the descriptor or a negative errno.
 */
int mount_new(const char *type, const MountOption *options, unsigned attributes) _must_check_;
/* An empty tmpfs whose root has `mode` (octal text). */
int mount_new_tmpfs(const char *mode, unsigned attributes) _must_check_;

/* A copy of the mounts at `path` ("" for the descriptor itself) and below, with `attributes` added to each.
 */
int mount_clone(int directory_fd, const char *path, unsigned attributes) _must_check_;

typedef enum MountPoint {
        MOUNT_POINT_DIRECTORY,
        MOUNT_POINT_FILE,
} MountPoint;

/* Attaches at `path` below `root_fd`. A symbolic link on the way is an error (-ELOOP), for it could lead
 * anywhere in the tree; with `make` a missing mount point is made. Errors name the path as the sandbox sees
 * it. */
int mount_attach(int mount_fd, int root_fd, const char *path, MountPoint kind, bool make,
                 Error *error) _must_check_;

/* Attaches over a descriptor that is open already. */
int mount_attach_over(int mount_fd, int target_fd) _must_check_;

/* Adds attributes to this mount alone. */
int mount_restrict(int mount_fd, unsigned attributes) _must_check_;

/* No mount event goes out of this namespace or comes in. */
int mount_make_private(void) _must_check_;

/* The mount behind `root_fd`, attached anywhere, becomes "/" and the working directory; the old root is gone.
 */
int mount_pivot(int root_fd, Error *error) _must_check_;
