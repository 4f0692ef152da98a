/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/error.h"

#include <stdbool.h>

/* What dpkg prints, line by line: how far it is, and who is to blame when it fails. */

typedef struct DpkgBlame {
        char *package;   /* NULL while nothing failed */
        char *operation; /* "configure", "unpack", ... */
        char *reason;    /* dpkg's own words, from the next line */
        bool is_consequence; /* it failed only because another one did */
        bool wants_reason;
} DpkgBlame;

void dpkg_blame_done(DpkgBlame *blame);

/* The package that a line says work starts on, in *ret_length bytes; NULL for other lines. */
const char *dpkg_line_package(const char *line, size_t *ret_length);

/* Remembers the first failure that is not a consequence of another. */
int dpkg_blame_line(DpkgBlame *blame, const char *line) _must_check_;

/* "The post-installation script of makedev failed with status 1"; -ENODATA when dpkg has named nobody. */
int dpkg_blame_error(const DpkgBlame *blame, Error *error);
