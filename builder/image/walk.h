/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/error.h"

#include <sys/stat.h>

/* One walk over a tree in an order that depends on names alone: names sorted by byte value, depth first, a directory
 * before what it holds, the root (as ".") first of all. Every step goes through directory descriptors and
 * openat2(RESOLVE_NO_SYMLINKS, RESOLVE_NO_XDEV): no symbolic link is ever followed.
 *
 * Refused, with the path in the error, is what an image can't hold: device nodes and sockets, more than
 * WALK_DEPTH_MAX levels, owners above 65535, anything mounted in the tree, and directories that change meanwhile. */

#define WALK_DEPTH_MAX 126u
#define WALK_ID_MAX 65535u

typedef struct WalkEntry {
        const char *path;        /* "." or "./usr/bin" */
        const char *link_target; /* of a symbolic link, else NULL */
        struct stat status;
        int fd; /* regular files and directories: open for reading, borrowed; else -1 */
} WalkEntry;

/* Returns 0 or a negative errno, which ends the walk. */
typedef int (*WalkVisitor)(const WalkEntry *entry, void *userdata, Error *error);

int walk_tree(int root_fd, WalkVisitor visit, void *userdata, Error *error) _must_check_;
