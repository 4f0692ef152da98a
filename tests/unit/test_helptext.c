/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test.h"

#include "verbs/helptext.h"
#include "verbs/mdoc.h"

#include <string.h>

static const char *const choices[] = { "small", "large", NULL };

static const KeySchema image_keys[] = {
        { .name = "Name", .type = KEY_WORD, .required = true, .help = "What it is called." },
        { .name = "Size",
          .type = KEY_ENUM,
          .choices = choices,
          .fallback = "small",
          .help = "How much of it." },
        { 0 },
};
static const KeySchema no_keys[] = { { 0 } };
static const SectionSchema image = {
        .name = "Image", .help = "It's what \\ is.", .keys = image_keys, .single = true
};
static const SectionSchema upgrade = { .name = "Upgrade",
                                       .help = ".dot first. Two sentences.",
                                       .keys = no_keys };
static const SectionSchema *const stages[] = { &upgrade, NULL };
static const RecipeSchema schema = { &image, stages };

/* What `write` prints; the caller frees. */
static char *captured(void (*write)(FILE *stream, const void *what), const void *what)
{
        char *text = NULL;
        size_t length;
        FILE *stream = open_memstream(&text, &length);

        assert_non_null(stream);
        write(stream, what);
        assert_int_equal(fclose(stream), 0);
        return text;
}

static void write_wrapped(FILE *stream, const void *what)
{
        help_wrap(stream, what, 4, 10);
}

static void test_wrap(void **state)
{
        static const struct {
                const char *text, *wrapped;
        } cases[] = {
                { "", "\n" },
                { "one", "one\n" },
                { "one\ntwo  three", "one two three\n" },
                { "one\n\ntwo", "one\n\n    two\n" },
                { "one\n\n  as it\n   is\n\ntwo", "one\n\n  as it\n   is\n\n    two\n" },
                /* 10 + 70 columns are full; one more breaks the line */
                { "1234567890123456789012345678901234567890123456789012345678901234 67890 x",
                  "1234567890123456789012345678901234567890123456789012345678901234 67890\n    x\n" },
                { "1234567890123456789012345678901234567890123456789012345678901234 678901 x",
                  "1234567890123456789012345678901234567890123456789012345678901234\n    678901 x\n" },
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTS(cases); i++) {
                _cleanup_free_ char *text = captured(write_wrapped, cases[i].text);
                assert_string_equal(text, cases[i].wrapped);
        }
}

static void write_section(FILE *stream, const void *what)
{
        help_section(stream, what);
}

static void test_section(void **state)
{
        _cleanup_free_ char *text = captured(write_section, &image);

        (void) state;
        assert_string_equal(text, "[Image]\n"
                                  "  It's what \\ is.\n"
                                  "\n"
                                  "  Name=\n"
                                  "      What it is called.\n"
                                  "      Type: a word; required\n"
                                  "\n"
                                  "  Size=\n"
                                  "      How much of it.\n"
                                  "      Type: one of small, large; default: small\n");
}

static void test_sections_are_found_by_name(void **state)
{
        (void) state;
        assert_ptr_equal(help_find_section(&schema, "Image"), &image);
        assert_ptr_equal(help_find_section(&schema, "Upgrade"), &upgrade);
        assert_null(help_find_section(&schema, "upgrade"));
}

static void write_mdoc(FILE *stream, const void *what)
{
        mdoc_recipe(stream, what);
}

/* A backslash, a dot or an apostrophe of the text is none of roff's; each sentence has a line. */
static void test_mdoc(void **state)
{
        _cleanup_free_ char *text = captured(write_mdoc, &schema);

        (void) state;
        assert_string_equal(text, ".Ss [Image]\\&\n"
                                  "It's what \\e is.\n"
                                  ".Bl -tag -width Ds\n"
                                  ".It Va Name Ns =\n"
                                  "What it is called.\n"
                                  "A word; required.\n"
                                  ".It Va Size Ns =\n"
                                  "How much of it.\n"
                                  "One of small, large; default: small.\n"
                                  ".El\n"
                                  ".Ss [Upgrade]\\&\n"
                                  "\\&.dot first.\n"
                                  "Two sentences.\n");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_wrap),
                cmocka_unit_test(test_section),
                cmocka_unit_test(test_sections_are_found_by_name),
                cmocka_unit_test(test_mdoc),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
