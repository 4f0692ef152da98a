/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "verbs/artifact.h"

#include "base/file.h"
#include "base/strings.h"
#include "packages/dpkg.h"

#include <errno.h>
#include <string.h>

#define MANIFEST_SUFFIX ".manifest.json"

/* The one that is read fastest first. */
static const char *const suffixes[] = { ".tar", ".tar.zst", ".tar.gz", ".tar.xz", MANIFEST_SUFFIX };

/* Its index in `suffixes`, and the length of what is before it; ELEMENTS(suffixes) for other names. */
static size_t split_name(const char *name, size_t *ret_length)
{
        for (size_t i = 0; i < ELEMENTS(suffixes); i++)
                if (string_ends_with(name, suffixes[i]) && strlen(name) > strlen(suffixes[i])) {
                        *ret_length = strlen(name) - strlen(suffixes[i]);
                        return i;
                }
        return ELEMENTS(suffixes);
}

typedef struct Best {
        char *base; /* NAME-ARCH-VERSION; owned */
        size_t suffix;
} Best;

static int consider(Best *best, const char *base, size_t suffix)
{
        int order = best->base ? dpkg_compare_versions(base, best->base) : 1;

        if (order < 0 || (order == 0 && suffix >= best->suffix))
                return 0;
        char *copy = strdup(base);
        if (!copy)
                return -ENOMEM;
        free(best->base);
        *best = (Best){ .base = copy, .suffix = suffix };
        return 0;
}

/* `wanted` NULL: any version. */
static int read_directory(const char *directory, const char *wanted, Best *best, Error *error)
{
        _cleanup_closedir_ DIR *listing = opendir(directory);

        if (!listing)
                return error_set_errno(error, errno, "Can't read the directory %s", directory);
        errno = 0;
        for (struct dirent *entry; (entry = readdir(listing)); errno = 0) {
                size_t length = 0, suffix = split_name(entry->d_name, &length);
                if (suffix == ELEMENTS(suffixes) || entry->d_name[0] == '.')
                        continue;
                /* a version that was withdrawn may have left its manifest */
                if (!wanted && strcmp(suffixes[suffix], MANIFEST_SUFFIX) == 0)
                        continue;
                _cleanup_free_ char *base = strndup(entry->d_name, length);
                if (!base || (string_equal(base, wanted ? wanted : base) && consider(best, base, suffix) < 0))
                        return error_out_of_memory(error);
        }
        return errno ? error_set_errno(error, errno, "Can't read the directory %s", directory) : 0;
}

static int find_in(const char *directory, const char *wanted, char **ret_path, Error *error)
{
        Best best = { 0 };
        int r = read_directory(directory, wanted, &best, error);

        if (r == 0 && !best.base) {
                r = error_set(error, -ENOENT, "There is no %s%s in %s", wanted ? "image of " : "image",
                              wanted ? wanted : "", directory);
                error_hint(error, "A release directory is OUT/NAME/ARCHITECTURE, as `templar build` prints it.");
        }
        if (r == 0 && asprintf(ret_path, "%s%s%s%s", directory, string_ends_with(directory, "/") ? "" : "/", best.base,
                               suffixes[best.suffix]) < 0)
                r = error_out_of_memory(error);
        free(best.base);
        return r;
}

int artifact_find(const char *argument, char **ret_path, Error *error)
{
        struct stat status;

        if (stat(argument, &status) == 0 && S_ISDIR(status.st_mode))
                return find_in(argument, NULL, ret_path, error);
        int missing = access(argument, F_OK) < 0 ? errno : 0;
        const char *slash = strrchr(argument, '/'), *name = slash ? slash + 1 : argument;
        if (missing == ENOENT && *name) {
                _cleanup_free_ char *directory =
                        slash ? strndup(argument, (size_t) (slash - argument) + 1) : strdup(".");
                if (!directory)
                        return error_out_of_memory(error);
                if (stat(directory, &status) == 0 && find_in(directory, name, ret_path, NULL) == 0)
                        return 0;
        }
        if (missing)
                return error_set_errno(error, missing, "Can't open %s", argument);
        *ret_path = strdup(argument);
        return *ret_path ? 0 : error_out_of_memory(error);
}

char *artifact_manifest(const char *image_path)
{
        size_t length = 0;
        char *path = NULL;

        if (split_name(image_path, &length) == ELEMENTS(suffixes))
                return NULL;
        return asprintf(&path, "%.*s" MANIFEST_SUFFIX, (int) length, image_path) < 0 ? NULL : path;
}
