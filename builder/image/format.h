/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/error.h"

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
/* "tar.zst:19", as in Level=. -EINVAL of kind ERROR_USAGE says what was expected. */
int image_level_parse(const char *text, ImageFormat *ret_format, int *ret_level, Error *error) _must_check_;
/* The level of a format by a list of such words (NULL-terminated, may be NULL), all of them good, else its default. */
int image_level_from_list(char *const *levels, ImageFormat format);
/* The levels that the packer takes; both are 0 for IMAGE_TAR. */
void image_format_levels(ImageFormat format, int *ret_lowest, int *ret_highest);
