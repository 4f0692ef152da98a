/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "verbs/locks.h"

#include "build/locked.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

static int check_pool(const char *pool, Error *error)
{
        static const char *const schemes[] = { "http://", "https://", "file:///" };
        struct stat status;

        for (size_t i = 0; i < ELEMENTS(schemes); i++)
                if (string_starts_with(pool, schemes[i]))
                        return 0;
        if (strstr(pool, "://")) {
                error_set_usage(error, -EINVAL, "--pool: \"%s\" is no address that can be used", pool);
                return error_hint(error, "Give a directory, or an address with http, https or file");
        }
        if (stat(pool, &status) < 0)
                return error_set_usage(error, -errno, "--pool: there is no directory %s", pool);
        return S_ISDIR(status.st_mode) ? 0 : error_set_usage(error, -ENOTDIR, "--pool: %s is no directory", pool);
}

int pools_check(const Options *options, char *const **ret, Error *error)
{
        char *const *pools = options_list(options, "pool");
        int r = 0;

        for (char *const *pool = pools; r == 0 && pool && *pool; pool++)
                r = check_pool(*pool, error);
        *ret = pools;
        return r;
}

int lock_open(const Options *options, const char *recipe_path, Lock *ret, char **ret_path, Error *error)
{
        const char *given = options_string(options, "lock");
        _cleanup_free_ char *path = given ? strdup(given) : lock_path_of(recipe_path);

        if (!path)
                return error_out_of_memory(error);
        if (access(path, F_OK) < 0) {
                error_set_usage(error, -errno, "There is no lock %s", path);
                return error_hint(error, "Make it with: templar lock %s", recipe_path);
        }
        int r = lock_read(path, ret, error);
        if (r == 0)
                *ret_path = TAKE_PTR(path);
        return r;
}
