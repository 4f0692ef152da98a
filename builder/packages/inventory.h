/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/error.h"
#include "packages/dpkg.h"
#include "sandbox/sandbox.h"

/* What a staging tree says of itself: its packages, the debian/copyright file of each, and which system it is. */

/* Files that are larger, that are no regular files or hold a NUL count as missing; so do those after the first
 * INVENTORY_TOTAL_BYTES, in the order of the packages. */
#define INVENTORY_FILE_BYTES ((uint64_t) 1 << 20)
#define INVENTORY_TOTAL_BYTES ((uint64_t) 64 << 20)

typedef struct Inventory {
        DpkgList packages;
        const char **copyrights; /* one a package, "" when it has none; they point into `text` */
        const char *os_release;  /* "" when there is none; likewise */
        Buffer text;             /* owned */
} Inventory;

void inventory_done(Inventory *inventory);
#define _cleanup_inventory_ _cleanup_(inventory_done)

/* In one call in the sandbox. Symlinks (of whole doc directories, too) are followed, and don't leave the tree. */
int inventory_read(Sandbox *sandbox, const SandboxTree *tree, Inventory *ret, Error *error) _must_check_;
