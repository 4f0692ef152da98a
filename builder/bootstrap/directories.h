/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/cleanup.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* The directories on the way to the file that is worked on, kept open: archives list files directory by directory, so
 * mostly one component is looked up, and no path is ever resolved from its beginning. A component is opened without
 * following links; where one is a symbolic link, `enter` decides, and the directory is then looked up as if the tree
 * were "/". */

#define DIRECTORIES_MAX 128

typedef struct Directory {
        int fd;
        ino_t inode;
        size_t length; /* of the path up to here */
} Directory;

typedef struct Directories Directories;

/* What is to be done where `name` in `directory` is not a plain directory: `problem` is -ENOENT, or -ELOOP and -ENOTDIR
 * for anything else. 0: it is a directory now, or may be looked up with its links. */
typedef int (*DirectoriesEnter)(const Directory *directory, const char *name, const char *path, int problem,
                                void *userdata, Error *error);

struct Directories {
        int root_fd;       /* borrowed */
        char *path;        /* owned: of the last directory, "" for the root */
        Directory stack[DIRECTORIES_MAX];
        size_t depth;
        DirectoriesEnter enter;
        void *userdata;
};

int directories_open(Directories *directories, int root_fd, DirectoriesEnter enter, void *userdata, Error *error)
        _must_check_;
void directories_close(Directories *directories);
#define _cleanup_directories_ _cleanup_(directories_close)

/* The directory that holds `path` (relative, clean: see deb_member_name()); valid until the next call. *ret_name points
 * into `path`. */
int directories_find(Directories *directories, const char *path, const Directory **ret, const char **ret_name,
                     Error *error) _must_check_;
