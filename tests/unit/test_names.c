/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/names.h"

#include "image_fixture.h"

static void test_text(void **state _unused_)
{
        static const struct {
                const char *name, *text;
        } cases[] = {
                { "./usr/bin/x", "./usr/bin/x" },
                { "", "" },
                { "a\nb\tc\x7f", "a\\x0ab\\x09c\\x7f" },
                { "back\\slash", "back\\x5cslash" },
                { "caf\xc3\xa9", "caf\xc3\xa9" },
                { "caf\xe9", "caf\\xe9" },
                { "\xe2\x82\xac \xf0\x9f\x90\xa7", "\xe2\x82\xac \xf0\x9f\x90\xa7" },
                { "cut \xe2\x82", "cut \\xe2\\x82" },
                { "\x1b[31m \xc2\x9b", "\\x1b[31m \\xc2\\x9b" },
        };
        char buffer[NAME_TEXT_MAX];

        for (size_t i = 0; i < ELEMENTS(cases); i++)
                assert_string_equal(name_text(cases[i].name, buffer), cases[i].text);
}

static void test_long_text(void **state _unused_)
{
        char buffer[NAME_TEXT_MAX], name[5000];

        memset(name, '\n', sizeof name - 1);
        name[sizeof name - 1] = '\0';
        name_text(name, buffer);
        assert_in_range(strlen(buffer), NAME_TEXT_MAX - 8, NAME_TEXT_MAX - 1);
        assert_true(string_ends_with(buffer, "\\x0a..."));
}

static void test_ascii(void **state _unused_)
{
        assert_true(name_is_ascii(""));
        assert_true(name_is_ascii("\x01 ~\x7f"));
        assert_false(name_is_ascii("x\x80"));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_text),
                cmocka_unit_test(test_long_text),
                cmocka_unit_test(test_ascii),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
