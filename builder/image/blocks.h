/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/error.h"
#include "image/pipeline.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Cuts the archive into blocks for the pipeline, in places that its members choose, so that a file which is added or
 * grows moves the boundaries near it only and later blocks stay what they were:
 *
 *  - before a member, when the block has BLOCK_MIN_BYTES and the hash of the member's path says so; the larger the
 *    member the likelier, so blocks have about BLOCK_MIN_BYTES + BLOCK_SPREAD_BYTES;
 *  - before a member that doesn't fit into BLOCK_MAX_BYTES any more;
 *  - a content that doesn't fit into one block at all starts a block of its own, behind its header, and is cut every
 *    BLOCK_MAX_BYTES.
 *
 * So a block is 5 to 8 MiB, and smaller only before large members and at the end. */

#define BLOCK_MIN_BYTES ((size_t) 5 << 20)
#define BLOCK_SPREAD_BYTES ((size_t) 3 << 19)

/* Whether a block that holds `filled_bytes` ends before a member with this path and size. */
bool block_ends_before(size_t filled_bytes, const char *path, uint64_t member_bytes);

typedef struct Blocks {
        Pipeline *pipeline; /* borrowed */
        Block *current;
        uint64_t total_bytes;
} Blocks;

/* Before the first byte of a member: the bytes of its headers, and of its content with padding. */
void blocks_start_member(Blocks *blocks, const char *path, size_t header_bytes, uint64_t content_bytes);
/* After the headers: a content that is larger than a block starts a new one. */
void blocks_start_content(Blocks *blocks, uint64_t content_bytes);

/* At least one byte of room to fill in place; tell how much was used. */
int blocks_room(Blocks *blocks, uint8_t **ret_room, size_t *ret_size_bytes, Error *error) _must_check_;
void blocks_used(Blocks *blocks, size_t size_bytes);

int blocks_put(Blocks *blocks, const void *data, size_t size_bytes, Error *error) _must_check_;
int blocks_put_zeros(Blocks *blocks, size_t size_bytes, Error *error) _must_check_;
/* Hands the last block over. */
void blocks_end(Blocks *blocks);
