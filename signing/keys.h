/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/error.h"
#include "base/strings.h"

#include <gpgme.h>
#include <stdbool.h>
#include <stdint.h>

/* Keys for signing releases: making, listing, exporting. */

#define KEYS_DEVELOPMENT_USER_ID "templar development key (not for releases)"

typedef struct Key {
        char *fingerprint, *user_id, *algorithm; /* "ed25519", "rsa3072" */
        int64_t created_sec, expires_sec;        /* 0: never */
        bool development;
        char *problem; /* why signer_open() would refuse it; NULL: fit to sign */
} Key;

void keys_free(Key *keys, size_t n_keys);

typedef struct KeyNew {
        const char *user_id;
        const char *algorithm; /* NULL: ed25519, which every host's gpg reads */
        uint64_t expires_sec;  /* from now; 0: never */
        bool without_passphrase;
} KeyNew;

int keys_new(const char *gnupg_home, const KeyNew *options, char **ret_fingerprint,
             Error *error) _must_check_;
int keys_list(const char *gnupg_home, Key **ret, size_t *ret_n_keys, Error *error) _must_check_;
/* Binary unless `armored`; several fingerprints make one keyring (for rotation). */
int keys_export(const char *gnupg_home, char *const *fingerprints, bool armored, Buffer *ret,
                Error *error) _must_check_;
/* The development key in `gnupg_home`, made on first use (mode 0700, no passphrase, marked in its user id).
 */
int keys_development(const char *gnupg_home, char **ret_fingerprint, Error *error) _must_check_;
/* Its two halves, for who works on in the same home: makes the home and takes a lock on it, as long as *ret_fd is open;
 * finds or makes the key. */
int keys_development_lock(const char *gnupg_home, int *ret_fd, Error *error) _must_check_;
int keys_development_in(gpgme_ctx_t context, char **ret_fingerprint, Error *error) _must_check_;
