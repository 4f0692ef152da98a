/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/strings.h"

#include <string.h>

/* What of a package lies in the tree, in the order of its archive: for each path a type, the path (absolute; "/." for the
 * root) and a NUL. */

typedef enum PathType { PATH_DIRECTORY = 'd', PATH_LINK = 'l', PATH_FILE = 'f' } PathType;

static inline int paths_append(Buffer *paths, PathType type, const char *path)
{
        const char letter = (char) type;
        int r = buffer_append(paths, &letter, 1);

        return r < 0 ? r : buffer_append(paths, path, strlen(path) + 1);
}

/* Starts with `at` 0; NULL behind the last one. */
static inline const char *paths_next(const Buffer *paths, size_t *at, PathType *ret_type)
{
        if (*at + 1 >= paths->length)
                return NULL;
        const char *path = paths->data + *at + 1;
        *ret_type = (PathType) paths->data[*at];
        *at += 1 + strlen(path) + 1;
        return path;
}
