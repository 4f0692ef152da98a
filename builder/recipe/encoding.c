/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "recipe/encoding.h"

#include <stdint.h>

size_t encoding_character(const char *text, size_t length)
{
        /* the smallest code point that may take so many bytes: longer forms of it are forged */
        static const uint32_t smallest[] = { 0, 0, 0x80, 0x800, 0x10000 };
        unsigned char first = length > 0 ? (unsigned char) text[0] : 0;

        if (first < 0x80)
                return first == '\t' || (first >= 0x20 && first != 0x7f) ? 1 : 0;
        size_t n = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
        if (first < 0xc2 || first > 0xf4 || n > length)
                return 0;
        uint32_t code = first & (0x7fu >> n);
        for (size_t i = 1; i < n; i++) {
                unsigned char byte = (unsigned char) text[i];
                if ((byte & 0xc0) != 0x80)
                        return 0;
                code = code << 6 | (byte & 0x3fu);
        }
        bool control = code < 0xa0, surrogate = code >= 0xd800 && code <= 0xdfff;
        return code < smallest[n] || control || surrogate || code > 0x10ffff ? 0 : n;
}

size_t encoding_first_bad(const char *text, size_t length)
{
        size_t offset = 0;

        while (offset < length) {
                size_t width = encoding_character(text + offset, length - offset);
                if (width == 0)
                        break;
                offset += width;
        }
        return offset;
}
