/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/cleanup.h"

#include <stdbool.h>
#include <stddef.h>

/* Several texts looked for at once, in less than a look at each byte (Wu and Manber, "A fast algorithm for
 * multi-pattern searching", 1994, with pairs of bytes). */

#define NEEDLE_MIN_BYTES 2u

typedef struct Needles Needles;

/* Each text has at least NEEDLE_MIN_BYTES; the longer the shortest, the faster. The texts are borrowed. NULL when
 * memory is short. */
Needles *needles_new(const char *const *texts, size_t n_texts);
void needles_free(Needles *needles);
DEFINE_CLEANUP(Needles, needles_free)
#define _cleanup_needles_ _cleanup_(needles_free_ptr)

/* Hears of each place where the text of that index stands; in the order of the places. */
typedef void (*NeedleListener)(size_t index, size_t offset, void *userdata);

void needles_search(const Needles *needles, const char *data, size_t length, NeedleListener listener, void *userdata);
