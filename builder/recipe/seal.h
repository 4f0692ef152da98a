/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/cleanup.h"
#include "recipe/recipe.h"

/* The digest of a recipe that is complete, for recipe_digest(). Defaults count like values that say the same. 0 or a
 * negative errno. */
int recipe_seal(Recipe *recipe) _must_check_;
