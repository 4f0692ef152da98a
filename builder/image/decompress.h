/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/cleanup.h"
#include "base/error.h"

#include <stddef.h>

/* Reads an image as the hosts do, told by its first bytes: plain, gzip, xz or zstd; each with the format's own library
 * and every checksum looked at. Stricter than they are in one thing: nothing may follow the compressed data, and gzip is
 * one member (systemd up to 257 never ends otherwise). zstd windows are limited to 2^27, as on the hosts. */

typedef struct Decompressor Decompressor;

/* From the start of `fd`, which must be seekable and is borrowed. */
int decompressor_new(int fd, Decompressor **ret, Error *error) _must_check_;
Decompressor *decompressor_free(Decompressor *decompressor);
static inline void decompressor_free_ptr(Decompressor **decompressor)
{
        decompressor_free(*decompressor);
}
#define _cleanup_decompressor_ _cleanup_(decompressor_free_ptr)

/* *ret_bytes is 0 at the end only. */
int decompressor_read(Decompressor *decompressor, void *data, size_t size_bytes, size_t *ret_bytes, Error *error)
        _must_check_;
