/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdbool.h>

/* The names in a release directory (HOSTS, "Names to publish"). */

#define NAMES_PAIR_SUFFIX ".sha256" /* clear-signed, beside an image */
#define NAMES_PAIR_SIGNATURE_SUFFIX ".sha256.asc"
#define NAMES_SETTINGS_SUFFIX ".nspawn"
#define NAMES_PROVENANCE_SUFFIX ".provenance.json"
#define NAMES_KEYRING_OLD "import-pubring.gpg" /* hosts up to 257 */
#define NAMES_KEYRING "import-pubring.pgp"     /* 258 and newer */
#define NAMES_LOCK ".lock"
#define NAMES_JOURNAL ".publishing"
#define NAMES_STAGING_PREFIX ".staging-"
#define NAMES_SETTINGS_MAX 2

/* "tar", "tar.gz" ...: NULL-terminated, what an image's name ends with after a dot. */
extern const char *const names_image_suffixes[];

/* "X.tar", "X.tar.gz", "X.tar.xz", "X.tar.zst", with X not empty. */
bool names_is_image(const char *name);
/* BASE.manifest.json and the like: what is said about the images of a version. */
bool names_is_companion(const char *name);
bool names_is_companion_suffix(const char *suffix); /* ".manifest.json" */
/* A file of a version: an image, its settings, its sums and their signature, a companion. */
bool names_is_release_file(const char *name);
/* SHA256SUMS and its signatures: files that the sums don't list. */
bool names_is_index(const char *name);
bool names_is_keyring(const char *name);

/* The names under which hosts ask for the settings of an image: X.nspawn, and X.tar.zst.nspawn for X.tar.zst,
 * of which older hosts don't strip the suffix. Returns their number (0 when memory is short); the caller
 * frees each. */
int names_settings(const char *image, char *ret_names[static NAMES_SETTINGS_MAX]);
