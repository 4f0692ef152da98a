/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "layers/blocks.h"

#include <stdint.h>

/* Between block_service.c and block_cache.c: one packet for a request, one for its answer. */

typedef enum BlockRequestKind {
        BLOCK_OPEN,   /* -> a descriptor to read from */
        BLOCK_CREATE, /* -> a descriptor to write to */
        BLOCK_COMMIT, /* gives what was created its name */
        BLOCK_DROP,   /* removes what was created */
} BlockRequestKind;

typedef struct BlockRequest {
        uint32_t kind;
        uint32_t number; /* of the creation, chosen by the client: the same key may be written twice at once */
        char key[BLOCK_KEY_SIZE];
} BlockRequest;

typedef struct BlockAnswer {
        int32_t result; /* 0 or a negative errno; the descriptor comes beside it */
} BlockAnswer;
