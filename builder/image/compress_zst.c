/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/compress.h"

#include "image/library.h"

#include <errno.h>
#include <zstd.h>
#include <zstd_errors.h>

/* RFC 8878. A block has 8 MiB at most, so the window log is 23 at most; systemd takes 27. */

static inline void context_free(ZSTD_CCtx **context)
{
        ZSTD_freeCCtx(*context);
}

static void zst_identity(char ret[static COMPRESSOR_IDENTITY_MAX])
{
        char build[COMPRESSOR_IDENTITY_MAX - 8];

        library_identity((const void *) (uintptr_t) ZSTD_compress2, ZSTD_versionString(), build, sizeof build);
        snprintf(ret, COMPRESSOR_IDENTITY_MAX, "%s, 1", build);
}

/* Measured with ZSTD_sizeof_CCtx() after a block of 8 MiB, zstd 1.5.4, rounded up. */
static uint64_t zst_memory(int level)
{
        static const struct {
                int highest, mib;
        } steps[] = { { 4, 4 }, { 8, 8 }, { 9, 16 }, { 11, 28 }, { 15, 68 } };

        for (size_t i = 0; i < ELEMENTS(steps); i++)
                if (level <= steps[i].highest)
                        return (uint64_t) steps[i].mib << 20;
        return UINT64_C(84) << 20;
}

static int zstd_errno(size_t result)
{
        return ZSTD_getErrorCode(result) == ZSTD_error_memory_allocation ? -ENOMEM : -EIO;
}

static int set_parameters(ZSTD_CCtx *context, int level)
{
        const struct {
                ZSTD_cParameter parameter;
                int value;
        } settings[] = {
                { ZSTD_c_compressionLevel, level },
                { ZSTD_c_contentSizeFlag, 1 },
                { ZSTD_c_checksumFlag, 1 },
        };

        for (size_t i = 0; i < ELEMENTS(settings); i++) {
                size_t result = ZSTD_CCtx_setParameter(context, settings[i].parameter, settings[i].value);
                if (ZSTD_isError(result))
                        return zstd_errno(result);
        }
        return 0;
}

/* A context of its own for each block: between two, its memory counts for others. */
static int zst_compress(int level, const uint8_t *data, size_t size_bytes, const atomic_bool *stop _unused_,
                        Piece *ret)
{
        _cleanup_(context_free) ZSTD_CCtx *context = ZSTD_createCCtx();
        size_t room = ZSTD_compressBound(size_bytes);
        _cleanup_free_ uint8_t *output = malloc(room);

        if (!context || !output)
                return -ENOMEM;
        int r = set_parameters(context, level);
        if (r < 0)
                return r;
        size_t used = ZSTD_compress2(context, output, room, data, size_bytes);
        if (ZSTD_isError(used))
                return zstd_errno(used);
        uint8_t *shrunk = realloc(output, used);
        if (shrunk)
                output = shrunk;
        *ret = (Piece){ .data = TAKE_PTR(output), .size_bytes = used, .input_bytes = size_bytes };
        return 0;
}

const Compressor compress_zst = {
        .identity = zst_identity,
        .memory = zst_memory,
        .compress = zst_compress,
};
