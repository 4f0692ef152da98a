/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* What the administration of a tree says about single files of packages: dpkg-divert(1), dpkg-statoverride(1). */

typedef struct Diversion {
        char *from, *to; /* absolute */
        char *package;   /* whose own file is not diverted; ":" for a local one */
} Diversion;

typedef struct Override {
        char *path;
        uid_t uid;
        gid_t gid;
        mode_t mode;
} Override;

typedef struct Diversions {
        Diversion *items; /* owned */
        size_t n_items;
        Override *overrides; /* owned */
        size_t n_overrides;
} Diversions;

void diversions_done(Diversions *diversions);
#define _cleanup_diversions_ _cleanup_(diversions_done)

/* Inside sandbox_call(). Files that are not there are empty ones. */
int diversions_read(int root_fd, Diversions *ret, Error *error) _must_check_;
/* The same from the texts of the four files; NULL is empty. */
int diversions_parse(const char *diversions, const char *overrides, const char *passwd, const char *group,
                     Diversions *ret, Error *error) _must_check_;

/* Where the package's file of that name goes; the name itself mostly. */
const char *diversions_apply(const Diversions *diversions, const char *path, const char *package);
/* NULL: none. */
const Override *diversions_override(const Diversions *diversions, const char *path);
