/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/needles.h"

#include <stdint.h>
#include <string.h>

#define PAIRS ((size_t) 1 << 16)
#define SHIFT_MAX UINT8_MAX
#define NONE UINT16_MAX

typedef struct Needle {
        const char *text;
        size_t length;
        uint16_t next; /* that ends its window with the same pair */
} Needle;

/* All texts are looked at through a window as long as the shortest: `shift` tells how far it can go on after the pair
 * of bytes at its end. */
struct Needles {
        uint8_t shift[PAIRS];
        uint16_t first[PAIRS]; /* of the texts whose window ends with the pair */
        size_t window, n;
        Needle items[];
};

static size_t pair(const char *bytes)
{
        return (size_t) (uint8_t) bytes[0] << 8 | (uint8_t) bytes[1];
}

static void enter(Needles *needles, size_t index)
{
        Needle *needle = &needles->items[index];

        for (size_t end = 2; end <= needles->window; end++) {
                size_t p = pair(needle->text + end - 2), distance = needles->window - end;
                if (distance < needles->shift[p])
                        needles->shift[p] = (uint8_t) distance;
        }
        size_t last = pair(needle->text + needles->window - 2);
        needle->next = needles->first[last];
        needles->first[last] = (uint16_t) index;
}

Needles *needles_new(const char *const *texts, size_t n_texts)
{
        Needles *needles = n_texts < NONE ? calloc(1, sizeof *needles + n_texts * sizeof *needles->items) : NULL;

        if (!needles)
                return NULL;
        needles->window = SHIFT_MAX;
        needles->n = n_texts;
        for (size_t i = 0; i < n_texts; i++) {
                needles->items[i] = (Needle){ .text = texts[i], .length = strlen(texts[i]) };
                if (needles->items[i].length < needles->window)
                        needles->window = needles->items[i].length;
        }
        memset(needles->shift, (int) needles->window - 1, sizeof needles->shift);
        memset(needles->first, 0xff, sizeof needles->first);
        /* from behind, so that the first comes first in its chain */
        for (size_t i = n_texts; i-- > 0;)
                enter(needles, i);
        return needles;
}

void needles_free(Needles *needles)
{
        free(needles);
}

void needles_search(const Needles *needles, const char *data, size_t length, NeedleListener listener, void *userdata)
{
        size_t end = needles->window;

        while (needles->n > 0 && end <= length) {
                size_t p = pair(data + end - 2);
                if (needles->shift[p] > 0) {
                        end += needles->shift[p];
                        continue;
                }
                size_t start = end - needles->window;
                for (uint16_t i = needles->first[p]; i != NONE; i = needles->items[i].next) {
                        const Needle *needle = &needles->items[i];
                        if (needle->length <= length - start && memcmp(data + start, needle->text, needle->length) == 0)
                                listener(i, start, userdata);
                }
                end++;
        }
}
