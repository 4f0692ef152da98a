/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Names in a tree are bytes: any but NUL and "/", in no particular encoding. */

bool name_is_ascii(const char *name);

/* For messages: control characters, backslashes and bytes outside ASCII that are no valid UTF-8 as \xHH; a name that
 * is too long is cut ("..."). The result is in `buffer` and is returned. */
#define NAME_TEXT_MAX 1024
char *name_text(const char *name, char buffer[static NAME_TEXT_MAX]);
