/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/cleanup.h"
#include "recipe/recipe.h"

#include <stddef.h>

/* A recipe from memory: no drop-ins, and the files it names aren't looked at. `name` stands for its path in errors. */
int recipe_parse(const char *name, const void *data, size_t size_bytes, const RecipeOptions *options, Recipe **ret,
                 Error *error) _must_check_;
