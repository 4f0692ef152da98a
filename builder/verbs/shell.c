/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "build/shell.h"

#include "stages/stage.h"
#include "verbs/directories.h"
#include "verbs/verb.h"

#include <errno.h>
#include <unistd.h>

/* Words of the command stand after "--", so that their options are their own. */
static int check_words(const VerbCall *call, Error *error)
{
        if (options_n_leading(call->options) <= 1)
                return 0;
        error_set_usage(error, -EINVAL, "`templar shell` takes one RECIPE, but was also given \"%s\"", call->arguments[1]);
        return error_hint(error, "A command stands after --: templar shell %s -- %s", call->arguments[0],
                          call->arguments[1]);
}

/* A terminal inside takes one outside, for what is typed as well as for what is shown. */
static SandboxConsole choose_console(void)
{
        return isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) ? SANDBOX_CONSOLE_TERMINAL : SANDBOX_CONSOLE_PIPES;
}

static int look_inside(const VerbCall *call, const BuildOptions *build, Error *error)
{
        RecipeOptions options = { .schema = &stage_recipe_schema, .settings = options_list(call->options, "set") };
        ShellOptions shell = {
                .stage = options_string(call->options, "at"),
                .command = call->arguments + 1,
                .console = choose_console(),
                .network = options_switch(call->options, "network"),
                .keep = options_switch(call->options, "keep"),
        };
        _cleanup_recipe_ Recipe *recipe = NULL;
        _cleanup_shell_result_ ShellResult result = { 0 };

        int r = recipe_load(call->arguments[0], &options, &recipe, error);
        if (r < 0)
                return r;
        report_subject(call->report, recipe_name(recipe));
        r = build_shell(recipe, build, &shell, &result, error);
        if (r < 0) {
                report_stage_failed(call->report);
                return r;
        }
        if (result.kept)
                report_note(call->report, "What was changed is kept in %s/tree, and %s/removed lists what was removed.",
                            result.kept, result.kept);
        return result.status;
}

static int run(const VerbCall *call, Error *error)
{
        const char *out = options_string(call->options, "out");
        _cleanup_free_ char *cache = NULL, *command = NULL;

        int r = check_words(call, error);
        if (r >= 0)
                r = cache_directory(options_string(call->options, "cache"), &cache, error);
        if (r >= 0)
                r = shell_command(call->options, &command, error);
        if (r < 0)
                return r;
        BuildOptions build = { .out_directory = out ? out : DEFAULT_OUT,
                               .cache_directory = cache,
                               .offline = options_switch(call->options, "offline"),
                               .shell_command = command,
                               .report = call->report };
        return look_inside(call, &build, error);
}

static const Option options[] = {
        { .name = "at",
          .argument = "STAGE",
          .value = VALUE_STAGE,
          .help = "the stage after which to look: its number, its section's name, or Script[2] for one of several "
                  "(default: the stage in which the last build failed, else the last one)" },
        { .name = "keep", .help = "keep what is changed inside, and say where" },
        { .name = "network", .help = "with the host's network, as in a [Script] with Network=yes" },
        { .name = "out",
          .letter = 'o',
          .argument = "DIR",
          .value = VALUE_DIRECTORY,
          .help = "where templar build puts the releases: scripts see a version that follows from them (default: " DEFAULT_OUT
                  ")" },
        OPTION_SET,
        { .name = "cache",
          .argument = "DIR",
          .value = VALUE_DIRECTORY,
          .help = "where the layers are kept (default: as for templar build)" },
        { .name = "offline", .help = "when stages have to be built first, with the package lists that the cache has" },
        OPTION_QUIET,
        OPTION_VERBOSE,
        { 0 },
};

static const VerbExample examples[] = {
        { "templar shell recipes/web.recipe",
          "After a failure: what the failed stage left. Otherwise: the tree after the last stage." },
        { "templar shell --at Install recipes/web.recipe -- dpkg -l", "Which packages there are after [Install]." },
        { "templar shell recipes/web.recipe -- tar -C /etc -cf - nginx | tar -xf -",
          "In a pipe: get files out of the tree." },
        { 0 },
};

const Verb verb_shell = {
        .name = "shell",
        .arguments = "RECIPE [-- COMMAND...]",
        .summary = "look inside: a shell or a command on the tree after a stage",
        .description =
                "Starts a shell (/bin/bash -l, or /bin/sh -l where the tree has no bash), or the command, in the sandbox on "
                "the tree as it is after a stage, before the cleaning: as root of the image, in the environment of a "
                "[Script], without the network. What it changes is thrown away; builds may run meanwhile and don't see it. "
                "With --keep it is kept in CACHE/kept, belongs to whoever called templar, and may be removed at any time."
                "\n\n"
                "Stages that are not in the store are built first. After a build that failed, what its failed stage left "
                "stands for the tree after that stage."
                "\n\n"
                "On a terminal (standard input and standard output are one) the command has a terminal of its own inside, "
                "and all keys go there. Otherwise standard input, output and error are passed through as they are."
                "\n\n"
                "The exit status is that of the command: 128 + n when signal n ended it, 127 when it is not in the tree, 126 "
                "when it can't be run. 1 and 2 may also mean that templar failed, or was used wrongly, before the command "
                "ran; then there is a line that starts with \"error:\" on standard error.",
        .minimum = 1,
        .maximum = VERB_ARGUMENTS_ANY,
        .completes = VALUE_RECIPE,
        .options = options,
        .examples = examples,
        .run = run,
};
