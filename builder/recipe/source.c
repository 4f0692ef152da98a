/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "recipe/source.h"

#include <string.h>

bool source_line(const Source *source, unsigned number, const char **ret_text, size_t *ret_length)
{
        const char *text = source->text, *end = source->text + source->length;

        for (unsigned line = 1; line < number; line++) {
                text = memchr(text, '\n', (size_t) (end - text));
                if (!text)
                        return false;
                text++;
        }
        const char *newline = memchr(text, '\n', (size_t) (end - text));
        *ret_text = text;
        *ret_length = (size_t) ((newline ? newline : end) - text);
        return number > 0;
}
