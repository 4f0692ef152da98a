/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "build/levels.h"

#include "base/strings.h"
#include "signing/release.h"
#include "stages/stage.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#define LEVELS_MAX 16

static void level_done(Level *level, bool owned)
{
        if (owned)
                recipe_free(level->recipe);
        free(level->version);
        free(level->free_version);
        strv_free(level->environment);
}

void levels_done(Levels *levels)
{
        for (size_t i = 0; i < levels->n_items; i++)
                level_done(&levels->items[i], i + 1 < levels->n_items);
        free(levels->items);
        *levels = (Levels){ 0 };
}

/* ------------------------------------------------------------------------------------------------ loading */

static int base_error(const Recipe *recipe, Error *error, const char *text)
{
        return recipe_error(recipe, section_key_place(recipe_image(recipe), "Base"), error, "%s", text);
}

/* A file, whatever its name. */
static bool is_same_file(const char *a, const char *b)
{
        struct stat first, second;

        return stat(a, &first) == 0 && stat(b, &second) == 0 && first.st_ino == second.st_ino &&
               first.st_dev == second.st_dev;
}

static int check_base(const Levels *levels, const Recipe *above, const char *path, Error *error)
{
        for (size_t i = 0; i < levels->n_items; i++)
                if (is_same_file(recipe_path(levels->items[i].recipe), path))
                        return base_error(above, error, "the recipe is its own base, directly or through others");
        if (levels->n_items == LEVELS_MAX)
                return base_error(above, error, "more than 16 recipes stand on each other");
        return 0;
}

static int append_level(Levels *levels, Recipe *recipe)
{
        Level *grown = reallocarray(levels->items, levels->n_items + 1, sizeof *grown);

        if (!grown)
                return -ENOMEM;
        levels->items = grown;
        grown[levels->n_items++] = (Level){ .recipe = recipe };
        return 0;
}

/* A recipe with a base has a tree from the start. */
static int check_stages(const Recipe *recipe, Error *error)
{
        for (size_t i = 0; i < recipe_n_stages(recipe); i++) {
                const RecipeSection *section = recipe_stage(recipe, i);
                if (stage_kind_of(section)->installs_packages)
                        return recipe_error(recipe, section_place(section), error,
                                            "[%s] wants an empty tree, and the recipe starts from that of its Base=",
                                            section_schema(section)->name);
        }
        return 0;
}

static int load_base(Levels *levels, const Recipe *above, Recipe **ret, Error *error)
{
        const char *path = section_path(recipe_image(above), "Base");
        RecipeOptions options = { .schema = &stage_recipe_schema, .architecture = recipe_architecture(above) };
        _cleanup_recipe_ Recipe *recipe = NULL;

        int r = check_base(levels, above, path, error);
        if (r == 0)
                r = check_stages(above, error);
        if (r == 0)
                r = recipe_load(path, &options, &recipe, error);
        if (r < 0)
                return r;
        if (!string_equal(recipe_architecture(recipe), recipe_architecture(above)))
                return base_error(above, error, "the base is for another architecture");
        if (append_level(levels, recipe) < 0)
                return error_out_of_memory(error);
        *ret = TAKE_PTR(recipe);
        return 0;
}

/* They were found from the image down, and run from the ground up. */
static void put_in_order(Levels *levels)
{
        size_t end = 0;

        for (size_t i = 0, j = levels->n_items - 1; i < j; i++, j--) {
                Level level = levels->items[i];
                levels->items[i] = levels->items[j];
                levels->items[j] = level;
        }
        for (size_t i = 0; i < levels->n_items; i++) {
                end += recipe_n_stages(levels->items[i].recipe);
                levels->items[i].end = end;
                levels->items[i].suite = recipe_suite(levels->items[i].recipe);
                if (i > 0 && string_empty(levels->items[i].suite))
                        levels->items[i].suite = levels->items[i - 1].suite;
        }
}

int levels_load(Recipe *recipe, Levels *ret, Error *error)
{
        Levels levels = { 0 };
        Recipe *above = recipe;
        int r = append_level(&levels, recipe) < 0 ? error_out_of_memory(error) : 0;

        while (r == 0 && section_path(recipe_image(above), "Base"))
                r = load_base(&levels, above, &above, error);
        if (levels.n_items > 0)
                put_in_order(&levels);
        if (r < 0)
                levels_done(&levels);
        else
                *ret = levels;
        return r;
}

/* ------------------------------------------------------------------------------------------------ versions */

static char *date_version(int64_t epoch_sec)
{
        char text[16];
        time_t seconds = (time_t) epoch_sec;
        struct tm utc;

        strftime(text, sizeof text, "%Y%m%d", gmtime_r(&seconds, &utc));
        return strdup(text);
}

static int make_environment(Level *level, Error *error)
{
        const Recipe *recipe = level->recipe;

        strv_free(TAKE_PTR(level->environment));
        if (strv_appendf(&level->environment, "IMAGE_NAME=%s", recipe_name(recipe)) < 0 ||
            strv_appendf(&level->environment, "IMAGE_VERSION=%s", level->version) < 0 ||
            strv_appendf(&level->environment, "ARCHITECTURE=%s", recipe_architecture(recipe)) < 0 ||
            strv_appendf(&level->environment, "SUITE=%s", level->suite) < 0 ||
            strv_appendf(&level->environment, "SOURCE_DATE_EPOCH=%" PRId64, level->epoch_sec) < 0)
                return error_out_of_memory(error);
        return recipe_set_version(level->recipe, level->version, error);
}

/* The newest release with that version and a number behind it, and the next one. */
static int find_versions(Level *level, const char *out_directory, const char *version, Error *error)
{
        const char *name = recipe_name(level->recipe), *architecture = recipe_architecture(level->recipe);
        _cleanup_free_ char *directory = NULL, *stem = NULL;

        if (asprintf(&directory, "%s/%s/%s", out_directory, name, architecture) < 0)
                directory = NULL;
        if (asprintf(&stem, "%s-%s", name, architecture) < 0)
                stem = NULL;
        if (!directory || !stem)
                return error_out_of_memory(error);
        free(TAKE_PTR(level->version));
        free(TAKE_PTR(level->free_version));
        return release_versions(directory, stem, version, &level->version, &level->free_version, error);
}

/* The newest release of the same base version comes first: when nothing changed, the build ends up with its bytes. */
int level_set_date(Level *level, const char *out_directory, int64_t epoch_sec, Error *error)
{
        const char *fixed = section_string(recipe_image(level->recipe), "Version");
        _cleanup_free_ char *version = string_empty(fixed) ? date_version(epoch_sec) : strdup(fixed);

        if (!version)
                return error_out_of_memory(error);
        level->epoch_sec = epoch_sec;
        int r = find_versions(level, out_directory, version, error);
        if (r < 0)
                return r;
        return string_empty(level->version) ? level_take_free_version(level, error) : make_environment(level, error);
}

int level_lock_version(Level *level, const char *out_directory, int64_t epoch_sec, const char *version, Error *error)
{
        int r = find_versions(level, out_directory, version, error);

        if (r < 0)
                return r;
        level->epoch_sec = epoch_sec;
        free(level->version);
        level->version = strdup(version);
        return level->version ? make_environment(level, error) : error_out_of_memory(error);
}

int level_take_free_version(Level *level, Error *error)
{
        free(level->version);
        level->version = strdup(level->free_version);
        return level->version ? make_environment(level, error) : error_out_of_memory(error);
}
