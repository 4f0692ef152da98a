/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "stages/clean.h"
#include "stages/stage.h"
#include "verbs/helptext.h"
#include "verbs/mdoc.h"
#include "verbs/verb.h"

#include <errno.h>
#include <string.h>

static int help_about_section(const char *name, Error *error)
{
        const SectionSchema *section = help_find_section(&stage_recipe_schema, name);
        _cleanup_strv_ char **names = NULL;

        if (section) {
                help_section(stdout, section);
                if (section == stage_recipe_schema.image)
                        help_cleaning(stdout, clean_entries);
                return 0;
        }
        if (strv_append(&names, stage_recipe_schema.image->name) < 0)
                return error_out_of_memory(error);
        for (const SectionSchema *const *stage = stage_recipe_schema.stages; *stage; stage++)
                if (strv_append(&names, (*stage)->name) < 0)
                        return error_out_of_memory(error);
        const char *nearest = nearest_word(name, (const char *const *) names);
        error_set_usage(error, -EINVAL, "Recipes have no section [%s]", name);
        return nearest ? error_hint(error, "Did you mean [%s]?", nearest)
                       : error_hint(error, "See: templar help recipe");
}

/* For the Makefile, which puts the parts into the man pages. */
static int help_mdoc(const VerbCall *call, const char *part, Error *error)
{
        if (strcmp(part, "verbs") == 0)
                mdoc_verbs(stdout, call->verbs);
        else if (strcmp(part, "recipe") == 0)
                mdoc_recipe(stdout, &stage_recipe_schema);
        else if (strcmp(part, "cleaning") == 0)
                mdoc_cleaning(stdout, clean_entries);
        else
                return error_set_usage(error, -EINVAL,
                                       "--mdoc wants \"verbs\", \"recipe\" or \"cleaning\", not \"%s\"",
                                       part);
        return 0;
}

static int run(const VerbCall *call, Error *error)
{
        const char *part = options_string(call->options, "mdoc");
        size_t n_words;

        if (part)
                return help_mdoc(call, part, error);
        if (call->n_arguments == 0) {
                help_overview(stdout, call->verbs);
                return 0;
        }
        if (strcmp(call->arguments[0], "recipe") == 0) {
                if (call->n_arguments > 1)
                        return help_about_section(call->arguments[1], error);
                help_recipe(stdout, &stage_recipe_schema);
                return 0;
        }
        const Verb *verb = verb_find(call->verbs, call->arguments, call->n_arguments, &n_words);
        if (verb && n_words < call->n_arguments) {
                error_set_usage(error, -EINVAL, "\"%s\" has no part \"%s\"", verb->name,
                                call->arguments[n_words]);
                return error_hint(error, "See: templar help %s", verb->name);
        }
        if (verb)
                help_verb(stdout, verb);
        else if (call->n_arguments == 1 && verb_is_group(call->verbs, call->arguments[0]))
                help_group(stdout, call->verbs, call->arguments[0]);
        else
                return verb_unknown(call->verbs, call->arguments, call->n_arguments, error);
        return 0;
}

static const Option options[] = {
        { .name = "mdoc",
          .argument = "PART",
          .value = VALUE_TEXT,
          .hidden = true,
          .help = "a part of a man page" },
        { 0 },
};

static const VerbExample examples[] = {
        { "templar help build", "What the verb does, and its options." },
        { "templar help recipe", "All sections and keys of recipes." },
        { "templar help recipe Install", "One section, with the types and defaults of its keys." },
        { 0 },
};

const Verb verb_help = {
        .name = "help",
        .arguments = "[TOPIC...]",
        .summary = "explain a verb, or the sections and keys of recipes",
        .description =
                "Explains a verb. For \"recipe\" it explains what a recipe may say, for \"recipe SECTION\" "
                "one section of it. Without an argument it names all verbs.",
        .maximum = 2,
        .completes = VALUE_TOPIC,
        .options = options,
        .examples = examples,
        .run = run,
};
