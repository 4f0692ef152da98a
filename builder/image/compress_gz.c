/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/compress.h"

#include <errno.h>
#include <string.h>
#include <zlib.h>

/* RFC 1952 (member) around RFC 1951 (deflate). */

#define DEFLATE_WINDOW_BITS 15
#define DEFLATE_MEMORY_LEVEL 9
#define OS_UNIX 3

typedef struct GzState {
        uint32_t crc;
        uint32_t size; /* modulo 2^32, as the trailer wants it */
} GzState;

static void gz_identity(char ret[static COMPRESSOR_IDENTITY_MAX])
{
        snprintf(ret, COMPRESSOR_IDENTITY_MAX, "zlib %s, 1", zlibVersion());
}

static uint64_t gz_memory(int level _unused_)
{
        return (1u << (DEFLATE_WINDOW_BITS + 2)) + (1u << (DEFLATE_MEMORY_LEVEL + 9)) + (1u << 16); /* zconf.h */
}

static int deflate_all(z_stream *stream, const uint8_t *data, size_t size_bytes, Piece *ret)
{
        /* the flush adds five bytes at most */
        size_t room = deflateBound(stream, size_bytes) + 16;
        _cleanup_free_ uint8_t *output = malloc(room);

        if (!output)
                return -ENOMEM;
        stream->next_in = (Bytef *) data; /* zlib doesn't write to it */
        stream->avail_in = (uInt) size_bytes;
        stream->next_out = output;
        stream->avail_out = (uInt) room;
        if (deflate(stream, Z_SYNC_FLUSH) != Z_OK || stream->avail_in > 0 || stream->avail_out == 0)
                return -EIO;
        size_t used = room - stream->avail_out;
        uint8_t *shrunk = realloc(output, used);
        if (shrunk)
                output = shrunk;
        *ret = (Piece){
                .data = TAKE_PTR(output),
                .size_bytes = used,
                .input_bytes = size_bytes,
                .join = crc32_z(0, data, size_bytes),
        };
        return 0;
}

static int gz_compress(int level, const uint8_t *data, size_t size_bytes, const atomic_bool *stop _unused_, Piece *ret)
{
        z_stream stream = { 0 };

        if (deflateInit2(&stream, level, Z_DEFLATED, -DEFLATE_WINDOW_BITS, DEFLATE_MEMORY_LEVEL,
                         Z_DEFAULT_STRATEGY) != Z_OK)
                return -ENOMEM;
        int r = deflate_all(&stream, data, size_bytes, ret);
        deflateEnd(&stream);
        return r;
}

static int gz_begin(int level, Sink *sink, void **ret_state)
{
        /* no name, no time */
        const uint8_t header[10] = { 0x1f, 0x8b, 8, [8] = level == 9 ? 2 : level == 1 ? 4 : 0, [9] = OS_UNIX };
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
