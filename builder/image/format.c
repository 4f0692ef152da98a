/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/format.h"

#include "base/cleanup.h"

#include <errno.h>
#include <string.h>

const char *const image_format_names[] = {
        [IMAGE_TAR] = "tar",
        [IMAGE_TAR_GZ] = "tar.gz",
        [IMAGE_TAR_XZ] = "tar.xz",
        [IMAGE_TAR_ZST] = "tar.zst",
        [IMAGE_FORMATS] = NULL,
};

/* The defaults, measured on a Debian 12 minbase tree (170 MB, two processors, one format at a time):
 *
 *   gz   3: 64.0 MB   6: 60.5 MB   9: 60.1 MB      9 takes three times the time of 6 for 0.6 % of the size
 *   zst  3: 51.1 MB   9: 44.7 MB  15: 43.8 MB  19: 39.7 MB      9 takes 2 s, 15 takes 15 s, 19 takes 37 s
 *   xz   1: 46.0 MB   6: 38.1 MB                   above 6 only the dictionary grows, which blocks limit anyway
 *
 * tar.xz is the small one, for the network; tar.zst is the quick one, so it stays where both ways are quick. Beyond
 * zstd 19 the encoder alone would need more memory than the packer may use. */
static const struct {
        int lowest, highest, fallback;
} levels[IMAGE_FORMATS] = {
        [IMAGE_TAR] = { 0, 0, 0 },
        [IMAGE_TAR_GZ] = { 1, 9, 6 },
        [IMAGE_TAR_XZ] = { 0, 9, 6 },
        [IMAGE_TAR_ZST] = { 1, 19, 9 },
};

int image_format_parse(const char *name)
{
        for (int format = 0; format < IMAGE_FORMATS; format++)
                if (strcmp(name, image_format_names[format]) == 0)
                        return format;
        return -EINVAL;
}

int image_format_default_level(ImageFormat format)
{
        return levels[format].fallback;
}

void image_format_levels(ImageFormat format, int *ret_lowest, int *ret_highest)
{
        *ret_lowest = levels[format].lowest;
        *ret_highest = levels[format].highest;
}
