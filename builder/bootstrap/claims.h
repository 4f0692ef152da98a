/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/cleanup.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Which package has which path of the tree, while packages unpack side by side. A path is told by the inode of its
 * directory and its name in there, so that /lib/x and /usr/lib/x are one where /lib is a link. Not locked: that is the
 * caller's. */

#define CLAIM_NOBODY SIZE_MAX

typedef enum ClaimType { CLAIM_DIRECTORY, CLAIM_LINK, CLAIM_FILE } ClaimType;

/* Of a directory. */
typedef struct Attributes {
        mode_t mode;
        uid_t uid;
        gid_t gid;
        int64_t mtime_sec;
        long mtime_nsec;
} Attributes;

typedef struct Claim {
        ino_t directory;
        char *name;  /* owned, in the directory */
        char *path;  /* owned: as the owner's archive has it, absolute */
        size_t owner; /* number of the package; of directories the lowest of all that have it */
        ClaimType type;
        bool writing; /* the owner is not done with it */
        bool settled; /* a directory that was there before: it stays as it is */
        Attributes attributes;
} Claim;

typedef struct Claims {
        Claim **items; /* owned */
        size_t n_items, allocated;
} Claims;

void claims_done(Claims *claims);

Claim *claims_find(const Claims *claims, ino_t directory, const char *name);
/* There must be none yet. NULL when memory is short. The claim stays where it is until claims_done(). */
Claim *claims_add(Claims *claims, ino_t directory, const char *name, const char *path, ClaimType type, size_t owner);
