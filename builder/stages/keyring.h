/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/error.h"
#include "base/strings.h"

/* OpenPGP keyrings as programs of any age read them: gpgv and apt before 1.4 take binary ones only, recipes come with
 * armored ones as well (RFC 4880, section 6). */

#define KEYRING_LIMIT_BYTES (8u << 20)

/* The binary form of a keyring, armored blocks decoded one after the other; binary input is handed on as it is. */
int keyring_dearmor(const void *data, size_t size_bytes, Buffer *ret, Error *error) _must_check_;
int keyring_read(const char *path, Buffer *ret, Error *error) _must_check_;
