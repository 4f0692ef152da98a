/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/error.h"
#include "base/strings.h"
#include "signing/sums.h"

#include <stdint.h>

/* Verification of releases, stricter than the hosts': their rules (HOSTS: sums lines, forms of signature) and
 * ours (no SHA-1, no short RSA, expired and revoked keys refused). Works from a keyring alone, in a GnuPG
 * home of its own that is gone afterwards; the user's keys and trust play no part. */

typedef struct VerifyFile {
        char *name;
        uint64_t size_bytes;
        char *sha256;
} VerifyFile;

typedef struct VerifyResult {
        char *fingerprint, *user_id; /* of the key that signed */
        int64_t signed_sec;
        VerifyFile *files; /* what was checked, in the order of the sums */
        size_t n_files;
} VerifyResult;

void verify_result_done(VerifyResult *result);
#define _cleanup_verify_result_ _cleanup_(verify_result_done)

/* A release directory: SHA256SUMS against SHA256SUMS.gpg, every file against the sums, each .sha256 pair
 * against itself and the sums; no file unlisted (hidden names and sub-directories aside). A BEST-BEFORE line
 * must not be past. */
int verify_directory(const char *directory, const char *keyring_path, VerifyResult *ret,
                     Error *error) _must_check_;
/* One image: FILE.sha256 with its .asc, the image and its .nspawn against it; without that pair, SHA256SUMS
 * beside it. */
int verify_image(const char *path, const char *keyring_path, VerifyResult *ret, Error *error) _must_check_;
