/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/cleanup.h"
#include "base/error.h"
#include "base/strings.h"

#include <dirent.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

/* Files and directories, always through directory file descriptors. `directory_fd` may be AT_FDCWD. All
 * descriptors are close-on-exec. */

/* Opens `path` below `root_fd` as if `root_fd` were "/" (openat2(2), RESOLVE_IN_ROOT): neither ".." nor a
 * symbolic link, absolute or not, leaves the tree, and no magic link of /proc is followed. Returns the
 * descriptor or a negative errno. */
int open_in_root(int root_fd, const char *path, int flags, mode_t mode) _must_check_;

/* Opens the directory that holds the last component of `path` below `root_fd` (in the same way, following
 * symbolic links inside the tree) and returns that component in *ret_name (caller frees). With `make_parents`
 * missing directories are made, 0755. Refuses "/", "." and ".." as last component with -EINVAL. */
int open_parent_in_root(int root_fd, const char *path, bool make_parents, char **ret_name) _must_check_;

/* mkdir -p below `root_fd`, in the same way; existing directories stay as they are. */
int make_directories_in_root(int root_fd, const char *path, mode_t mode) _must_check_;

/* mkdir -p at an ordinary path of the host. */
int make_directories(const char *path, mode_t mode, Error *error) _must_check_;

/* A new directory `parent/prefixXXXXXX`, mode 0700. Returns its path (caller frees). */
int make_temporary_directory(const char *parent, const char *prefix, char **ret_path, Error *error) _must_check_;

/* Reads a whole regular file of at most `limit_bytes`, else -EFBIG; anything but a regular file is -EINVAL. */
int read_file(int directory_fd, const char *path, uint64_t limit_bytes, Buffer *ret, Error *error) _must_check_;
/* The same from an open descriptor, from its current offset to its end. */
int read_descriptor(int fd, uint64_t limit_bytes, Buffer *ret) _must_check_;

int write_all(int fd, const void *data, size_t size_bytes) _must_check_;

/* Writes through a temporary file beside it: fsync, then rename. Old or new, never half. */
int write_file_atomic(int directory_fd, const char *path, const void *data, size_t size_bytes, mode_t mode,
                      Error *error) _must_check_;

/* Removes a file or a whole tree without following symbolic links or crossing into another file system;
 * a missing one is no error. */
int remove_tree(int directory_fd, const char *path, Error *error) _must_check_;

/* For _cleanup_: removes the temporary directory and frees the path; failures are ignored, it is the way out. */
void remove_and_free(char **path);
#define _cleanup_remove_ _cleanup_(remove_and_free)

int fsync_directory(const char *path, Error *error) _must_check_;

/* Copies all bytes (copy_file_range(2), else read and write). */
int copy_bytes(int from_fd, int to_fd) _must_check_;

bool path_is_absolute(const char *path);
/* False for "", for absolute paths and for paths with a ".." component. */
bool path_is_inside(const char *path);
/* "directory/name"; the caller frees; NULL when memory is short. */
char *path_join(const char *directory, const char *name);
/* The directory that `path` names an entry of: "a/b/" has "a", "a" has ".", "/a" has "/". As path_join(). */
char *path_parent(const char *path);

/* The next entry but "." and ".."; NULL at the end, where errno is 0, and after a failure, where it says why. */
struct dirent *directory_next(DIR *directory);
