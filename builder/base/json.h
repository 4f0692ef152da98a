/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/cleanup.h"

#include <jansson.h>

/* jansson with cleanup attributes. Objects are dumped with sorted keys wherever bytes must be the same. */

static inline void json_cleanup(json_t **value)
{
        json_decref(*value);
}
#define _cleanup_json_ _cleanup_(json_cleanup)
