/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test.h"

#include "base/file.h"
#include "base/output.h"
#include "base/process.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

static void feed(Output *output, const char *text)
{
        assert_int_equal(output_feed(output, text, strlen(text)), 0);
}

static void test_tail_keeps_the_last_lines(void **state)
{
        _cleanup_output_ Output *output = NULL;

        (void) state;
        assert_int_equal(output_new(NULL, &output, NULL), 0);
        for (int i = 1; i <= 50; i++)
                assert_int_equal(output_printf(output, "line %d\n", i), 0);
        _cleanup_free_ char *tail = output_tail(output);
        assert_true(string_starts_with(tail, "line 31\n"));
        assert_true(string_ends_with(tail, "\nline 50"));
}

static void test_control_bytes_are_not_shown(void **state)
{
        _cleanup_output_ Output *output = NULL;

        (void) state;
        assert_int_equal(output_new(NULL, &output, NULL), 0);
        feed(output, "\033[31mred\033[0m\tx\n10%\r20%\rdone\r\n");
        _cleanup_free_ char *tail = output_tail(output);
        assert_string_equal(tail, "?[31mred?[0m x\ndone");
}

static void test_secrets_split_over_reads_are_hidden(void **state)
{
        _cleanup_output_ Output *output = NULL;
        _cleanup_(remove_and_free) char *directory = NULL;
        _cleanup_buffer_ Buffer log = BUFFER_INIT;

        (void) state;
        assert_int_equal(make_temporary_directory("/tmp", "templar-test-", &directory, NULL), 0);
        _cleanup_free_ char *path = path_join(directory, "log");
        assert_int_equal(output_new(path, &output, NULL), 0);
        assert_int_equal(output_hide(output, "pass:word"), 0);
        feed(output, "proxy http://pas");
        feed(output, "s:wo");
        feed(output, "rd@host and pass:word again, pass:wor");
        assert_int_equal(output_end(output), 0);
        assert_int_equal(read_file(AT_FDCWD, path, 1000, &log, NULL), 0);
        assert_string_equal(log.data, "proxy http://***@host and *** again, pass:wor");
        _cleanup_free_ char *tail = output_tail(output);
        assert_string_equal(tail, log.data);
}

static int run_shell(const char *script, Output *output, Buffer *ret_stdout, Error *error)
{
        const char *const argv[] = { "sh", "-c", script, NULL };
        ProcessCommand command = { .argv = argv, .stdin_fd = -1, .output = output, .ret_stdout = ret_stdout };

        return process_run(&command, error);
}

static void test_failures_are_told_apart(void **state)
{
        static const struct {
                const char *script, *message;
        } cases[] = {
                { "exit 3", "sh exited with status 3" },
                { "kill -TERM $$", "sh was killed by SIGTERM" },
                { "kill -KILL $$", "sh was killed by SIGKILL (out of memory?)" },
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTS(cases); i++) {
                _cleanup_error_ Error error = ERROR_INIT;
                assert_int_equal(run_shell(cases[i].script, NULL, NULL, &error), -ECHILD);
                assert_string_equal(error.message, cases[i].message);
        }
}

static void test_last_lines_are_the_detail(void **state)
{
        _cleanup_output_ Output *output = NULL;
        _cleanup_error_ Error error = ERROR_INIT;

        (void) state;
        assert_int_equal(output_new(NULL, &output, NULL), 0);
        assert_int_equal(run_shell("echo one; echo two >&2; printf three; exit 1", output, NULL, &error), -ECHILD);
        assert_string_equal(error.detail, "one\ntwo\nthree");
}

static void test_stdout_is_captured_apart(void **state)
{
        _cleanup_output_ Output *output = NULL;
        _cleanup_buffer_ Buffer captured = BUFFER_INIT;

        (void) state;
        assert_int_equal(output_new(NULL, &output, NULL), 0);
        assert_int_equal(run_shell("echo out; echo err >&2; cat; ls /proc/self/fd | wc -l", output, &captured, NULL), 0);
        /* 0, 1, 2 and the one that ls itself reads the directory with */
        assert_string_equal(captured.data, "out\n4\n");
        _cleanup_free_ char *tail = output_tail(output);
        assert_string_equal(tail, "err");
}

static void test_long_lines_lose_nothing(void **state)
{
        _cleanup_buffer_ Buffer captured = BUFFER_INIT;

        (void) state;
        assert_int_equal(run_shell("head -c 3000000 /dev/zero", NULL, &captured, NULL), 0);
        assert_int_equal(captured.length, 3000000);
}

static void test_missing_program(void **state)
{
        const char *const argv[] = { "no-such-program-anywhere", NULL };
        ProcessCommand command = { .argv = argv, .stdin_fd = -1 };
        _cleanup_error_ Error error = ERROR_INIT;

        (void) state;
        assert_int_equal(process_run(&command, &error), -ENOENT);
        assert_string_equal(error.message, "Can't run no-such-program-anywhere: No such file or directory");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_tail_keeps_the_last_lines),
                cmocka_unit_test(test_control_bytes_are_not_shown),
                cmocka_unit_test(test_secrets_split_over_reads_are_hidden),
                cmocka_unit_test(test_failures_are_told_apart),
                cmocka_unit_test(test_last_lines_are_the_detail),
                cmocka_unit_test(test_stdout_is_captured_apart),
                cmocka_unit_test(test_long_lines_lose_nothing),
                cmocka_unit_test(test_missing_program),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
