/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/pipeline.h"

#include "base/cancel.h"

#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <time.h>

#define THREADS_MAX 256u
/* How far an output's pieces may be ahead of the one that it waits for. */
#define RING_SLOTS 64u
#define BLOCKS_MIN 4u
#define BLOCKS_MAX 16u
/* malloc() gives larger buffers back to the system at once when they are freed. */
#define MMAP_THRESHOLD_BYTES (1 << 20)
#define CANCEL_POLL_NSEC 100000000

typedef struct Slot {
        Piece piece;
        Block *block; /* whose data the piece borrows, or NULL */
        bool ready;
} Slot;

typedef struct Output {
        ImageFormat format;
        int level;
        const Compressor *compressor; /* NULL: plain tar */
        void *state;
        Sink sink;
        uint64_t next;  /* number of the piece to be written next */
        bool writing;   /* by some thread, without the lock */
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

static void fail(Pipeline *pipeline, const Output *output, const char *what, int r)
{
        if (pipeline->error.code < 0)
                return;
        if (r == -ENOMEM)
                error_out_of_memory(&pipeline->error);
        else if (r == -ECANCELED)
                error_cancelled(&pipeline->error);
        else
                error_set_errno(&pipeline->error, -r, "Can't %s the %s", what, image_format_names[output->format]);
        if (r == -ENOSPC || r == -EDQUOT)
                error_hint(&pipeline->error, "Free some space there, or choose another directory with --out");
        atomic_store(&pipeline->stop, true);
        pthread_cond_broadcast(&pipeline->changed);
}

/* What compressing this block takes; the whole of the result's buffer counts, though less may be touched. */
static uint64_t job_memory(const Output *output, const Block *block)
{
        return output->compressor ? output->compressor->memory(output->level) + block->size_bytes : 0;
}

static void release_block(Pipeline *pipeline, Block *block)
{
        if (--block->users > 0)
                return;
        block->next = pipeline->idle;
        pipeline->idle = block;
        pthread_cond_broadcast(&pipeline->changed);
}

/* With the lock held; writing is done without it. */
static void write_ready(Pipeline *pipeline, Output *output)
{
        if (output->writing)
                return;
        output->writing = true;
        for (Slot *slot; (slot = &output->slots[output->next % RING_SLOTS])->ready && !pipeline->stop;) {
                pthread_mutex_unlock(&pipeline->lock);
                int r = sink_write(&output->sink, slot->piece.data, slot->piece.size_bytes);
                if (r == 0 && output->compressor && output->compressor->join)
                        r = output->compressor->join(output->state, &slot->piece);
                pthread_mutex_lock(&pipeline->lock);
                if (r < 0) {
                        fail(pipeline, output, "write", r);
                        break;
                }
                if (slot->block) {
                        release_block(pipeline, slot->block);
                } else {
                        free(slot->piece.data);
                        pipeline->memory_free_bytes += slot->piece.size_bytes;
                }
                *slot = (Slot){ 0 };
                output->next++;
                pthread_cond_broadcast(&pipeline->changed);
        }
        output->writing = false;
}

/* With the lock held; compressing is done without it. `memory_bytes` was taken from the pipeline's. */
static void run_job(Pipeline *pipeline, Output *output, Block *block, uint64_t memory_bytes)
{
        Slot *slot = &output->slots[block->number % RING_SLOTS];
        Piece piece = { .data = block->data, .size_bytes = block->size_bytes, .input_bytes = block->size_bytes };
        int r = 0;

        if (output->compressor) {
                pthread_mutex_unlock(&pipeline->lock);
                r = output->compressor->compress(output->level, block->data, block->size_bytes, &pipeline->stop,
                                                 &piece);
                pthread_mutex_lock(&pipeline->lock);
        }
        if (r < 0) {
                fail(pipeline, output, "compress", r);
                return;
        }
        *slot = (Slot){ .piece = piece, .block = output->compressor ? NULL : block, .ready = true };
        if (output->compressor) {
                /* what the result holds is given back when it is written */
                pipeline->memory_free_bytes += memory_bytes - piece.size_bytes;
                release_block(pipeline, block);
                pthread_cond_broadcast(&pipeline->changed);
        }
        write_ready(pipeline, output);
}

/* Whether the first job in the queue may start now. */
static bool can_start(const Pipeline *pipeline)
{
        const Block *block = pipeline->first;

        if (!block)
                return false;
        const Output *output = &pipeline->outputs[block->next_output];
        return block->number < output->next + RING_SLOTS && job_memory(output, block) <= pipeline->memory_free_bytes;
}

static void start_job(Pipeline *pipeline)
{
        Block *block = pipeline->first;
        Output *output = &pipeline->outputs[block->next_output++];
        uint64_t memory_bytes = job_memory(output, block);

        if (block->next_output == pipeline->n_outputs) {
                pipeline->first = block->next;
                if (!pipeline->first)
                        pipeline->last = NULL;
        }
        pipeline->memory_free_bytes -= memory_bytes;
        /* others may find that the next one may start as well */
        pthread_cond_broadcast(&pipeline->changed);
        run_job(pipeline, output, block, memory_bytes);
}

static void *worker(void *userdata)
{
        Pipeline *pipeline = userdata;

        pthread_mutex_lock(&pipeline->lock);
        while (!pipeline->stop && (pipeline->first || !pipeline->closed)) {
                if (can_start(pipeline))
                        start_job(pipeline);
                else
                        pthread_cond_wait(&pipeline->changed, &pipeline->lock);
        }
        pthread_mutex_unlock(&pipeline->lock);
        return NULL;
}

static void join_threads(Pipeline *pipeline)
{
        while (pipeline->n_threads > 0)
                pthread_join(pipeline->threads[--pipeline->n_threads], NULL);
}

/* Signals are the calling thread's. */
static int start_threads(Pipeline *pipeline, unsigned n_threads)
{
        sigset_t all, before;
        int r = 0;

        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before);
        while (pipeline->n_threads < n_threads && r == 0) {
                r = pthread_create(&pipeline->threads[pipeline->n_threads], NULL, worker, pipeline);
                if (r == 0)
                        pipeline->n_threads++;
        }
        pthread_sigmask(SIG_SETMASK, &before, NULL);
        return pipeline->n_threads > 0 ? 0 : -r; /* fewer threads do the same work */
}

static unsigned count_processors(void)
{
        cpu_set_t set;

        return sched_getaffinity(0, sizeof set, &set) == 0 ? (unsigned) CPU_COUNT(&set) : 1;
}

/* Some blocks for the threads and a few to read ahead, but never so many that fewer than three of the largest jobs
 * (or as many as there are threads) could run. */
static void divide_memory(Pipeline *pipeline, unsigned n_threads)
{
        uint64_t largest = 0, jobs = n_threads < 3 ? n_threads : 3;

        for (size_t i = 0; i < pipeline->n_outputs; i++) {
                uint64_t needed = job_memory(&pipeline->outputs[i], &(Block){ .size_bytes = BLOCK_MAX_BYTES });
                if (needed > largest)
                        largest = needed;
        }
        uint64_t left = PIPELINE_MEMORY_BYTES > jobs * largest ? PIPELINE_MEMORY_BYTES - jobs * largest : 0;
        uint64_t blocks = left / BLOCK_MAX_BYTES;
        if (blocks > n_threads + 3)
                blocks = n_threads + 3;
        if (blocks > BLOCKS_MAX)
                blocks = BLOCKS_MAX;
        if (blocks < BLOCKS_MIN)
                blocks = BLOCKS_MIN;
        pipeline->n_blocks_max = (unsigned) blocks;
        pipeline->memory_free_bytes = PIPELINE_MEMORY_BYTES - blocks * BLOCK_MAX_BYTES;
}

static int open_output(Output *output, ImageFormat format, int level, int fd)
{
        int r = digest_new(&output->sink.digest);

        output->format = format;
        output->level = level == IMAGE_LEVEL_DEFAULT ? image_format_default_level(format) : level;
        output->compressor = compressor_for(format);
        output->sink.fd = fd;
        if (r == 0 && output->compressor && output->compressor->begin)
                r = output->compressor->begin(output->level, &output->sink, &output->state);
        return r;
}

/* One more than was asked for when a plain tar is not among them: its digest is always wanted. */
static int open_outputs(Pipeline *pipeline, const PackOutput *outputs, size_t n_outputs, Error *error)
{
        bool plain = false;
        int r = 0;

        pipeline->outputs = calloc(n_outputs + 1, sizeof *pipeline->outputs);
        if (!pipeline->outputs)
                return error_out_of_memory(error);
        for (size_t i = 0; i < n_outputs && r == 0; i++) {
                if (outputs[i].format == IMAGE_TAR && !plain) {
                        plain = true;
                        pipeline->plain_index = i;
                }
                r = open_output(&pipeline->outputs[pipeline->n_outputs++], outputs[i].format, outputs[i].level,
                                outputs[i].fd);
                if (r < 0)
                        fail(pipeline, &pipeline->outputs[i], "write", r);
        }
        if (r == 0 && !plain) {
                pipeline->plain_index = pipeline->n_outputs;
                r = open_output(&pipeline->outputs[pipeline->n_outputs++], IMAGE_TAR, 0, -1);
                if (r < 0)
                        fail(pipeline, &pipeline->outputs[pipeline->plain_index], "digest", r);
        }
        return r < 0 ? error_move(error, &pipeline->error) : 0;
}

int pipeline_new(const PackOutput *outputs, size_t n_outputs, unsigned n_threads, Pipeline **ret, Error *error)
{
        _cleanup_pipeline_ Pipeline *pipeline = calloc(1, sizeof *pipeline);

        if (!pipeline)
                return error_out_of_memory(error);
        pthread_mutex_init(&pipeline->lock, NULL);
        pthread_cond_init(&pipeline->changed, NULL);
        /* otherwise the threshold grows with every large buffer, and freed ones stay in each thread's arena */
        mallopt(M_MMAP_THRESHOLD, MMAP_THRESHOLD_BYTES);
        int r = open_outputs(pipeline, outputs, n_outputs, error);
        if (r < 0)
                return r;
        if (n_threads == 0)
                n_threads = count_processors();
        if (n_threads > THREADS_MAX)
                n_threads = THREADS_MAX;
        divide_memory(pipeline, n_threads);
        r = start_threads(pipeline, n_threads);
        if (r < 0)
                return error_set_errno(error, -r, "Can't start a thread");
        *ret = TAKE_PTR(pipeline);
        return 0;
}

Pipeline *pipeline_free(Pipeline *pipeline)
{
        if (!pipeline)
                return NULL;
        pthread_mutex_lock(&pipeline->lock);
        atomic_store(&pipeline->stop, true);
        pthread_cond_broadcast(&pipeline->changed);
        pthread_mutex_unlock(&pipeline->lock);
        join_threads(pipeline);
        for (size_t i = 0; i < pipeline->n_outputs; i++) {
                Output *output = &pipeline->outputs[i];
                for (size_t j = 0; j < RING_SLOTS; j++)
                        if (!output->slots[j].block)
                                free(output->slots[j].piece.data);
                if (output->compressor && output->compressor->free)
                        output->compressor->free(output->state);
                digest_free(output->sink.digest);
        }
        for (unsigned i = 0; i < pipeline->n_blocks; i++) {
                free(pipeline->blocks[i]->data);
                free(pipeline->blocks[i]);
        }
        free(pipeline->outputs);
        error_done(&pipeline->error);
        pthread_cond_destroy(&pipeline->changed);
        pthread_mutex_destroy(&pipeline->lock);
        free(pipeline);
        return NULL;
}

/* Waits for a change; now and then it looks for a signal, whose handler can't wake anybody here. */
static void wait_for_change(Pipeline *pipeline)
{
        struct timespec until;

        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_nsec += CANCEL_POLL_NSEC;
        if (until.tv_nsec >= 1000000000) {
                until.tv_nsec -= 1000000000;
                until.tv_sec++;
        }
        pthread_cond_clockwait(&pipeline->changed, &pipeline->lock, CLOCK_MONOTONIC, &until);
        if (cancel_signal())
                fail(pipeline, NULL, NULL, -ECANCELED);
}

static Block *add_block(Pipeline *pipeline)
{
        _cleanup_free_ Block *block = calloc(1, sizeof *block);

        if (!block)
                return NULL;
        block->data = malloc(BLOCK_MAX_BYTES);
        if (!block->data)
                return NULL;
        pipeline->blocks[pipeline->n_blocks++] = block;
        return TAKE_PTR(block);
}

/* With the lock held. */
static Block *take_idle(Pipeline *pipeline)
{
        while (!pipeline->stop) {
                Block *block = pipeline->idle;
                if (block) {
                        pipeline->idle = block->next;
                        return block;
                }
                if (pipeline->n_blocks < pipeline->n_blocks_max) {
                        block = add_block(pipeline);
                        if (block)
                                return block;
                        fail(pipeline, NULL, NULL, -ENOMEM);
                } else {
                        wait_for_change(pipeline);
                }
        }
        return NULL;
}

int pipeline_take_block(Pipeline *pipeline, Block **ret, Error *error)
{
        int r = 0;

        pthread_mutex_lock(&pipeline->lock);
        Block *block = take_idle(pipeline);
        if (block)
                block->size_bytes = 0;
        else
                r = error_move(error, &pipeline->error);
        pthread_mutex_unlock(&pipeline->lock);
        *ret = block;
        return r;
}

void pipeline_submit(Pipeline *pipeline, Block *block)
{
        pthread_mutex_lock(&pipeline->lock);
        block->users = (unsigned) pipeline->n_outputs;
        block->next_output = 0;
        block->next = NULL;
        if (block->size_bytes == 0) {
                block->users = 1;
                release_block(pipeline, block);
        } else {
                block->number = pipeline->n_submitted++;
                if (pipeline->last)
                        pipeline->last->next = block;
                else
                        pipeline->first = block;
                pipeline->last = block;
        }
        pthread_cond_broadcast(&pipeline->changed);
        pthread_mutex_unlock(&pipeline->lock);
}

static bool all_written(const Pipeline *pipeline)
{
        for (size_t i = 0; i < pipeline->n_outputs; i++)
                if (pipeline->outputs[i].next < pipeline->n_submitted)
                        return false;
        return true;
}

static int end_output(Pipeline *pipeline, Output *output, PackOutput *ret)
{
        int r = output->compressor && output->compressor->end ? output->compressor->end(output->state, &output->sink)
                                                              : 0;
        if (r == 0)
                r = digest_finish(output->sink.digest, ret->sha256);
        if (r < 0)
                fail(pipeline, output, "write", r);
        ret->size_bytes = output->sink.size_bytes;
        return r;
}

int pipeline_finish(Pipeline *pipeline, PackOutput *outputs, size_t n_outputs, PackOutput *ret_tar, Error *error)
{
        PackOutput tar = { 0 };

        pthread_mutex_lock(&pipeline->lock);
        pipeline->closed = true;
        pthread_cond_broadcast(&pipeline->changed);
        while (!pipeline->stop && !all_written(pipeline))
                wait_for_change(pipeline);
        pthread_mutex_unlock(&pipeline->lock);
        join_threads(pipeline);
        for (size_t i = 0; i < pipeline->n_outputs && !pipeline->stop; i++) {
                int r = end_output(pipeline, &pipeline->outputs[i], i < n_outputs ? &outputs[i] : &tar);
                if (r == 0 && i == pipeline->plain_index && i < n_outputs)
                        tar = outputs[i];
        }
        if (pipeline->error.code < 0)
                return error_move(error, &pipeline->error);
        *ret_tar = tar;
        return 0;
}
