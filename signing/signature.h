/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/error.h"
#include "base/strings.h"

#include <stdint.h>

/* Checks single signatures against a keyring, by our policy: see verify.h. */

typedef struct Signature {
        char *fingerprint; /* of the primary key */
        char *user_id;
        int64_t signed_sec;
        int64_t expires_sec; /* of the signature; 0: never */
} Signature;

void signature_done(Signature *signature);
#define _cleanup_signature_ _cleanup_(signature_done)

typedef struct Verifier Verifier;

/* `keyring` is binary or armored; `name` is for messages. */
int verifier_open(const Buffer *keyring, const char *name, Verifier **ret, Error *error) _must_check_;
int verifier_open_file(const char *keyring_path, Verifier **ret, Error *error) _must_check_;
Verifier *verifier_close(Verifier *verifier);
static inline void verifier_close_ptr(Verifier **verifier)
{
        verifier_close(*verifier);
}
#define _cleanup_verifier_ _cleanup_(verifier_close_ptr)

typedef struct Signed {
        const Buffer *bytes;
        const char *name; /* for messages */
} Signed;

/* Every signature in it must be good; there is at least one. */
int verifier_check_detached(Verifier *verifier, const Signed *data, const Signed *signature, Signature *ret,
                            Error *error) _must_check_;
/* A clear-signed text that is nothing else: older hosts look for their lines in the raw file, so that a line
 * outside of what is signed would be believed. *ret_text is what is signed. */
int verifier_check_clear(Verifier *verifier, const Signed *message, Buffer *ret_text, Signature *ret,
                         Error *error) _must_check_;
