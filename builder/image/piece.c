/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/piece.h"

#include <stdio.h>
#include <string.h>

static int digest_input(PieceInput *input, const char **ret)
{
        int r = 0;

        pthread_mutex_lock(&input->lock);
        if (!*input->sha256)
                r = digest_buffer(input->data, input->size_bytes, input->sha256);
        pthread_mutex_unlock(&input->lock);
        *ret = input->sha256;
        return r;
}

/* All that decides about the bytes. */
static int piece_key(const PieceMaker *maker, PieceInput *input, char ret[static BLOCK_KEY_SIZE])
{
        _cleanup_digest_ Digest *digest = NULL;
        char level[16], identity[COMPRESSOR_IDENTITY_MAX];
        const char *sha256;
        int r = digest_input(input, &sha256);

        if (r < 0)
                return r;
        snprintf(level, sizeof level, "%d", maker->level);
        maker->compressor->identity(identity);
        const char *const fields[] = { sha256, image_format_names[maker->format], level, identity };
        r = digest_new(&digest);
        for (size_t i = 0; r == 0 && i < ELEMENTS(fields); i++)
                r = digest_add_field(digest, fields[i]);
        return r < 0 ? r : digest_finish(digest, ret);
}

static bool find(const PieceMaker *maker, const char *key, const PieceInput *input, Piece *ret)
{
        StoredBlock stored;

        if (!block_cache_find(maker->cache, key, PIECE_MAX_BYTES, &stored))
                return false;
        if (stored.input_bytes != input->size_bytes) {
                free(stored.data);
                return false;
        }
        *ret = (Piece){ stored.data, stored.size_bytes, stored.input_bytes, stored.join };
        return true;
}

int piece_make(const PieceMaker *maker, PieceInput *input, const atomic_bool *stop, Piece *ret)
{
        char key[BLOCK_KEY_SIZE];
        int r = maker->cache ? piece_key(maker, input, key) : 0;

        if (r < 0)
                return r;
        if (maker->cache && find(maker, key, input, ret))
                return 0;
        r = maker->compressor->compress(maker->level, input->data, input->size_bytes, stop, ret);
        if (r < 0 || !maker->cache)
                return r;
        StoredBlock stored = { ret->data, ret->size_bytes, ret->input_bytes, ret->join };
        block_cache_store(maker->cache, key, &stored);
        return 0;
}
