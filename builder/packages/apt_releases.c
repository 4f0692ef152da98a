/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "packages/apt_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/digest.h"
#include "base/file.h"
#include "packages/deb822.h"

static void release_done(AptRelease *release)
{
        free(release->uri);
        free(release->suite);
        free(release->sha256);
        *release = (AptRelease){ 0 };
}

void apt_releases_done(AptReleases *releases)
{
        for (size_t i = 0; i < releases->n_items; i++)
                release_done(&releases->items[i]);
        free(releases->items);
        *releases = (AptReleases){ 0 };
}

char *apt_list_name(const char *uri)
{
        static const char quoted[] = "\\|{}[]<>\"^~_=!@#$%^&*";
        _cleanup_buffer_ Buffer name = BUFFER_INIT;
        const char *colon = strchr(uri, ':');
        const char *rest = colon ? colon + 1 : uri;

        /* "//host/path" loses its slashes, as does "///path" two of them */
        if (string_starts_with(rest, "//"))
                rest += 2;
        for (; *rest; rest++) {
                unsigned char c = (unsigned char) *rest;
                int r;
                if (c == '/')
                        r = buffer_append(&name, "_", 1);
                else if (strchr(quoted, c) || c <= ' ' || c >= 0x7f)
                        r = buffer_printf(&name, "%%%02x", c);
                else
                        r = buffer_append(&name, rest, 1);
                if (r < 0)
                        return NULL;
        }
        return buffer_take(&name);
}

int apt_parse_date(const char *text, int64_t *ret_sec)
{
        static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
        char month[4] = "", zone[8] = "";
        struct tm time = { 0 };

        if (sscanf(text, "%*3[A-Za-z], %d %3[A-Za-z] %d %d:%d:%d %7s", &time.tm_mday, month, &time.tm_year,
                   &time.tm_hour, &time.tm_min, &time.tm_sec, zone) != 7)
                return -EINVAL;
        const char *found = strlen(month) == 3 ? strstr(months, month) : NULL;
        if (!found || (found - months) % 3 != 0 || time.tm_year < 1970 || time.tm_year > 9999 || time.tm_mday < 1 ||
            time.tm_mday > 31 || time.tm_hour < 0 || time.tm_hour > 23 || time.tm_min < 0 || time.tm_min > 59 ||
            time.tm_sec < 0 || time.tm_sec > 60)
                return -EINVAL;
        if (strcmp(zone, "UTC") != 0 && strcmp(zone, "GMT") != 0 && strcmp(zone, "Z") != 0 &&
            strcmp(zone, "+0000") != 0)
                return -EINVAL;
        time.tm_mon = (int) (found - months) / 3;
        time.tm_year -= 1900;
        *ret_sec = timegm(&time);
        return 0;
}

char *apt_release_directory(const char *uri, const char *suite)
{
        const char *slash = string_ends_with(uri, "/") ? "" : "/";
        char *text;
        int r = string_ends_with(suite, "/") ? asprintf(&text, "%s%s%s", uri, slash, suite)
                                             : asprintf(&text, "%s%sdists/%s/", uri, slash, suite);

        return r < 0 ? NULL : text;
}

/* InRelease, else Release (of a trusted repository, or an old one with Release.gpg). */
static int read_release(const char *lists, const char *uri, const char *suite, Buffer *ret, Error *error)
{
        static const char *const names[] = { "InRelease", "Release" };
        _cleanup_free_ char *directory = apt_release_directory(uri, suite);
        _cleanup_free_ char *name = directory ? apt_list_name(directory) : NULL;

        if (!name)
                return error_out_of_memory(error);
        for (size_t i = 0; i < ELEMENTS(names); i++) {
                _cleanup_free_ char *path = NULL;
                if (asprintf(&path, "%s/%s%s", lists, name, names[i]) < 0) {
                        path = NULL;
                        return error_out_of_memory(error);
                }
                if (access(path, F_OK) == 0)
                        return read_file(AT_FDCWD, path, RELEASE_LIMIT_BYTES, ret, error);
        }
        return error_set(error, -ENOENT, "apt has fetched no Release file of the repository %s %s", uri, suite);
}

const char *apt_skip_armor(const char *text)
{
        if (!string_starts_with(text, "-----BEGIN PGP SIGNED MESSAGE-----"))
                return text;
        const char *blank = strstr(text, "\n\n");
        return blank ? blank + 2 : text;
}

static bool names_file(const char *text, const char *path)
{
        size_t length = strlen(path);

        for (const char *found = text; (found = strstr(found, path)); found += length)
                if (found > text && found[-1] == ' ' && (found[length] == '\n' || found[length] == '.'))
                        return true;
        return false;
}

static int has_packages(const char *text, const char *component, const char *architecture)
{
        _cleanup_free_ char *path = NULL;

        if (asprintf(&path, "%s/binary-%s/Packages", component, architecture) < 0) {
                path = NULL;
                return -ENOMEM;
        }
        return names_file(text, path);
}

/* "updates/main", as old security archives have it, is called "main" in the paths. */
static int check_component(const char *text, const char *uri, const char *suite, const char *component,
                           const char *architecture, Error *error)
{
        const char *base = strrchr(component, '/');
        int r = has_packages(text, component, architecture);

        if (r == 0)
                r = has_packages(text, component, "all");
        if (r == 0 && base)
                r = has_packages(text, base + 1, architecture);
        if (r < 0)
                return error_out_of_memory(error);
        if (r > 0)
                return 0;
        _cleanup_free_ char *components = deb822_get(apt_skip_armor(text), "Components");
        error_set(error, -ENOENT, "The repository %s %s has no component \"%s\" for %s", uri, suite, component,
                  architecture);
        return string_empty(components) ? -ENOENT : error_hint(error, "It has: %s", components);
}

static int check_components(const char *text, const Repository *repository, const char *uri, const char *suite,
                            const char *architecture, Error *error)
{
        char *const image[] = { (char *) architecture, NULL };
        char *const *architectures = repository->architectures ? repository->architectures : image;

        for (char **component = repository->components; component && *component; component++)
                for (char *const *one = architectures; *one; one++) {
                        int r = check_component(text, uri, suite, *component, *one, error);
                        if (r < 0)
                                return r;
                }
        return 0;
}

static bool is_known(const AptReleases *releases, const char *uri, const char *suite)
{
        for (size_t i = 0; i < releases->n_items; i++)
                if (strcmp(releases->items[i].uri, uri) == 0 && strcmp(releases->items[i].suite, suite) == 0)
                        return true;
        return false;
}

static int add_release(AptReleases *releases, const Buffer *text, const char *uri, const char *suite, Error *error)
{
        char digest[SHA256_HEX_SIZE];
        _cleanup_free_ char *date = deb822_get(apt_skip_armor(text->data), "Date");
        AptRelease release = { 0 };

        if (!date || apt_parse_date(date, &release.date_sec) < 0)
                return error_set(error, -EINVAL,
                                 "The Release file of the repository %s %s has no date that can be read", uri, suite);
        AptRelease *grown = reallocarray(releases->items, releases->n_items + 1, sizeof *grown);
        if (!grown)
                return error_out_of_memory(error);
        releases->items = grown;
        if (digest_buffer(text->data, text->length, digest) < 0)
                return error_out_of_memory(error);
        release.uri = strdup(uri);
        release.suite = strdup(suite);
        release.sha256 = strdup(digest);
        if (!release.uri || !release.suite || !release.sha256) {
                release_done(&release);
                return error_out_of_memory(error);
        }
        if (release.date_sec > releases->newest_sec)
                releases->newest_sec = release.date_sec;
        releases->items[releases->n_items++] = release;
        return 0;
}

static int read_repository(const char *lists, const Repository *repository, const char *architecture,
                           AptReleases *releases, Error *error)
{
        for (char **uri = repository->uris; uri && *uri; uri++)
                for (char **suite = repository->suites; suite && *suite; suite++) {
                        _cleanup_buffer_ Buffer text = BUFFER_INIT;
                        int r = read_release(lists, *uri, *suite, &text, error);
                        if (r == 0)
                                r = check_components(text.data, repository, *uri, *suite, architecture, error);
                        if (r == 0 && !is_known(releases, *uri, *suite))
                                r = add_release(releases, &text, *uri, *suite, error);
                        if (r < 0)
                                return r;
                }
        return 0;
}

int apt_read_releases(const char *lists, const RepositoryList *repositories, const char *architecture,
                      AptReleases *ret, Error *error)
{
        AptReleases releases = { 0 };

        for (size_t i = 0; i < repositories->n_items; i++) {
                if (!strv_contains(repositories->items[i].types, "deb"))
                        continue;
                int r = read_repository(lists, &repositories->items[i], architecture, &releases, error);
                if (r < 0) {
                        apt_releases_done(&releases);
                        return r;
                }
        }
        *ret = releases;
        return 0;
}
