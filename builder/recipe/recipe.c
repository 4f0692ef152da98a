/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "recipe/recipe.h"

#include "base/strings.h"
#include "recipe/check.h"
#include "recipe/excerpt.h"
#include "recipe/identity.h"
#include "recipe/lookup.h"
#include "recipe/model.h"
#include "recipe/seal.h"
#include "recipe/value.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <string.h>

Recipe *recipe_free(Recipe *recipe)
{
        if (recipe)
                pool_done(&recipe->pool);
        free(recipe);
        return NULL;
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
        return recipe->name;
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

bool recipe_uses_version(const Recipe *recipe)
{
        return recipe->uses_version;
}

size_t recipe_n_texts(const Recipe *recipe)
{
        return recipe->sources.n;
}

RecipeText recipe_text(const Recipe *recipe, size_t index)
{
        assert(index < recipe->sources.n);
        const Source *source = recipe->sources.items[index];
        size_t length = strlen(recipe->directory);
        const char *name = source->name;

        if (source->is_setting)
                return (RecipeText){ .setting = source->text };
        if (string_starts_with(name, recipe->directory) && name[length] == '/')
                name += length + 1;
        return (RecipeText){ .name = name + strspn(name, "/"), .sha256 = source->sha256 };
}

const RecipeSection *recipe_image(const Recipe *recipe)
{
        return recipe->image;
}

size_t recipe_n_stages(const Recipe *recipe)
{
        return recipe->stages.n;
}

const RecipeSection *recipe_stage(const Recipe *recipe, size_t index)
{
        assert(index < recipe->stages.n);
        return recipe->stages.items[index];
}

static RecipePlace place_of(const Source *source, Span span)
{
        return (RecipePlace){ source->name, source->is_setting ? 0 : span.line, span.column };
}

static int check_version(const Recipe *recipe, const char *version, Error *error)
{
        IdentityFault fault;
        int r = identity_check_name("the version", version, &fault, error);

        if (r < 0)
                return error_wrap(error, "\"%s\"", version);
        if (!*version)
                return error_set_usage(error, -EINVAL, "An empty version; expected letters, digits, \".\" and \"-\"");
        size_t length = identity_length(recipe, version), name = lookup_key(recipe->image->schema, "Name");
        if (length <= IDENTITY_MAX)
                return 0;
        RecipePlace place = name == LOOKUP_NONE ? section_place(recipe->image) :
                                                  section_key_place(recipe->image, "Name");
        return recipe_error(recipe, place, error, "%s-%s-%s has %zu characters; expected at most %d, for it names "
                                                  "machines",
                            recipe->name, recipe->architecture, version, length, IDENTITY_MAX);
}

int recipe_set_version(Recipe *recipe, const char *version, Error *error)
{
        _cleanup_diagnostics_ Diagnostics diagnostics = { 0 };
        int r = check_version(recipe, version, error);

        if (r < 0)
                return r;
        recipe->version = pool_string(&recipe->pool, version);
        if (!recipe->version)
                return error_out_of_memory(error);
        r = check_versions(recipe, &diagnostics);
        if (r == 0)
                r = recipe_seal(recipe);
        if (r == -ENOMEM)
                return error_out_of_memory(error);
        if (r < 0)
                return error_set_errno(error, -r, "Can't set the version of %s", recipe->path);
        return diagnostics_finish(&diagnostics, error);
}

const SectionSchema *section_schema(const RecipeSection *section)
{
        return section->schema;
}

RecipePlace section_place(const RecipeSection *section)
{
        return place_of(section->source, section->span);
}

static size_t key_index(const RecipeSection *section, const char *key)
{
        size_t index = lookup_key(section->schema, key);

        assert(index != LOOKUP_NONE);
        return index;
}

bool section_has(const RecipeSection *section, const char *key)
{
        return section->values[key_index(section, key)].assignments.n > 0;
}

const char *section_string(const RecipeSection *section, const char *key)
{
        return section->values[key_index(section, key)].string;
}

bool section_bool(const RecipeSection *section, const char *key)
{
        const char *value = section_string(section, key);
        bool yes = false;

        return value && value_parse_bool(value, &yes) == 0 && yes;
}

char *const *section_list(const RecipeSection *section, const char *key)
{
        size_t index = key_index(section, key);

        assert(key_type_is_list(section->schema->keys[index].type));
        return section->values[index].list;
}

const char *section_path(const RecipeSection *section, const char *key)
{
        return section->values[key_index(section, key)].path;
}

char *const *section_paths(const RecipeSection *section, const char *key)
{
        return section->values[key_index(section, key)].paths;
}

RecipePlace section_key_place(const RecipeSection *section, const char *key)
{
        const Source *source;
        Span span = key_value_span(section, key_index(section, key), &source);

        return place_of(source, span);
}

/* Settings share their name, so the pointer decides before the text does. */
static const Source *find_source(const Recipe *recipe, const char *name)
{
        for (size_t i = 0; i < recipe->sources.n; i++)
                if (recipe->sources.items[i]->name == name)
                        return recipe->sources.items[i];
        for (size_t i = 0; i < recipe->sources.n; i++)
                if (string_equal(recipe->sources.items[i]->name, name))
                        return recipe->sources.items[i];
        return NULL;
}

/* From the place to the end of its line. */
static Span span_of(const Source *source, RecipePlace place)
{
        Span span = { source->is_setting ? 1 : place.line, place.column ? place.column : 1, 1 };
        const char *line;
        size_t length;

        if (source_line(source, span.line, &line, &length) && span.column <= length) {
                span.length = length - span.column + 1;
                while (span.length > 1 && strchr(" \t\r", line[span.column + span.length - 2]))
                        span.length--;
        }
        return span;
}

int recipe_error(const Recipe *recipe, RecipePlace place, Error *error, const char *format, ...)
{
        _cleanup_buffer_ Buffer text = BUFFER_INIT;
        _cleanup_free_ char *message = NULL;
        const Source *source = find_source(recipe, place.file);
        va_list arguments;

        va_start(arguments, format);
        int length = vasprintf(&message, format, arguments);
        va_end(arguments);
        if (length < 0) {
                message = NULL;
                return error_out_of_memory(error);
        }
        if (!source)
                return error_set_usage(error, -EINVAL, "%s: %s", place.file ? place.file : recipe->path, message);
        Diagnostic diagnostic = { .source = source, .span = span_of(source, place), .message = message };
        if (excerpt_append(&text, &diagnostic) < 0)
                return error_out_of_memory(error);
        return error_set_usage(error, -EINVAL, "%s", text.data);
}
