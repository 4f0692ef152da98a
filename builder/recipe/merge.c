/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "recipe/merge.h"

#include "base/strings.h"
#include "recipe/lookup.h"

#include <errno.h>
#include <string.h>

typedef struct Merge {
        Recipe *recipe;
        Diagnostics *diagnostics;
        MergeKind kind;
        size_t n_stages_before; /* those that a drop-in can add to */
        bool too_many_told;
} Merge;

static RecipeSection *new_section(Merge *merge, const SectionSchema *schema, const ParsedSection *parsed)
{
        Pool *pool = &merge->recipe->pool;
        RecipeSection *section = pool_allocate(pool, sizeof *section);
        size_t n = lookup_n_keys(schema);

        if (!section)
                return NULL;
        section->schema = schema;
        section->source = parsed->source;
        section->span = parsed->span;
        section->values = pool_allocate(pool, n * sizeof *section->values);
        return section->values ? section : NULL;
}

static int append_stage(Merge *merge, const SectionSchema *schema, const ParsedSection *parsed, RecipeSection **ret)
{
        Recipe *recipe = merge->recipe;

        if (recipe->stages.n == RECIPE_STAGES_MAX) {
                if (!merge->too_many_told)
                        diagnostics_add(merge->diagnostics, parsed->source, parsed->span,
                                        "more than %d stages in one recipe", RECIPE_STAGES_MAX);
                merge->too_many_told = true;
                return 0;
        }
        RecipeSection *section = new_section(merge, schema, parsed);
        RecipeSection **slot = section ? POOL_APPEND(&recipe->pool, &recipe->stages) : NULL;
        if (!slot)
                return -ENOMEM;
        *slot = *ret = section;
        return 0;
}

/* The `number`th stage of a kind, from 1, among the first `limit`; NULL when there are fewer. */
static RecipeSection *find_stage(const Recipe *recipe, const SectionSchema *schema, size_t limit, uint64_t number,
                                 size_t *ret_n)
{
        RecipeSection *found = NULL;
        size_t n = 0;

        for (size_t i = 0; i < limit; i++)
                if (recipe->stages.items[i]->schema == schema && ++n == number)
                        found = recipe->stages.items[i];
        *ret_n = n;
        return found;
}

static void report_single(Merge *merge, const ParsedSection *parsed, const RecipeSection *first)
{
        diagnostic_hint(diagnostics_add(merge->diagnostics, parsed->source, parsed->span,
                                        "section [%s] stands twice; it may stand only once", parsed->name),
                        "the first one is in line %u", first->span.line);
}

static int select_image(Merge *merge, const ParsedSection *parsed, RecipeSection **ret)
{
        RecipeSection *image = merge->recipe->image;

        if (image && image->source == parsed->source) {
                report_single(merge, parsed, image);
                return 0;
        }
        if (!image)
                image = merge->recipe->image = new_section(merge, merge->recipe->schema->image, parsed);
        *ret = image;
        return image ? 0 : -ENOMEM;
}

static int select_in_recipe(Merge *merge, const SectionSchema *schema, const ParsedSection *parsed, RecipeSection **ret)
{
        size_t n;
        const RecipeSection *first = find_stage(merge->recipe, schema, merge->recipe->stages.n, 1, &n);

        if (first && schema->single) {
                report_single(merge, parsed, first);
                return 0;
        }
        return append_stage(merge, schema, parsed, ret);
}

/* How the author of a drop-in, or of a setting, writes the `number`th section of a kind. */
static const char *selector_example(const Merge *merge, const char *name, size_t number, char buffer[static 128])
{
        snprintf(buffer, 128, merge->kind == MERGE_SETTING ? "%.64s[%zu].Key=" : "[%.64s %zu]", name, number);
        return buffer;
}

static int select_numbered(Merge *merge, const SectionSchema *schema, const ParsedSection *parsed, RecipeSection **ret)
{
        char example[128];
        uint64_t number;
        size_t n;

        if (parse_unsigned(parsed->selector, 1, RECIPE_STAGES_MAX, &number) < 0) {
                diagnostics_add(merge->diagnostics, parsed->source, parsed->span,
                                "\"%s\" doesn't say which [%s] is meant; expected a number from 1, as in %s",
                                parsed->selector, schema->name, selector_example(merge, schema->name, 2, example));
                return 0;
        }
        *ret = find_stage(merge->recipe, schema, merge->n_stages_before, number, &n);
        if (*ret)
                return 0;
        Diagnostic *added = diagnostics_add(merge->diagnostics, parsed->source, parsed->span,
                                            "there is no [%s] number %s; the recipe has %zu", schema->name,
                                            parsed->selector, n);
        if (merge->kind == MERGE_DROP_IN)
                diagnostic_hint(added, "[%s +] adds one at the end", schema->name);
        return 0;
}

static int select_by_kind(Merge *merge, const SectionSchema *schema, const ParsedSection *parsed, RecipeSection **ret)
{
        char example[128];
        size_t n;
        RecipeSection *first = find_stage(merge->recipe, schema, merge->n_stages_before, 1, &n);

        if (n == 0)
                return schema->single ? select_in_recipe(merge, schema, parsed, ret) :
                                        append_stage(merge, schema, parsed, ret);
        if (n == 1) {
                *ret = first;
                return 0;
        }
        diagnostic_hint(diagnostics_add(merge->diagnostics, parsed->source, parsed->span,
                                        "the recipe has %zu [%s] sections; expected the number of one", n,
                                        schema->name),
                        "write %s for the first", selector_example(merge, schema->name, 1, example));
        return 0;
}

static int select_stage(Merge *merge, const SectionSchema *schema, const ParsedSection *parsed, RecipeSection **ret)
{
        bool append = strcmp(parsed->selector, "+") == 0 && merge->kind == MERGE_DROP_IN;

        if (merge->kind == MERGE_RECIPE)
                return select_in_recipe(merge, schema, parsed, ret);
        if (append)
                return append_stage(merge, schema, parsed, ret);
        return *parsed->selector ? select_numbered(merge, schema, parsed, ret) :
                                   select_by_kind(merge, schema, parsed, ret);
}

static void report_unknown_section(Merge *merge, const ParsedSection *parsed)
{
        const RecipeSchema *schema = merge->recipe->schema;
        Diagnostic *added = diagnostics_add(merge->diagnostics, parsed->source, parsed->span, "unknown section [%s]",
                                            parsed->name);

        if (!added)
                return;
        const char *nearest = lookup_nearest_section(schema, parsed->name);
        _cleanup_free_ char *names = lookup_section_names(schema);
        merge->recipe->image_misspelled |= string_equal(nearest, schema->image->name);
        if (nearest)
                diagnostic_hint(added, "did you mean \"%s\"?", nearest);
        else if (names)
                diagnostic_hint(added, "sections are %s", names);
}

/* The section that the parsed one adds to; NULL when it has none, which was told. */
static int select_section(Merge *merge, const ParsedSection *parsed, RecipeSection **ret)
{
        const SectionSchema *image = merge->recipe->schema->image;
        const SectionSchema *schema = lookup_section(merge->recipe->schema, parsed->name);

        *ret = NULL;
        if (parsed->broken) {
                merge->recipe->image_misspelled |= schema == image;
                return 0;
        }
        if (!schema) {
                report_unknown_section(merge, parsed);
                return 0;
        }
        if (*parsed->selector && (schema == image || schema->single || merge->kind == MERGE_RECIPE)) {
                diagnostics_add(merge->diagnostics, parsed->source, parsed->span,
                                "\"%s\" behind the name of the section; expected the name alone, %s", parsed->selector,
                                merge->kind == MERGE_RECIPE ? "numbers are for drop-ins" : "there is only one");
                return 0;
        }
        return schema == image ? select_image(merge, parsed, ret) : select_stage(merge, schema, parsed, ret);
}

static void report_unknown_key(Merge *merge, RecipeSection *section, const Assignment *assignment)
{
        Diagnostic *added = diagnostics_add(merge->diagnostics, assignment->source, assignment->key_span,
                                            "unknown key \"%s\" in [%s]", assignment->key, section->schema->name);

        section->failed = true;
        if (!added)
                return;
        const char *nearest = lookup_nearest_key(section->schema, assignment->key);
        const SectionSchema *owner = lookup_owner(merge->recipe->schema, assignment->key);
        _cleanup_free_ char *names = lookup_key_names(section->schema);
        if (nearest) {
                section->values[lookup_key(section->schema, nearest)].misspelled = true;
                diagnostic_hint(added, "did you mean \"%s\"?", nearest);
        } else if (owner) {
                diagnostic_hint(added, "%s= belongs to [%s]", assignment->key, owner->name);
        } else if (string_empty(names)) {
                diagnostic_hint(added, "[%s] has no keys", section->schema->name);
        } else {
                diagnostic_hint(added, "keys are %s", names);
        }
}

/* Twice for one section in one document. Each setting is a source of its own, so there the last one counts. */
static void report_duplicate(Merge *merge, const Assignment *assignment, const Assignment *first)
{
        diagnostic_hint(diagnostics_add(merge->diagnostics, assignment->source, assignment->key_span,
                                        "%s= stands twice in this section; it takes one value", assignment->key),
                        "the first one is in line %u", first->key_span.line);
}

static int merge_assignment(Merge *merge, RecipeSection *section, Assignment *assignment)
{
        size_t index = lookup_key(section->schema, assignment->key);

        if (index == LOOKUP_NONE) {
                report_unknown_key(merge, section, assignment);
                return 0;
        }
        KeyValue *value = &section->values[index];
        KeyType type = section->schema->keys[index].type;
        if (!key_type_is_list(type) && value->last && value->last->source == assignment->source) {
                section->failed = true;
                report_duplicate(merge, assignment, value->last);
                return 0;
        }
        value->last = assignment;
        if (!key_type_is_list(type) || assignment->length == 0)
                value->assignments.n = 0;
        if (assignment->length == 0 && type != KEY_TEXT && !assignment->broken)
                return 0;
        Assignment **slot = POOL_APPEND(&merge->recipe->pool, &value->assignments);
        if (!slot)
                return -ENOMEM;
        *slot = assignment;
        return 0;
}

int merge_document(Recipe *recipe, Diagnostics *diagnostics, const Document *document, MergeKind kind)
{
        Merge merge = { .recipe = recipe, .diagnostics = diagnostics, .kind = kind,
                       .n_stages_before = recipe->stages.n };

        for (size_t i = 0; i < document->n && !diagnostics_full(diagnostics); i++) {
                const ParsedSection *parsed = document->items[i];
                RecipeSection *section;
                int r = select_section(&merge, parsed, &section);
                for (size_t j = 0; r == 0 && section && j < parsed->assignments.n; j++)
                        r = merge_assignment(&merge, section, parsed->assignments.items[j]);
                if (r < 0)
                        return r;
        }
        return 0;
}
