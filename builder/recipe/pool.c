/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "recipe/pool.h"

#include <stdarg.h>
#include <string.h>

struct PoolBlock {
        PoolBlock *next;
        max_align_t data[];
};

void pool_done(Pool *pool)
{
        for (PoolBlock *block = pool->blocks, *next; block; block = next) {
                next = block->next;
                free(block);
        }
        pool->blocks = NULL;
}

void *pool_allocate(Pool *pool, size_t size_bytes)
{
        size_t size;

        if (__builtin_add_overflow(size_bytes, sizeof(PoolBlock), &size))
                return NULL;
        PoolBlock *block = calloc(1, size);
        if (!block)
                return NULL;
        block->next = pool->blocks;
        pool->blocks = block;
        return block->data;
}

char *pool_copy(Pool *pool, const char *text, size_t length)
{
        char *copy = pool_allocate(pool, length + 1);

        if (copy && length > 0)
                memcpy(copy, text, length);
        return copy;
}

char *pool_string(Pool *pool, const char *text)
{
        return pool_copy(pool, text, strlen(text));
}

char *pool_printf(Pool *pool, const char *format, ...)
{
        _cleanup_free_ char *text = NULL;
        va_list arguments;

        va_start(arguments, format);
        int length = vasprintf(&text, format, arguments);
        va_end(arguments);
        if (length < 0) {
                text = NULL;
                return NULL;
        }
        return pool_copy(pool, text, (size_t) length);
}

void *pool_grow(Pool *pool, void *array, size_t n, size_t *allocated, size_t element_size)
{
        size_t size, wanted = *allocated ? *allocated * 2 : 4;

        if (n < *allocated)
                return array;
        if (__builtin_mul_overflow(wanted, element_size, &size))
                return NULL;
        void *grown = pool_allocate(pool, size);
        if (!grown)
                return NULL;
        if (n > 0)
                memcpy(grown, array, n * element_size);
        *allocated = wanted;
        return grown;
}
