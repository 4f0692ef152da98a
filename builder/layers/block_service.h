/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "layers/blocks.h"

#include <stdbool.h>
#include <sys/types.h>

/* The block store for a process that may not look into it: a small process with the builder's ids opens, names and removes
 * its files, and hands descriptors over a socket (SOCK_SEQPACKET, SCM_RIGHTS). It can be asked for keys only, so whoever
 * holds the socket reaches nothing but blocks. */

typedef struct BlockService {
        pid_t pid;
        int socket_fd; /* for the process that packs; -1: no service */
} BlockService;

#define BLOCK_SERVICE_INIT ((BlockService){ .pid = -1, .socket_fd = -1 })

/* The store is borrowed. */
int block_service_start(const BlockStore *store, BlockService *ret, Error *error) _must_check_;
/* Closes the socket and waits for the end of the process, which comes when all copies of the socket are closed. */
void block_service_stop(BlockService *service);
#define _cleanup_block_service_ _cleanup_(block_service_stop)

/* The other side. All functions may be called by several threads at once. It is a cache: what fails is a miss. */
typedef struct BlockCache BlockCache;

/* The socket is borrowed. NULL when memory is short. */
BlockCache *block_cache_new(int socket_fd);
void block_cache_free(BlockCache *cache);
DEFINE_CLEANUP(BlockCache, block_cache_free)
#define _cleanup_block_cache_ _cleanup_(block_cache_free_ptr)

/* Whether the block is there and undamaged, and of at most `limit_bytes`; marks it as used. */
bool block_cache_find(BlockCache *cache, const char *key, size_t limit_bytes, StoredBlock *ret);
/* After a write that failed (no space left) nothing more is stored. */
void block_cache_store(BlockCache *cache, const char *key, const StoredBlock *block);
