/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "build/materials.h"

#include <errno.h>
#include <string.h>

void materials_done(Materials *materials)
{
        strv_free(materials->settings);
        provenance_files_done(&materials->files);
        *materials = (Materials){ 0 };
}

/* "Password.Hash=$y$...": the hash is nobody's business, and neither is where a file with it lies. */
static int add_setting(Materials *materials, const char *setting)
{
        const char *equals = strchr(setting, '='), *dot = equals ? memchr(setting, '.', (size_t) (equals - setting)) : NULL;
        static const char *const hidden[] = { "Hash", "PasswordFile" };

        for (size_t i = 0; dot && i < ELEMENTS(hidden); i++)
                if ((size_t) (equals - dot - 1) == strlen(hidden[i]) && string_starts_with(dot + 1, hidden[i]))
                        return strv_appendf(&materials->settings, "%.*s=(hidden)", (int) (equals - setting), setting);
        return strv_append(&materials->settings, setting);
}

static int add_texts(Materials *materials, const Recipe *recipe, bool is_base)
{
        int r = 0;

        for (size_t i = 0; r == 0 && i < recipe_n_texts(recipe); i++) {
                RecipeText text = recipe_text(recipe, i);
                if (text.setting)
                        r = add_setting(materials, text.setting);
                else
                        r = provenance_add(&materials->files, i > 0 ? "drop-in" : is_base ? "base" : "recipe", text.name,
                                           text.sha256);
        }
        return r;
}

/* The digests are those of when the stage was reached, see keys.h. */
static int add_stage_files(Materials *materials, const JobStage *stage)
{
        json_t *files = json_object_get(stage->inputs, "files"), *sha256;
        _cleanup_strv_ char **names = NULL;
        const char *name;
        int r = 0;

        json_object_foreach(files, name, sha256)
        {
                if (strv_append(&names, name) < 0)
                        return -ENOMEM;
        }
        if (names)
                strv_sort(names);
        for (char **next = names; r == 0 && next && *next; next++)
                r = provenance_add(&materials->files, "file", *next, json_string_value(json_object_get(files, *next)));
        return r;
}

int materials_collect(const Job *job, const char *settings_sha256, Materials *ret, Error *error)
{
        _cleanup_(materials_done) Materials materials = { 0 };
        const char *nspawn = section_string(recipe_image(job->recipe), "Nspawn");
        int r = 0;

        for (size_t i = 0; r == 0 && i < job->levels.n_items; i++)
                r = add_texts(&materials, job->levels.items[i].recipe, i + 1 < job->levels.n_items);
        for (size_t i = 0; r == 0 && i < job->n_stages; i++)
                r = add_stage_files(&materials, &job->stages[i]);
        if (r == 0 && nspawn && *settings_sha256)
                r = provenance_add(&materials.files, "file", nspawn, settings_sha256);
        if (r < 0)
                return error_out_of_memory(error);
        materials.recipe = recipe_text(job->recipe, 0).name;
        *ret = materials;
        materials = (Materials){ 0 };
        return 0;
}
