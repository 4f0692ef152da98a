/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "stages/suites.h"

#include "base/strings.h"
#include "stages/sources.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static void test_script(void **state)
{
        static const struct {
                const char *suite, *like, *script, *hint;
        } cases[] = {
                { "bookworm", NULL, "bookworm", NULL },
                { "bookworm", "xenial", "bookworm", NULL },
                { "private", "xenial", "xenial", NULL },
                { "bokworm", NULL, NULL, "did you mean \"bookworm\"? Otherwise" },
                { "private", "xenail", NULL, "did you mean \"xenial\"?" },
                { "../sid", NULL, NULL, "LikeSuite=" },
                { "debian-common", NULL, NULL, "LikeSuite=" },
                { ".", NULL, NULL, "LikeSuite=" },
        };

        (void) state;
        if (access(SUITES_SCRIPTS_DIRECTORY, R_OK) < 0) {
                print_message("SKIP: no debootstrap on this machine\n");
                skip();
        }
        for (size_t i = 0; i < ELEMENTS(cases); i++) {
                _cleanup_error_ Error error = ERROR_INIT;
                const char *script = NULL;
                int r = suite_script(cases[i].suite, cases[i].like, &script, &error);
                assert_int_equal(r, cases[i].script ? 0 : -EINVAL);
                if (cases[i].script)
                        assert_string_equal(script, cases[i].script);
                else
                        assert_non_null(strstr(error.hint, cases[i].hint));
        }
        assert_true(suite_is_ubuntu("xenial"));
        assert_true(suite_is_ubuntu("jammy"));
        assert_false(suite_is_ubuntu("bookworm"));
        assert_false(suite_is_ubuntu("nonesuch"));
}

static void test_one_line(void **state)
{
        static const char *const old[] = { "jessie", "jessie-updates",  "jessie/updates",
                                           "trusty", "trusty-security", "wily" };
        static const char *const new[] = { "stretch", "xenial", "xenial-updates", "bookworm", "sid", "noble", "trust" };

        (void) state;
        for (size_t i = 0; i < ELEMENTS(old); i++)
                assert_true(suite_needs_one_line(old[i]));
        for (size_t i = 0; i < ELEMENTS(new); i++)
                assert_false(suite_needs_one_line(new[i]));
}

static void test_pin(void **state)
{
        static const struct {
                const char *text, *pattern, *spec, *priority; /* NULL: refused */
        } cases[] = {
                { "nginx* release n=bookworm-backports 500", "nginx*", "release n=bookworm-backports", "500" },
                { "  a \t version 1.2*   -1  ", "a", "version 1.2*", "-1" },
                { "* release o=Debian, l=Debian-Security 1001", "*", "release o=Debian, l=Debian-Security", "1001" },
                { "a origin \"\" 10", "a", "origin \"\"", "10" },
                { "a 500", NULL, NULL, NULL },
                { "a release 500", NULL, NULL, NULL },
                { "a relese n=x 500", NULL, NULL, NULL },
                { "a release n=x", NULL, NULL, NULL },
                { "a release n=x 5x", NULL, NULL, NULL },
                { "a release n=x -", NULL, NULL, NULL },
                { "", NULL, NULL, NULL },
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTS(cases); i++) {
                const char *pattern, *spec, *priority;
                _cleanup_error_ Error error = ERROR_INIT;
                _cleanup_free_ char *copy = NULL;
                int r = sources_parse_pin(cases[i].text, &copy, &pattern, &spec, &priority, &error);
                assert_int_equal(r, cases[i].pattern ? 0 : -EINVAL);
                if (!cases[i].pattern)
                        continue;
                assert_string_equal(pattern, cases[i].pattern);
                assert_string_equal(spec, cases[i].spec);
                assert_string_equal(priority, cases[i].priority);
        }
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_script),
                cmocka_unit_test(test_one_line),
                cmocka_unit_test(test_pin),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
