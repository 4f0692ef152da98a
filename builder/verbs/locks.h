/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "packages/lock.h"
#include "verbs/options.h"

/* What verbs that work with locks share. */

#define OPTION_POOL                                                                                          \
        {                                                                                                    \
                .name = "pool", .argument = "DIR|URL", .value = VALUE_DIRECTORY,                             \
                .help = "look for packages there first: an archive that templar archive made, a mirror, a "   \
                        "folder of .deb files, or another cache; may be repeated"                            \
        }

/* Of --pool; directories that are not there and odd addresses are wrong usage. NULL when there are none. Borrowed. */
int pools_check(const Options *options, char *const **ret, Error *error) _must_check_;

/* The lock that a recipe is to be built from: that of --lock, else the one beside the recipe. *ret_path is the caller's. */
int lock_open(const Options *options, const char *recipe_path, Lock *ret, char **ret_path, Error *error) _must_check_;
