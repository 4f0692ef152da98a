/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "packages/lock.h"

/* Shared by what writes locks and what reads them. */

/* Names of AptAction's values; closed by NULL. */
extern const char *const lock_actions[];

/* How a stage names a package: NAME:ARCHITECTURE=VERSION, and @SHA256 where that names several. The caller frees; NULL
 * when memory is short. */
char *lock_reference(const Lock *lock, const LockPackage *package);

/* Whether the last package comes after the one before it. */
bool lock_is_sorted(const LockPackage *packages, size_t n_packages);
