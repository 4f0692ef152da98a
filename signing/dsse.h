/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/error.h"
#include "base/strings.h"
#include "signing/sign.h"
#include "signing/signature.h"

/* DSSE envelopes: {"payload": base64, "payloadType": ..., "signatures": [{"keyid": ..., "sig": base64}]}. What is signed is
 * not the envelope, but the type and the payload in front of each other (PAE). A signature is a binary detached OpenPGP
 * signature, keyid the fingerprint of its primary key (a hint, never relied upon).
 *
 * Source: https://github.com/secure-systems-lab/dsse, protocol.md and envelope.md, version 1. */

#define DSSE_IN_TOTO "application/vnd.in-toto+json"
#define DSSE_LIMIT_BYTES ((uint64_t) 64 << 20)

/* PAE(type, body). */
int dsse_encode(const char *type, const void *payload, size_t size_bytes, Buffer *ret) _must_check_;

/* The envelope with one signature, on one line with a line feed. */
int dsse_sign(Signer *signer, const char *type, const void *payload, size_t size_bytes, Buffer *ret, Error *error)
        _must_check_;

/* The payload of an envelope of that type; every signature is good by our policy, and there is at least one. `envelope` is
 * a hostile text; its name is for messages. */
int dsse_open(Verifier *verifier, const Signed *envelope, const char *type, Buffer *ret_payload, Signature *ret,
              Error *error) _must_check_;
