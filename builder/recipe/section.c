/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "recipe/check.h"
#include "recipe/model.h"

#include <assert.h>

static size_t index_of(const RecipeSection *section, const char *key)
{
        size_t index = schema_find_key(section->schema, key);

        assert(index < section->n_keys); /* asking for a key that the schema lacks is a programming error */
        return index;
}

static const Value *value_of(const RecipeSection *section, const char *key)
{
        return &section->values[index_of(section, key)];
}

const SectionSchema *section_schema(const RecipeSection *section)
{
        return section->schema;
}

RecipePlace section_place(const RecipeSection *section)
{
        return section->place;
}

bool section_has(const RecipeSection *section, const char *key)
{
        return value_of(section, key)->set;
}

const char *section_string(const RecipeSection *section, const char *key)
{
        const Value *value = value_of(section, key);

        return value->expanded ? value->expanded[0] : section->schema->keys[index_of(section, key)].fallback;
}

bool section_bool(const RecipeSection *section, const char *key)
{
        const char *text = section_string(section, key);

        return text && check_bool(text) > 0;
}

char *const *section_list(const RecipeSection *section, const char *key)
{
        size_t index = index_of(section, key);
        Value *value = &section->values[index];
        const char *fallback = section->schema->keys[index].fallback;

        if (value->set || !fallback)
                return value->expanded;
        if (!value->fallback)
                value->fallback = strv_split(fallback, " ");
        return value->fallback;
}

const char *section_path(const RecipeSection *section, const char *key)
{
        const Value *value = value_of(section, key);

        return value->paths ? value->paths[0] : NULL;
}

char *const *section_paths(const RecipeSection *section, const char *key)
{
        return value_of(section, key)->paths;
}

RecipePlace section_key_place(const RecipeSection *section, const char *key)
{
        const Value *value = value_of(section, key);

        return value->set ? value->key_place : section->place;
}
