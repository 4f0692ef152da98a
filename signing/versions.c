/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "signing/release.h"

#include "base/digest.h"
#include "base/file.h"
#include "base/strings.h"
#include "signing/names.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

/* What release.h says of versions that are there already. */

int release_compare(const char *directory, const char *file_name, const char *sha256, ReleaseMatch *ret,
                    Error *error)
{
        char found[SHA256_HEX_SIZE];
        _cleanup_close_ int directory_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        if (directory_fd < 0 && errno != ENOENT)
                return error_set_errno(error, errno, "Can't open the directory %s", directory);
        if (directory_fd < 0 || faccessat(directory_fd, file_name, F_OK, 0) < 0) {
                if (errno != ENOENT)
                        return error_set_errno(error, errno, "Can't look at %s/%s", directory, file_name);
                *ret = RELEASE_ABSENT;
                return 0;
        }
        int r = digest_file(directory_fd, file_name, NULL, found, error);
        if (r < 0)
                return error_wrap(error, "In %s", directory);
        *ret = strcmp(found, sha256) == 0 ? RELEASE_SAME : RELEASE_DIFFERENT;
        return 0;
}

/* `rest` is what follows "STEM-VERSION" in a file's name: one of the files that versions have? */
static bool is_version_file(const char *rest)
{
        if (rest[0] != '.')
                return false;
        size_t label = strcspn(rest + 1, ".");
        return (label == 3 && memcmp(rest + 1, "tar", 3) == 0) || strcmp(rest, NAMES_SETTINGS_SUFFIX) == 0 ||
               names_is_companion_suffix(rest);
}

/* 0 for VERSION itself, N for VERSION.N, -1 for files of other versions. */
static int64_t number_of(const char *name, const char *base)
{
        size_t length = strlen(base);
        char digits[20];
        uint64_t number;

        if (strncmp(name, base, length) != 0)
                return -1;
        name += length;
        if (is_version_file(name))
                return 0;
        if (name[0] != '.' || name[1] < '1' || name[1] > '9')
                return -1;
        size_t n_digits = strspn(name + 1, "0123456789");
        if (n_digits >= sizeof digits || !is_version_file(name + 1 + n_digits))
                return -1;
        memcpy(digits, name + 1, n_digits);
        digits[n_digits] = '\0';
        return parse_unsigned(digits, 1, INT32_MAX, &number) < 0 ? -1 : (int64_t) number;
}

/* The highest number that is there, -1 for none. */
static int newest_number(const char *directory, const char *base, int64_t *ret, Error *error)
{
        _cleanup_closedir_ DIR *listing = opendir(directory);

        *ret = -1;
        if (!listing)
                return errno == ENOENT
                               ? 0
                               : error_set_errno(error, errno, "Can't read the directory %s", directory);
        for (struct dirent *entry; (entry = directory_next(listing));) {
                int64_t number = number_of(entry->d_name, base);
                if (number > *ret)
                        *ret = number;
        }
        return errno ? error_set_errno(error, errno, "Can't read the directory %s", directory) : 0;
}

static char *version_text(const char *version, int64_t number)
{
        char *text = NULL;

        if (number < 0)
                return strdup("");
        if (number == 0)
                return strdup(version);
        return asprintf(&text, "%s.%lld", version, (long long) number) < 0 ? NULL : text;
}

int release_versions(const char *directory, const char *stem, const char *version, char **ret_newest,
                     char **ret_free, Error *error)
{
        _cleanup_free_ char *base = NULL, *newest = NULL, *next = NULL;
        int64_t number = -1;

        if (asprintf(&base, "%s-%s", stem, version) < 0)
                return error_out_of_memory(error);
        int r = newest_number(directory, base, &number, error);
        if (r < 0)
                return r;
        newest = version_text(version, number);
        next = version_text(version, number + 1);
        if (!newest || !next)
                return error_out_of_memory(error);
        *ret_newest = TAKE_PTR(newest);
        *ret_free = TAKE_PTR(next);
        return 0;
}
