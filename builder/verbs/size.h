/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/cleanup.h"

#include <stdint.h>

/* "512M", "20G", "1T", "64K" (powers of 1024, in either case, "GiB" or "GB" as well), or bytes. Returns 0, -EINVAL for
 * other texts, or -ERANGE for zero and for what 64 bits can't hold. */
int parse_size(const char *text, uint64_t *ret_bytes) _must_check_;
