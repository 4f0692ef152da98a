/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/strings.h"

/* Base64 (RFC 4648). Encoding writes the standard alphabet with padding, on one line. Decoding takes the URL-safe alphabet,
 * too, and text without padding, but nothing else: no white space, no bits that are left over. */

int base64_encode(const void *data, size_t size_bytes, Buffer *ret) _must_check_;
/* -EBADMSG: it is no base64. *ret is unchanged on failure. */
int base64_decode(const char *text, size_t length, Buffer *ret) _must_check_;
