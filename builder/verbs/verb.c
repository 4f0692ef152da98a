/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "verbs/verb.h"

#include "verbs/helptext.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

const Verb *verb_find(const Verb *const *verbs, char *const *words, size_t n_words, size_t *ret_n_words)
{
        for (; n_words > 0 && *verbs; verbs++) {
                const char *name = (*verbs)->name, *space = strchr(name, ' ');
                size_t first = space ? (size_t) (space - name) : strlen(name);
                if (strlen(words[0]) != first || strncmp(words[0], name, first) != 0 ||
                    (space && (n_words < 2 || strcmp(words[1], space + 1) != 0)))
                        continue;
                *ret_n_words = space ? 2 : 1;
                return *verbs;
        }
        return NULL;
}

bool verb_is_group(const Verb *const *verbs, const char *word)
{
        size_t length = strlen(word);

        for (; *verbs; verbs++)
                if (strncmp((*verbs)->name, word, length) == 0 && (*verbs)->name[length] == ' ')
                        return true;
        return false;
}

/* The second words of the group's verbs, or the first words of all; the caller frees. */
static char **candidate_words(const Verb *const *verbs, const char *group)
{
        _cleanup_strv_ char **words = NULL;
        size_t skip = group ? strlen(group) + 1 : 0;

        for (; *verbs; verbs++) {
                const char *name = (*verbs)->name;
                if ((*verbs)->hidden ||
                    (group && (!string_starts_with(name, group) || name[skip - 1] != ' ')))
                        continue;
                _cleanup_free_ char *word = strndup(name + skip, strcspn(name + skip, " "));
                if (!word || (!strv_contains(words, word) && strv_append(&words, word) < 0))
                        return NULL;
        }
        return TAKE_PTR(words);
}

int verb_unknown(const Verb *const *verbs, char *const *words, size_t n_words, Error *error)
{
        const char *group = verb_is_group(verbs, words[0]) ? words[0] : NULL;
        const char *typed = !group ? words[0] : n_words > 1 ? words[1] : NULL;
        _cleanup_strv_ char **candidates = candidate_words(verbs, group);
        _cleanup_free_ char *all = candidates ? strv_join(candidates, ", ") : NULL;

        if (!all)
                return error_out_of_memory(error);
        if (!typed)
                error_set_usage(error, -EINVAL, "`templar %s` wants one of: %s", group, all);
        else
                error_set_usage(error, -EINVAL, "There is no verb \"%s%s%s\"", group ? group : "",
                                group ? " " : "", typed);
        const char *nearest = typed ? nearest_word(typed, (const char *const *) candidates) : NULL;
        if (nearest)
                return error_hint(error, "Did you mean \"%s%s%s\"?", group ? group : "", group ? " " : "",
                                  nearest);
        return error_hint(error, "See: templar help%s%s", group ? " " : "", group ? group : "");
}

static int check_arguments(const Verb *verb, const Options *options, Error *error)
{
        size_t n = strv_length(options_arguments(options));

        if (n >= verb->minimum && n <= verb->maximum)
                return options_check(options, error);
        if (n < verb->minimum)
                error_set_usage(error, -EINVAL, "`templar %s` wants %s", verb->name, verb->arguments);
        else if (verb->maximum == 0)
                error_set_usage(error, -EINVAL, "`templar %s` takes no arguments, but was given \"%s\"",
                                verb->name, options_arguments(options)[0]);
        else
                error_set_usage(error, -EINVAL, "`templar %s` takes %s only, but was also given \"%s\"",
                                verb->name, verb->arguments, options_arguments(options)[verb->maximum]);
        return error_hint(error, "See: templar help %s", verb->name);
}

/* The way of telling things that the options ask for. */
static int new_report(const Options *options, Report **report, Error *error)
{
        ReportMode mode = options_switch(options, "json")    ? REPORT_JSON
                          : options_switch(options, "quiet") ? REPORT_QUIET
                                                             : report_detect_mode();
        Report *chosen;

        if (report_new(mode, options_switch(options, "verbose"), &chosen) < 0)
                return error_out_of_memory(error);
        report_free(*report);
        *report = chosen;
        return 0;
}

static int run_verb(const Verb *const *verbs, const Verb *verb, int argc, char **argv, Report **report,
                    Error *error)
{
        static char *const no_arguments[] = { NULL };
        _cleanup_options_ Options *options = NULL;

        int r = options_parse(verb->options, verb->name, argc, argv, &options, error);
        if (options && new_report(options, report, r < 0 ? NULL : error) < 0 && r >= 0)
                return error->code;
        if (r < 0)
                return r;
        if (options_help(options)) {
                help_verb(stdout, verb);
                return 0;
        }
        r = check_arguments(verb, options, error);
        if (r < 0)
                return r;
        char *const *arguments = options_arguments(options);
        VerbCall call = { .verbs = verbs,
                          .verb = verb,
                          .options = options,
                          .arguments = arguments ? arguments : no_arguments,
                          .n_arguments = strv_length(arguments),
                          .report = *report };
        return verb->run(&call, error);
}

static bool wants_help(const char *word)
{
        return word && (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0);
}

int verb_dispatch(const Verb *const *verbs, int argc, char **argv, Report **ret_report, Error *error)
{
        size_t n_words = argc > 0 ? (size_t) argc - 1 : 0, n_name = 0;
        char **words = argv + 1;

        if (n_words == 0) {
                help_overview(stderr, verbs);
                return error_set_usage(error, -EINVAL, "There is nothing to do: no verb is given");
        }
        if (wants_help(words[0])) {
                help_overview(stdout, verbs);
                return 0;
        }
        if (strcmp(words[0], "--version") == 0)
                return run_verb(verbs, &verb_version, argc - 2, words + 1, ret_report, error);
        if (words[0][0] == '-' && words[0][1]) {
                error_set_usage(error, -EINVAL, "There is no option %s before the verb", words[0]);
                return error_hint(error, "Options stand after the verb: templar VERB %s", words[0]);
        }
        const Verb *verb = verb_find(verbs, words, n_words, &n_name);
        if (verb)
                return run_verb(verbs, verb, (int) (n_words - n_name), words + n_name, ret_report, error);
        if (verb_is_group(verbs, words[0]) && n_words > 1 && wants_help(words[1])) {
                help_group(stdout, verbs, words[0]);
                return 0;
        }
        return verb_unknown(verbs, words, n_words, error);
}
