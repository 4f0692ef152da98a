/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "packages/lock.h"

/* What differs between two locks, package by package. */

typedef struct LockChange {
        const LockPackage *before, *after; /* borrowed; NULL: added, removed; equal versions: other bytes */
} LockChange;

/* By name and architecture; a package that a lock has in several versions (an upgrade) is compared from the highest down. The
 * caller frees. -ENOMEM */
int lock_compare(const Lock *before, const Lock *after, LockChange **ret, size_t *ret_n_changes) _must_check_;
