/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/names.h"

#include <stdio.h>
#include <string.h>

bool name_is_ascii(const char *name)
{
        for (; *name; name++)
                if ((unsigned char) *name >= 0x80)
                        return false;
        return true;
}

/* The length of the valid UTF-8 sequence at `bytes`, or 0. Overlong forms and surrogates don't matter for a text
 * that is only looked at. */
static size_t utf8_length(const unsigned char *bytes)
{
        size_t length = bytes[0] >= 0xf0 && bytes[0] < 0xf5   ? 4
                        : bytes[0] >= 0xe0 && bytes[0] < 0xf0 ? 3
                        : bytes[0] >= 0xc2 && bytes[0] < 0xe0 ? 2
                                                              : 0;

        for (size_t i = 1; i < length; i++)
                if ((bytes[i] & 0xc0) != 0x80)
                        return 0;
        /* U+0080 to U+009F are control characters as well */
        return length == 2 && bytes[0] == 0xc2 && bytes[1] < 0xa0 ? 0 : length;
}

char *name_text(const char *name, char buffer[static NAME_TEXT_MAX])
{
        const unsigned char *next = (const unsigned char *) name;
        size_t used = 0;

        while (*next) {
                size_t length = *next < 0x80 ? *next >= 0x20 && *next != 0x7f && *next != '\\' : utf8_length(next);
                if (used + 4 + sizeof "..." > NAME_TEXT_MAX) {
                        strcpy(buffer + used, "...");
                        return buffer;
                }
                if (length == 0) {
                        snprintf(buffer + used, 5, "\\x%02x", *next++);
                        used += 4;
                        continue;
                }
                memcpy(buffer + used, next, length);
                used += length;
                next += length;
        }
        buffer[used] = '\0';
        return buffer;
}
