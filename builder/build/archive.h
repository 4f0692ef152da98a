/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "build/build.h"

/* Everything that a lock names as an archive of its own, for build --locked --pool, and for apt:
 *
 *     DIRECTORY/NAME.lock
 *               pool/...deb                        as the archives have them that they came from
 *               dists/SUITE/main/binary-ARCH/Packages
 *                           Release, InRelease, Release.gpg     dated as the image
 *               keyring.gpg                        for signed-by
 *
 * The same lock gives the same bytes, but for the signatures. */

typedef struct ArchiveResult {
        size_t n_packages;
        uint64_t size_bytes; /* of the packages */
        char *suite;
} ArchiveResult;

void archive_result_done(ArchiveResult *result);
#define _cleanup_archive_result_ _cleanup_(archive_result_done)

/* The directory appears whole, or not at all; it must not be there, or be empty. `options` has the lock. */
int build_archive(Recipe *recipe, const BuildOptions *options, const char *directory, ArchiveResult *ret, Error *error)
        _must_check_;
