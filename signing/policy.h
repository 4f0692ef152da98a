/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/cleanup.h"

#include <gpgme.h>
#include <stdbool.h>

/* Which keys and signatures templar makes and accepts. Stricter than the hosts, whose gpg takes SHA-1,
 * RSA-1024, and expired and revoked keys (HOSTS, "Download and verification"), and never wider: what their
 * gpg (2.2 on) can't check is refused when signing. */

#define POLICY_RSA_BITS_MIN 2048

/* SHA-256, SHA-384 or SHA-512. */
bool policy_digest_accepted(gpgme_hash_algo_t algorithm);

/* Why `key` can't sign a release, as a clause ("it expired on 2024-01-01"); *ret_problem is NULL when it can.
 * Caller frees. Returns 0 or -ENOMEM. The key comes from a listing of secret keys. */
int policy_signing_problem(gpgme_key_t key, char **ret_problem) _must_check_;

/* The same for a signature that was made with the part of `key` that has this fingerprint: the primary key or
 * a subkey. Looks at the kind and length of both; gpg has looked at validity. */
int policy_signature_problem(gpgme_key_t key, const char *fingerprint, char **ret_problem) _must_check_;
