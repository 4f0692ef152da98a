/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/cleanup.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A growing byte buffer, always closed by a NUL that `length` does not count. A failed append leaves the
 * buffer as it was and returns -ENOMEM. Starts as BUFFER_INIT. */
typedef struct Buffer {
        char *data; /* owned; NULL while empty */
        size_t length;
        size_t allocated;
} Buffer;

#define BUFFER_INIT ((Buffer){ 0 })
#define TAKE_BUFFER(buffer)                                                                                  \
        ({                                                                                                   \
                Buffer taken_ = (buffer);                                                                    \
                (buffer) = BUFFER_INIT;                                                                      \
                taken_;                                                                                      \
        })

void buffer_done(Buffer *buffer);
#define _cleanup_buffer_ _cleanup_(buffer_done)
int buffer_append(Buffer *buffer, const void *data, size_t size) _must_check_;
int buffer_append_string(Buffer *buffer, const char *text) _must_check_;
int buffer_printf(Buffer *buffer, const char *format, ...) _printf_(2, 3) _must_check_;
/* The text as one word of a shell, quoted where it has to be. */
int buffer_append_word(Buffer *buffer, const char *text) _must_check_;
/* Hands the text over to the caller, who frees it; never NULL unless memory is short. */
char *buffer_take(Buffer *buffer);

/* NULL-terminated vectors of owned strings. NULL is an empty vector. */
void strv_free(char **vector);
void strv_free_ptr(char ***vector);
#define _cleanup_strv_ _cleanup_(strv_free_ptr)
size_t strv_length(char *const *vector);
bool strv_contains(char *const *vector, const char *text);
/* Appends a copy. Returns 0 or -ENOMEM. */
int strv_append(char ***vector, const char *text) _must_check_;
int strv_appendf(char ***vector, const char *format, ...) _printf_(2, 3) _must_check_;
int strv_extend(char ***vector, char *const *other) _must_check_;
char **strv_copy(char *const *vector);
/* Splits at any run of the bytes in `separators`; empty words vanish. NULL when memory is short. */
char **strv_split(const char *text, const char *separators);
/* Joins with `separator`; the caller frees. NULL when memory is short. */
char *strv_join(char *const *vector, const char *separator);
/* Sorts by byte value, never by locale. */
void strv_sort(char **vector);

bool string_starts_with(const char *text, const char *prefix);
bool string_ends_with(const char *text, const char *suffix);
static inline bool string_empty(const char *text)
{
        return !text || !*text;
}
bool string_equal(const char *a, const char *b); /* NULL equals NULL only */

/* Bytes in people's units ("512 B", "4.2 MiB"); the result is in `buffer` and is returned. */
#define SIZE_TEXT_MAX 32
char *size_text(uint64_t size_bytes, char buffer[static SIZE_TEXT_MAX]);

/* Lower-case hexadecimal of `size` bytes, with a NUL, into ret_text of 2 * size + 1 bytes. */
void hex_encode(const void *data, size_t size, char *ret_text);

/* The candidate with the smallest Damerau-Levenshtein distance to `word`, when it is near enough to be what
 * was meant; otherwise NULL. Case is ignored. `candidates` is NULL-terminated; the result points into it. */
const char *nearest_word(const char *word, const char *const *candidates);

/* A whole decimal number within [minimum, maximum]: 0, else -EINVAL or -ERANGE. */
int parse_unsigned(const char *text, uint64_t minimum, uint64_t maximum, uint64_t *ret) _must_check_;
