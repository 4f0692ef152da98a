/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "recipe/model.h"

#include <errno.h>
#include <string.h>

#define UNKNOWN_VERSION "VERSION"

static const char *specifier_value(const Recipe *recipe, char letter)
{
        switch (letter) {
        case 'i':
                return recipe_name(recipe);
        case 'v':
                return recipe->version ? recipe->version : UNKNOWN_VERSION;
        case 'a':
                return recipe->architecture;
        case 's':
                return recipe_suite(recipe);
        case '%':
                return "%";
        default:
                return NULL;
        }
}

/* One value, once: what a specifier gives is not looked at again. */
static char *expand(Recipe *recipe, const char *text, RecipePlace place)
{
        _cleanup_buffer_ Buffer buffer = BUFFER_INIT;
        const char *percent;

        for (const char *start = text; (percent = strchr(text, '%')); text = percent + 2) {
                const char *value = specifier_value(recipe, percent[1]);
                if (!value) {
                        RecipePlace at = place;
                        at.column += (unsigned) (percent - start);
                        diagnostics_add(&recipe->diagnostics, at, percent[1] ? 2 : 1, "write %% for a percent sign",
                                        "there is no such specifier; there are %%i (image), %%v (version), %%a "
                                        "(architecture), %%s (suite)");
                        return strdup(start);
                }
                if (buffer_append(&buffer, text, (size_t) (percent - text)) < 0 ||
                    buffer_append_string(&buffer, value) < 0)
                        return NULL;
        }
        return buffer_append_string(&buffer, text) < 0 ? NULL : buffer_take(&buffer);
}

static int expand_value(Recipe *recipe, const KeySchema *key, Value *value)
{
        strv_free(TAKE_PTR(value->expanded));
        for (size_t i = 0; value->raw && value->raw[i]; i++) {
                _cleanup_free_ char *text =
                        key->type == KEY_TEXT ? strdup(value->raw[i]) : expand(recipe, value->raw[i], value->places[i]);
                if (!text || strv_append(&value->expanded, text) < 0)
                        return -ENOMEM;
        }
        return 0;
}

static int expand_section(Recipe *recipe, RecipeSection *section)
{
        for (size_t i = 0; i < section->n_keys; i++) {
                int r = expand_value(recipe, &section->schema->keys[i], &section->values[i]);
                if (r < 0)
                        return r;
        }
        return 0;
}

int model_expand(Recipe *recipe)
{
        int r = recipe->image ? expand_section(recipe, recipe->image) : 0;

        for (size_t i = 0; r == 0 && i < recipe->n_stages; i++)
                r = expand_section(recipe, recipe->stages[i]);
        return r;
}
