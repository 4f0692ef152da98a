/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/digest.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Packages by their SHA-256, shared by all recipes, suites and builds at once, and bounded together with the layers.
 *
 *     CACHE/packages/ab/SHA256.deb     mode 0644, ours; its modification time says when it was last used. A second name
 *                                      (a pin, in the work folder of a build) says that it is in use
 *     CACHE/packages/.partial/SHA256   a download, locked (flock(2)) by whoever is at it. It stays when that ends, for
 *                                      the next one to go on with, and is collected after PACKAGE_PARTIAL_DAYS
 *
 * A package appears by one rename after its digest was compared. Nothing is synced: the digest is compared again whenever
 * it is opened, and what is damaged is removed, as if it had never been there. */

#define PACKAGE_PARTIAL_DAYS 2

typedef struct PackageStore PackageStore;

/* Makes the directories where they are missing and removes what nobody went on with. */
int package_store_open(const char *cache_directory, PackageStore **ret, Error *error) _must_check_;
void package_store_close(PackageStore *store);
DEFINE_CLEANUP(PackageStore, package_store_close)
#define _cleanup_package_store_ _cleanup_(package_store_close_ptr)

/* The path that the package has, or would have; the caller frees; NULL when memory is short. */
char *package_store_path(const PackageStore *store, const char *sha256);
/* Whether something of that size is there, unread. */
bool package_store_has(const PackageStore *store, const char *sha256, uint64_t size_bytes);

/* 1: the package was there with the right bytes, was marked as used, and has another name: `directory`/SHA256.deb. 0: it was
 * not there, or was damaged and is removed. */
int package_store_pin(PackageStore *store, const char *sha256, uint64_t size_bytes, const char *directory, Error *error)
        _must_check_;

/* The right to bring a package: 1: *ret_fd is its partial file, to be read and written, with what an earlier one left; 0:
 * somebody else is at it. */
int package_store_claim(PackageStore *store, const char *sha256, int *ret_fd, Error *error) _must_check_;
/* 1: what was claimed is the package, and it is in the store now. 0: it is not; its digest is in ret_found ("" where it has
 * not even the size), and the partial file goes when it can't become the package any more. The claim ends with close(2). */
int package_store_commit(PackageStore *store, const char *sha256, uint64_t size_bytes, int fd,
                         char ret_found[static SHA256_HEX_SIZE], Error *error) _must_check_;
/* Removes what was claimed: there is no room for it. */
void package_store_drop(PackageStore *store, const char *sha256);

/* Copies from the start of `fd`. -EBADMSG when it is not the package, with what it is. */
int package_store_add(PackageStore *store, const char *sha256, uint64_t size_bytes, int from_fd, Error *error)
        _must_check_;

typedef struct PackageEntry {
        char sha256[SHA256_HEX_SIZE];
        uint64_t size_bytes;
        int64_t used_sec;
        bool in_use;
} PackageEntry;

/* In no order; the caller frees. */
int package_store_list(PackageStore *store, PackageEntry **ret, size_t *ret_n_entries, Error *error) _must_check_;
/* 1 when it is gone, 0 when it is in use or not there. */
int package_store_remove(PackageStore *store, const char *sha256, Error *error) _must_check_;
/* Reads it from end to end: 1 when it was damaged, and is removed. */
int package_store_verify(PackageStore *store, const char *sha256, Error *error) _must_check_;
