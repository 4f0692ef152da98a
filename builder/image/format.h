/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdbool.h>

typedef enum ImageFormat {
        IMAGE_TAR,
        IMAGE_TAR_GZ,
        IMAGE_TAR_XZ,
        IMAGE_TAR_ZST,
        IMAGE_FORMATS,
} ImageFormat;

#define IMAGE_LEVEL_DEFAULT (-1)

/* "tar", "tar.gz", "tar.xz", "tar.zst"; NULL-terminated, indexed by ImageFormat. */
extern const char *const image_format_names[];
/* The format, or -EINVAL. */
int image_format_parse(const char *name);
int image_format_default_level(ImageFormat format);
/* The levels that the packer takes; both are 0 for IMAGE_TAR. */
void image_format_levels(ImageFormat format, int *ret_lowest, int *ret_highest);
