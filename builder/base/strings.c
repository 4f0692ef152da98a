/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/strings.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <string.h>

void buffer_done(Buffer *buffer)
{
        free(buffer->data);
        *buffer = BUFFER_INIT;
}

static int reserve(Buffer *buffer, size_t more)
{
        size_t needed;

        if (__builtin_add_overflow(buffer->length, more + 1, &needed))
                return -ENOMEM;
        if (needed <= buffer->allocated)
                return 0;
        size_t size = buffer->allocated ? buffer->allocated : 64;
        while (size < needed)
                size *= 2;
        char *data = realloc(buffer->data, size);
        if (!data)
                return -ENOMEM;
        buffer->data = data;
        buffer->allocated = size;
        return 0;
}

int buffer_append(Buffer *buffer, const void *data, size_t size)
{
        int r = reserve(buffer, size);

        if (r < 0)
                return r;
        if (size > 0)
                memcpy(buffer->data + buffer->length, data, size);
        buffer->length += size;
        buffer->data[buffer->length] = '\0';
        return 0;
}

int buffer_append_string(Buffer *buffer, const char *text)
{
        return buffer_append(buffer, text, strlen(text));
}

int buffer_printf(Buffer *buffer, const char *format, ...)
{
        _cleanup_free_ char *text = NULL;
        va_list arguments;

        va_start(arguments, format);
        int length = vasprintf(&text, format, arguments);
        va_end(arguments);
        if (length < 0) {
                text = NULL;
                return -ENOMEM;
        }
        return buffer_append(buffer, text, (size_t) length);
}

int buffer_append_word(Buffer *buffer, const char *text)
{
        static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789%+,-./:=@_";
        int r;

        if (*text && !text[strspn(text, plain)])
                return buffer_append_string(buffer, text);
        r = buffer_append_string(buffer, "'");
        for (; r == 0 && *text; text++)
                r = *text == '\'' ? buffer_append_string(buffer, "'\\''") : buffer_append(buffer, text, 1);
        return r == 0 ? buffer_append_string(buffer, "'") : r;
}

char *buffer_take(Buffer *buffer)
{
        char *data = buffer->data ? buffer->data : strdup("");

        *buffer = BUFFER_INIT;
        return data;
}

void strv_free(char **vector)
{
        for (char **item = vector; item && *item; item++)
                free(*item);
        free(vector);
}

void strv_free_ptr(char ***vector)
{
        strv_free(*vector);
}

size_t strv_length(char *const *vector)
{
        size_t length = 0;

        while (vector && vector[length])
                length++;
        return length;
}

bool strv_contains(char *const *vector, const char *text)
{
        for (; vector && *vector; vector++)
                if (strcmp(*vector, text) == 0)
                        return true;
        return false;
}

/* Takes ownership of `text`, also on failure; NULL counts as memory that is short. */
static int strv_consume(char ***vector, char *text)
{
        if (!text)
                return -ENOMEM;
        size_t length = strv_length(*vector);
        char **grown = reallocarray(*vector, length + 2, sizeof(char *));
        if (!grown) {
                free(text);
                return -ENOMEM;
        }
        grown[length] = text;
        grown[length + 1] = NULL;
        *vector = grown;
        return 0;
}

int strv_append(char ***vector, const char *text)
{
        return strv_consume(vector, strdup(text));
}

int strv_appendf(char ***vector, const char *format, ...)
{
        char *text = NULL;
        va_list arguments;

        va_start(arguments, format);
        int length = vasprintf(&text, format, arguments);
        va_end(arguments);
        return strv_consume(vector, length < 0 ? NULL : text);
}

int strv_extend(char ***vector, char *const *other)
{
        for (; other && *other; other++) {
                int r = strv_append(vector, *other);
                if (r < 0)
                        return r;
        }
        return 0;
}

char **strv_copy(char *const *vector)
{
        _cleanup_strv_ char **copy = calloc(1, sizeof(char *));

        if (!copy || strv_extend(&copy, vector) < 0)
                return NULL;
        return TAKE_PTR(copy);
}

char **strv_split(const char *text, const char *separators)
{
        _cleanup_strv_ char **words = calloc(1, sizeof(char *));

        if (!words)
                return NULL;
        while (*(text += strspn(text, separators))) {
                size_t length = strcspn(text, separators);
                if (strv_consume(&words, strndup(text, length)) < 0)
                        return NULL;
                text += length;
        }
        return TAKE_PTR(words);
}

char *strv_join(char *const *vector, const char *separator)
{
        _cleanup_buffer_ Buffer buffer = BUFFER_INIT;

        for (size_t i = 0; vector && vector[i]; i++)
                if ((i > 0 && buffer_append_string(&buffer, separator) < 0) ||
                    buffer_append_string(&buffer, vector[i]) < 0)
                        return NULL;
        return buffer_take(&buffer);
}

static int compare_strings(const void *a, const void *b)
{
        return strcmp(*(char *const *) a, *(char *const *) b);
}

void strv_sort(char **vector)
{
        size_t length = strv_length(vector);

        if (length > 1)
                qsort(vector, length, sizeof(char *), compare_strings);
}

bool string_starts_with(const char *text, const char *prefix)
{
        return strncmp(text, prefix, strlen(prefix)) == 0;
}

bool string_ends_with(const char *text, const char *suffix)
{
        size_t length = strlen(text), tail = strlen(suffix);

        return length >= tail && strcmp(text + length - tail, suffix) == 0;
}

bool string_equal(const char *a, const char *b)
{
        return a && b ? strcmp(a, b) == 0 : a == b;
}

char *size_text(uint64_t size_bytes, char buffer[static SIZE_TEXT_MAX])
{
        static const char *const units[] = { "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
        double value = (double) size_bytes;
        int unit = -1;

        while (value >= 1024 && unit + 1 < (int) ELEMENTS(units)) {
                value /= 1024;
                unit++;
        }
        if (unit < 0)
                snprintf(buffer, SIZE_TEXT_MAX, "%u B", (unsigned) size_bytes);
        else
                snprintf(buffer, SIZE_TEXT_MAX, value < 100 ? "%.1f %s" : "%.0f %s", value, units[unit]);
        return buffer;
}

void hex_encode(const void *data, size_t size, char *ret_text)
{
        static const char digits[] = "0123456789abcdef";
        const uint8_t *bytes = data;

        for (size_t i = 0; i < size; i++) {
                ret_text[2 * i] = digits[bytes[i] >> 4];
                ret_text[2 * i + 1] = digits[bytes[i] & 15];
        }
        ret_text[2 * size] = '\0';
}

#define WORD_MAX 64

/* Optimal string alignment: insertions, deletions, replacements and swaps of neighbours cost one each. */
static size_t word_distance(const char *a, const char *b)
{
        size_t rows[3][WORD_MAX + 1], length_a = strlen(a), length_b = strlen(b);
        size_t *before = rows[0], *previous = rows[1], *current = rows[2];

        if (length_a > WORD_MAX || length_b > WORD_MAX)
                return SIZE_MAX;
        for (size_t j = 0; j <= length_b; j++)
                previous[j] = j;
        for (size_t i = 1; i <= length_a; i++) {
                current[0] = i;
                for (size_t j = 1; j <= length_b; j++) {
                        int ca = tolower((unsigned char) a[i - 1]), cb = tolower((unsigned char) b[j - 1]);
                        size_t best = previous[j - 1] + (ca != cb);
                        if (previous[j] + 1 < best)
                                best = previous[j] + 1;
                        if (current[j - 1] + 1 < best)
                                best = current[j - 1] + 1;
                        if (i > 1 && j > 1 && ca == tolower((unsigned char) b[j - 2]) &&
                            tolower((unsigned char) a[i - 2]) == cb && before[j - 2] + 1 < best)
                                best = before[j - 2] + 1;
                        current[j] = best;
                }
                size_t *free_row = before;
                before = previous;
                previous = current;
                current = free_row;
        }
        return previous[length_b];
}

const char *nearest_word(const char *word, const char *const *candidates)
{
        size_t limit = strlen(word) / 3 + 1, best = limit + 1;
        const char *nearest = NULL;

        for (; *candidates; candidates++) {
                size_t distance = word_distance(word, *candidates);
                if (distance < best) {
                        best = distance;
                        nearest = *candidates;
                }
        }
        return nearest;
}

int parse_unsigned(const char *text, uint64_t minimum, uint64_t maximum, uint64_t *ret)
{
        char *end;

        if (!isdigit((unsigned char) *text))
                return -EINVAL;
        errno = 0;
        unsigned long long value = strtoull(text, &end, 10);
        if (*end)
                return -EINVAL;
        if (errno || value < minimum || value > maximum)
                return -ERANGE;
        *ret = value;
        return 0;
}
