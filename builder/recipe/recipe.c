/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "recipe/recipe.h"

#include "base/digest.h"
#include "base/file.h"
#include "recipe/check.h"
#include "recipe/model.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/utsname.h>

Recipe *recipe_free(Recipe *recipe)
{
        if (!recipe)
                return NULL;
        section_free(recipe->image);
        for (size_t i = 0; i < recipe->n_stages; i++)
                section_free(recipe->stages[i]);
        free(recipe->stages);
        diagnostics_done(&recipe->diagnostics);
        free(recipe->path);
        free(recipe->directory);
        free(recipe->architecture);
        free(recipe->suite);
        free(recipe->version);
        free(recipe);
        return NULL;
}

/* Debian's name for uname(2)'s machine. */
static const char *host_architecture(void)
{
        static const struct {
                const char *machine, *architecture;
        } names[] = {
                { "x86_64", "amd64" }, { "aarch64", "arm64" },   { "armv7l", "armhf" },   { "armv8l", "armhf" },
                { "i686", "i386" },    { "ppc64le", "ppc64el" }, { "mips64", "mips64el" }, { "loongarch64", "loong64" },
        };
        static struct utsname host;

        if (uname(&host) < 0)
                return "amd64";
        for (size_t i = 0; i < ELEMENTS(names); i++)
                if (strcmp(names[i].machine, host.machine) == 0)
                        return names[i].architecture;
        return host.machine; /* riscv64, s390x */
}

static int add_file(Recipe *recipe, const char *path, unsigned layer, Error *error)
{
        Buffer text = BUFFER_INIT;
        int r = read_file(AT_FDCWD, path, RECIPE_SIZE_MAX, &text, error);

        if (r < 0) {
                if (error)
                        error->kind = ERROR_USAGE;
                return r;
        }
        int source = diagnostics_add_source(&recipe->diagnostics, path, text.data, text.length);
        if (source < 0 || model_read(recipe, (size_t) source, layer) < 0)
                return error_out_of_memory(error);
        return 0;
}

static int list_drop_ins(const char *path, char ***ret_names, char **ret_directory, Error *error)
{
        _cleanup_strv_ char **names = NULL;

        if (asprintf(ret_directory, "%s.d", path) < 0) {
                *ret_directory = NULL;
                return error_out_of_memory(error);
        }
        _cleanup_closedir_ DIR *directory = opendir(*ret_directory);
        if (!directory)
                return errno == ENOENT ? 0 : error_set_errno(error, errno, "Can't read %s", *ret_directory);
        for (struct dirent *entry; (entry = readdir(directory));)
                if (entry->d_name[0] != '.' && string_ends_with(entry->d_name, ".conf") &&
                    strv_append(&names, entry->d_name) < 0)
                        return error_out_of_memory(error);
        strv_sort(names);
        *ret_names = TAKE_PTR(names);
        return 0;
}

static int add_drop_ins(Recipe *recipe, unsigned *layer, Error *error)
{
        _cleanup_strv_ char **names = NULL;
        _cleanup_free_ char *directory = NULL;
        int r = list_drop_ins(recipe->path, &names, &directory, error);

        for (char **name = names; r == 0 && name && *name; name++) {
                _cleanup_free_ char *path = path_join(directory, *name);
                r = path ? add_file(recipe, path, ++*layer, error) : error_out_of_memory(error);
        }
        return r;
}

static int add_settings(Recipe *recipe, char *const *settings, unsigned *layer, Error *error)
{
        for (; settings && *settings; settings++) {
                _cleanup_free_ char *name = NULL;
                char *text = strdup(*settings);
                if (!text || asprintf(&name, "--set %s", *settings) < 0) {
                        free(text);
                        name = NULL;
                        return error_out_of_memory(error);
                }
                int source = diagnostics_add_source(&recipe->diagnostics, name, text, strlen(*settings));
                if (source < 0 || model_set(recipe, (size_t) source, ++*layer) < 0)
                        return error_out_of_memory(error);
        }
        return 0;
}

/* The value as written: for keys that specifiers stand for. */
static const char *raw_string(const RecipeSection *section, const char *key)
{
        size_t index = section ? schema_find_key(section->schema, key) : 0;

        return section && index < section->n_keys && section->values[index].raw ? section->values[index].raw[0] : NULL;
}

static int find_names(Recipe *recipe, const RecipeOptions *options)
{
        const char *architecture = raw_string(recipe->image, "Architecture"), *suite = raw_string(recipe->image, "Suite");

        for (size_t i = 0; !suite && i < recipe->n_stages; i++)
                suite = raw_string(recipe->stages[i], "Suite");
        if (!architecture)
                architecture = options->architecture ? options->architecture : host_architecture();
        recipe->architecture = strdup(architecture);
        recipe->suite = strdup(suite ? suite : "");
        return recipe->architecture && recipe->suite ? 0 : -ENOMEM;
}

static char *directory_of(const char *path)
{
        const char *slash = strrchr(path, '/');

        return !slash ? strdup(".") : slash == path ? strdup("/") : strndup(path, (size_t) (slash - path));
}

/* One key a field, so that neither order nor spelling of lists counts. */
static int digest_section(Digest *digest, const RecipeSection *section)
{
        _cleanup_strv_ char **fields = NULL;

        for (size_t i = 0; i < section->n_keys; i++) {
                if (!section->values[i].set)
                        continue;
                _cleanup_free_ char *items = strv_join(section->values[i].raw, "\n");
                if (!items || strv_appendf(&fields, "%s=%s", section->schema->keys[i].name, items) < 0)
                        return -ENOMEM;
        }
        strv_sort(fields);
        int r = digest_add_field(digest, section->schema->name);
        for (char **field = fields; r == 0 && field && *field; field++)
                r = digest_add_field(digest, *field);
        return r < 0 ? r : digest_add_field(digest, "");
}

static int make_digest(Recipe *recipe)
{
        _cleanup_digest_ Digest *digest = NULL;
        int r = digest_new(&digest);

        if (r == 0)
                r = digest_add_field(digest, recipe->architecture);
        if (r == 0)
                r = digest_section(digest, recipe->image);
        for (size_t i = 0; r == 0 && i < recipe->n_stages; i++)
                r = digest_section(digest, recipe->stages[i]);
        return r < 0 ? r : digest_finish(digest, recipe->digest);
}

static int finish(Recipe *recipe, const RecipeOptions *options, Error *error)
{
        if (find_names(recipe, options) < 0 || model_expand(recipe) < 0 || model_check(recipe) < 0)
                return error_out_of_memory(error);
        int r = diagnostics_error(&recipe->diagnostics, error);
        if (r < 0)
                return r;
        return make_digest(recipe) < 0 ? error_out_of_memory(error) : 0;
}

int recipe_load(const char *path, const RecipeOptions *options, Recipe **ret, Error *error)
{
        _cleanup_recipe_ Recipe *recipe = calloc(1, sizeof *recipe);
        unsigned layer = 0;

        if (!recipe)
                return error_out_of_memory(error);
        recipe->schema = options->schema;
        recipe->path = strdup(path);
        recipe->directory = directory_of(path);
        if (!recipe->path || !recipe->directory)
                return error_out_of_memory(error);
        int r = add_file(recipe, path, layer, error);
        if (r == 0)
                r = add_drop_ins(recipe, &layer, error);
        if (r == 0)
                r = add_settings(recipe, options->settings, &layer, error);
        if (r == 0)
                r = finish(recipe, options, error);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(recipe);
        return 0;
}

int recipe_parse_text(const char *text, size_t length, const RecipeOptions *options, Error *error)
{
        _cleanup_recipe_ Recipe *recipe = calloc(1, sizeof *recipe);
        char *copy = malloc(length + 1);

        if (!recipe || !copy) {
                free(copy);
                return error_out_of_memory(error);
        }
        memcpy(copy, text, length);
        copy[length] = '\0';
        recipe->schema = options->schema;
        recipe->path = strdup("text");
        recipe->directory = strdup(".");
        int source = diagnostics_add_source(&recipe->diagnostics, "text", copy, length);
        if (!recipe->path || !recipe->directory || source < 0 || model_read(recipe, (size_t) source, 0) < 0)
                return error_out_of_memory(error);
        return finish(recipe, options, error);
}

const char *recipe_path(const Recipe *recipe)
{
        return recipe->path;
}

const char *recipe_directory(const Recipe *recipe)
{
        return recipe->directory;
}

const char *recipe_name(const Recipe *recipe)
{
        const char *name = raw_string(recipe->image, "Name");

        return name ? name : "";
}

const char *recipe_architecture(const Recipe *recipe)
{
        return recipe->architecture;
}

const char *recipe_suite(const Recipe *recipe)
{
        return recipe->suite;
}

const char *recipe_digest(const Recipe *recipe)
{
        return recipe->digest;
}

static bool section_uses_version(const RecipeSection *section)
{
        for (size_t i = 0; i < section->n_keys; i++) {
                if (section->schema->keys[i].type == KEY_TEXT)
                        continue;
                for (char **item = section->values[i].raw; item && *item; item++)
                        for (const char *percent = *item; (percent = strchr(percent, '%')) && percent[1]; percent += 2)
                                if (percent[1] == 'v')
                                        return true;
        }
        return false;
}

bool recipe_uses_version(const Recipe *recipe)
{
        for (size_t i = 0; i < recipe->n_stages; i++)
                if (section_uses_version(recipe->stages[i]))
                        return true;
        return section_uses_version(recipe->image);
}

int recipe_set_version(Recipe *recipe, const char *version, Error *error)
{
        char *copy = strdup(version);

        if (!copy)
                return error_out_of_memory(error);
        free(recipe->version);
        recipe->version = copy;
        return model_expand(recipe) < 0 ? error_out_of_memory(error) : 0;
}

const RecipeSection *recipe_image(const Recipe *recipe)
{
        return recipe->image;
}

size_t recipe_n_stages(const Recipe *recipe)
{
        return recipe->n_stages;
}

const RecipeSection *recipe_stage(const Recipe *recipe, size_t index)
{
        return recipe->stages[index];
}

int recipe_error(const Recipe *recipe, RecipePlace place, Error *error, const char *format, ...)
{
        _cleanup_buffer_ Buffer buffer = BUFFER_INIT;
        _cleanup_free_ char *message = NULL;
        va_list arguments;

        va_start(arguments, format);
        int length = vasprintf(&message, format, arguments);
        va_end(arguments);
        if (length < 0) {
                message = NULL;
                return error_out_of_memory(error);
        }
        if (diagnostics_format(&recipe->diagnostics, place, 1, NULL, message, &buffer) < 0)
                return error_out_of_memory(error);
        buffer.data[buffer.length - 1] = '\0';
        return error_set_usage(error, -EINVAL, "%s", buffer.data);
}
