/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "image/piece.h"
#include "image/pipeline.h"

#include <pthread.h>
#include <stdbool.h>

/* Shared by pipeline.c (start, in and out) and pipeline_jobs.c (what the threads do). All functions here want the
 * lock held. */

#define THREADS_MAX 256u
/* How far an output's pieces may be ahead of the one that it waits for. */
#define RING_SLOTS 64u
#define BLOCKS_MIN 4u
#define BLOCKS_MAX 16u

typedef struct Slot {
        Piece piece;
        Block *block; /* whose data the piece borrows, or NULL */
        bool ready;
} Slot;

typedef struct Output {
        PieceMaker maker; /* without a compressor: plain tar */
        void *state;
        Sink sink;
        uint64_t next;  /* number of the piece to be written next */
        bool writing;   /* by some thread, without the lock */
        bool is_reader; /* pipeline_read() takes the pieces; nothing is written */
        bool is_read;   /* the piece `next`, at this moment */
        Slot slots[RING_SLOTS];
} Output;

struct Pipeline {
        pthread_mutex_t lock;
        pthread_cond_t changed;
        pthread_t threads[THREADS_MAX];
        unsigned n_threads;

        Output *outputs;
        size_t n_outputs;
        size_t plain_index; /* of the plain tar */

        Block *blocks[BLOCKS_MAX]; /* all of them */
        unsigned n_blocks, n_blocks_max; /* allocated; allowed */
        Block *idle;
        Block *first, *last; /* queue of those with an output that has not started */
        uint64_t n_submitted;
        uint64_t memory_free_bytes; /* for encoders and their results */

        atomic_bool stop;
        bool closed; /* no more blocks come */
        Error error; /* the first one */
};

/* Keeps the first error and stops everything. `what` was being done with the output; both may be NULL for -ENOMEM and
 * -ECANCELED. */
void pipeline_fail(Pipeline *pipeline, const Output *output, const char *what, int r);
/* What compressing this block takes; the whole of the result's buffer counts, though less may be touched. */
uint64_t pipeline_job_memory(const Output *output, const Block *block);
void pipeline_release_block(Pipeline *pipeline, Block *block);
/* What a thread does; the argument is the pipeline. */
void *pipeline_worker(void *userdata);
