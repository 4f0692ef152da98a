/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/error.h"
#include "recipe/recipe.h"

#include <stddef.h>
#include <stdint.h>

/* The recipes that a build's stages come from: that of the image is the last one, and what it names as [Image] Base= comes
 * before it, and so on. The stages of all of them run in one row. Those of a base see its own name, version and date, so
 * that their layers are the ones of its own build. */
typedef struct Level {
        Recipe *recipe; /* owned, but for the last */
        size_t end;     /* index of the first stage that is not of this level or one before it */
        const char *suite; /* of the nearest recipe below that has one */
        int64_t epoch_sec;
        char *version, *free_version; /* of the newest release that may have the same content, and of the next one */
        char **environment; /* IMAGE_NAME=, IMAGE_VERSION=, ARCHITECTURE=, SUITE=, SOURCE_DATE_EPOCH= */
} Level;

typedef struct Levels {
        Level *items;
        size_t n_items;
} Levels;

/* Reads the bases of `recipe` (borrowed). Errors: one that is its own base, another architecture, a stage that wants an
 * empty tree. */
int levels_load(Recipe *recipe, Levels *ret, Error *error) _must_check_;
void levels_done(Levels *levels);

/* Once the date is known: version and environment. */
int level_set_date(Level *level, const char *out_directory, int64_t epoch_sec, Error *error) _must_check_;
/* As a lock has them. */
int level_lock_version(Level *level, const char *out_directory, int64_t epoch_sec, const char *version, Error *error)
        _must_check_;
/* The stages make a release that differs from the one that is there. */
int level_take_free_version(Level *level, Error *error) _must_check_;

static inline Level *levels_last(const Levels *levels)
{
        return &levels->items[levels->n_items - 1];
}
