/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/error.h"
#include "signing/sign.h"

#include <stdint.h>

/* The release directory OUT/NAME/ARCH/ in the form that the hosts take. Files of a version are immutable;
 * SHA256SUMS, its signature and the keyrings are renewed with every release. The keyrings hold the signer's
 * key and whatever they held before (for rotation), without revoked keys; to withdraw a key, take it out of
 * both.
 *
 * Hidden names are the directory's own affairs: ".lock" (stays), ".staging-XXXXXX" and ".publishing" (while a
 * publication runs). Files that a person puts there are never removed: see published.h for what becomes of
 * them. */

typedef struct ReleaseFile {
        char *name; /* in the directory */
        char *sha256;
        uint64_t size_bytes;
} ReleaseFile;

typedef struct Release Release;

/* Opens `directory` (made if missing) for a new version under an exclusive lock, with a staging folder beside
 * the final names, in the same file system. Waits while another build holds the lock (until cancelled). What
 * killed runs left is cleared up first. `base_name` is NAME-ARCH-VERSION of [A-Za-z0-9.-]. */
int release_open(const char *directory, const char *base_name, Release **ret, Error *error) _must_check_;
/* Without release_publish() nothing stays behind. */
Release *release_close(Release *release);
static inline void release_close_ptr(Release **release)
{
        release_close(*release);
}
#define _cleanup_release_ _cleanup_(release_close_ptr)

/* The staging folder, to open files in. */
const char *release_staging_directory(const Release *release);
/* BASE.suffix ("tar.xz", "manifest.json"; without the dot, a lower-case letter first): an open descriptor in
 * the staging folder (0644 whatever the umask); the caller writes and closes. */
int release_create_file(Release *release, const char *suffix, int *ret_fd, Error *error) _must_check_;
/* Small companions in one go. */
int release_write_file(Release *release, const char *suffix, const void *data, size_t size_bytes,
                       Error *error) _must_check_;

/* The base name may be chosen late: renames what is staged so far. */
int release_set_base_name(Release *release, const char *base_name, Error *error) _must_check_;

typedef enum ReleaseMatch { RELEASE_ABSENT, RELEASE_SAME, RELEASE_DIFFERENT } ReleaseMatch;
/* Compares a staged file's digest with the published version of `base_name`. */
int release_compare(const char *directory, const char *file_name, const char *sha256, ReleaseMatch *ret,
                    Error *error) _must_check_;
/* `stem` is NAME-ARCH. The newest of VERSION, VERSION.1, VERSION.2 ... that is there ("" when none), and the
 * one after it, which is free: a number that was withdrawn before a newer one is not used again. Callers
 * free. */
int release_versions(const char *directory, const char *stem, const char *version, char **ret_newest,
                     char **ret_free, Error *error) _must_check_;

/* Writes <image>.sha256 (clear-signed) and .sha256.asc for every staged image, SHA256SUMS over everything in
 * the directory, SHA256SUMS.gpg and both keyrings; verifies all of it as a host would; syncs; renames the
 * version's files first, then the keyrings, the sums and their signature. `signer` NULL: unsigned (plain
 * SHA256SUMS only; a signature of an older list goes). BASE.nspawn appears as BASE.tar.zst.nspawn, too, when
 * there is a BASE.tar.zst. On failure the directory is as before. *ret_files: what was written, each with its
 * digest, SHA256SUMS and its signature last. */
int release_publish(Release *release, Signer *signer, ReleaseFile **ret_files, size_t *ret_n_files,
                    Error *error) _must_check_;
void release_files_free(ReleaseFile *files, size_t n_files);
