/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/error.h"
#include "base/strings.h"

/* OpenPGP signatures through gpgme: the user's own agent and cards do the work, no secret passes through
 * templar. */

typedef struct Signer Signer;

/* `key`: fingerprint, key id or user id of a secret key in `gnupg_home` (NULL: the user's own). Refused, with
 * the reason: no such key, more than one, expired, revoked, disabled, cannot sign, RSA or DSA below 2048
 * bits, and anything that the hosts' gpg can't check. The signer holds the home (see home.h) until it is
 * closed. Exactly one signature by one key is ever made: a second one by a key that a host lacks fails its
 * pull. */
int signer_open(const char *gnupg_home, const char *key, Signer **ret, Error *error) _must_check_;
/* The same with the development key of that home, which is made if need be (see keys.h). */
int signer_open_development(const char *gnupg_home, Signer **ret, Error *error) _must_check_;
Signer *signer_close(Signer *signer);
static inline void signer_close_ptr(Signer **signer)
{
        signer_close(*signer);
}
#define _cleanup_signer_ _cleanup_(signer_close_ptr)

const char *signer_fingerprint(const Signer *signer);
const char *signer_user_id(const Signer *signer);

typedef enum SignatureForm {
        SIGNATURE_CLEAR,
        SIGNATURE_DETACHED_ARMORED,
        SIGNATURE_DETACHED_BINARY
} SignatureForm;
/* SHA-256 or better. */
int signer_sign(Signer *signer, SignatureForm form, const void *data, size_t size_bytes, Buffer *ret,
                Error *error) _must_check_;
/* The public key, minimal, binary: what goes into import-pubring.gpg. */
int signer_export(Signer *signer, Buffer *ret, Error *error) _must_check_;
