/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/cleanup.h"

#include <stddef.h>

/* Memory that lives as long as its recipe and goes with it in one piece: values are replaced when the version becomes
 * known, and pointers to the old ones stay good. Each allocation is one of malloc's own, so that sanitizers see its
 * ends. Functions return NULL when memory is short. */

typedef struct PoolBlock PoolBlock;

typedef struct Pool {
        PoolBlock *blocks;
} Pool;

void pool_done(Pool *pool);

/* Zeroed. */
void *pool_allocate(Pool *pool, size_t size_bytes);
/* With a NUL behind. */
char *pool_copy(Pool *pool, const char *text, size_t length);
char *pool_string(Pool *pool, const char *text);
char *pool_printf(Pool *pool, const char *format, ...) _printf_(2, 3);

/* For POOL_APPEND(): room for one more element behind `n`, else NULL. */
void *pool_grow(Pool *pool, void *array, size_t n, size_t *allocated, size_t element_size);

/* A new zeroed element at the end of a vector { items, n, allocated }: a pointer to it, or NULL. Elements move when the
 * vector grows. */
#define POOL_APPEND(pool, vector)                                                                                      \
        ({                                                                                                             \
                typeof((vector)->items) grown_ = pool_grow((pool), (vector)->items, (vector)->n,                       \
                                                           &(vector)->allocated, sizeof(*(vector)->items));           \
                if (grown_)                                                                                            \
                        (vector)->items = grown_;                                                                      \
                grown_ ? &(vector)->items[(vector)->n++] : NULL;                                                       \
        })
