/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "recipe/schema.h"
#include "stages/clean.h"
#include "verbs/verb.h"

#include <stdio.h>

/* The parts of the man pages that come from the tables, as mdoc(7). man/man.mk puts them into the pages'
 * text. */

/* A subsection a verb, for templar(1). */
void mdoc_verbs(FILE *stream, const Verb *const *verbs);
/* A subsection a section of the recipe, for templar.recipe(5). */
void mdoc_recipe(FILE *stream, const RecipeSchema *schema);
/* The entries of the cleaning, for the same page. */
void mdoc_cleaning(FILE *stream, const CleanEntry *entries);
