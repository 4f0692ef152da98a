/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/error.h"
#include "signing/staging.h"

#include <stdbool.h>

/* The files that a release directory has already, with their digests, for the next SHA256SUMS.
 *
 * A digest is taken over from the SHA256SUMS that is there when that list can be relied upon (it is signed by
 * a key of the directory's keyring; or nothing is signed, before and after) and the file has not been touched
 * since the list was written (ctime). Otherwise the file is read, and it must still match its line: files of
 * a version never change. A listed file that is missing is dropped. A release's file that no list names was
 * not published by a build: it is refused, never adopted into a signed list. Other unlisted files (a README)
 * are listed. */

/* Without hidden files and indexes, and without keyrings when `is_signed` (they are written anew). Sorted. */
int published_list(int directory_fd, const char *directory, bool is_signed, FileList *ret,
                   Error *error) _must_check_;

/* The keyring of the directory; empty when there is none. Two that differ are an error: a key that was taken
 * out of one must not come back from the other. */
int published_keyring(int directory_fd, const char *directory, Buffer *ret, Error *error) _must_check_;
