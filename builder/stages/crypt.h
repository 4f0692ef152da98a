/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/error.h"

#include <stdbool.h>

/* Password hashes in the forms of crypt(5). */

/* 0 for a hash that may stand in a recipe. Else an error that says why not: plain text, or a method that is broken
 * (DES, MD5); the hint says how a hash is made. The code is -EKEYREJECTED, for the value may be a password that was
 * meant to stay secret: it must not be shown. */
int crypt_check_hash(const char *hash, Error *error) _must_check_;

#define CRYPT_HASH_MAX_BYTES 384

/* Hashes with yescrypt, or SHA-512 for systems whose libcrypt knows no yescrypt. The salt comes from `context` and
 * `user` only: the same image built twice has the same bytes, and the salt says nothing of the password. */
int crypt_hash_password(const char *password, bool yescrypt, const char *context, const char *user,
                        char ret_hash[static CRYPT_HASH_MAX_BYTES], Error *error) _must_check_;
