/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/cleanup.h"

/* The last value of `key` in the text of an os-release file, without its quotes; "" when it has none. The caller frees; NULL
 * when memory is short. Source: os-release(5). */
char *os_release_get(const char *text, const char *key);
