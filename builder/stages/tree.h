/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/error.h"
#include "base/strings.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Files of a staging tree, for functions that run inside sandbox_call(): `root_fd` is the tree, and nothing that
 * a package or a script left there (symbolic links, FIFOs, directories in the place of files) leads out of it. */

#define TREE_FILE_LIMIT_BYTES (16u << 20)

/* Opens `path` (with or without leading "/") if no component of it, the last included, is a symbolic link; a link is
 * -ELOOP. For what is deleted by a fixed list of paths: a link there must not redirect the deletion. */
int tree_open_strict(int root_fd, const char *path, int flags) _must_check_;

/* Reads a regular file, following symbolic links inside the tree. -ENOENT is returned without a message. */
int tree_read(int root_fd, const char *path, Buffer *ret, Error *error) _must_check_;

typedef struct TreeFile {
        const void *data;
        size_t size_bytes;
        int source_fd; /* the content instead of `data` when not negative; copied from its current offset */
        mode_t mode;
        uid_t uid;
        gid_t gid;
} TreeFile;

/* Makes or replaces a file, whole or not at all; missing parents are made, 0755. What is at `path` already is replaced,
 * also a symbolic link (not what it points to), but not a directory. */
int tree_write(int root_fd, const char *path, const TreeFile *file, Error *error) _must_check_;
/* The same with a symbolic link. */
int tree_link(int root_fd, const char *path, const char *target, uid_t uid, gid_t gid, Error *error) _must_check_;
/* New content for a file that is there: mode and owner stay. */
int tree_rewrite(int root_fd, const char *path, const void *data, size_t size_bytes, Error *error) _must_check_;

/* Removes a file or a directory with all that is in it; the last component is not followed. */
int tree_remove(int root_fd, const char *path, bool *ret_found, Error *error) _must_check_;
/* Removes what is in the directory, not itself; a missing directory or a symbolic link in its place is left alone. */
int tree_empty_directory(int root_fd, const char *path, Error *error) _must_check_;
