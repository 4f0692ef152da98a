/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "image/compress.h"
#include "layers/block_service.h"

#include <pthread.h>

/* A block's piece in one format: from the cache, or compressed and then kept there. */

/* The bytes of a block. Its digest is made once, by the first who wants to know. */
typedef struct PieceInput {
        const uint8_t *data; /* borrowed */
        size_t size_bytes;
        pthread_mutex_t lock;
        char sha256[SHA256_HEX_SIZE]; /* "" while it isn't known */
} PieceInput;

typedef struct PieceMaker {
        const Compressor *compressor;
        ImageFormat format;
        int level;
        BlockCache *cache; /* borrowed; NULL: none */
} PieceMaker;

/* 0 or a negative errno; *ret owns its data. */
int piece_make(const PieceMaker *maker, PieceInput *input, const atomic_bool *stop, Piece *ret) _must_check_;
