/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/error.h"
#include "base/report.h"
#include "verbs/options.h"

#include <stddef.h>

/* A verb of the command line is a `const Verb` in a file of its own; main.c lists them all. Parsing,
 * `--help`, the man page and the completion of the shells are made from the same tables. A name may have two
 * words ("key new"). */

typedef struct Verb Verb;

typedef struct VerbCall {
        const Verb *const *verbs; /* all of them, for help and completion */
        const Verb *verb;
        const Options *options;
        char *const *arguments; /* NULL-terminated, within the verb's limits */
        size_t n_arguments;
        Report *report;
} VerbCall;

typedef struct VerbExample {
        const char *command; /* as it is typed */
        const char *help;
} VerbExample;

/* A list of words that a verb's options take, for its help: false when there is none of that index. */
typedef bool (*VerbWord)(size_t index, const char **ret_word, const char **ret_help);

#define VERB_ARGUMENTS_ANY ((size_t) -1)

struct Verb {
        const char *name;
        const char *arguments;   /* as the synopsis shows them: "RECIPE..."; "" for none */
        const char *summary;     /* one line, without a final stop */
        const char *description; /* paragraphs divided by "\n\n"; one that starts with a space is literal */
        size_t minimum, maximum; /* number of arguments */
        OptionValue completes;   /* what an argument is, for the shells */
        const Option *options;   /* closed by an entry without name */
        const VerbExample *examples; /* the same; may be NULL */
        const char *words_title;     /* "Checks"; NULL: no list */
        VerbWord words;
        bool hidden;                 /* for programs: left out of all help */

        /* Results to stdout, everything else through call->report. 0 or a negative errno; an exit status where it is not
         * templar's own. */
        int (*run)(const VerbCall *call, Error *error);
};

extern const Verb verb_build, verb_plan, verb_lock, verb_archive, verb_shell, verb_check, verb_verify, verb_rebuild, verb_lint,
        verb_diff, verb_key_new, verb_key_list, verb_key_export, verb_cache_list,
        verb_cache_verify, verb_cache_prune, verb_cache_clear, verb_help, verb_version, verb_complete;

/* The verb that the words start with, and how many of them are its name; NULL when there is none. `words` may
 * hold fewer words than a name has. */
const Verb *verb_find(const Verb *const *verbs, char *const *words, size_t n_words, size_t *ret_n_words);

/* True when some verb's name starts with `word` and a space: "key". */
bool verb_is_group(const Verb *const *verbs, const char *word);

/* "There is no verb ..." with the nearest one, or with the group's verbs. */
int verb_unknown(const Verb *const *verbs, char *const *words, size_t n_words, Error *error);

/* Runs what a command line asks for. *ret_report is replaced as soon as the options tell what it should be,
 * also on failure, so that the error is shown in the way that was asked for. */
int verb_dispatch(const Verb *const *verbs, int argc, char **argv, Report **ret_report,
                  Error *error) _must_check_;
