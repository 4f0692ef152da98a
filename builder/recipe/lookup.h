/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "recipe/schema.h"

#include <stdbool.h>
#include <stddef.h>

/* Finding one's way in a schema. Names of sections and keys are compared with their case, as in systemd's files. */

#define LOOKUP_NONE ((size_t) -1)

/* NULL when there is none of that name. */
const SectionSchema *lookup_section(const RecipeSchema *schema, const char *name);
/* The index of the key in section->keys, or LOOKUP_NONE. */
size_t lookup_key(const SectionSchema *section, const char *name);
size_t lookup_n_keys(const SectionSchema *section);
/* The first section kind that has this key; NULL: none. */
const SectionSchema *lookup_owner(const RecipeSchema *schema, const char *key);

/* The name that was likely meant; NULL: none is near. */
const char *lookup_nearest_section(const RecipeSchema *schema, const char *name);
const char *lookup_nearest_key(const SectionSchema *section, const char *name);
/* "Image, Debootstrap, ..."; the caller frees; NULL when memory is short. */
char *lookup_section_names(const RecipeSchema *schema);
char *lookup_key_names(const SectionSchema *section);

/* Several assignments add up, and an empty one starts over. */
bool key_type_is_list(KeyType type);
