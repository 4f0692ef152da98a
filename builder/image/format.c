/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/format.h"

#include "base/cleanup.h"
#include "base/strings.h"

#include <errno.h>
#include <string.h>

const char *const image_format_names[] = {
        [IMAGE_TAR] = "tar",
        [IMAGE_TAR_GZ] = "tar.gz",
        [IMAGE_TAR_XZ] = "tar.xz",
        [IMAGE_TAR_ZST] = "tar.zst",
        [IMAGE_FORMATS] = NULL,
};

/* Chosen from what `tests/bench/run levels` prints; the README has its table.
 *
 * tar.xz is there to be small: 6, above which only the dictionary grows, and blocks limit that. tar.zst is there to be
 * quick in both directions: 9, where the size still pays for the time. For gz the last 0.5 % before 9 cost twice the
 * time. Above zstd 19 an encoder takes too much of the packer's memory. */
static const struct {
        int lowest, highest, fallback;
} levels[IMAGE_FORMATS] = {
        [IMAGE_TAR] = { 0, 0, 0 },
        [IMAGE_TAR_GZ] = { 1, 12, 6 },
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

/* "zst:19" and "tar.zts:19" mean something. */
static void suggest(const char *word, const char *level, Error *error)
{
        _cleanup_free_ char *full = NULL;
        const char *nearest = nearest_word(word, image_format_names);

        if (asprintf(&full, "tar.%s", word) < 0)
                full = NULL;
        if (full && image_format_parse(full) >= 0)
                nearest = full;
        if (nearest)
                error_hint(error, "did you mean \"%s:%s\"?", nearest, level);
}

int image_level_parse(const char *text, ImageFormat *ret_format, int *ret_level, Error *error)
{
        const char *colon = strchr(text, ':');
        uint64_t level;

        if (!colon || !colon[1])
                return error_set_usage(error, -EINVAL, "\"%s\" is no level; expected FORMAT:LEVEL, as in tar.zst:19", text);
        _cleanup_free_ char *word = strndup(text, (size_t) (colon - text));
        if (!word)
                return error_out_of_memory(error);
        int format = image_format_parse(word);
        if (format < 0) {
                error_set_usage(error, -EINVAL, "there is no image format \"%s\"; expected tar.gz, tar.xz or tar.zst", word);
                suggest(word, colon + 1, error);
                return -EINVAL;
        }
        if (format == IMAGE_TAR)
                return error_set_usage(error, -EINVAL, "tar has no levels; it is not compressed");
        if (parse_unsigned(colon + 1, (uint64_t) levels[format].lowest, (uint64_t) levels[format].highest, &level) < 0)
                return error_set_usage(error, -EINVAL, "there is no level %s for %s; expected %d to %d", colon + 1, word,
                                       levels[format].lowest, levels[format].highest);
        *ret_format = (ImageFormat) format;
        *ret_level = (int) level;
        return 0;
}

int image_level_from_list(char *const *list, ImageFormat format)
{
        ImageFormat named = IMAGE_TAR;
        int level = 0;

        for (; list && *list; list++)
                if (image_level_parse(*list, &named, &level, NULL) == 0 && named == format)
                        return level;
        return image_format_default_level(format);
}
