/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "verbs/options.h"

#include <assert.h>
#include <errno.h>
#include <getopt.h>
#include <string.h>

/* getopt_long() reports option i of a table as LONG_BASE + i, apart from all letters. */
#define LONG_BASE 256

struct Options {
        const char *verb_name; /* borrowed */
        const Option *table;
        size_t n_table;
        char ***values; /* of each entry of the table; a switch that is on has one empty value */
        char **arguments;
        size_t n_leading; /* of those, before "--" */
        bool help;
};

static size_t table_length(const Option *table)
{
        size_t n = 0;

        while (table[n].name)
                n++;
        return n;
}

Options *options_free(Options *options)
{
        if (!options)
                return NULL;
        for (size_t i = 0; options->values && i < options->n_table; i++)
                strv_free(options->values[i]);
        free(options->values);
        strv_free(options->arguments);
        free(options);
        return NULL;
}

static Options *options_new(const Option *table, const char *verb_name)
{
        _cleanup_options_ Options *options = calloc(1, sizeof *options);

        if (!options)
                return NULL;
        options->verb_name = verb_name;
        options->table = table;
        options->n_table = table_length(table);
        options->values = calloc(options->n_table + 1, sizeof *options->values);
        return options->values ? TAKE_PTR(options) : NULL;
}

/* The table in getopt_long()'s form; the caller frees. */
static struct option *long_options(const Options *options)
{
        struct option *all = calloc(options->n_table + 2, sizeof *all);

        if (!all)
                return NULL;
        for (size_t i = 0; i <= options->n_table; i++) {
                const Option *option = &options->table[i];
                bool help = i == options->n_table;
                all[i] = (struct option){ .name = help ? "help" : option->name,
                                          .has_arg =
                                                  !help && option->argument ? required_argument : no_argument,
                                          .val = LONG_BASE + (int) i };
        }
        return all;
}

/* "-" returns arguments in their order whatever POSIXLY_CORRECT says, ":" tells a missing value from an
 * unknown name. */
static char *short_options(const Options *options)
{
        _cleanup_buffer_ Buffer text = BUFFER_INIT;

        if (buffer_append_string(&text, "-:h") < 0)
                return NULL;
        for (size_t i = 0; i < options->n_table; i++)
                if (options->table[i].letter && buffer_printf(&text, "%c%s", options->table[i].letter,
                                                              options->table[i].argument ? ":" : "") < 0)
                        return NULL;
        return buffer_take(&text);
}

/* The table's index for a value of getopt_long(); that of --help is n_table. */
static size_t option_index(const Options *options, int value)
{
        if (value >= LONG_BASE)
                return (size_t) (value - LONG_BASE);
        for (size_t i = 0; i < options->n_table; i++)
                if (options->table[i].letter == value)
                        return i;
        return options->n_table;
}

static const char *option_name(const Options *options, int value)
{
        size_t i = option_index(options, value);

        return i < options->n_table ? options->table[i].name : "help";
}

static int see_help(const Options *options, Error *error)
{
        return error_hint(error, "See: templar help %s", options->verb_name);
}

/* `text` is what was typed: "--verb=x". */
static int unknown_long(const Options *options, const char *text, Error *error)
{
        size_t length = strcspn(text, "=");
        _cleanup_strv_ char **names = NULL, **matches = NULL;
        _cleanup_free_ char *typed = strndup(text, length);

        if (!typed)
                return error_out_of_memory(error);
        for (size_t i = 0; i <= options->n_table; i++) {
                const char *name = option_name(options, LONG_BASE + (int) i);
                if (strv_appendf(&names, "--%s", name) < 0 ||
                    (length > 2 && strncmp(name, typed + 2, length - 2) == 0 &&
                     strv_appendf(&matches, "--%s", name) < 0))
                        return error_out_of_memory(error);
        }
        if (strv_length(matches) > 1) {
                _cleanup_free_ char *all = strv_join(matches, ", ");
                return error_set_usage(error, -EINVAL, "%s is not clear: it could be %s", typed,
                                       all ? all : "several");
        }
        error_set_usage(error, -EINVAL, "`templar %s` has no option %s", options->verb_name, typed);
        const char *nearest = nearest_word(typed, (const char *const *) names);
        return nearest ? error_hint(error, "Did you mean %s?", nearest) : see_help(options, error);
}

static int wrong_option(const Options *options, const char *text, Error *error)
{
        if (optopt >= LONG_BASE)
                return error_set_usage(error, -EINVAL, "--%s takes no value", option_name(options, optopt));
        if (optopt == 0)
                return unknown_long(options, text, error);
        error_set_usage(error, -EINVAL, "`templar %s` has no option -%c", options->verb_name, optopt);
        return see_help(options, error);
}

static int missing_value(const Options *options, Error *error)
{
        const Option *option = &options->table[option_index(options, optopt)];

        return error_set_usage(error, -EINVAL, "--%s wants a value: --%s %s", option->name, option->name,
                               option->argument);
}

static int take_option(Options *options, int value, Error *error)
{
        size_t i = option_index(options, value);

        if (i == options->n_table)
                options->help = true;
        else if (strv_append(&options->values[i], options->table[i].argument ? optarg : "") < 0)
                return error_out_of_memory(error);
        return 0;
}

static int take_argument(Options *options, const char *text, Error *error)
{
        options->n_leading++;
        return strv_append(&options->arguments, text) < 0 ? error_out_of_memory(error) : 0;
}

static int take_all(Options *options, int argc, char **argv, Error *error)
{
        _cleanup_free_ struct option *all = long_options(options);
        _cleanup_free_ char *letters = short_options(options);
        int value, r = 0;

        if (!all || !letters)
                return error_out_of_memory(error);
        optind = 0; /* glibc starts afresh */
        opterr = 0;
        while (r >= 0 && (value = getopt_long(argc, argv, letters, all, NULL)) != -1) {
                if (value == '?')
                        r = wrong_option(options, argv[optind - 1], error);
                else if (value == ':')
                        r = missing_value(options, error);
                else if (value == 1)
                        r = take_argument(options, optarg, error);
                else
                        r = take_option(options, value, error);
        }
        for (int i = optind; r >= 0 && i < argc; i++)
                if (strv_append(&options->arguments, argv[i]) < 0)
                        r = error_out_of_memory(error);
        return r;
}

int options_parse(const Option *table, const char *verb_name, int argc, char **argv, Options **ret,
                  Error *error)
{
        /* getopt skips the first word, which would be the program's name */
        _cleanup_free_ char **words = calloc((size_t) argc + 2, sizeof *words);
        Options *options = options_new(table, verb_name);

        if (!words || !options) {
                options_free(options);
                return error_out_of_memory(error);
        }
        words[0] = (char *) verb_name;
        memcpy(words + 1, argv, (size_t) argc * sizeof *words);
        *ret = options;
        return take_all(options, argc + 1, words, error);
}

int options_check(const Options *options, Error *error)
{
        for (size_t i = 0; i < options->n_table; i++) {
                const Option *option = &options->table[i];
                if (!option->required || options->values[i])
                        continue;
                error_set_usage(error, -EINVAL, "`templar %s` wants --%s %s", options->verb_name,
                                option->name, option->argument);
                return see_help(options, error);
        }
        return 0;
}

bool options_help(const Options *options)
{
        return options->help;
}

/* NULL when the table lacks it. */
static char ***find(const Options *options, const char *name)
{
        for (size_t i = 0; i < options->n_table; i++)
                if (strcmp(options->table[i].name, name) == 0)
                        return &options->values[i];
        return NULL;
}

bool options_switch(const Options *options, const char *name)
{
        char ***values = find(options, name);

        return values && *values;
}

const char *options_string(const Options *options, const char *name)
{
        char *const *values = options_list(options, name);

        return values ? values[strv_length(values) - 1] : NULL;
}

char *const *options_list(const Options *options, const char *name)
{
        char ***values = find(options, name);

        assert(values);
        return *values;
}

char *const *options_arguments(const Options *options)
{
        return options->arguments;
}

size_t options_n_leading(const Options *options)
{
        return options->n_leading;
}
