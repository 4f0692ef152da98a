/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "signing/names.h"

#include "base/strings.h"
#include "signing/sums.h"

#include <string.h>

const char *const names_image_suffixes[] = { "tar", "tar.gz", "tar.xz", "tar.zst", NULL };

static const char *const companion_suffixes[] = { ".manifest.json", ".lock", ".spdx.json",
                                                  NAMES_PROVENANCE_SUFFIX };

/* The length of X in "X.tar.xz"; 0 when it is no image. */
static size_t stem_length(const char *name)
{
        size_t length = strlen(name);

        for (size_t i = 0; names_image_suffixes[i]; i++) {
                size_t tail = strlen(names_image_suffixes[i]) + 1;
                if (length > tail && name[length - tail] == '.' &&
                    string_ends_with(name, names_image_suffixes[i]))
                        return length - tail;
        }
        return 0;
}

bool names_is_image(const char *name)
{
        return stem_length(name) > 0;
}

bool names_is_companion(const char *name)
{
        for (size_t i = 0; i < ELEMENTS(companion_suffixes); i++)
                if (string_ends_with(name, companion_suffixes[i]))
                        return true;
        return false;
}

bool names_is_companion_suffix(const char *suffix)
{
        for (size_t i = 0; i < ELEMENTS(companion_suffixes); i++)
                if (strcmp(suffix, companion_suffixes[i]) == 0)
                        return true;
        return false;
}

bool names_is_release_file(const char *name)
{
        return names_is_image(name) || names_is_companion(name) || string_ends_with(name, NAMES_SETTINGS_SUFFIX) ||
               string_ends_with(name, NAMES_PAIR_SUFFIX) ||
               string_ends_with(name, NAMES_PAIR_SIGNATURE_SUFFIX);
}

bool names_is_index(const char *name)
{
        return strcmp(name, SUMS_FILE) == 0 || strcmp(name, SUMS_SIGNATURE_FILE) == 0 ||
               strcmp(name, SUMS_FILE ".asc") == 0;
}

bool names_is_keyring(const char *name)
{
        return strcmp(name, NAMES_KEYRING) == 0 || strcmp(name, NAMES_KEYRING_OLD) == 0;
}

int names_settings(const char *image, char *ret_names[static NAMES_SETTINGS_MAX])
{
        char *plain = NULL, *whole = NULL;

        if (asprintf(&plain, "%.*s%s", (int) stem_length(image), image, NAMES_SETTINGS_SUFFIX) < 0)
                return 0;
        ret_names[0] = plain;
        if (!string_ends_with(image, ".tar.zst"))
                return 1;
        if (asprintf(&whole, "%s%s", image, NAMES_SETTINGS_SUFFIX) < 0) {
                free(plain);
                return 0;
        }
        ret_names[1] = whole;
        return 2;
}
