/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/error.h"
#include "recipe/schema.h"

#include <stdbool.h>
#include <stddef.h>

/* A recipe as the rest of the program sees it: parsed, merged with its drop-ins and --set, specifiers expanded,
 * checked against the schema, immutable. Values are reached through the key's name; asking for a key that the
 * section's schema lacks is a programming error (assert). Pointers live as long as the recipe. */

typedef struct Recipe Recipe;
typedef struct RecipeSection RecipeSection;

/* Where a value stands, for error messages of later phases ("debian.recipe:12:9"). */
typedef struct RecipePlace {
        const char *file; /* as the user named it; "--set" for the command line */
        unsigned line;    /* from 1; 0 for the command line */
        unsigned column;  /* from 1, in bytes */
} RecipePlace;

typedef struct RecipeOptions {
        const RecipeSchema *schema;
        const char *architecture; /* Debian's name; NULL: that of the host */
        char *const *settings;    /* "Section.Key=Value" or "Section[2].Key=Value"; a strv, may be NULL */
} RecipeOptions;

#define RECIPE_SIZE_MAX (1u << 20)

/* Reads `path` and path.d/x.conf (NAME.recipe.d, byte-sorted), and merges as merge.h says: in a drop-in "[Kind]" adds
 * to the only section of that kind or appends one, "[Kind 2]" adds to the second, "[Kind +]" appends. All errors of all
 * files come in one Error of kind ERROR_USAGE, one after the other, each as
 *     file:line:column: what is wrong; what was expected
 *        12 | Sutie=bookworm
 *           | ^~~~~ did you mean "Suite"? */
int recipe_load(const char *path, const RecipeOptions *options, Recipe **ret, Error *error) _must_check_;
Recipe *recipe_free(Recipe *recipe);
static inline void recipe_free_ptr(Recipe **recipe)
{
        recipe_free(*recipe);
}
#define _cleanup_recipe_ _cleanup_(recipe_free_ptr)

const char *recipe_path(const Recipe *recipe);
/* The folder that relative paths start from. */
const char *recipe_directory(const Recipe *recipe);
const char *recipe_name(const Recipe *recipe);
const char *recipe_architecture(const Recipe *recipe);
/* [Image] Suite=, else the Suite= of the first stage section that has one; "" when there is none. */
const char *recipe_suite(const Recipe *recipe);
/* SHA-256 over the canonical form: sections in order, keys sorted, values expanded; comments and spelling of lists
 * don't count. */
const char *recipe_digest(const Recipe *recipe);
/* True where a value contains %v: the result depends on the version. */
bool recipe_uses_version(const Recipe *recipe);
/* %v expands to this. Must be called before values with %v are asked for; may be called again. */
int recipe_set_version(Recipe *recipe, const char *version, Error *error) _must_check_;

/* What it was read from, in that order: its file, the drop-ins, then each --set. */
typedef struct RecipeText {
        const char *name;   /* relative to the recipe's folder; NULL for a --set */
        const char *sha256; /* of the file */
        const char *setting; /* "Section.Key=Value"; NULL for a file */
} RecipeText;

size_t recipe_n_texts(const Recipe *recipe);
RecipeText recipe_text(const Recipe *recipe, size_t index);

const RecipeSection *recipe_image(const Recipe *recipe);
/* The stage sections in the order in which they stand. */
size_t recipe_n_stages(const Recipe *recipe);
const RecipeSection *recipe_stage(const Recipe *recipe, size_t index);

const SectionSchema *section_schema(const RecipeSection *section);
RecipePlace section_place(const RecipeSection *section);
/* The recipe gives it a value. False after a reset by an empty value, but an empty text is one. */
bool section_has(const RecipeSection *section, const char *key);
/* The value, else the schema's default, else NULL. Booleans as "yes" or "no"; lists joined with spaces (KEY_LINES with
 * line feeds), so that the string tells a value from any other. */
const char *section_string(const RecipeSection *section, const char *key);
bool section_bool(const RecipeSection *section, const char *key);
/* A strv, borrowed; the default (split at spaces) when the key is not there; NULL for an empty list, also for one that
 * was reset. */
char *const *section_list(const RecipeSection *section, const char *key);
/* For KEY_SOURCE and KEY_HOST_FILE: the path to open, relative ones resolved against the recipe's folder. */
const char *section_path(const RecipeSection *section, const char *key);
/* The same for each item of a KEY_SOURCE_LIST. */
char *const *section_paths(const RecipeSection *section, const char *key);
/* Where its value begins; the section's place for a key that stands nowhere. */
RecipePlace section_key_place(const RecipeSection *section, const char *key);

/* "debian.recipe:12:9: <message>" with the line and a caret, kind ERROR_USAGE; for checks of later phases. */
int recipe_error(const Recipe *recipe, RecipePlace place, Error *error, const char *format, ...) _printf_(4, 5);
