/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/cleanup.h"
#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

/* SHA-256 through libcrypto, which uses the processor's own instructions where it has them. */

#define SHA256_BYTES 32
#define SHA256_HEX_SIZE (2 * SHA256_BYTES + 1)

typedef struct Digest Digest;

int digest_new(Digest **ret) _must_check_;
void digest_free(Digest *digest);
DEFINE_CLEANUP(Digest, digest_free)
#define _cleanup_digest_ _cleanup_(digest_free_ptr)

int digest_add(Digest *digest, const void *data, size_t size_bytes) _must_check_;
/* Adds a field so that no two different sequences of fields give the same bytes (length, then text). */
int digest_add_field(Digest *digest, const char *text) _must_check_;
/* Lower-case hexadecimal; the digest can't be added to afterwards. */
int digest_finish(Digest *digest, char ret_hex[static SHA256_HEX_SIZE]) _must_check_;

int digest_buffer(const void *data, size_t size_bytes, char ret_hex[static SHA256_HEX_SIZE]) _must_check_;
/* From the current offset to the end. */
int digest_descriptor(int fd, uint64_t *ret_size_bytes, char ret_hex[static SHA256_HEX_SIZE]) _must_check_;
int digest_file(int directory_fd, const char *path, uint64_t *ret_size_bytes, char ret_hex[static SHA256_HEX_SIZE],
                Error *error) _must_check_;
