/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/cleanup.h"
#include "base/error.h"
#include "recipe/pool.h"
#include "recipe/schema.h"

#include <stdbool.h>
#include <stddef.h>

/* Is this text a value of that type? All but the files, whose existence is a matter of sourcefile.h. */

/* The part of the value that an error is about. */
typedef struct ValueMark {
        size_t offset, length;
        bool hide; /* it is a secret: the excerpt must not show it */
} ValueMark;

/* Fills `error` (with hint) and, where only a part is wrong, *ret_mark. 0, -EINVAL or -ENOMEM. */
int value_check(const KeySchema *key, const char *value, ValueMark *ret_mark, Error *error) _must_check_;

/* The one spelling that stands for all others of the same value (yes for true, 0644 for 644); else `value` itself. For
 * values that passed value_check(). NULL when memory is short. */
const char *value_canonical(Pool *pool, const KeySchema *key, const char *value);

/* yes, no, true, false, on, off, 1, 0 in any case: 0, else -EINVAL. */
int value_parse_bool(const char *value, bool *ret) _must_check_;

/* Parts of value_check(), in files of their own. */
int value_check_uri(const char *value, ValueMark *ret_mark, Error *error) _must_check_;
