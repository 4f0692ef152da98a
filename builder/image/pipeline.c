/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/pipeline.h"

#include "base/cancel.h"
#include "image/pipeline_internal.h"

#include <errno.h>
#include <malloc.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <time.h>

/* malloc() gives larger buffers back to the system at once when they are freed. */
#define MMAP_THRESHOLD_BYTES (1 << 20)
#define CANCEL_POLL_NSEC 100000000

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
                r = pthread_create(&pipeline->threads[pipeline->n_threads], NULL, pipeline_worker, pipeline);
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
                uint64_t needed = pipeline_job_memory(&pipeline->outputs[i], &(Block){ .size_bytes = BLOCK_MAX_BYTES });
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

static int open_output(Output *output, ImageFormat format, int level, int fd, BlockCache *cache)
{
        const Compressor *compressor = compressor_for(format);
        int r = digest_new(&output->sink.digest);

        if (level == IMAGE_LEVEL_DEFAULT)
                level = image_format_default_level(format);
        output->maker = (PieceMaker){ .compressor = compressor, .format = format, .level = level, .cache = cache };
        output->sink.fd = fd;
        if (r == 0 && compressor && compressor->begin)
                r = compressor->begin(level, &output->sink, &output->state);
        return r;
}

/* Outputs of the pipeline's own: the plain tar where it is not asked for, as its digest is always wanted, and the
 * reader. */
static int add_plain(Pipeline *pipeline, Error *error)
{
        Output *output = &pipeline->outputs[pipeline->n_outputs++];

        if (open_output(output, IMAGE_TAR, 0, -1, NULL) < 0)
                return error_out_of_memory(error);
        return 0;
}

static int open_outputs(Pipeline *pipeline, const PackOutput *outputs, size_t n_outputs, const PipelineOptions *options,
                        Error *error)
{
        bool plain = false;
        int r = 0;

        pipeline->outputs = calloc(n_outputs + 2, sizeof *pipeline->outputs);
        if (!pipeline->outputs)
                return error_out_of_memory(error);
        for (size_t i = 0; i < n_outputs; i++) {
                if (outputs[i].format == IMAGE_TAR && !plain) {
                        plain = true;
                        pipeline->plain_index = i;
                }
                r = open_output(&pipeline->outputs[pipeline->n_outputs++], outputs[i].format, outputs[i].level,
                                outputs[i].fd, options->cache);
                if (r < 0) {
                        pipeline_fail(pipeline, &pipeline->outputs[i], "write", r);
                        return error_move(error, &pipeline->error);
                }
        }
        if (!plain) {
                pipeline->plain_index = pipeline->n_outputs;
                r = add_plain(pipeline, error);
        }
        if (r == 0 && options->has_reader) {
                pipeline->outputs[pipeline->n_outputs].is_reader = true;
                r = add_plain(pipeline, error);
        }
        return r;
}

int pipeline_new(const PackOutput *outputs, size_t n_outputs, const PipelineOptions *options, Pipeline **ret, Error *error)
{
        unsigned n_threads = options->n_threads;
        _cleanup_pipeline_ Pipeline *pipeline = calloc(1, sizeof *pipeline);

        if (!pipeline)
                return error_out_of_memory(error);
        pthread_mutex_init(&pipeline->lock, NULL);
        pthread_cond_init(&pipeline->changed, NULL);
        /* otherwise the threshold grows with every large buffer, and freed ones stay in each thread's arena */
        mallopt(M_MMAP_THRESHOLD, MMAP_THRESHOLD_BYTES);
        int r = open_outputs(pipeline, outputs, n_outputs, options, error);
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
                if (output->maker.compressor && output->maker.compressor->free)
                        output->maker.compressor->free(output->state);
                digest_free(output->sink.digest);
        }
        for (unsigned i = 0; i < pipeline->n_blocks; i++) {
                pthread_mutex_destroy(&pipeline->blocks[i]->input.lock);
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
                pipeline_fail(pipeline, NULL, NULL, -ECANCELED);
}

static Block *add_block(Pipeline *pipeline)
{
        _cleanup_free_ Block *block = calloc(1, sizeof *block);

        if (!block)
                return NULL;
        block->data = malloc(BLOCK_MAX_BYTES);
        if (!block->data)
                return NULL;
        pthread_mutex_init(&block->input.lock, NULL);
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
                        pipeline_fail(pipeline, NULL, NULL, -ENOMEM);
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
        block->input.data = block->data;
        block->input.size_bytes = block->size_bytes;
        block->input.sha256[0] = '\0';
        if (block->size_bytes == 0) {
                block->users = 1;
                pipeline_release_block(pipeline, block);
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

/* With the lock held: gives back what was read last. */
static void end_read(Pipeline *pipeline, Output *output)
{
        if (!output->is_read)
                return;
        Slot *slot = &output->slots[output->next++ % RING_SLOTS];
        pipeline_release_block(pipeline, slot->block);
        *slot = (Slot){ 0 };
        output->is_read = false;
        pthread_cond_broadcast(&pipeline->changed);
}

int pipeline_read(Pipeline *pipeline, const void **ret_data, size_t *ret_size_bytes, Error *error)
{
        Output *output = &pipeline->outputs[pipeline->n_outputs - 1];

        pthread_mutex_lock(&pipeline->lock);
        end_read(pipeline, output);
        const Slot *slot = &output->slots[output->next % RING_SLOTS];
        while (!pipeline->stop && !slot->ready && !(pipeline->closed && output->next == pipeline->n_submitted))
                pthread_cond_wait(&pipeline->changed, &pipeline->lock);
        bool stopped = pipeline->stop;
        output->is_read = !stopped && slot->ready;
        *ret_data = slot->piece.data;
        *ret_size_bytes = slot->piece.size_bytes;
        pthread_mutex_unlock(&pipeline->lock);
        return stopped ? error_cancelled(error) : 0;
}

void pipeline_stop(Pipeline *pipeline)
{
        pthread_mutex_lock(&pipeline->lock);
        pipeline_fail(pipeline, NULL, NULL, -ECANCELED);
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
        int r = output->maker.compressor && output->maker.compressor->end ? output->maker.compressor->end(output->state, &output->sink)
                                                              : 0;
        if (r == 0)
                r = digest_finish(output->sink.digest, ret->sha256);
        if (r < 0)
                pipeline_fail(pipeline, output, "write", r);
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
        for (size_t i = 0; i < pipeline->n_outputs && !pipeline->stop && !pipeline->outputs[i].is_reader; i++) {
                int r = end_output(pipeline, &pipeline->outputs[i], i < n_outputs ? &outputs[i] : &tar);
                if (r == 0 && i == pipeline->plain_index && i < n_outputs)
                        tar = outputs[i];
        }
        if (pipeline->error.code < 0)
                return error_move(error, &pipeline->error);
        *ret_tar = tar;
        return 0;
}
