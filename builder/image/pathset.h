/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/cleanup.h"

#include <stddef.h>
#include <sys/types.h>

/* Which paths an archive has had so far, and as what. Holds 128 bits of hash a path, not the path, so that some
 * hundred thousand paths take a few megabytes. */

typedef struct PathSet PathSet;

PathSet *path_set_new(void); /* NULL when memory is short */
void path_set_free(PathSet *set);
DEFINE_CLEANUP(PathSet, path_set_free)
#define _cleanup_path_set_ _cleanup_(path_set_free_ptr)

/* Adds the first `length` bytes of `path` with the type (S_IFDIR, S_IFREG ...). Returns 0, -EEXIST or -ENOMEM. */
int path_set_add(PathSet *set, const char *path, size_t length, mode_t type) _must_check_;
/* The type, or 0 when the path is not there. */
mode_t path_set_type(const PathSet *set, const char *path, size_t length);
