/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "build/rebuild.h"

#include "base/file.h"
#include "build/original.h"
#include "image/format.h"
#include "image/names.h"
#include "packages/lock.h"
#include "stages/stage.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#define TEXT_LIMIT_BYTES ((uint64_t) 256 << 20)
#define LINE_SHOWN 200

void rebuild_done(Rebuild *rebuild)
{
        for (size_t i = 0; i < rebuild->n_files; i++)
                free(rebuild->files[i].name);
        free(rebuild->files);
        free(rebuild->base_name);
        free(rebuild->tool_version);
        *rebuild = (Rebuild){ 0 };
}

/* ------------------------------------------------------------------------------------------------ recipe */

/* A NULL *ret: there is no such file. */
static int try_recipe(const char *path, const RebuildOptions *options, const Original *original, Recipe **ret,
                      Error *error)
{
        RecipeOptions load = {
                .schema = &stage_recipe_schema, .architecture = original->architecture, .settings = options->settings
        };

        if (path != options->recipe && access(path, F_OK) < 0 && errno == ENOENT)
                return 0;
        return recipe_load(path, &load, ret, error);
}

static int check_recipe(const Recipe *recipe, const Original *original, Error *error)
{
        if (!string_equal(recipe_name(recipe), original->name))
                return error_set(error, -EINVAL, "%s is the recipe of %s, not of %s", recipe_path(recipe),
                                 recipe_name(recipe), original->name);
        if (string_equal(recipe_digest(recipe), original->recipe_sha256))
                return 0;
        error_set(error, -ESTALE, "%s has changed since %s was built: its digest is %s, and it was %s",
                  recipe_path(recipe), original->base_name, recipe_digest(recipe), original->recipe_sha256);
        return error_hint(error,
                          "Name the recipe as it was with --recipe; what --set had changed in it has to be said again");
}

/* The named one, or the first of those in the usual places that is the one. */
static int find_recipe(const RebuildOptions *options, const Original *original, Recipe **ret, Error *error)
{
        _cleanup_error_ Error first = ERROR_INIT;
        _cleanup_free_ char *here = NULL, *below = NULL;

        if (asprintf(&here, "%s.recipe", original->name) < 0)
                here = NULL;
        if (asprintf(&below, "recipes/%s.recipe", original->name) < 0)
                below = NULL;
        if (!here || !below)
                return error_out_of_memory(error);
        const char *const places[] = { options->recipe ?: here, options->recipe ? NULL : below };
        for (size_t i = 0; i < ELEMENTS(places) && places[i]; i++) {
                _cleanup_recipe_ Recipe *recipe = NULL;
                _cleanup_error_ Error failure = ERROR_INIT;
                int r = try_recipe(places[i], options, original, &recipe, &failure);
                if (r == 0 && recipe)
                        r = check_recipe(recipe, original, &failure);
                if (r == 0 && recipe) {
                        *ret = TAKE_PTR(recipe);
                        return 0;
                }
                if (r < 0 && first.code == 0)
                        error_move(&first, &failure);
        }
        if (first.code < 0)
                return error_move(error, &first);
        error_set(error, -ENOENT, "There is neither %s nor %s", here, below);
        return error_hint(error, "Name the recipe of the image with --recipe");
}

/* ------------------------------------------------------------------------------------------------ lock */

static int read_lock(const RebuildOptions *options, const Original *original, char **ret_path, Lock *ret, Error *error)
{
        _cleanup_lock_ Lock lock = { 0 };

        if (options->lock ? !(*ret_path = strdup(options->lock))
                          : asprintf(ret_path, "%s/%s.lock", original->directory, original->base_name) < 0) {
                *ret_path = NULL;
                return error_out_of_memory(error);
        }
        int r = lock_read(*ret_path, &lock, error);
        if (r == -ENOENT && !options->lock)
                return error_hint(error,
                                  "The lock of an image lies beside it, under the same name, unless --lock names it");
        if (r < 0)
                return r;
        if (!string_equal(lock.image, original->name) || !string_equal(lock.architecture, original->architecture) ||
            !string_equal(lock.version, original->version))
                return error_set(error, -EINVAL, "%s is the lock of %s-%s-%s, not of %s", *ret_path, lock.image,
                                 lock.architecture, lock.version, original->base_name);
        *ret = lock;
        lock = (Lock){ 0 };
        return 0;
}

/* ------------------------------------------------------------------------------------------------ build */

static int check_keep(const char *path, Error *error)
{
        _cleanup_closedir_ DIR *directory = opendir(path);

        if (!directory)
                return errno == ENOENT ? 0 : error_set_errno(error, errno, "Can't open %s", path);
        if (directory_next(directory))
                return error_set_usage(error, -ENOTEMPTY,
                                       "%s is not empty: what was rebuilt would lie among other things", path);
        return 0;
}

static int build(const RebuildOptions *options, const Original *original, Recipe *recipe, const char *out_directory,
                 BuildResult *ret, Error *error)
{
        BuildOptions build = options->build;
        _cleanup_lock_ Lock lock = { 0 };
        _cleanup_free_ char *lock_path = NULL;

        int r = read_lock(options, original, &lock_path, &lock, error);
        if (r < 0)
                return r;
        build.lock = &lock;
        build.lock_path = lock_path;
        build.out_directory = out_directory;
        build.formats = original->formats;
        build.no_cache = true;
        build.sign = false;
        build.trial = true;
        return build_recipe(recipe, &build, ret, error);
}

/* ------------------------------------------------------------------------------------------------ comparison */

typedef struct Told {
        const RebuildOptions *options;
        const char *name;
} Told;

/* Also what image_compare() tells. */
static void tell(const ImageDifference *difference, void *userdata)
{
        const Told *told = userdata;

        told->options->listener(told->name, difference, told->options->userdata);
}

/* Of both files: the one that was published and the one that was rebuilt. */
typedef struct Pair {
        Buffer texts[2];
} Pair;

static void pair_done(Pair *pair)
{
        buffer_done(&pair->texts[0]);
        buffer_done(&pair->texts[1]);
}

/* From `start` to the end of the line, cut where it is long. Caller frees. */
static char *line_from(const Buffer *text, size_t start, size_t number)
{
        const char *line = text->data && start < text->length ? text->data + start : "";
        size_t length = strcspn(line, "\n");
        char shown[NAME_TEXT_MAX], *result = NULL;
        _cleanup_free_ char *copy = strndup(line, length < LINE_SHOWN ? length : LINE_SHOWN);

        if (!copy)
                return NULL;
        int n = asprintf(&result, "%zu: %s%s", number, name_text(copy, shown), length < LINE_SHOWN ? "" : "...");
        return n < 0 ? NULL : result;
}

static int compare_texts(const char *const paths[static 2], Told *told, Error *error)
{
        _cleanup_(pair_done) Pair pair = { { BUFFER_INIT, BUFFER_INIT } };
        const Buffer *first = &pair.texts[0], *second = &pair.texts[1];
        size_t start = 0, number = 1;

        for (size_t i = 0; i < 2; i++) {
                int r = read_file(AT_FDCWD, paths[i], TEXT_LIMIT_BYTES, &pair.texts[i], error);
                if (r < 0)
                        return r;
        }
        for (size_t i = 0; i < first->length && i < second->length && first->data[i] == second->data[i]; i++)
                if (first->data[i] == '\n')
                        start = i + 1, number++;
        _cleanup_free_ char *before = line_from(first, start, number), *after = line_from(second, start, number);
        if (!before || !after)
                return error_out_of_memory(error);
        tell(&(ImageDifference){ "", "line", before, after }, told);
        return 0;
}

static int compare_images(const char *const paths[static 2], Told *told, RebuildFile *file, Error *error)
{
        _cleanup_close_ int first = open(paths[0], O_RDONLY | O_CLOEXEC), second = open(paths[1], O_RDONLY | O_CLOEXEC);

        if (first < 0 || second < 0)
                return error_set_errno(error, errno, "Can't open %s", first < 0 ? paths[0] : paths[1]);
        return image_compare(first, second, told->options->limit, tell, told, &file->n_entries, error);
}

/* All formats are made of one archive: what differs in it is told once. */
typedef struct Comparison {
        const RebuildOptions *options;
        const Original *original;
        const BuildResult *result;
        Rebuild *rebuild;
        bool image_told;
} Comparison;

static bool is_image(const Original *original, const char *name)
{
        return image_format_parse(name + strlen(original->base_name) + 1) >= 0;
}

static int tell_difference(Comparison *comparison, const char *const paths[static 2], RebuildFile *file, Error *error)
{
        Told told = { comparison->options, file->name };

        if (!is_image(comparison->original, file->name))
                return compare_texts(paths, &told, error);
        if (comparison->image_told)
                return 0;
        comparison->image_told = true;
        return compare_images(paths, &told, file, error);
}

static int compare_file(Comparison *comparison, const char *name, RebuildFile *file, Error *error)
{
        _cleanup_free_ char *first = path_join(comparison->original->directory, name);
        _cleanup_free_ char *second = path_join(comparison->result->directory, name);
        uint64_t size_bytes;

        file->name = strdup(name);
        if (!first || !second || !file->name)
                return error_out_of_memory(error);
        int r = digest_file(AT_FDCWD, first, &size_bytes, file->sha256, error);
        if (r == 0 && access(second, F_OK) == 0)
                r = digest_file(AT_FDCWD, second, &size_bytes, file->rebuilt_sha256, error);
        if (r < 0)
                return r;
        file->same = strcmp(file->sha256, file->rebuilt_sha256) == 0;
        return file->same || !*file->rebuilt_sha256
                       ? 0
                       : tell_difference(comparison, (const char *const[]){ first, second }, file, error);
}

/* The manifest, and what was made of it, lists all images: without some of them it is another one. */
static bool lists_images(const char *name)
{
        return string_ends_with(name, ".manifest.json") || string_ends_with(name, ".spdx.json");
}

static int compare_all(Comparison *comparison, Error *error)
{
        const Original *original = comparison->original;
        Rebuild *rebuild = comparison->rebuild;

        rebuild->same = true;
        rebuild->files = calloc(strv_length(original->files) + 1, sizeof *rebuild->files);
        if (!rebuild->files)
                return error_out_of_memory(error);
        for (char **name = original->files; name && *name; name++) {
                if (!original->complete && lists_images(*name))
                        continue;
                RebuildFile *file = &rebuild->files[rebuild->n_files++];
                int r = compare_file(comparison, *name, file, error);
                if (r < 0)
                        return error_wrap(error, "comparing %s", *name);
                rebuild->same = rebuild->same && file->same;
        }
        return 0;
}

/* ------------------------------------------------------------------------------------------------ all of it */

static int build_and_compare(const RebuildOptions *options, const Original *original, Recipe *recipe,
                             const char *out_directory, Rebuild *rebuild, Error *error)
{
        _cleanup_build_result_ BuildResult result = { 0 };
        Comparison comparison = { .options = options, .original = original, .result = &result, .rebuild = rebuild };

        int r = build(options, original, recipe, out_directory, &result, error);
        if (r == 0 && !string_equal(result.base_name, original->base_name))
                r = error_set(error, -EINVAL, "The recipe and the lock make %s, not %s", result.base_name,
                              original->base_name);
        return r < 0 ? r : compare_all(&comparison, error);
}

static int rebuild_in(const RebuildOptions *options, const Original *original, Recipe *recipe, Rebuild *rebuild,
                      Error *error)
{
        _cleanup_remove_ char *temporary = NULL;

        if (options->keep)
                return build_and_compare(options, original, recipe, options->keep, rebuild, error);
        int r = make_temporary_directory(options->build.cache_directory, "rebuild-", &temporary, error);
        return r < 0 ? r : build_and_compare(options, original, recipe, temporary, rebuild, error);
}

int rebuild_image(const RebuildOptions *options, Rebuild *ret, Error *error)
{
        _cleanup_original_ Original original = { 0 };
        _cleanup_rebuild_ Rebuild rebuild = { 0 };
        _cleanup_recipe_ Recipe *recipe = NULL;

        int r = options->keep ? check_keep(options->keep, error) : 0;
        if (r == 0)
                r = original_open(options->image, &original, error);
        if (r == 0)
                r = find_recipe(options, &original, &recipe, error);
        if (r == 0)
                r = rebuild_in(options, &original, recipe, &rebuild, error);
        if (r < 0)
                return r;
        rebuild.base_name = TAKE_PTR(original.base_name);
        rebuild.tool_version = TAKE_PTR(original.tool_version);
        *ret = rebuild;
        rebuild = (Rebuild){ 0 };
        return 0;
}
