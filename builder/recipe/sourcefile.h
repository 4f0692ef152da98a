/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/cleanup.h"
#include "base/error.h"

/* The files that a recipe names. `directory_fd` is the recipe's folder. */

/* A readable regular file at or below the folder; a symbolic link that leaves the folder is an error (openat2(2),
 * RESOLVE_BENEATH). Fills `error` with a hint that names the nearest file that is there. 0 or a negative errno. */
int source_file_check(int directory_fd, const char *path, Error *error) _must_check_;

/* Anything readable on the host but a directory, by its absolute path. */
int host_file_check(const char *path, Error *error) _must_check_;

/* Adds the name of the nearest file in the same folder, where there is one, as a hint. */
void host_file_hint(const char *path, Error *error);
