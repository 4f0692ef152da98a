/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/blocks.h"

#include "base/hash.h"

#include <string.h>

bool block_ends_before(size_t filled_bytes, const char *path, uint64_t member_bytes)
{
        if (filled_bytes + member_bytes > BLOCK_MAX_BYTES)
                return filled_bytes > 0;
        return filled_bytes >= BLOCK_MIN_BYTES && hash_bytes(path, strlen(path), 0) % BLOCK_SPREAD_BYTES < member_bytes;
}

static void end_block(Blocks *blocks)
{
        if (blocks->current)
                pipeline_submit(blocks->pipeline, blocks->current);
        blocks->current = NULL;
}

static size_t filled_bytes(const Blocks *blocks)
{
        return blocks->current ? blocks->current->size_bytes : 0;
}

void blocks_start_member(Blocks *blocks, const char *path, size_t header_bytes, uint64_t content_bytes)
{
        /* the content of a large member has blocks of its own */
        uint64_t member_bytes = header_bytes + (content_bytes > BLOCK_MAX_BYTES ? 0 : content_bytes);

        if (block_ends_before(filled_bytes(blocks), path, member_bytes))
                end_block(blocks);
}

void blocks_start_content(Blocks *blocks, uint64_t content_bytes)
{
        if (content_bytes > BLOCK_MAX_BYTES)
                end_block(blocks);
}

int blocks_room(Blocks *blocks, uint8_t **ret_room, size_t *ret_size_bytes, Error *error)
{
        if (filled_bytes(blocks) == BLOCK_MAX_BYTES)
                end_block(blocks);
        if (!blocks->current) {
                int r = pipeline_take_block(blocks->pipeline, &blocks->current, error);
                if (r < 0)
                        return r;
        }
        *ret_room = blocks->current->data + blocks->current->size_bytes;
        *ret_size_bytes = BLOCK_MAX_BYTES - blocks->current->size_bytes;
        return 0;
}

void blocks_used(Blocks *blocks, size_t size_bytes)
{
        blocks->current->size_bytes += size_bytes;
        blocks->total_bytes += size_bytes;
}

/* `data` NULL: zeros. */
static int put(Blocks *blocks, const uint8_t *data, size_t size_bytes, Error *error)
{
        while (size_bytes > 0) {
                uint8_t *room;
                size_t n;
                int r = blocks_room(blocks, &room, &n, error);
                if (r < 0)
                        return r;
                if (n > size_bytes)
                        n = size_bytes;
                if (data) {
                        memcpy(room, data, n);
                        data += n;
                } else {
                        memset(room, 0, n);
                }
                blocks_used(blocks, n);
                size_bytes -= n;
        }
        return 0;
}

int blocks_put(Blocks *blocks, const void *data, size_t size_bytes, Error *error)
{
        return put(blocks, data, size_bytes, error);
}

int blocks_put_zeros(Blocks *blocks, size_t size_bytes, Error *error)
{
        return put(blocks, NULL, size_bytes, error);
}

void blocks_end(Blocks *blocks)
{
        end_block(blocks);
}
