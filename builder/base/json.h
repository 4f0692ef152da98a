/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/cleanup.h"
#include "base/strings.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

/* jansson with cleanup attributes, and JSON texts whose bytes are always the same. Objects are dumped with sorted keys
 * wherever bytes must be the same. Functions that make a value return a new reference, NULL when memory is short. */

static inline void json_cleanup(json_t **value)
{
        json_decref(*value);
}
#define _cleanup_json_ _cleanup_(json_cleanup)

/* Each consumes the reference to `value`, and fails when it is NULL: so values can be made where they are used. */
bool json_put(json_t *object, const char *key, json_t *value);
bool json_add(json_t *array, json_t *value);

/* Any bytes as text; what is no UTF-8 is taken for Latin-1. NULL gives null. */
json_t *json_text(const char *value);
/* "2026-11-23T20:30:13Z" */
json_t *json_time(int64_t time_sec);

/* Of an object: its members on lines of their own, and the items of each array that is a member one a line, so that two
 * texts can be compared line by line. With a final newline. Returns 0 or -ENOMEM. */
int json_append_lines(Buffer *buffer, const json_t *object) _must_check_;
