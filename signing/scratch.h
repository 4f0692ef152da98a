/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/error.h"
#include "base/strings.h"
#include "signing/gnupg.h"

/* A GnuPG home of our own in the temporary directory ($TMPDIR, else /tmp), for public keys only: it starts no
 * agent, asks no key server, knows nothing of the user's keys and settings, and is removed afterwards. */

#define KEYRING_LIMIT_BYTES ((uint64_t) 16 << 20)

typedef struct Scratch {
        char *path;
        gpgme_ctx_t context;
} Scratch;

#define SCRATCH_INIT ((Scratch){ 0 })

int scratch_open(Scratch *ret, Error *error) _must_check_;
void scratch_close(Scratch *scratch);
#define _cleanup_scratch_ _cleanup_(scratch_close)

/* Adds the public keys of a keyring, binary or armored. Refuses one without a key or with a secret one.
 * `name` is for messages. */
int scratch_import(Scratch *scratch, const Buffer *keyring, const char *name, Error *error) _must_check_;

/* The keys of both keyrings (either may be empty), each once, minimal and binary, without revoked ones: the
 * hosts' gpg still accepts those, so a key is withdrawn by taking it out. */
int keyring_merge(const Buffer *first, const Buffer *second, Buffer *ret, Error *error) _must_check_;
