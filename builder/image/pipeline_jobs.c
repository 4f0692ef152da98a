/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/pipeline_internal.h"

#include <errno.h>

void pipeline_fail(Pipeline *pipeline, const Output *output, const char *what, int r)
{
        if (pipeline->error.code < 0)
                return;
        if (r == -ENOMEM)
                error_out_of_memory(&pipeline->error);
        else if (r == -ECANCELED)
                error_cancelled(&pipeline->error);
        else
                error_set_errno(&pipeline->error, -r, "Can't %s the %s", what, image_format_names[output->maker.format]);
        if (r == -ENOSPC || r == -EDQUOT)
                error_hint(&pipeline->error, "Free some space there, or choose another directory with --out");
        atomic_store(&pipeline->stop, true);
        pthread_cond_broadcast(&pipeline->changed);
}

uint64_t pipeline_job_memory(const Output *output, const Block *block)
{
        return output->maker.compressor ? output->maker.compressor->memory(output->maker.level) + block->size_bytes : 0;
}

void pipeline_release_block(Pipeline *pipeline, Block *block)
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
        if (output->is_reader)
                pthread_cond_broadcast(&pipeline->changed);
        if (output->is_reader || output->writing)
                return;
        output->writing = true;
        for (Slot *slot; (slot = &output->slots[output->next % RING_SLOTS])->ready && !pipeline->stop;) {
                pthread_mutex_unlock(&pipeline->lock);
                int r = sink_write(&output->sink, slot->piece.data, slot->piece.size_bytes);
                if (r == 0 && output->maker.compressor && output->maker.compressor->join)
                        r = output->maker.compressor->join(output->state, &slot->piece);
                pthread_mutex_lock(&pipeline->lock);
                if (r < 0) {
                        pipeline_fail(pipeline, output, "write", r);
                        break;
                }
                if (slot->block) {
                        pipeline_release_block(pipeline, slot->block);
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

        if (output->maker.compressor) {
                pthread_mutex_unlock(&pipeline->lock);
                r = piece_make(&output->maker, &block->input, &pipeline->stop, &piece);
                pthread_mutex_lock(&pipeline->lock);
        }
        if (r < 0) {
                pipeline_fail(pipeline, output, "compress", r);
                return;
        }
        *slot = (Slot){ .piece = piece, .block = output->maker.compressor ? NULL : block, .ready = true };
        if (output->maker.compressor) {
                /* what the result holds is given back when it is written */
                pipeline->memory_free_bytes += memory_bytes - piece.size_bytes;
                pipeline_release_block(pipeline, block);
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
        return block->number < output->next + RING_SLOTS && pipeline_job_memory(output, block) <= pipeline->memory_free_bytes;
}

static void start_job(Pipeline *pipeline)
{
        Block *block = pipeline->first;
        Output *output = &pipeline->outputs[block->next_output++];
        uint64_t memory_bytes = pipeline_job_memory(output, block);

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

void *pipeline_worker(void *userdata)
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
