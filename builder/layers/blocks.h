/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/digest.h"
#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

/* Compressed blocks of images that were packed, each under a key made from its content, its format, its level and the
 * encoder. They are beside the layers and bounded together with them, see store.h.
 *
 *     CACHE/blocks/KEY               one block; its modification time says when it was last used
 *     CACHE/blocks/.new-XXX-NUMBER   one in the making; locked, and collected once its lock is free
 *
 * Only the builder itself may look into the directory: the process that packs works with the ids of the tree, and gets
 * descriptors (block_service.h). A block is written without a sync, and read with care: its own digest stands in front of
 * it, so one that a crash or a disk has damaged is not used. */

#define BLOCK_KEY_SIZE SHA256_HEX_SIZE
#define BLOCK_DRAFT_PREFIX ".new-"

/* ------------------------------------------------------------------------------------------------ the file of a block */

typedef struct StoredBlock {
        uint8_t *data; /* owned by the caller */
        size_t size_bytes;
        uint64_t input_bytes; /* of what was compressed */
        uint64_t join;        /* what the format wants to know beside it, see image/compress.h */
} StoredBlock;

/* Writes at the offset of `fd`. Both return 0 or a negative errno. */
int stored_block_write(int fd, const char *key, const StoredBlock *block) _must_check_;
/* From the offset of `fd`; -EBADMSG when it isn't a whole, undamaged block with that key and of at most `limit_bytes`. */
int stored_block_read(int fd, const char *key, size_t limit_bytes, StoredBlock *ret) _must_check_;

/* ------------------------------------------------------------------------------------------------ the directory */

typedef struct BlockStore BlockStore;

/* Makes the directory where it is missing and removes what killed builds left in it. */
int block_store_open(const char *cache_directory, BlockStore **ret, Error *error) _must_check_;
void block_store_close(BlockStore *store);
DEFINE_CLEANUP(BlockStore, block_store_close)
#define _cleanup_block_store_ _cleanup_(block_store_close_ptr)
/* Borrowed. */
int block_store_fd(const BlockStore *store);

typedef struct BlockEntry {
        char key[BLOCK_KEY_SIZE];
        uint64_t size_bytes;
        int64_t used_sec;
} BlockEntry;

/* In no order; the caller frees. */
int block_store_list(BlockStore *store, BlockEntry **ret, size_t *ret_n_entries, Error *error) _must_check_;
/* A missing one is no error. One that is being read stays readable. */
int block_store_remove(BlockStore *store, const char *key, Error *error) _must_check_;
/* Reads it from end to end: 1 when it was damaged, and is removed. */
int block_store_verify(BlockStore *store, const char *key, Error *error) _must_check_;
