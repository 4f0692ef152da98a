/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "../unit/recipe_fixture.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

static void read_setting(const uint8_t *data, size_t size_bytes)
{
        _cleanup_error_ Error error = ERROR_INIT;
        _cleanup_recipe_ Recipe *recipe = NULL;
        _cleanup_free_ char *setting = strndup((const char *) data, size_bytes);
        char *settings[] = { setting, setting, NULL };

        if (!setting)
                return;
        int r = fixture_parse("[Image]\nName=a\n[File]\nPath=/a\n[Script]\n[Script]\n", settings, &recipe, &error);
        if (r < 0 && !error.message)
                abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
        _cleanup_error_ Error error = ERROR_INIT;
        _cleanup_recipe_ Recipe *recipe = NULL;

        read_setting(data, size_bytes);
        if (recipe_parse("fuzz.recipe", data, size_bytes, &fixture_options, &recipe, &error) < 0)
                return 0;
        if (recipe_set_version(recipe, "1.0", &error) == 0 && strlen(recipe_digest(recipe)) != 64)
                abort();
        for (size_t i = 0; i < recipe_n_stages(recipe); i++)
                recipe_error(recipe, section_place(recipe_stage(recipe, i)), &error, "stage %zu", i);
        return 0;
}
