/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/cleanup.h"

#include <stdint.h>

/* "90d", "26w", "6m", "2y" (months of 30, years of 365 days, as gpg counts them), "never" (0). Returns 0,
 * -EINVAL for other texts , or -ERANGE for zero of a unit and above 100 years. */
int parse_duration(const char *text, uint64_t *ret_sec) _must_check_;
