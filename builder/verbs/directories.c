/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "verbs/directories.h"

#include "base/file.h"
#include "base/strings.h"

#include <errno.h>
#include <limits.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>

/* $HOME, else the user's entry; NULL when there is neither. The caller frees. */
static char *home_directory(void)
{
        const char *home = getenv("HOME");
        const struct passwd *entry = string_empty(home) ? getpwuid(geteuid()) : NULL;

        return strdup(entry ? entry->pw_dir : !string_empty(home) ? home : "/");
}

static char *default_cache(void)
{
        const char *own = getenv("TEMPLAR_CACHE"), *xdg = getenv("XDG_CACHE_HOME");

        if (!string_empty(own))
                return strdup(own);
        if (geteuid() == 0)
                return strdup("/var/cache/templar");
        /* the specification has relative paths ignored */
        if (xdg && path_is_absolute(xdg))
                return path_join(xdg, "templar");
        _cleanup_free_ char *home = home_directory();
        return home ? path_join(home, ".cache/templar") : NULL;
}

static int check_private(const char *path, Error *error)
{
        struct stat status;

        if (stat(path, &status) < 0)
                return error_set_errno(error, errno, "Can't look at the cache directory %s", path);
        if (status.st_uid != geteuid()) {
                error_set(error, -EPERM, "The cache directory %s belongs to another user (%u)", path,
                          status.st_uid);
                return error_hint(error,
                                  "What lies there becomes part of images. Give another one with --cache.");
        }
        if (status.st_mode & (S_IWGRP | S_IWOTH)) {
                error_set(error, -EPERM, "The cache directory %s can be written to by others (mode %04o)",
                          path, status.st_mode & 07777);
                return error_hint(error, "What lies there becomes part of images: chmod go-w %s", path);
        }
        return 0;
}

static int resolve(const char *path, char **ret, Error *error)
{
        char *absolute = realpath(path, NULL);

        if (!absolute)
                return error_set_errno(error, errno, "Can't look at %s", path);
        *ret = absolute;
        return 0;
}

int cache_directory(const char *given, char **ret, Error *error)
{
        _cleanup_free_ char *path = given ? strdup(given) : default_cache(), *absolute = NULL;

        if (!path)
                return error_out_of_memory(error);
        int r = make_directories(path, 0700, error);
        if (r < 0) {
                error_wrap(error, "No cache directory");
                return error_hint(error, "Give another one with --cache DIR or TEMPLAR_CACHE.");
        }
        r = resolve(path, &absolute, error);
        if (r >= 0)
                r = check_private(absolute, error);
        if (r >= 0)
                *ret = TAKE_PTR(absolute);
        return r;
}

int development_home(const char *out_directory, char **ret, Error *error)
{
        _cleanup_free_ char *absolute = NULL;

        int r = make_directories(out_directory, 0755, error);
        if (r >= 0)
                r = resolve(out_directory, &absolute, error);
        if (r < 0)
                return r;
        char *slash = strrchr(absolute, '/');
        slash[slash == absolute] = '\0';
        *ret = path_join(absolute, "gnupg");
        return *ret ? 0 : error_out_of_memory(error);
}

int shell_command(const Options *options, char **ret, Error *error)
{
        static const char *const shared[] = { "cache", "out", "set" };
        _cleanup_buffer_ Buffer text = BUFFER_INIT;
        int r = buffer_append_string(&text, "templar shell");

        for (size_t i = 0; i < ELEMENTS(shared); i++)
                for (char *const *value = options_list(options, shared[i]); r == 0 && value && *value; value++) {
                        r = buffer_printf(&text, " --%s ", shared[i]);
                        if (r == 0)
                                r = buffer_append_word(&text, *value);
                }
        if (r < 0)
                return error_out_of_memory(error);
        *ret = buffer_take(&text);
        return *ret ? 0 : error_out_of_memory(error);
}

int gnupg_home(char **ret, Error *error)
{
        const char *given = getenv("GNUPGHOME");
        _cleanup_free_ char *home = home_directory();

        *ret = !string_empty(given) ? strdup(given) : home ? path_join(home, ".gnupg") : NULL;
        return *ret ? 0 : error_out_of_memory(error);
}
