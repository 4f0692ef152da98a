/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/cleanup.h"
#include "base/file.h"
#include "base/output.h"
#include "base/process.h"
#include "base/strings.h"
#include "packages/apt.h"
#include "packages/dpkg.h"
#include "sandbox/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/* A sandbox, and archives and trees that the scripts in tests/fixtures make, for the tests of apt and dpkg. */

typedef struct Fixture {
        char *directory; /* of ours, without symbolic links */
        Sandbox *sandbox;
        Output *output;
        Error error;
        const char *skip; /* why there is no sandbox */
} Fixture;

static Fixture fixture;

#define assert_ok(call)                                                                                      \
        do {                                                                                                 \
                error_done(&fixture.error);                                                                  \
                int r_ = (call);                                                                             \
                if (r_ < 0)                                                                                  \
                        print_error("%s: %s\n%s\n", #call, fixture.error.message ? fixture.error.message : "", \
                                    fixture.error.detail ? fixture.error.detail : "");                       \
                assert_int_equal(r_, 0);                                                                     \
        } while (0)

/* The call fails with this message; NULL for `expected_hint`: any. */
#define assert_fails(call, expected_message, expected_hint)                                                  \
        do {                                                                                                 \
                error_done(&fixture.error);                                                                  \
                assert_true((call) < 0);                                                                     \
                assert_non_null(fixture.error.message);                                                      \
                assert_string_equal(fixture.error.message, expected_message);                                \
                const char *hint_ = expected_hint;                                                           \
                if (hint_)                                                                                   \
                        assert_string_equal(fixture.error.hint ? fixture.error.hint : "", hint_);            \
        } while (0)

static inline int fixture_setup(void **state)
{
        char template[] = "/tmp/templar-packages-XXXXXX";
        const char *directory = mkdtemp(template);

        (void) state;
        if (!directory || chmod(directory, 0755) < 0)
                return -1;
        fixture.directory = realpath(directory, NULL);
        int r = output_new(NULL, &fixture.output, &fixture.error);
        if (r == 0 && sandbox_open(&fixture.sandbox, &fixture.error) < 0)
                fixture.skip = fixture.error.message;
        return r;
}

static inline int fixture_teardown(void **state)
{
        (void) state;
        /* files of both: ours and the sandbox's */
        if (fixture.sandbox && sandbox_remove_tree(fixture.sandbox, fixture.directory, &fixture.error) < 0)
                print_error("%s\n", fixture.error.message);
        sandbox_close(fixture.sandbox);
        output_free(fixture.output);
        error_done(&fixture.error);
        remove_and_free(&fixture.directory);
        return 0;
}

static inline void need_sandbox(void)
{
        if (!fixture.skip)
                return;
        print_message("no sandbox: %s\n", fixture.skip);
        skip();
}

/* Below the fixture's directory; freed with the program. */
static inline char *fixture_path(const char *name)
{
        char *path = path_join(fixture.directory, name);

        assert_non_null(path);
        return path;
}

/* A script of tests/fixtures with its arguments, up to NULL. */
static inline void fixture_script(const char *name, ...)
{
        const char *directory = getenv("TEMPLAR_FIXTURES");
        _cleanup_free_ char *script = path_join(directory ? directory : "tests/fixtures", name);
        _cleanup_buffer_ Buffer stdout_text = BUFFER_INIT;
        const char *argv[32] = { script };
        va_list arguments;
        size_t n = 1;

        va_start(arguments, name);
        while (n + 1 < ELEMENTS(argv) && (argv[n] = va_arg(arguments, const char *)))
                n++;
        va_end(arguments);
        ProcessCommand command = { .argv = argv, .stdin_fd = -1, .output = fixture.output, .ret_stdout = &stdout_text };
        assert_ok(process_run(&command, &fixture.error));
}

/* A tree in which dpkg works. */
static inline SandboxTree fixture_tree(const char *name, const char *layout)
{
        _cleanup_free_ char *path = fixture_path(name), *script = realpath("tests/fixtures/make-tree.sh", NULL);

        assert_non_null(script);
        assert_ok(sandbox_make_directory(fixture.sandbox, fixture.directory, name, &fixture.error));
        SandboxTree tree = { .directory_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) };
        assert_true(tree.directory_fd >= 0);
        const char *const argv[] = { "sh", "/run/templar/make-tree.sh", SANDBOX_TREE_PATH, layout, NULL };
        const SandboxMount mount = { script, "/run/templar/make-tree.sh", false };
        SandboxCommand command = { .root = SANDBOX_ROOT_TOOLS, .tree = &tree, .argv = argv, .mounts = &mount,
                                   .n_mounts = 1, .stdin_fd = -1, .output = fixture.output };
        assert_ok(sandbox_run(fixture.sandbox, &command, &fixture.error));
        return tree;
}

/* Runs a program in the tree; what it prints. */
static inline char *tree_run(const SandboxTree *tree, const char *script, int expected_status)
{
        const char *const argv[] = { "sh", "-c", script, NULL };
        _cleanup_buffer_ Buffer text = BUFFER_INIT;
        int status = -1;
        SandboxCommand command = { .root = SANDBOX_ROOT_TREE, .tree = tree, .argv = argv, .stdin_fd = -1,
                                   .output = fixture.output, .ret_stdout = &text };

        assert_ok(sandbox_run_status(fixture.sandbox, &command, &status, &fixture.error));
        assert_int_equal(status, expected_status);
        return buffer_take(&text);
}

static inline void assert_in_tree(const SandboxTree *tree, const char *script, const char *expected)
{
        _cleanup_free_ char *text = tree_run(tree, script, 0);

        assert_string_equal(text, expected);
}
