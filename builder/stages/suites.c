/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "stages/suites.h"

#include "base/file.h"
#include "base/strings.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

static bool is_script(const char *name)
{
        _cleanup_free_ char *path = NULL;

        if (strchr(name, '/') || name[0] == '.' || strstr(name, "-common"))
                return false;
        path = path_join(SUITES_SCRIPTS_DIRECTORY, name);
        return path && access(path, R_OK) == 0;
}

static int hint_nearest(const char *suite, Error *error)
{
        _cleanup_closedir_ DIR *directory = opendir(SUITES_SCRIPTS_DIRECTORY);
        _cleanup_strv_ char **names = NULL;

        for (struct dirent *entry; directory && (entry = directory_next(directory));)
                if (is_script(entry->d_name) && strv_append(&names, entry->d_name) < 0)
                        return error_out_of_memory(error);
        /* readdir's order must not choose between two that are equally near */
        if (names)
                strv_sort(names);
        const char *nearest = names ? nearest_word(suite, (const char *const *) names) : NULL;
        return error_hint(error, "%s%s%sLikeSuite= tells which known suite an unknown one is built like",
                          nearest ? "did you mean \"" : "", nearest ?: "", nearest ? "\"? Otherwise " : "");
}

int suite_script(const char *suite, const char *like, const char **ret_script, Error *error)
{
        if (access(SUITES_SCRIPTS_DIRECTORY, R_OK) < 0) {
                error_set(error, -ENOENT, "debootstrap is not installed (no %s)", SUITES_SCRIPTS_DIRECTORY);
                return error_hint(error, "apt-get install debootstrap");
        }
        if (is_script(suite)) {
                *ret_script = suite;
                return 0;
        }
        if (like && is_script(like)) {
                *ret_script = like;
                return 0;
        }
        error_set_usage(error, -EINVAL, "%s= names \"%s\", a suite that debootstrap does not know",
                        like ? "LikeSuite" : "Suite", like ?: suite);
        return hint_nearest(like ?: suite, error);
}

bool suite_is_ubuntu(const char *script)
{
        _cleanup_free_ char *path = path_join(SUITES_SCRIPTS_DIRECTORY, script);
        char real[PATH_MAX];

        return path && realpath(path, real) && string_ends_with(real, "/gutsy");
}

bool suite_needs_one_line(const char *suite)
{
        static const char *const old[] = {
                "potato", "woody",    "sarge",  "etch",  "lenny",   "squeeze", "wheezy", "jessie", "warty",
                "hoary",  "breezy",   "dapper", "edgy",  "feisty",  "gutsy",   "hardy",  "intrepid", "jaunty",
                "karmic", "lucid",    "maverick", "natty", "oneiric", "precise", "quantal", "raring", "saucy",
                "trusty", "utopic",   "vivid",  "wily",  NULL,
        };
        _cleanup_free_ char *release = strndup(suite, strcspn(suite, "-/"));

        return release && strv_contains((char *const *) old, release);
}

bool suite_is_merged(const char *script, const char *variant, bool *ret_kept)
{
        static const char *const never[] = {
                "potato",   "woody",   "sarge",   "etch",   "lenny",    "squeeze", "wheezy",  "jessie", "stretch",
                "warty",    "hoary",   "breezy",  "dapper", "edgy",     "feisty",  "gutsy",   "hardy",  "intrepid",
                "jaunty",   "karmic",  "lucid",   "maverick", "natty",  "oneiric", "precise", "quantal", "raring",
                "saucy",    "trusty",  "utopic",  "vivid",  "wily",     "xenial",  "yakkety", "zesty",  "artful",
                "bionic",   "cosmic",  NULL,
        };
        /* package builders of these stay as they were, so that what they build runs on both kinds of systems */
        static const char *const not_buildd[] = { "buster", "bullseye", "bookworm", "hirsute", NULL };
        bool buildd = strcmp(variant, "buildd") == 0 && strv_contains((char *const *) not_buildd, script);

        *ret_kept = buildd && (strcmp(script, "bookworm") == 0 || strcmp(script, "hirsute") == 0);
        return !buildd && !strv_contains((char *const *) never, script);
}
