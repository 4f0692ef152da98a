/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/error.h"
#include "base/report.h"
#include "packages/lock.h"
#include "recipe/recipe.h"

#include <stdbool.h>
#include <stdint.h>

/* From a recipe to a release directory: metadata, stages, cleaning, packing, signing, verification, publication. */

typedef struct BuildOptions {
        const char *out_directory;   /* releases go to OUT/NAME/ARCH/ */
        const char *cache_directory;
        const char *key;             /* fingerprint or user id; NULL: the development key */
        const char *gnupg_home;      /* for `key`; NULL: the user's own */
        const char *development_home; /* where the development key lives or is made */
        uint64_t cache_size_bytes;   /* of layers; 0: LAYER_STORE_DEFAULT_LIMIT_BYTES */
        const char *from_stage;      /* name or number: from there on all stages run; NULL: those that must */
        bool no_cache;               /* all stages run, in a plain directory, and no layer is stored */
        bool offline;                /* the package lists that are there are used */
        const Lock *lock;            /* what it is built from, exactly; NULL: what the repositories have now */
        const char *lock_path;       /* for messages */
        char *const *pools;          /* see AptOptions; NULL: none */
        bool sign;
        bool keep_failed;
        bool trial;                  /* what is built is no release that anybody is told about or that is remembered */
        char *const *formats;        /* NULL: the recipe's */
        const char *shell_command;   /* what a person types to look inside, without stage and recipe; NULL: isn't told */
        Report *report;
} BuildOptions;

typedef struct BuildResult {
        char *directory; /* the release directory */
        char *base_name; /* NAME-ARCH-VERSION */
        char *version;
        bool unchanged;  /* the same bytes were already there */
        bool up_to_date; /* and nothing had to be packed to know it */
} BuildResult;

void build_result_done(BuildResult *result);
#define _cleanup_build_result_ _cleanup_(build_result_done)

/* All stages, as a build would, without an image: what they took. Of `options` those that are about stages count. */
int build_lock(Recipe *recipe, const BuildOptions *options, Lock *ret, Error *error) _must_check_;

int build_recipe(Recipe *recipe, const BuildOptions *options, BuildResult *ret, Error *error) _must_check_;
