/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/cleanup.h"
#include "base/digest.h"
#include "image/format.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

/* Compression of an archive in pieces: each block of it by itself, in any thread and any order, into a piece; the
 * pieces, in order, make the file. A piece depends on its block, the format and the level alone, so the bytes don't
 * depend on the number of threads, and a piece may as well come from a cache.
 *
 *   tar      the blocks themselves
 *   tar.gz   one member: raw deflate, each piece ends on a byte boundary, as pigz does
 *   tar.xz   one stream, a piece is a block of it with its sizes in its header (so that xz -d -T0 works in parallel)
 *   tar.zst  a frame for each piece, with content size and checksum
 *
 * No piece refers to the one before: that costs some 1 % of the size and makes pieces reusable. */

#define BLOCK_MAX_BYTES ((size_t) 8 << 20)
/* What cannot be compressed grows a little. */
#define PIECE_MAX_BYTES (BLOCK_MAX_BYTES + BLOCK_MAX_BYTES / 64)

typedef struct Piece {
        uint8_t *data; /* owned, but of IMAGE_TAR, where it is the block itself */
        size_t size_bytes;
        uint64_t input_bytes;
        uint64_t join; /* what joining needs: the CRC-32 of the input (gz), the unpadded size (xz) */
} Piece;

/* Where a file goes: to a descriptor (-1: nowhere) and into a digest. */
typedef struct Sink {
        int fd;
        Digest *digest;
        uint64_t size_bytes;
} Sink;

int sink_write(Sink *sink, const void *data, size_t size_bytes) _must_check_;

#define COMPRESSOR_IDENTITY_MAX 80

/* All functions with a result return 0 or a negative errno. */
typedef struct Compressor {
        /* All that decides about a piece beside the block and the level: the library's build, and the number of the way
         * in which it is used here, which goes up with every change that changes pieces. */
        void (*identity)(char ret[static COMPRESSOR_IDENTITY_MAX]);
        /* Upper bound of what compress() takes beside its input and output. */
        uint64_t (*memory)(int level);
        /* Stops early with -ECANCELED once `stop` is set, where that could take long. */
        int (*compress)(int level, const uint8_t *data, size_t size_bytes, const atomic_bool *stop, Piece *ret);
        /* Joining, by one thread at a time. `state` is the compressor's own; NULL functions have nothing to do. */
        int (*begin)(int level, Sink *sink, void **ret_state);
        int (*join)(void *state, const Piece *piece);
        int (*end)(void *state, Sink *sink);
        void (*free)(void *state);
} Compressor;

extern const Compressor compress_gz, compress_xz, compress_zst;

/* NULL for IMAGE_TAR. */
const Compressor *compressor_for(ImageFormat format);
