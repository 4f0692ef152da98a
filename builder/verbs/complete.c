/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/format.h"
#include "image/lint.h"
#include "signing/keys.h"
#include "stages/stage.h"
#include "verbs/helptext.h"
#include "verbs/verb.h"

#include <stdio.h>
#include <string.h>

/* What the completion of bash, zsh and fish asks for. The arguments are the words after "templar" up to the
 * cursor, the last one being typed. Each line of the answer is a candidate, a tab, and its explanation; or
 * ":recipe",
 * ":directory", ":file", where the shell completes paths itself. Candidates of "--option=" carry that part.
 */

typedef struct Typing {
        const char *prefix; /* what stays in front of each candidate: "--formats=" */
        const char *word;   /* what a candidate must start with */
} Typing;

static void candidate_n(const Typing *typing, const char *text, size_t length, const char *help)
{
        size_t typed = strlen(typing->word);

        if (length >= typed && strncmp(text, typing->word, typed) == 0)
                printf("%s%.*s\t%s\n", typing->prefix, (int) length, text, help);
}

static void candidate(const Typing *typing, const char *text, const char *help)
{
        candidate_n(typing, text, strlen(text), help);
}

static void complete_keys(const Typing *typing)
{
        Key *keys = NULL;
        size_t n_keys = 0;

        if (keys_list(NULL, &keys, &n_keys, NULL) < 0)
                return;
        for (size_t i = 0; i < n_keys; i++)
                if (!keys[i].problem)
                        candidate(typing, keys[i].fingerprint, keys[i].user_id);
        keys_free(keys, n_keys);
}

/* "tar.xz,ta": what stands before the last comma stays. */
static void complete_formats(const Typing *typing)
{
        const char *comma = strrchr(typing->word, ',');
        _cleanup_free_ char *prefix = NULL;
        int kept = comma ? (int) (comma + 1 - typing->word) : 0;

        if (asprintf(&prefix, "%s%.*s", typing->prefix, kept, typing->word) < 0) {
                prefix = NULL;
                return;
        }
        for (const char *const *name = image_format_names; *name; name++)
                candidate(&(Typing){ prefix, typing->word + kept }, *name, "");
}

static void complete_section_settings(const Typing *typing, const SectionSchema *section)
{
        for (const KeySchema *key = section->keys; key->name; key++) {
                _cleanup_free_ char *text = NULL;
                if (asprintf(&text, "%s.%s=", section->name, key->name) < 0) {
                        text = NULL;
                        return;
                }
                candidate(typing, text, key->help);
        }
}

static void complete_settings(const Typing *typing)
{
        complete_section_settings(typing, stage_recipe_schema.image);
        for (const SectionSchema *const *stage = stage_recipe_schema.stages; *stage; stage++)
                complete_section_settings(typing, *stage);
}

static void complete_sections(const Typing *typing)
{
        candidate(typing, stage_recipe_schema.image->name, stage_recipe_schema.image->help);
        for (const SectionSchema *const *stage = stage_recipe_schema.stages; *stage; stage++)
                candidate(typing, (*stage)->name, (*stage)->help);
}

/* The words that may stand after `group`, or first with NULL. */
static void complete_verbs(const Verb *const *verbs, const char *group, const Typing *typing)
{
        size_t skip = group ? strlen(group) + 1 : 0;
        const char *last_group = "";

        for (; *verbs; verbs++) {
                const char *name = (*verbs)->name;
                if ((*verbs)->hidden ||
                    (group && (!string_starts_with(name, group) || name[skip - 1] != ' ')))
                        continue;
                size_t length = strcspn(name + skip, " ");
                if (!name[skip + length]) {
                        candidate(typing, name + skip, (*verbs)->summary);
                } else if (strncmp(name, last_group, length + 1) != 0) {
                        candidate_n(typing, name, length, "keys that sign releases");
                        last_group = name;
                }
        }
}

/* The name of a stage as --at and --from take it: with its number where several have it. The caller frees. */
static char *stage_name(const Recipe *recipe, size_t index)
{
        const SectionSchema *schema = section_schema(recipe_stage(recipe, index));
        size_t which = 0, n = 0;
        char *name = NULL;

        for (size_t i = 0; i < recipe_n_stages(recipe); i++) {
                n += section_schema(recipe_stage(recipe, i)) == schema;
                if (i == index)
                        which = n;
        }
        return (n == 1 ? asprintf(&name, "%s", schema->name) : asprintf(&name, "%s[%zu]", schema->name, which)) < 0 ? NULL
                                                                                                                  : name;
}

/* Of the first recipe among the words. */
static void complete_stages(const VerbCall *call, const Typing *typing)
{
        const RecipeOptions options = { .schema = &stage_recipe_schema };
        _cleanup_recipe_ Recipe *recipe = NULL;

        for (char *const *word = call->arguments; *word && !recipe; word++)
                if (string_ends_with(*word, ".recipe") && recipe_load(*word, &options, &recipe, NULL) < 0)
                        return;
        for (size_t i = 0; recipe && i < recipe_n_stages(recipe); i++) {
                _cleanup_free_ char *name = stage_name(recipe, i);
                const StageKind *kind = stage_kind_of(recipe_stage(recipe, i));
                _cleanup_free_ char *description = kind->describe(recipe_stage(recipe, i));
                if (name && description)
                        candidate(typing, name, description);
        }
}

static void complete_value(const VerbCall *call, OptionValue value, const Typing *typing)
{
        switch (value) {
        case VALUE_NONE:
        case VALUE_TEXT:
                break;
        case VALUE_FILE:
                puts(":file");
                break;
        case VALUE_DIRECTORY:
                puts(":directory");
                break;
        case VALUE_RECIPE:
                puts(":recipe");
                break;
        case VALUE_STAGE:
                complete_stages(call, typing);
                break;
        case VALUE_SETTING:
                complete_settings(typing);
                break;
        case VALUE_FORMATS:
                complete_formats(typing);
                break;
        case VALUE_KEY:
                complete_keys(typing);
                break;
        case VALUE_ALGORITHM:
                for (const char *const *name = (const char *const[]){ "ed25519", "rsa3072", "rsa4096", NULL };
                     *name; name++)
                        candidate(typing, *name, "");
                break;
        case VALUE_CHECK:
                for (const LintCheck *check = lint_checks; check->name; check++)
                        if (check->allowable)
                                candidate(typing, check->name, check->meaning);
                break;
        case VALUE_TOPIC:
                complete_verbs(call->verbs, NULL, typing);
                candidate(typing, "recipe", "the sections and keys of recipes");
                break;
        }
}

static void complete_options(const Verb *verb, const Typing *typing)
{
        for (const Option *option = verb->options; option->name; option++) {
                char text[64];
                snprintf(text, sizeof text, "--%s", option->name);
                if (!option->hidden)
                        candidate(typing, text, option->help);
        }
        candidate(typing, "--help", "show the verb's help");
}

/* The option that `word` ("--out", "--out=x", "-o") names, or NULL. */
static const Option *find_option(const Verb *verb, const char *word)
{
        for (const Option *option = verb->options; option->name; option++) {
                size_t length = strlen(option->name);
                if (word[0] == '-' && word[1] == '-' && strncmp(word + 2, option->name, length) == 0 &&
                    (word[2 + length] == '\0' || word[2 + length] == '='))
                        return option;
                if (option->letter && word[0] == '-' && word[1] == option->letter && !word[2])
                        return option;
        }
        return NULL;
}

/* `words` are those after the verb's name. */
static void complete_word(const VerbCall *call, const Verb *verb, char *const *words, size_t n_words)
{
        const char *word = words[n_words - 1], *equals = strchr(word, '=');
        const Option *previous = n_words > 1 ? find_option(verb, words[n_words - 2]) : NULL;
        const Option *current = string_starts_with(word, "--") && equals ? find_option(verb, word) : NULL;
        bool ended = false;

        for (size_t i = 0; i + 1 < n_words; i++)
                ended = ended || strcmp(words[i], "--") == 0;
        if (ended && strstr(verb->arguments, "[-- "))
                return; /* a command inside an image */
        if (!ended && previous && previous->argument && !strchr(words[n_words - 2], '=')) {
                complete_value(call, previous->value, &(Typing){ "", word });
        } else if (!ended && current && current->argument) {
                _cleanup_free_ char *prefix = strndup(word, (size_t) (equals + 1 - word));
                if (prefix)
                        complete_value(call, current->value, &(Typing){ prefix, equals + 1 });
        } else if (!ended && word[0] == '-') {
                complete_options(verb, &(Typing){ "", word });
        } else if (verb->completes == VALUE_TOPIC && n_words == 2 && strcmp(words[0], "recipe") == 0) {
                complete_sections(&(Typing){ "", word });
        } else if (verb->completes == VALUE_TOPIC && n_words == 2 && verb_is_group(call->verbs, words[0])) {
                complete_verbs(call->verbs, words[0], &(Typing){ "", word });
        } else if (verb->completes != VALUE_TOPIC || n_words == 1) {
                complete_value(call, verb->completes, &(Typing){ "", word });
        }
}

static int run(const VerbCall *call, Error *error _unused_)
{
        char *const *words = call->arguments;
        size_t n_words = call->n_arguments, n_name;
        Typing typing = { "", words[n_words - 1] };

        const Verb *verb = verb_find(call->verbs, words, n_words - 1, &n_name);
        if (verb) {
                complete_word(call, verb, words + n_name, n_words - n_name);
        } else if (n_words == 1) {
                complete_verbs(call->verbs, NULL, &typing);
                candidate(&typing, "--help", "name all verbs");
                candidate(&typing, "--version", "print the version of this program");
        } else if (n_words == 2 && verb_is_group(call->verbs, words[0])) {
                complete_verbs(call->verbs, words[0], &typing);
        }
        return 0;
}

static const Option options[] = {
        { 0 },
};

const Verb verb_complete = {
        .name = "complete",
        .arguments = "-- WORD...",
        .summary = "answer the completion of a shell",
        .description = "Answers the completion of a shell.",
        .minimum = 1,
        .maximum = VERB_ARGUMENTS_ANY,
        .options = options,
        .hidden = true,
        .run = run,
};
