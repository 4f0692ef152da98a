/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/error.h"

/* Programs in the sandbox run with ids that own nothing on the host, so what they are to read must be readable for
 * all. A recipe's files often are not (umask 077). */

/* *ret is `path` itself, or that of a copy `directory`/`name` (mode 0644). The caller frees. */
int readable_path(const char *path, const char *directory, const char *name, char **ret, Error *error) _must_check_;

/* mkdir -p, and mode 0755 for the last one whatever the umask. */
int readable_directory(const char *path, Error *error) _must_check_;
