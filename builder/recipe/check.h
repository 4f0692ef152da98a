/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "recipe/schema.h"

#include <stdbool.h>

/* One value against its type: true, or false with what was expected in *ret_expected (static text). Files are not
 * looked for here. */
bool check_word(const KeySchema *key, const char *text, const char **ret_expected);

/* Yes, no, or -EINVAL. */
int check_bool(const char *text);

/* [A-Za-z0-9.-], neither "." nor "-" at an end, no "..": what every host takes as an image's and a machine's name. */
bool check_name(const char *text);
