/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test.h"

#include "verbs/options.h"

#include <errno.h>
#include <string.h>

static const Option table[] = {
        { .name = "out", .letter = 'o', .argument = "DIR", .help = "where" },
        { .name = "set", .argument = "X", .help = "several" },
        { .name = "json", .help = "a switch" },
        { .name = "just", .letter = 'j', .help = "another" },
        { .name = "need", .argument = "X", .required = true, .help = "required" },
        { 0 },
};

/* Splits `line` at spaces and parses it; "" stands for itself as "''". */
static int parse(const char *line, Options **ret, Error *error)
{
        _cleanup_strv_ char **words = strv_split(line, " ");

        assert_non_null(words);
        for (size_t i = 0; words[i]; i++)
                if (strcmp(words[i], "''") == 0)
                        words[i][0] = '\0';
        return options_parse(table, "test", (int) strv_length(words), words, ret, error);
}

static void test_values_and_arguments(void **state)
{
        static const struct {
                const char *line, *out, *sets, *arguments;
                bool json;
        } cases[] = {
                { "", NULL, NULL, NULL, false },
                { "a b", NULL, NULL, "a|b", false },
                { "--out x a --json b", "x", NULL, "a|b", true },
                { "a --out=x", "x", NULL, "a", false },
                { "-o x -ox2 a", "x2", NULL, "a", false },
                { "-jo x", "x", NULL, NULL, false },
                { "--out= a", "", NULL, "a", false },
                { "--out '' a", "", NULL, "a", false },
                { "--set A.B=1 --set C.D= a", NULL, "A.B=1|C.D=", "a", false },
                { "--ou x", "x", NULL, NULL, false },
                { "--out -- a", "--", NULL, "a", false },
                { "-- --json -x", NULL, NULL, "--json|-x", false },
                { "a -- --out", NULL, NULL, "a|--out", false },
                { "- a", NULL, NULL, "-|a", false },
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTS(cases); i++) {
                _cleanup_options_ Options *options = NULL;
                _cleanup_error_ Error error = ERROR_INIT;
                assert_int_equal(parse(cases[i].line, &options, &error), 0);
                _cleanup_free_ char *sets = strv_join(options_list(options, "set"), "|");
                _cleanup_free_ char *arguments = strv_join(options_arguments(options), "|");
                const char *out = options_string(options, "out");
                assert_string_equal(out ? out : "(none)", cases[i].out ? cases[i].out : "(none)");
                assert_string_equal(sets, cases[i].sets ? cases[i].sets : "");
                assert_string_equal(arguments, cases[i].arguments ? cases[i].arguments : "");
                assert_int_equal(options_switch(options, "json"), cases[i].json);
                assert_false(options_switch(options, "unheard-of"));
                assert_false(options_help(options));
        }
}

static void test_arguments_before_two_dashes(void **state)
{
        static const struct {
                const char *line;
                size_t n_leading;
        } cases[] = {
                { "", 0 }, { "a --json b", 2 }, { "a -- b c", 1 }, { "-- a", 0 }, { "a --json -- --json", 1 }, { "a --", 1 },
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTS(cases); i++) {
                _cleanup_options_ Options *options = NULL;
                assert_int_equal(parse(cases[i].line, &options, NULL), 0);
                assert_int_equal(options_n_leading(options), cases[i].n_leading);
        }
}

static void test_wrong_usage(void **state)
{
        static const struct {
                const char *line, *message, *hint;
        } cases[] = {
                { "--jsno", "`templar test` has no option --jsno", "Did you mean --json?" },
                { "--jsno=3", "`templar test` has no option --jsno", "Did you mean --json?" },
                { "--quite-another", "`templar test` has no option --quite-another",
                  "See: templar help test" },
                { "--js=3", "--json takes no value", NULL },
                { "--j", "--j is not clear: it could be --json, --just", NULL },
                { "-x", "`templar test` has no option -x", "See: templar help test" },
                { "-jx", "`templar test` has no option -x", "See: templar help test" },
                { "--out", "--out wants a value: --out DIR", NULL },
                { "a -o", "--out wants a value: --out DIR", NULL },
                { "--help=x", "--help takes no value", NULL },
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTS(cases); i++) {
                _cleanup_options_ Options *options = NULL;
                _cleanup_error_ Error error = ERROR_INIT;
                assert_int_equal(parse(cases[i].line, &options, &error), -EINVAL);
                assert_int_equal(error.kind, ERROR_USAGE);
                assert_string_equal(error.message, cases[i].message);
                assert_string_equal(error.hint ? error.hint : "", cases[i].hint ? cases[i].hint : "");
        }
}

static void test_what_was_read_before_an_error_is_kept(void **state)
{
        _cleanup_options_ Options *options = NULL;
        _cleanup_error_ Error error = ERROR_INIT;

        (void) state;
        assert_int_equal(parse("--json --nothing", &options, &error), -EINVAL);
        assert_true(options_switch(options, "json"));
}

static void test_help_is_known_to_all(void **state)
{
        static const char *const lines[] = { "--help", "-h", "--he", "a -jh", "--json --help a" };

        (void) state;
        for (size_t i = 0; i < ELEMENTS(lines); i++) {
                _cleanup_options_ Options *options = NULL;
                assert_int_equal(parse(lines[i], &options, NULL), 0);
                assert_true(options_help(options));
        }
}

static void test_required(void **state)
{
        _cleanup_options_ Options *without = NULL, *with = NULL;
        _cleanup_error_ Error error = ERROR_INIT;

        (void) state;
        assert_int_equal(parse("a", &without, NULL), 0);
        assert_int_equal(options_check(without, &error), -EINVAL);
        assert_string_equal(error.message, "`templar test` wants --need X");
        assert_int_equal(parse("--need y", &with, NULL), 0);
        assert_int_equal(options_check(with, NULL), 0);
}

static void test_order_does_not_depend_on_the_environment(void **state)
{
        _cleanup_options_ Options *options = NULL;

        (void) state;
        setenv("POSIXLY_CORRECT", "1", 1);
        int r = parse("a --json b", &options, NULL);
        unsetenv("POSIXLY_CORRECT");
        assert_int_equal(r, 0);
        assert_true(options_switch(options, "json"));
        assert_int_equal(strv_length(options_arguments(options)), 2);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_values_and_arguments),
                cmocka_unit_test(test_arguments_before_two_dashes),
                cmocka_unit_test(test_wrong_usage),
                cmocka_unit_test(test_what_was_read_before_an_error_is_kept),
                cmocka_unit_test(test_help_is_known_to_all),
                cmocka_unit_test(test_required),
                cmocka_unit_test(test_order_does_not_depend_on_the_environment),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
