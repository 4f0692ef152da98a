/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/error.h"
#include "base/strings.h"

#include <stdbool.h>
#include <stddef.h>

/* Options of a verb as a table, and what a command line gives for them. Parsing is getopt_long(3)'s:
 * unambiguous abbreviations, "--name value" and "--name=value", options also after arguments, "--" ends them.
 */

/* What a value or an argument is; the shells complete by it. */
typedef enum OptionValue {
        VALUE_NONE,
        VALUE_TEXT, /* anything */
        VALUE_FILE,
        VALUE_DIRECTORY,
        VALUE_RECIPE,
        VALUE_STAGE,   /* of the recipe that stands beside it */
        VALUE_SETTING, /* Section.Key=Value */
        VALUE_FORMATS,
        VALUE_KEY, /* a secret key of the user */
        VALUE_ALGORITHM,
        VALUE_CHECK, /* of lint */
        VALUE_TOPIC, /* of `templar help` */
} OptionValue;

typedef struct Option {
        const char *name;     /* without dashes */
        char letter;          /* its short form, or 0 */
        const char *argument; /* the value's name in the help ("DIR"); NULL: a switch */
        OptionValue value;
        bool required;
        bool hidden;
        const char *help; /* a sentence without a final stop */
} Option;

/* Options that several verbs have. */
#define OPTION_QUIET                                                                                         \
        {                                                                                                    \
                .name = "quiet", .letter = 'q', .help = "show errors and warnings only"                      \
        }
#define OPTION_VERBOSE                                                                                       \
        {                                                                                                    \
                .name = "verbose", .letter = 'v', .help = "show the output of every program that runs"       \
        }
#define OPTION_JSON                                                                                          \
        {                                                                                                    \
                .name = "json",                                                                              \
                .help = "print one JSON object a line to standard output, and nothing else there"            \
        }
#define OPTION_SET                                                                                           \
        {                                                                                                    \
                .name = "set", .argument = "Section.Key=Value", .value = VALUE_SETTING,                      \
                .help = "change a key of the recipe, as a drop-in would; may be repeated; Section[2] is "    \
                        "the second "                                                                        \
                        "section of that name"                                                               \
        }

typedef struct Options Options;

/* Parses argv[0..argc-1], all of it options and arguments. *ret is set whenever memory allows, on wrong usage
 * to what could be read so far (does it want JSON?). Errors are of kind ERROR_USAGE; `verb_name` is for their
 * hints. */
int options_parse(const Option *table, const char *verb_name, int argc, char **argv, Options **ret,
                  Error *error) _must_check_;
/* Fails when a required option is missing. */
int options_check(const Options *options, Error *error) _must_check_;
Options *options_free(Options *options);
DEFINE_CLEANUP(Options, options_free)
#define _cleanup_options_ _cleanup_(options_free_ptr)

/* --help or -h, which every verb has. */
bool options_help(const Options *options);
/* Asking a switch that the table lacks gives false; values that it lacks are a programming error (assert). */
bool options_switch(const Options *options, const char *name);
/* The last value given, else NULL. */
const char *options_string(const Options *options, const char *name);
/* All values given, in order; NULL when there are none. */
char *const *options_list(const Options *options, const char *name);
/* What stands beside the options; NULL when there is nothing. */
char *const *options_arguments(const Options *options);
/* How many of them stand before "--". */
size_t options_n_leading(const Options *options);
