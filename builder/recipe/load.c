/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "recipe/load.h"

#include "base/file.h"
#include "base/strings.h"
#include "recipe/check.h"
#include "recipe/identity.h"
#include "recipe/merge.h"
#include "recipe/model.h"
#include "recipe/seal.h"
#include "recipe/sourcefile.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#define BYTE_ORDER_MARK "\xef\xbb\xbf"
#define SETTING_NAME "--set"

typedef struct Loader {
        Recipe *recipe;
        Diagnostics diagnostics;
        bool binary; /* what was read tells nothing: no further checks */
} Loader;

static void loader_done(Loader *loader)
{
        recipe_free(loader->recipe);
        diagnostics_done(&loader->diagnostics);
}

static char *directory_of(Pool *pool, const char *path)
{
        const char *slash = strrchr(path, '/');

        if (!slash)
                return pool_string(pool, ".");
        return slash == path ? pool_string(pool, "/") : pool_copy(pool, path, (size_t) (slash - path));
}

static int new_recipe(const char *path, const RecipeOptions *options, Loader *loader)
{
        Recipe *recipe = calloc(1, sizeof *recipe);

        if (!recipe)
                return -ENOMEM;
        loader->recipe = recipe;
        recipe->schema = options->schema;
        recipe->path = pool_string(&recipe->pool, path);
        recipe->directory = directory_of(&recipe->pool, path);
        return recipe->path && recipe->directory ? 0 : -ENOMEM;
}

static Source *add_source(Loader *loader, const char *name, const void *data, size_t length)
{
        Recipe *recipe = loader->recipe;
        Source **slot = POOL_APPEND(&recipe->pool, &recipe->sources), *source;
        const char *text = data;

        if (!slot || !(source = *slot = pool_allocate(&recipe->pool, sizeof *source)) ||
            digest_buffer(data ? data : "", length, source->sha256) < 0)
                return NULL;
        if (length >= 3 && memcmp(text, BYTE_ORDER_MARK, 3) == 0) {
                text += 3;
                length -= 3;
        }
        source->name = pool_string(&recipe->pool, name);
        source->text = pool_copy(&recipe->pool, text, length);
        source->length = length;
        source->order = (unsigned) recipe->sources.n;
        return source->name && source->text ? source : NULL;
}

static int add_text(Loader *loader, const char *name, const void *data, size_t length, MergeKind kind)
{
        const Source *source = add_source(loader, name, data, length);
        Recipe *recipe = loader->recipe;
        Document document;

        if (!source)
                return -ENOMEM;
        int r = lexer_run(&recipe->pool, source, recipe->schema, &loader->diagnostics, &document);
        if (r < 0)
                return r;
        loader->binary |= document.binary;
        return loader->binary ? 0 : merge_document(recipe, &loader->diagnostics, &document, kind);
}

static int add_setting(Loader *loader, const char *setting)
{
        Source *source = add_source(loader, SETTING_NAME, setting, strlen(setting));
        Recipe *recipe = loader->recipe;
        Document document;

        if (!source)
                return -ENOMEM;
        source->is_setting = true;
        int r = lexer_run_setting(&recipe->pool, source, recipe->schema, &loader->diagnostics, &document);
        return r < 0 ? r : merge_document(recipe, &loader->diagnostics, &document, MERGE_SETTING);
}

static int add_settings(Loader *loader, char *const *settings)
{
        for (; settings && *settings; settings++) {
                int r = add_setting(loader, *settings);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int add_file(Loader *loader, const char *path, MergeKind kind, Error *error)
{
        _cleanup_buffer_ Buffer text = BUFFER_INIT;
        int r = read_file(AT_FDCWD, path, RECIPE_SIZE_MAX, &text, error);

        if (r == -EFBIG) {
                char size[SIZE_TEXT_MAX];
                r = error_set_usage(error, r, "%s is larger than a recipe may be; expected a text of at most %s", path,
                                    size_text(RECIPE_SIZE_MAX, size));
                error_hint(error, "put large contents into files beside the recipe, and name them in it");
                return r;
        }
        if (r < 0) {
                if (error && r != -ENOMEM && r != -EIO)
                        error->kind = ERROR_USAGE;
                if (r == -ENOENT)
                        host_file_hint(path, error);
                return r;
        }
        return add_text(loader, path, text.data, text.length, kind) < 0 ? error_out_of_memory(error) : 0;
}

/* The names of the drop-ins, byte-sorted. */
static int list_drop_ins(const char *folder, char ***ret, Error *error)
{
        _cleanup_closedir_ DIR *directory = opendir(folder);

        if (!directory && errno == ENOENT)
                return 0;
        if (!directory) {
                int r = error_set_errno(error, errno, "Can't read the drop-ins in %s", folder);
                if (error)
                        error->kind = ERROR_USAGE;
                return r;
        }
        for (struct dirent *entry; (entry = directory_next(directory));)
                if (entry->d_name[0] != '.' && string_ends_with(entry->d_name, ".conf") &&
                    strv_append(ret, entry->d_name) < 0)
                        return error_out_of_memory(error);
        if (errno)
                return error_set_errno(error, errno, "Can't read the drop-ins in %s", folder);
        if (*ret)
                strv_sort(*ret);
        return 0;
}

static int add_drop_ins(Loader *loader, Error *error)
{
        _cleanup_strv_ char **names = NULL;
        const char *folder = pool_printf(&loader->recipe->pool, "%s.d", loader->recipe->path);

        if (!folder)
                return error_out_of_memory(error);
        int r = list_drop_ins(folder, &names, error);
        for (char **name = names; r == 0 && name && *name; name++) {
                _cleanup_free_ char *path = path_join(folder, *name);
                r = path ? add_file(loader, path, MERGE_DROP_IN, error) : error_out_of_memory(error);
        }
        return r;
}

/* Everything has been read: settings, checks, and the verdict. */
static int finish(Loader *loader, const RecipeOptions *options, Recipe **ret, Error *error)
{
        Recipe *recipe = loader->recipe;
        Diagnostics *diagnostics = &loader->diagnostics;
        int r = add_settings(loader, options->settings);

        if (r == 0 && !loader->binary && !diagnostics_full(diagnostics)) {
                r = identity_resolve(recipe, diagnostics, options->architecture);
                if (r == 0)
                        r = check_recipe(recipe, diagnostics);
        }
        if (r == -ENOMEM)
                return error_out_of_memory(error);
        if (r < 0)
                return error_set_errno(error, -r, "Can't open the recipe's folder %s", recipe->directory);
        r = diagnostics_finish(diagnostics, error);
        if (r < 0)
                return r;
        if (recipe_seal(recipe) < 0)
                return error_out_of_memory(error);
        *ret = TAKE_PTR(loader->recipe);
        return 0;
}

int recipe_load(const char *path, const RecipeOptions *options, Recipe **ret, Error *error)
{
        _cleanup_(loader_done) Loader loader = { 0 };

        if (new_recipe(path, options, &loader) < 0)
                return error_out_of_memory(error);
        loader.recipe->look_at_files = true;
        int r = add_file(&loader, path, MERGE_RECIPE, error);
        if (r == 0)
                r = add_drop_ins(&loader, error);
        return r < 0 ? r : finish(&loader, options, ret, error);
}

int recipe_parse(const char *name, const void *data, size_t size_bytes, const RecipeOptions *options, Recipe **ret,
                 Error *error)
{
        _cleanup_(loader_done) Loader loader = { 0 };

        if (new_recipe(name, options, &loader) < 0 || add_text(&loader, name, data, size_bytes, MERGE_RECIPE) < 0)
                return error_out_of_memory(error);
        return finish(&loader, options, ret, error);
}
