/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "recipe/diagnostics.h"
#include "recipe/recipe.h"

/* The recipe while it is being made: what stands in the files, merged, not yet checked. Private to this room. */

/* One key of a section. Scalars have at most one item. */
typedef struct Value {
        char **raw;      /* as written; NULL: not set */
        char **expanded; /* specifiers replaced; parallel to raw */
        char **paths;    /* for keys that name files: where they are */
        RecipePlace *places; /* of each item */
        RecipePlace key_place;
        unsigned layer; /* the file that set it: a scalar twice in one file is an error, a drop-in overrides */
        bool set;
        char **fallback; /* the default as a list, made on demand */
} Value;

struct RecipeSection {
        const Recipe *recipe;
        const SectionSchema *schema;
        RecipePlace place;
        unsigned layer;
        size_t n_keys;
        Value *values; /* parallel to schema->keys */
};

struct Recipe {
        const RecipeSchema *schema;
        char *path, *directory, *architecture, *suite, *version;
        char digest[65];
        Diagnostics diagnostics;
        RecipeSection *image;
        RecipeSection **stages;
        size_t n_stages;
};

size_t schema_n_keys(const SectionSchema *schema);
/* The index of the key, or n_keys. */
size_t schema_find_key(const SectionSchema *schema, const char *key);
bool key_is_list(KeyType type);

RecipeSection *section_new(const Recipe *recipe, const SectionSchema *schema, RecipePlace place, unsigned layer);
void section_free(RecipeSection *section);

/* model.c: reads the source (a recipe or a drop-in, told apart by `layer`: 0 is the recipe) into the model. */
int model_read(Recipe *recipe, size_t source, unsigned layer) _must_check_;
/* "Section.Key=Value" or "Section[2].Key=Value", already added as a source. */
int model_set(Recipe *recipe, size_t source, unsigned layer) _must_check_;

/* specifier.c: fills `expanded` of all values. %v stays "VERSION" until the version is known. */
int model_expand(Recipe *recipe) _must_check_;

/* check.c: everything against the schema; complaints into the diagnostics. */
int model_check(Recipe *recipe) _must_check_;
