/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/error.h"
#include "packages/lock.h"

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

/* The packages of an image, from whatever names them, to be compared. */

typedef struct SetPackage {
        char *name, *architecture, *version;
        uint64_t size_bytes; /* installed; 0 where that isn't known */
} SetPackage;

typedef struct PackageSet {
        SetPackage *items; /* owned, sorted by name, then architecture, each of which is there once */
        size_t n_items;
} PackageSet;

void package_set_done(PackageSet *set);
#define _cleanup_package_set_ _cleanup_(package_set_done)

/* dpkg's status file: what is unpacked at least. */
int package_set_from_status(const char *text, PackageSet *ret, Error *error) _must_check_;
/* "packages" of a manifest. */
int package_set_from_manifest(const json_t *manifest, PackageSet *ret, Error *error) _must_check_;
/* Of a package that several stages install the newest version. */
int package_set_from_lock(const Lock *lock, PackageSet *ret, Error *error) _must_check_;

/* Hears of each package that is in one of the sets only (the other is NULL), or in both with other versions; in their
 * order. */
typedef void (*PackageListener)(const SetPackage *before, const SetPackage *after, void *userdata);
void package_set_compare(const PackageSet *before, const PackageSet *after, PackageListener listener, void *userdata);
