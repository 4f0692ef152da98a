/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/digest.h"
#include "recipe/diagnostics.h"
#include "recipe/lexer.h"
#include "recipe/pool.h"
#include "recipe/recipe.h"

/* What a Recipe is inside. The way of a recipe: load.c reads the texts, lexer.c takes them apart, merge.c puts the
 * sections together, identity.c finds name, version, architecture and suite, check.c expands and checks the values,
 * recipe.c hands them out. */

#define RECIPE_STAGES_MAX 1000

/* One word of a list, or the value of a key that holds one. */
typedef struct Item {
        const Assignment *assignment; /* NULL: the schema's default */
        size_t offset, length;        /* in the assignment's value */
        const char *text;             /* expanded; %v stays as it is until the version is known */
        bool pending;                 /* holds such a %v */
} Item;

typedef struct KeyValue {
        const Assignment *last;  /* NULL: the key stands nowhere */
        Assignments assignments; /* those in force: since the last reset, for a scalar at most one */
        bool misspelled;         /* an unknown key is near to this one: its absence isn't told as well */
        bool uses_version;       /* %v stands in it */

        struct {
                Item *items;
                size_t n, allocated;
        } words;
        const char *string; /* the items in one string; NULL: neither a value nor a default */
        char **list;        /* of a list type; NULL: empty */
        const char *path;   /* of the file types */
        char **paths;
} KeyValue;

struct RecipeSection {
        const SectionSchema *schema;
        const Source *source; /* where it stands first */
        Span span;
        bool failed;      /* something is wrong inside: checks across its keys wait */
        KeyValue *values; /* one for each key of the schema */
};

struct Recipe {
        Pool pool;
        const RecipeSchema *schema;
        const char *path;
        const char *directory;
        bool look_at_files; /* off when a recipe comes from memory */

        struct {
                Source **items;
                size_t n, allocated;
        } sources;
        RecipeSection *image;
        bool image_misspelled; /* an unknown section is near to [Image]: its absence isn't told as well */
        struct {
                RecipeSection **items;
                size_t n, allocated;
        } stages;

        const char *name; /* never NULL once loaded, like architecture and suite */
        const char *architecture;
        const char *suite;
        const char *version; /* NULL: not known yet */
        bool uses_version;
        char digest[SHA256_HEX_SIZE];
};

/* Where the value begins, else the key; the header of the section for a key that stands nowhere. */
Span key_value_span(const RecipeSection *section, size_t index, const Source **ret_source);
