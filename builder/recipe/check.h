/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/cleanup.h"
#include "recipe/model.h"

/* Fills the values of merged sections: splits lists, expands specifiers, puts defaults in, and checks all against the
 * schema. What is wrong becomes diagnostics; returns 0, -ENOMEM, or what opening the recipe's folder failed with. */

/* Everything. */
int check_recipe(Recipe *recipe, Diagnostics *diagnostics) _must_check_;
/* Again those values that %v stands in: the version has become known. */
int check_versions(Recipe *recipe, Diagnostics *diagnostics) _must_check_;
