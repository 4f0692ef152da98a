/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/decompress.h"

#include <errno.h>
#include <lzma.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#define INPUT_BYTES ((size_t) 1 << 18)
#define XZ_MEMORY_MAX_BYTES (UINT64_C(128) << 20)
#define ZSTD_WINDOW_LOG_MAX 27

struct Decompressor {
        int fd;
        uint8_t *input;
        size_t n_input, used; /* bytes in `input`; of them taken */
        bool input_ended;
        bool ended;     /* the compressed data came to its end */
        z_stream gz;
        lzma_stream xz;
        ZSTD_DCtx *zst;
        bool in_frame; /* of zstd */
        /* Takes from the input, gives up to *size_bytes bytes and sets it to how many. */
        int (*step)(Decompressor *decompressor, uint8_t *data, size_t *size_bytes, Error *error);
};

static int damaged(Error *error, const char *format, const char *why)
{
        return error_set(error, -EBADMSG, "The %s data is damaged: %s", format, why);
}

static int fill(Decompressor *decompressor, Error *error)
{
        ssize_t n;

        if (decompressor->used < decompressor->n_input || decompressor->input_ended)
                return 0;
        do
                n = read(decompressor->fd, decompressor->input, INPUT_BYTES);
        while (n < 0 && errno == EINTR);
        if (n < 0)
                return error_set_errno(error, errno, "Can't read");
        decompressor->used = 0;
        decompressor->n_input = (size_t) n;
        decompressor->input_ended = n == 0;
        return 0;
}

static int step_plain(Decompressor *decompressor, uint8_t *data, size_t *size_bytes, Error *error _unused_)
{
        size_t left = decompressor->n_input - decompressor->used;

        if (*size_bytes > left)
                *size_bytes = left;
        memcpy(data, decompressor->input + decompressor->used, *size_bytes);
        decompressor->used += *size_bytes;
        decompressor->ended = decompressor->input_ended;
        return 0;
}

static int step_gz(Decompressor *decompressor, uint8_t *data, size_t *size_bytes, Error *error)
{
        z_stream *stream = &decompressor->gz;
        size_t left = decompressor->n_input - decompressor->used;

        stream->next_in = decompressor->input + decompressor->used;
        stream->avail_in = (uInt) left;
        stream->next_out = data;
        stream->avail_out = (uInt) *size_bytes;
        int result = inflate(stream, Z_NO_FLUSH);
        decompressor->used += left - stream->avail_in;
        *size_bytes -= stream->avail_out;
        if (result == Z_STREAM_END)
                decompressor->ended = true;
        else if (result == Z_BUF_ERROR && decompressor->input_ended)
                return damaged(error, "gzip", "it ends too early");
        else if (result != Z_OK && result != Z_BUF_ERROR)
                return damaged(error, "gzip", stream->msg ? stream->msg : "unknown reason");
        return 0;
}

static const char *xz_problem(lzma_ret result)
{
        switch (result) {
        case LZMA_MEM_ERROR:
        case LZMA_MEMLIMIT_ERROR:
                return "it takes too much memory";
        case LZMA_FORMAT_ERROR:
                return "something that is no xz stream follows";
        case LZMA_OPTIONS_ERROR:
                return "its options are not supported";
        case LZMA_BUF_ERROR:
                return "it ends too early";
        default:
                return "a checksum or a field is wrong";
        }
}

static int step_xz(Decompressor *decompressor, uint8_t *data, size_t *size_bytes, Error *error)
{
        lzma_stream *stream = &decompressor->xz;
        size_t left = decompressor->n_input - decompressor->used;

        stream->next_in = decompressor->input + decompressor->used;
        stream->avail_in = left;
        stream->next_out = data;
        stream->avail_out = *size_bytes;
        lzma_ret result = lzma_code(stream, decompressor->input_ended ? LZMA_FINISH : LZMA_RUN);
        decompressor->used += left - stream->avail_in;
        *size_bytes -= stream->avail_out;
        if (result == LZMA_STREAM_END)
                decompressor->ended = true;
        else if (result != LZMA_OK)
                return damaged(error, "xz", xz_problem(result));
        return 0;
}

/* Frame after frame, until the input ends between two of them. */
static int step_zst(Decompressor *decompressor, uint8_t *data, size_t *size_bytes, Error *error)
{
        size_t left = decompressor->n_input - decompressor->used;
        ZSTD_inBuffer input = { decompressor->input + decompressor->used, left, 0 };
        ZSTD_outBuffer output = { data, *size_bytes, 0 };

        *size_bytes = 0;
        if (decompressor->input_ended && !decompressor->in_frame) {
                decompressor->ended = true;
                return 0;
        }
        size_t result = ZSTD_decompressStream(decompressor->zst, &output, &input);
        if (ZSTD_isError(result))
                return damaged(error, "zstd", ZSTD_getErrorName(result));
        if (input.pos == 0 && output.pos == 0 && decompressor->input_ended)
                return damaged(error, "zstd", "it ends too early");
        decompressor->in_frame = result > 0;
        decompressor->used += input.pos;
        *size_bytes = output.pos;
        return 0;
}

static int choose_step(Decompressor *decompressor, Error *error)
{
        static const uint8_t gz[] = { 0x1f, 0x8b }, xz[] = { 0xfd, '7', 'z', 'X', 'Z', 0 },
                             zst[] = { 0x28, 0xb5, 0x2f, 0xfd };
        const uint8_t *input = decompressor->input;
        size_t n = decompressor->n_input;

        decompressor->step = step_plain;
        if (n >= sizeof gz && memcmp(input, gz, sizeof gz) == 0) {
                decompressor->step = step_gz;
                if (inflateInit2(&decompressor->gz, MAX_WBITS + 16) != Z_OK)
                        return error_out_of_memory(error);
        } else if (n >= sizeof xz && memcmp(input, xz, sizeof xz) == 0) {
                decompressor->step = step_xz;
                if (lzma_stream_decoder(&decompressor->xz, XZ_MEMORY_MAX_BYTES, LZMA_CONCATENATED) != LZMA_OK)
                        return error_out_of_memory(error);
        } else if (n >= sizeof zst && memcmp(input, zst, sizeof zst) == 0) {
                decompressor->step = step_zst;
                decompressor->zst = ZSTD_createDCtx();
                if (!decompressor->zst || ZSTD_isError(ZSTD_DCtx_setParameter(decompressor->zst, ZSTD_d_windowLogMax,
                                                                              ZSTD_WINDOW_LOG_MAX)))
                        return error_out_of_memory(error);
        }
        return 0;
}

int decompressor_new(int fd, Decompressor **ret, Error *error)
{
        _cleanup_decompressor_ Decompressor *decompressor = calloc(1, sizeof *decompressor);

        if (!decompressor)
                return error_out_of_memory(error);
        decompressor->fd = fd;
        decompressor->input = malloc(INPUT_BYTES);
        if (!decompressor->input)
                return error_out_of_memory(error);
        if (lseek(fd, 0, SEEK_SET) < 0)
                return error_set_errno(error, errno, "Can't go to its start");
        int r = fill(decompressor, error);
        if (r == 0)
                r = choose_step(decompressor, error);
        if (r == 0)
                *ret = TAKE_PTR(decompressor);
        return r;
}

Decompressor *decompressor_free(Decompressor *decompressor)
{
        if (!decompressor)
                return NULL;
        if (decompressor->step == step_gz)
                inflateEnd(&decompressor->gz);
        lzma_end(&decompressor->xz);
        ZSTD_freeDCtx(decompressor->zst);
        free(decompressor->input);
        free(decompressor);
        return NULL;
}

/* Once at the end: nothing may follow. */
static int check_rest(Decompressor *decompressor, Error *error)
{
        int r = fill(decompressor, error);

        if (r < 0 || decompressor->used == decompressor->n_input)
                return r;
        return error_set(error, -EBADMSG, "Bytes follow the end of the compressed data");
}

int decompressor_read(Decompressor *decompressor, void *data, size_t size_bytes, size_t *ret_bytes, Error *error)
{
        while (!decompressor->ended) {
                size_t n = size_bytes;
                int r = fill(decompressor, error);
                if (r == 0)
                        r = decompressor->step(decompressor, data, &n, error);
                if (r == 0 && decompressor->ended)
                        r = check_rest(decompressor, error);
                if (r < 0)
                        return r;
                if (n > 0) {
                        *ret_bytes = n;
                        return 0;
                }
        }
        *ret_bytes = 0;
        return 0;
}
