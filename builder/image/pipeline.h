/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/error.h"
#include "image/pack.h"
#include "image/piece.h"

#include <stdbool.h>

/* Blocks of one archive go in, in order; all outputs' files come out. A pool of threads compresses each block for each
 * output; whichever thread finishes the piece that an output waits for writes it and those behind it.
 *
 * Memory is bounded whatever the input's size and the number of threads: there are only so many blocks, and a
 * compression starts only when its encoder and its result fit into what is left of PIPELINE_MEMORY_BYTES. They start in
 * the order of the blocks, so the oldest can always get what it needs once those before it are written. */

#define PIPELINE_MEMORY_BYTES (UINT64_C(224) << 20)

typedef struct Block Block;
struct Block {
        uint8_t *data; /* room for BLOCK_MAX_BYTES */
        size_t size_bytes;
        /* the pipeline's own: */
        uint64_t number;
        unsigned users;     /* outputs that still need `data` */
        size_t next_output; /* the first that has not started */
        PieceInput input;
        Block *next;
};

typedef struct Pipeline Pipeline;

typedef struct PipelineOptions {
        unsigned n_threads; /* 0: as many as processors */
        BlockCache *cache;  /* borrowed; NULL: none */
        bool has_reader;    /* somebody takes all blocks with pipeline_read() */
} PipelineOptions;

/* Starts the threads. The outputs' descriptors are borrowed until pipeline_finish(). */
int pipeline_new(const PackOutput *outputs, size_t n_outputs, const PipelineOptions *options, Pipeline **ret, Error *error)
        _must_check_;
/* Stops and joins all threads, whatever they are doing. */
Pipeline *pipeline_free(Pipeline *pipeline);
static inline void pipeline_free_ptr(Pipeline **pipeline)
{
        pipeline_free(*pipeline);
}
#define _cleanup_pipeline_ _cleanup_(pipeline_free_ptr)

/* An empty block; waits until there is one. Fails with the first error of any thread. */
int pipeline_take_block(Pipeline *pipeline, Block **ret, Error *error) _must_check_;
/* The block belongs to the pipeline again. An empty one only goes back. */
void pipeline_submit(Pipeline *pipeline, Block *block);

/* For one thread beside the one that submits: the next part of the plain archive, which stays until the next call; 0
 * bytes at the end. -ECANCELED once the pipeline has stopped. The others wait when it doesn't read. */
int pipeline_read(Pipeline *pipeline, const void **ret_data, size_t *ret_size_bytes, Error *error) _must_check_;
/* Everybody gets -ECANCELED from now on, or the error that came before. */
void pipeline_stop(Pipeline *pipeline);

/* Waits until everything is written and fills in sizes and digests; `ret_tar` gets those of the plain archive. */
int pipeline_finish(Pipeline *pipeline, PackOutput *outputs, size_t n_outputs, PackOutput *ret_tar, Error *error)
        _must_check_;
