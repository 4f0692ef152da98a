/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "recipe/schema.h"
#include "stages/clean.h"
#include "verbs/verb.h"

#include <stdio.h>

/* Help as text for a terminal, at most HELP_COLUMNS wide, made from the tables of verbs and of the recipe
 * schema. Errors of the stream stay in it (ferror(3)). */

#define HELP_COLUMNS 80

void help_overview(FILE *stream, const Verb *const *verbs);
/* The verbs of a group: "key". */
void help_group(FILE *stream, const Verb *const *verbs, const char *group);
void help_verb(FILE *stream, const Verb *verb);

/* Every section with its keys in a line each. */
void help_recipe(FILE *stream, const RecipeSchema *schema);
/* One section with all that is known of its keys. */
void help_section(FILE *stream, const SectionSchema *section);

/* The entries of the cleaning, for [Image] Keep=. */
void help_cleaning(FILE *stream, const CleanEntry *entries);

/* "a word; required", "one of minbase, buildd, standard; default: minbase". The caller frees; NULL when
 * memory is short. */
char *help_key_type(const KeySchema *key);
/* The section's schema by its name, or NULL; [Image] as well. */
const SectionSchema *help_find_section(const RecipeSchema *schema, const char *name);

/* Writes `text` wrapped at HELP_COLUMNS, `indent` spaces before each further line; `column` is where the
 * first one already stands. Paragraphs are divided by "\n\n"; one that starts with a space keeps its lines.
 * Ends with "\n". */
void help_wrap(FILE *stream, const char *text, unsigned indent, unsigned column);
