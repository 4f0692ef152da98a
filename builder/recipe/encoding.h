/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* A recipe is text: UTF-8 (RFC 3629), tabs and line feeds, no other control characters. */

/* The length in bytes of the character at the start of `text`, 1 to 4; 0 when these bytes are none that a recipe may
 * hold: a control character, or no UTF-8. */
size_t encoding_character(const char *text, size_t length);

/* The offset of the first byte that a recipe may not hold; `length` when all is well. */
size_t encoding_first_bad(const char *text, size_t length);

/* White space within a line. */
static inline bool encoding_is_space(char c)
{
        return c == ' ' || c == '\t';
}
