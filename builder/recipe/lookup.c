/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "recipe/lookup.h"

#include "base/strings.h"

#include <string.h>

const SectionSchema *lookup_section(const RecipeSchema *schema, const char *name)
{
        if (strcmp(schema->image->name, name) == 0)
                return schema->image;
        for (const SectionSchema *const *stage = schema->stages; *stage; stage++)
                if (strcmp((*stage)->name, name) == 0)
                        return *stage;
        return NULL;
}

size_t lookup_key(const SectionSchema *section, const char *name)
{
        for (size_t i = 0; section->keys[i].name; i++)
                if (strcmp(section->keys[i].name, name) == 0)
                        return i;
        return LOOKUP_NONE;
}

size_t lookup_n_keys(const SectionSchema *section)
{
        size_t n = 0;

        while (section->keys[n].name)
                n++;
        return n;
}

const SectionSchema *lookup_owner(const RecipeSchema *schema, const char *key)
{
        if (lookup_key(schema->image, key) != LOOKUP_NONE)
                return schema->image;
        for (const SectionSchema *const *stage = schema->stages; *stage; stage++)
                if (lookup_key(*stage, key) != LOOKUP_NONE)
                        return *stage;
        return NULL;
}

/* A NULL-terminated vector of borrowed names; the caller frees the vector. */
static const char **section_names(const RecipeSchema *schema)
{
        size_t n = 0;

        while (schema->stages[n])
                n++;
        const char **names = calloc(n + 2, sizeof *names);
        if (!names)
                return NULL;
        names[0] = schema->image->name;
        for (size_t i = 0; i < n; i++)
                names[i + 1] = schema->stages[i]->name;
        return names;
}

static const char **key_names(const SectionSchema *section)
{
        size_t n = lookup_n_keys(section);
        const char **names = calloc(n + 1, sizeof *names);

        for (size_t i = 0; names && i < n; i++)
                names[i] = section->keys[i].name;
        return names;
}

const char *lookup_nearest_section(const RecipeSchema *schema, const char *name)
{
        _cleanup_free_ const char **names = section_names(schema);

        return names ? nearest_word(name, names) : NULL;
}

const char *lookup_nearest_key(const SectionSchema *section, const char *name)
{
        _cleanup_free_ const char **names = key_names(section);

        return names ? nearest_word(name, names) : NULL;
}

char *lookup_section_names(const RecipeSchema *schema)
{
        _cleanup_free_ const char **names = section_names(schema);

        return names ? strv_join((char *const *) names, ", ") : NULL;
}

char *lookup_key_names(const SectionSchema *section)
{
        _cleanup_free_ const char **names = key_names(section);

        return names ? strv_join((char *const *) names, ", ") : NULL;
}

bool key_type_is_list(KeyType type)
{
        switch (type) {
        case KEY_LIST:
        case KEY_LINES:
        case KEY_ENUM_LIST:
        case KEY_SOURCE_LIST:
        case KEY_TARGET_LIST:
        case KEY_URI_LIST:
                return true;
        case KEY_STRING:
        case KEY_TEXT:
        case KEY_WORD:
        case KEY_BOOL:
        case KEY_ENUM:
        case KEY_SOURCE:
        case KEY_HOST_FILE:
        case KEY_TARGET:
        case KEY_MODE:
        case KEY_URI:
                return false;
        }
        return false;
}
