/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test.h"

#include "base/strings.h"

#include <errno.h>
#include <string.h>

static void test_buffer_grows(void **state)
{
        _cleanup_buffer_ Buffer buffer = BUFFER_INIT;

        (void) state;
        for (int i = 0; i < 1000; i++)
                assert_int_equal(buffer_printf(&buffer, "%03d,", i), 0);
        assert_int_equal(buffer.length, 4000);
        assert_memory_equal(buffer.data + 4 * 517, "517,", 4);
        assert_int_equal(buffer.data[4000], '\0');
}

static void test_buffer_take_of_nothing_is_text(void **state)
{
        Buffer buffer = BUFFER_INIT;
        _cleanup_free_ char *text = buffer_take(&buffer);

        (void) state;
        assert_string_equal(text, "");
        assert_null(buffer.data);
}

static void test_words_of_a_shell(void **state)
{
        static const struct {
                const char *text, *word;
        } cases[] = {
                { "", "''" },
                { "recipes/web.recipe", "recipes/web.recipe" },
                { "Image.Name=a:b@c,+%-_", "Image.Name=a:b@c,+%-_" },
                { "two words", "'two words'" },
                { "it's", "'it'\\''s'" },
                { "$HOME", "'$HOME'" },
                { "~", "'~'" },
                { "a\nb", "'a\nb'" },
                { "\xc3\xa9", "'\xc3\xa9'" },
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTS(cases); i++) {
                _cleanup_buffer_ Buffer buffer = BUFFER_INIT;
                assert_int_equal(buffer_append_word(&buffer, cases[i].text), 0);
                assert_string_equal(buffer.data, cases[i].word);
        }
}

static void test_split_and_join(void **state)
{
        static const struct {
                const char *text, *joined;
        } cases[] = {
                { "", "" },
                { "  \t ", "" },
                { "one", "one" },
                { " one  two\tthree ", "one|two|three" },
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTS(cases); i++) {
                _cleanup_strv_ char **words = strv_split(cases[i].text, " \t");
                _cleanup_free_ char *joined = strv_join(words, "|");
                assert_string_equal(joined, cases[i].joined);
        }
}

static void test_sort_is_by_bytes(void **state)
{
        _cleanup_strv_ char **words = strv_split("b \xc3\xa9 B a _ ab", " ");

        (void) state;
        strv_sort(words);
        _cleanup_free_ char *joined = strv_join(words, " ");
        assert_string_equal(joined, "B _ a ab b \xc3\xa9");
}

static void test_size_text(void **state)
{
        static const struct {
                uint64_t size_bytes;
                const char *text;
        } cases[] = {
                { 0, "0 B" },
                { 1023, "1023 B" },
                { 1024, "1.0 KiB" },
                { 150 * 1024, "150 KiB" },
                { 5u << 20, "5.0 MiB" },
                { UINT64_MAX, "16.0 EiB" },
        };
        char buffer[SIZE_TEXT_MAX];

        (void) state;
        for (size_t i = 0; i < ELEMENTS(cases); i++)
                assert_string_equal(size_text(cases[i].size_bytes, buffer), cases[i].text);
}

static void test_nearest_word(void **state)
{
        static const char *const words[] = { "Suite", "Mirror", "Components", "Variant", NULL };
        static const struct {
                const char *word, *nearest;
        } cases[] = {
                { "Sutie", "Suite" }, { "suite", "Suite" },     { "Mirrors", "Mirror" },
                { "Xyzzy", NULL },    { "Component", "Components" }, { "", NULL },
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTS(cases); i++) {
                const char *nearest = nearest_word(cases[i].word, words);
                if (cases[i].nearest)
                        assert_string_equal(nearest, cases[i].nearest);
                else
                        assert_null(nearest);
        }
}

static void test_parse_unsigned(void **state)
{
        static const struct {
                const char *text;
                int result;
                uint64_t value;
        } cases[] = {
                { "0", 0, 0 },          { "42", 0, 42 },         { "100", 0, 100 },       { "101", -ERANGE, 0 },
                { "", -EINVAL, 0 },     { "-1", -EINVAL, 0 },    { "4x", -EINVAL, 0 },    { " 4", -EINVAL, 0 },
                { "99999999999999999999999", -ERANGE, 0 },
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTS(cases); i++) {
                uint64_t value = 0;
                assert_int_equal(parse_unsigned(cases[i].text, 0, 100, &value), cases[i].result);
                assert_int_equal(value, cases[i].value);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_buffer_grows),
                cmocka_unit_test(test_buffer_take_of_nothing_is_text),
                cmocka_unit_test(test_words_of_a_shell),
                cmocka_unit_test(test_split_and_join),
                cmocka_unit_test(test_sort_is_by_bytes),
                cmocka_unit_test(test_size_text),
                cmocka_unit_test(test_nearest_word),
                cmocka_unit_test(test_parse_unsigned),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
