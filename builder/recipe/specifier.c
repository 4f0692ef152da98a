/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "recipe/specifier.h"

#include <string.h>

static SpecifierResult expand_one(const SpecifierValues *values, char letter, const char **ret_text,
                                  SpecifierFound *found)
{
        switch (letter) {
        case '%':
                *ret_text = "%";
                return SPECIFIER_OK;
        case 'i':
                *ret_text = values->image;
                return SPECIFIER_OK;
        case 'a':
                *ret_text = values->architecture;
                return SPECIFIER_OK;
        case 's':
                *ret_text = values->suite;
                return *values->suite ? SPECIFIER_OK : SPECIFIER_NO_SUITE;
        case 'v':
                found->version = true;
                *ret_text = values->version ? values->version : "%v";
                return values->version ? SPECIFIER_OK : SPECIFIER_PENDING;
        default:
                return SPECIFIER_UNKNOWN;
        }
}

SpecifierResult specifier_expand(const SpecifierValues *values, const char *text, size_t length, Buffer *buffer,
                                 SpecifierFound *ret)
{
        SpecifierResult result = SPECIFIER_OK;
        size_t offset = 0;

        *ret = (SpecifierFound){ 0 };
        while (offset < length) {
                const char *percent = memchr(text + offset, '%', length - offset), *expansion;
                size_t plain = (percent ? (size_t) (percent - text) : length) - offset;
                if (buffer_append(buffer, text + offset, plain) < 0)
                        return SPECIFIER_NO_MEMORY;
                offset += plain;
                if (!percent)
                        break;
                ret->offset = offset;
                if (offset + 1 == length)
                        return SPECIFIER_UNFINISHED;
                SpecifierResult one = expand_one(values, text[offset + 1], &expansion, ret);
                if (one == SPECIFIER_PENDING)
                        result = one;
                else if (one != SPECIFIER_OK)
                        return one;
                if (buffer_append_string(buffer, expansion) < 0)
                        return SPECIFIER_NO_MEMORY;
                offset += 2;
        }
        return result;
}
