/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "build/build.h"
#include "sandbox/sandbox.h"

/* A shell, or a command, in the sandbox on the tree as it is after a stage, before the cleaning: with the environment of a
 * [Script], on a throw-away layer.
 *
 *     CACHE/kept/NAME-ARCH@TIME-PID/tree/     what it changed and made, if that is to be kept; all of it is the caller's
 *                                  /removed  what it removed, a path a line */

#define SHELL_KEPT_DIRECTORY "kept"

typedef struct ShellOptions {
        const char *stage;      /* name or number; NULL: the failed one of the last build, else the last one */
        char *const *command;   /* NULL or empty: a login shell, whatever the tree has */
        SandboxConsole console; /* pipes or a terminal */
        bool network, keep;
} ShellOptions;

typedef struct ShellResult {
        int status;     /* of the command, see sandbox_attach() */
        char *kept;     /* the folder, NULL when nothing was to be kept */
} ShellResult;

void shell_result_done(ShellResult *result);
#define _cleanup_shell_result_ _cleanup_(shell_result_done)

/* Stages that the store does not have are built first. What the failed stage of the last build left is taken for its tree.
 * Of `options` the directories, the report, the cache's size and `offline` count; as long as nothing has to be built the
 * network isn't used. */
int build_shell(Recipe *recipe, const BuildOptions *options, const ShellOptions *shell, ShellResult *ret, Error *error)
        _must_check_;
