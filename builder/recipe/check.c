/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "recipe/check.h"

#include "base/file.h"
#include "base/strings.h"
#include "recipe/lookup.h"
#include "recipe/resolve.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

Span key_value_span(const RecipeSection *section, size_t index, const Source **ret_source)
{
        const KeyValue *value = &section->values[index];
        const Assignment *assignment = value->assignments.n > 0 ? value->assignments.items[0] : value->last;

        *ret_source = assignment ? assignment->source : section->source;
        if (!assignment)
                return section->span;
        if (assignment->length == 0)
                return assignment->key_span;
        return assignment_span(assignment, 0, assignment->length);
}

static void check_required(Checker *checker, RecipeSection *section, size_t index)
{
        const KeyValue *value = &section->values[index];
        const KeySchema *key = &section->schema->keys[index];
        const Source *source;

        if (!key->required || value->assignments.n > 0 || value->misspelled)
                return;
        section->failed = true;
        Span span = key_value_span(section, index, &source);
        if (value->last)
                diagnostics_add(checker->diagnostics, source, span, "%s= is empty; [%s] needs a value for it",
                                key->name,
                                section->schema->name);
        else
                diagnostics_add(checker->diagnostics, source, span, "[%s] needs %s=", section->schema->name, key->name);
}

/* The key that a message starts with, as in "Hash= and Locked= exclude each other"; LOOKUP_NONE: none that stands
 * here. */
static size_t key_of_message(const RecipeSection *section, const char *message)
{
        size_t length = strcspn(message, "= ");

        if (message[length] != '=')
                return LOOKUP_NONE;
        for (size_t i = 0; section->schema->keys[i].name; i++)
                if (strncmp(section->schema->keys[i].name, message, length) == 0 &&
                    !section->schema->keys[i].name[length])
                        return section->values[i].last ? i : LOOKUP_NONE;
        return LOOKUP_NONE;
}

static int check_across_keys(Checker *checker, RecipeSection *section)
{
        _cleanup_error_ Error error = ERROR_INIT;
        const Source *source = section->source;

        if (!section->schema->check || section->failed)
                return 0;
        int r = section->schema->check(section, &error);
        if (r >= 0 || r == -ENOMEM)
                return r == -ENOMEM ? r : 0;
        section->failed = true;
        const char *message = error.message ? error.message : "this section is wrong";
        size_t key = key_of_message(section, message);
        Span span = key == LOOKUP_NONE ? section->span : key_value_span(section, key, &source);
        Diagnostic *added = diagnostics_add(checker->diagnostics, source, span, "%s", message);
        if (added)
                added->hide = r == -EKEYREJECTED && key != LOOKUP_NONE;
        if (error.hint)
                diagnostic_hint(added, "%s", error.hint);
        return 0;
}

static int check_section(Checker *checker, RecipeSection *section, bool versions_only)
{
        for (size_t i = 0; section->schema->keys[i].name && !diagnostics_full(checker->diagnostics); i++) {
                if (versions_only && !section->values[i].uses_version)
                        continue;
                int r = resolve_value(checker, section, i);
                if (r < 0)
                        return r;
                check_required(checker, section, i);
        }
        return check_across_keys(checker, section);
}

static int check_sections(Checker *checker, bool versions_only)
{
        Recipe *recipe = checker->recipe;
        int r = recipe->image ? check_section(checker, recipe->image, versions_only) : 0;

        for (size_t i = 0; r == 0 && i < recipe->stages.n && !diagnostics_full(checker->diagnostics); i++)
                r = check_section(checker, recipe->stages.items[i], versions_only);
        return r;
}

static int run(Recipe *recipe, Diagnostics *diagnostics, bool versions_only)
{
        _cleanup_close_ int fd = -1;
        Checker checker = { .recipe = recipe, .diagnostics = diagnostics, .directory_fd = -1 };

        if (recipe->look_at_files) {
                fd = open(recipe->directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
                if (fd < 0)
                        return -errno;
                checker.directory_fd = fd;
        }
        return check_sections(&checker, versions_only);
}

int check_recipe(Recipe *recipe, Diagnostics *diagnostics)
{
        if (!recipe->image && !recipe->image_misspelled) {
                const Source *source = recipe->sources.items[0];
                diagnostic_hint(diagnostics_add(diagnostics, source, (Span){ 0 }, "there is no section [%s]",
                                                recipe->schema->image->name),
                                "every recipe has one, with the name of the image: Name=");
        }
        return run(recipe, diagnostics, false);
}

int check_versions(Recipe *recipe, Diagnostics *diagnostics)
{
        return run(recipe, diagnostics, true);
}
