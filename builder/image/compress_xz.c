/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/compress.h"

#include "image/library.h"

#include <errno.h>
#include <lzma.h>
#include <stdbool.h>

/* The .xz file format, version 1.1.0: one stream, whose blocks are made here one by one, then index and footer. */

/* Half the largest block. The larger half would save 0.2 % of the size, and double the encoder's memory (11 times the
 * dictionary) so that half as many could run at once. */
#define DICTIONARY_MAX_BYTES (4u << 20)
#define CHECK LZMA_CHECK_CRC64
/* Input between two looks at `stop`: some tenths of a second. */
#define SLICE_BYTES ((size_t) 1 << 19)
/* Calls and jumps for each 1024 bytes from which the x86 filter is used. Measured on blocks of a Debian system: from
 * here on it saves up to 8 % and costs 2 % at worst, below it rather costs (up to 7 %). */
#define CALLS_PER_KIB 6

typedef struct XzState {
        lzma_index *index;
} XzState;

typedef struct XzFilters {
        lzma_options_lzma lzma;
        lzma_filter chain[3];
} XzFilters;

/* Whether this is mostly machine code of x86, 32 or 64 bits: E8 and E9 are call and jmp with a distance of 32 bits,
 * whose last byte is a sign. Looking at the bytes and not at ELF headers, the choice depends on the block alone. */
static bool is_x86_code(const uint8_t *data, size_t size_bytes)
{
        size_t calls = 0;

        for (size_t i = 0; i + 4 < size_bytes; i++)
                calls += (data[i] & 0xfe) == 0xe8 && (uint8_t) (data[i + 4] + 1) < 2;
        return calls > size_bytes / 1024 * CALLS_PER_KIB;
}

static int set_filters(XzFilters *filters, int level, size_t size_bytes, bool x86)
{
        size_t n = 0;

        if (lzma_lzma_preset(&filters->lzma, (uint32_t) level))
                return -EINVAL;
        uint32_t wanted = size_bytes < LZMA_DICT_SIZE_MIN ? LZMA_DICT_SIZE_MIN : (uint32_t) size_bytes;
        if (wanted > DICTIONARY_MAX_BYTES)
                wanted = DICTIONARY_MAX_BYTES;
        if (filters->lzma.dict_size > wanted)
                filters->lzma.dict_size = wanted;
        if (x86)
                filters->chain[n++] = (lzma_filter){ .id = LZMA_FILTER_X86 };
        filters->chain[n++] = (lzma_filter){ .id = LZMA_FILTER_LZMA2, .options = &filters->lzma };
        filters->chain[n] = (lzma_filter){ .id = LZMA_VLI_UNKNOWN };
        return 0;
}

static void xz_identity(char ret[static COMPRESSOR_IDENTITY_MAX])
{
        char build[COMPRESSOR_IDENTITY_MAX - 8];

        library_identity((const void *) (uintptr_t) lzma_code, lzma_version_string(), build, sizeof build);
        snprintf(ret, COMPRESSOR_IDENTITY_MAX, "%s, 1", build);
}

static uint64_t xz_memory(int level)
{
        XzFilters filters;

        if (set_filters(&filters, level, BLOCK_MAX_BYTES, true) < 0)
                return UINT64_MAX;
        return lzma_raw_encoder_memusage(filters.chain);
}

static int xz_errno(lzma_ret result)
{
        return result == LZMA_MEM_ERROR ? -ENOMEM : -EIO;
}

/* The encoder's output goes behind the room that is kept for the header. */
static int encode_slices(lzma_stream *stream, const uint8_t *data, size_t size_bytes, const atomic_bool *stop)
{
        stream->next_in = data;
        for (;;) {
                size_t done = (size_t) stream->total_in, left = size_bytes - done;
                stream->avail_in = left < SLICE_BYTES ? left : SLICE_BYTES;
                lzma_ret result = lzma_code(stream, left <= SLICE_BYTES ? LZMA_FINISH : LZMA_RUN);
                if (result == LZMA_STREAM_END)
                        return 0;
                if (result != LZMA_OK)
                        return xz_errno(result);
                if (atomic_load_explicit(stop, memory_order_relaxed))
                        return -ECANCELED;
        }
}

static int encode_block(lzma_block *block, const uint8_t *data, size_t size_bytes, uint8_t *output, size_t room,
                        const atomic_bool *stop, size_t *ret_used)
{
        lzma_stream stream = LZMA_STREAM_INIT;
        lzma_ret result = lzma_block_encoder(&stream, block);

        if (result != LZMA_OK) {
                lzma_end(&stream);
                return xz_errno(result);
        }
        stream.next_out = output + block->header_size;
        stream.avail_out = room - block->header_size;
        int r = encode_slices(&stream, data, size_bytes, stop);
        *ret_used = room - stream.avail_out;
        lzma_end(&stream);
        if (r < 0)
                return r;
        /* only now are both sizes known */
        return lzma_block_header_encode(block, output) == LZMA_OK ? 0 : -EIO;
}

static int xz_compress(int level, const uint8_t *data, size_t size_bytes, const atomic_bool *stop, Piece *ret)
{
        XzFilters filters;
        size_t used = 0;
        /* liblzma's bound knows one way to store what can't be compressed; its encoder may start more chunks */
        size_t room = lzma_block_buffer_bound(size_bytes) + size_bytes / 1024;
        lzma_block block = {
                .check = CHECK,
                .filters = filters.chain,
                .compressed_size = room,
                .uncompressed_size = size_bytes,
        };

        int r = set_filters(&filters, level, size_bytes, is_x86_code(data, size_bytes));
        if (r < 0)
                return r;
        if (lzma_block_header_size(&block) != LZMA_OK)
                return -EIO;
        _cleanup_free_ uint8_t *output = malloc(room);
        if (!output)
                return -ENOMEM;
        r = encode_block(&block, data, size_bytes, output, room, stop, &used);
        if (r < 0)
                return r;
        uint8_t *shrunk = realloc(output, used);
        if (shrunk)
                output = shrunk;
        *ret = (Piece){
                .data = TAKE_PTR(output),
                .size_bytes = used,
                .input_bytes = size_bytes,
                .join = lzma_block_unpadded_size(&block),
        };
        return 0;
}

static int xz_begin(int level _unused_, Sink *sink, void **ret_state)
{
        lzma_stream_flags flags = { .check = CHECK };
        uint8_t header[LZMA_STREAM_HEADER_SIZE];
        _cleanup_free_ XzState *state = calloc(1, sizeof *state);

        if (!state || lzma_stream_header_encode(&flags, header) != LZMA_OK)
                return -ENOMEM;
        int r = sink_write(sink, header, sizeof header);
        if (r < 0)
                return r;
        state->index = lzma_index_init(NULL);
        if (!state->index)
                return -ENOMEM;
        *ret_state = TAKE_PTR(state);
        return 0;
}

static int xz_join(void *userdata, const Piece *piece)
{
        XzState *state = userdata;
        lzma_ret result = lzma_index_append(state->index, NULL, piece->join, piece->input_bytes);

        return result == LZMA_OK ? 0 : xz_errno(result);
}

static int xz_end(void *userdata, Sink *sink)
{
        XzState *state = userdata;
        size_t size_bytes = (size_t) lzma_index_size(state->index), used = 0;
        lzma_stream_flags flags = { .check = CHECK, .backward_size = size_bytes };
        uint8_t footer[LZMA_STREAM_HEADER_SIZE];
        _cleanup_free_ uint8_t *index = malloc(size_bytes);

        if (!index)
                return -ENOMEM;
        if (lzma_index_buffer_encode(state->index, index, &used, size_bytes) != LZMA_OK ||
            lzma_stream_footer_encode(&flags, footer) != LZMA_OK)
                return -EIO;
        int r = sink_write(sink, index, used);
        return r < 0 ? r : sink_write(sink, footer, sizeof footer);
}

static void xz_free(void *userdata)
{
        XzState *state = userdata;

        if (!state)
                return;
        lzma_index_end(state->index, NULL);
        free(state);
}

const Compressor compress_xz = {
        .identity = xz_identity,
        .memory = xz_memory,
        .compress = xz_compress,
        .begin = xz_begin,
        .join = xz_join,
        .end = xz_end,
        .free = xz_free,
};
