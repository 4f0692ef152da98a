/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

/* Two images that should be the same, entry by entry: what differs, in words. Both are read once, side by side, so
 * memory doesn't grow with them; they may be compressed in different ways. Meant for images in the order in which
 * templar packs them; in others an entry may be told as missing in one place and as new in another. */

typedef struct ImageDifference {
        const char *path;   /* printable, absolute: "/etc/hostname"; "" for the archive as a whole */
        const char *what;   /* "entry" (missing in one), "type", "mode", "owner", "time", "link", "attributes", "size",
                             * "content", "headers", "compression" */
        const char *first, *second; /* printable: how it is in each */
} ImageDifference;

typedef void (*ImageDifferenceListener)(const ImageDifference *difference, void *userdata);

/* The listener hears of all differences of the first `limit` entries that have any; *ret_n_entries is how many
 * have. When no entry differs, but the bytes do, that is one difference of the whole. From the start of both
 * descriptors, which must be seekable and are borrowed. */
int image_compare(int first_fd, int second_fd, size_t limit, ImageDifferenceListener listener, void *userdata,
                  uint64_t *ret_n_entries, Error *error) _must_check_;
