/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/compress.h"

#include "image/library.h"

#include <errno.h>
#include <libdeflate.h>
#include <string.h>
#include <zlib.h>

/* RFC 1952 (member) around RFC 1951 (deflate).
 *
 * libdeflate compresses two to three times as fast as zlib to the same size, but makes whole streams only. A piece has to
 * leave its stream open: the "last block" bit of its last block is cleared, and an empty stored block brings it to a byte
 * boundary, as a flush of zlib does. Where that bit is tells zlib's inflate() (zlib.h, Z_BLOCK); what it decodes on the
 * way is compared with the block. */

#define OS_UNIX 3
#define CHECK_CHUNK_BYTES ((size_t) 1 << 16)
/* The end of the open stream: three bits of header, up to seven of padding, length and its complement. */
#define STORED_BLOCK_BYTES 6

typedef struct GzState {
        uint32_t crc;
        uint32_t size; /* modulo 2^32, as the trailer wants it */
} GzState;

static void gz_identity(char ret[static COMPRESSOR_IDENTITY_MAX])
{
        char build[COMPRESSOR_IDENTITY_MAX - 8];

        library_identity((const void *) (uintptr_t) libdeflate_deflate_compress, LIBDEFLATE_VERSION_STRING, build,
                         sizeof build);
        snprintf(ret, COMPRESSOR_IDENTITY_MAX, "%s, 2", build);
}

/* Compressors of libdeflate 1.14, rounded up; with zlib's inflate() and its output. */
static uint64_t gz_memory(int level)
{
        return level < 10 ? UINT64_C(1) << 20 : UINT64_C(10) << 20;
}

/* Bit positions in a deflate stream. */
typedef struct LastBlock {
        uint64_t header, end;
} LastBlock;

/* Decodes the whole stream, which must give the block again. inflate() stops at each block's end: 128 in data_type says
 * that it did, 64 that the block was the last one, the low bits how much of the last byte is unused. */
static int walk_blocks(z_stream *stream, uint8_t *chunk, const uint8_t *data, size_t size_bytes, LastBlock *ret)
{
        size_t done = 0;

        *ret = (LastBlock){ 0 };
        for (;;) {
                stream->next_out = chunk;
                stream->avail_out = CHECK_CHUNK_BYTES;
                int result = inflate(stream, Z_BLOCK);
                size_t n = CHECK_CHUNK_BYTES - stream->avail_out;
                if (result != Z_OK || n > size_bytes - done || memcmp(chunk, data + done, n) != 0)
                        return result == Z_MEM_ERROR ? -ENOMEM : -EIO;
                done += n;
                if (!(stream->data_type & 128))
                        continue;
                uint64_t position = 8 * (uint64_t) stream->total_in - (stream->data_type & 7);
                if (!(stream->data_type & 64)) {
                        ret->header = position;
                        continue;
                }
                ret->end = position;
                return done == size_bytes ? 0 : -EIO;
        }
}

static int find_last_block(const uint8_t *output, size_t used, const uint8_t *data, size_t size_bytes, LastBlock *ret)
{
        _cleanup_free_ uint8_t *chunk = malloc(CHECK_CHUNK_BYTES);
        z_stream stream = { .next_in = (Bytef *) (uintptr_t) output, .avail_in = (uInt) used };

        if (!chunk || inflateInit2(&stream, -MAX_WBITS) != Z_OK)
                return -ENOMEM;
        int r = walk_blocks(&stream, chunk, data, size_bytes, ret);
        inflateEnd(&stream);
        return r;
}

/* Returns the piece's size. */
static size_t leave_open(uint8_t *output, const LastBlock *last)
{
        static const uint8_t empty[] = { 0x00, 0x00, 0xff, 0xff };
        size_t used = last->end / 8;

        output[last->header / 8] &= (uint8_t) ~(1u << last->header % 8);
        output[used] = last->end % 8 ? output[used] & ((1u << last->end % 8) - 1) : 0;
        /* where its three bits of header don't fit any more they go on in a byte of zeros */
        if (last->end % 8 > 5)
                output[++used] = 0;
        memcpy(output + used + 1, empty, sizeof empty);
        return used + 1 + sizeof empty;
}

static inline void deflate_free(struct libdeflate_compressor **compressor)
{
        if (*compressor)
                libdeflate_free_compressor(*compressor);
}

static int gz_compress(int level, const uint8_t *data, size_t size_bytes, const atomic_bool *stop _unused_, Piece *ret)
{
        _cleanup_(deflate_free) struct libdeflate_compressor *compressor = libdeflate_alloc_compressor(level);
        LastBlock last;

        if (!compressor)
                return -ENOMEM;
        size_t room = libdeflate_deflate_compress_bound(compressor, size_bytes);
        _cleanup_free_ uint8_t *output = malloc(room + STORED_BLOCK_BYTES);
        if (!output)
                return -ENOMEM;
        size_t used = libdeflate_deflate_compress(compressor, data, size_bytes, output, room);
        if (used == 0)
                return -EIO;
        int r = find_last_block(output, used, data, size_bytes, &last);
        if (r < 0)
                return r;
        used = leave_open(output, &last);
        uint8_t *shrunk = realloc(output, used);
        if (shrunk)
                output = shrunk;
        *ret = (Piece){
                .data = TAKE_PTR(output),
                .size_bytes = used,
                .input_bytes = size_bytes,
                .join = libdeflate_crc32(0, data, size_bytes),
        };
        return 0;
}

static int gz_begin(int level, Sink *sink, void **ret_state)
{
        /* no name, no time */
        const uint8_t header[10] = { 0x1f, 0x8b, 8, [8] = level >= 9 ? 2 : level == 1 ? 4 : 0, [9] = OS_UNIX };
        _cleanup_free_ GzState *state = calloc(1, sizeof *state);

        if (!state)
                return -ENOMEM;
        int r = sink_write(sink, header, sizeof header);
        if (r == 0)
                *ret_state = TAKE_PTR(state);
        return r;
}

static int gz_join(void *userdata, const Piece *piece)
{
        GzState *state = userdata;

        state->crc = (uint32_t) crc32_combine(state->crc, (uLong) piece->join, (z_off_t) piece->input_bytes);
        state->size += (uint32_t) piece->input_bytes;
        return 0;
}

static int gz_end(void *userdata, Sink *sink)
{
        const GzState *state = userdata;
        uint8_t trailer[10] = { 0x03, 0x00 }; /* an empty last block */

        for (int i = 0; i < 4; i++) {
                trailer[2 + i] = (uint8_t) (state->crc >> (8 * i));
                trailer[6 + i] = (uint8_t) (state->size >> (8 * i));
        }
        return sink_write(sink, trailer, sizeof trailer);
}

const Compressor compress_gz = {
        .identity = gz_identity,
        .memory = gz_memory,
        .compress = gz_compress,
        .begin = gz_begin,
        .join = gz_join,
        .end = gz_end,
        .free = free,
};
