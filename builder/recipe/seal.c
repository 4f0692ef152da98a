/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "recipe/seal.h"

#include "recipe/lookup.h"
#include "recipe/model.h"

#include <errno.h>
#include <string.h>

/* Told apart from what another version of the canonical form gives. */
#define CANONICAL_FORM "templar recipe 1"

static int compare_keys(const void *a, const void *b)
{
        const KeySchema *const *x = a, *const *y = b;

        return strcmp((*x)->name, (*y)->name);
}

static int add_value(Digest *digest, const char *key, const KeyValue *value)
{
        int r;

        if (!value->string)
                return 0;
        r = digest_add_field(digest, key);
        for (size_t i = 0; r == 0 && i < value->words.n; i++) {
                r = digest_add_field(digest, "=");
                if (r == 0)
                        r = digest_add_field(digest, value->words.items[i].text);
        }
        return r < 0 ? r : digest_add_field(digest, ";");
}

static int add_section(Digest *digest, const RecipeSection *section)
{
        const SectionSchema *schema = section->schema;
        size_t n = lookup_n_keys(schema);
        _cleanup_free_ const KeySchema **keys = calloc(n + 1, sizeof *keys);

        if (!keys)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++)
                keys[i] = &schema->keys[i];
        qsort(keys, n, sizeof *keys, compare_keys);
        int r = digest_add_field(digest, "[");
        if (r == 0)
                r = digest_add_field(digest, schema->name);
        for (size_t i = 0; r == 0 && i < n; i++)
                r = add_value(digest, keys[i]->name, &section->values[keys[i] - schema->keys]);
        return r;
}

int recipe_seal(Recipe *recipe)
{
        _cleanup_digest_ Digest *digest = NULL;
        int r = digest_new(&digest);

        if (r == 0)
                r = digest_add_field(digest, CANONICAL_FORM);
        if (r == 0)
                r = add_section(digest, recipe->image);
        for (size_t i = 0; r == 0 && i < recipe->stages.n; i++)
                r = add_section(digest, recipe->stages.items[i]);
        return r < 0 ? r : digest_finish(digest, recipe->digest);
}
