/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "signing/sums.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define HEX "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"
#define NOTHING "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define TEN "0123456789"
#define HUNDRED TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN

static void accepts_both_modes(void **state)
{
        static const char text[] = HEX "  debian-amd64-1.tar.xz\n" NOTHING " *debian-amd64-1.nspawn\n";
        SumsLine *lines = NULL;
        size_t n_lines = 0;

        (void) state;
        assert_int_equal(sums_parse(text, sizeof text - 1, &lines, &n_lines, NULL), 0);
        assert_int_equal(n_lines, 2);
        assert_string_equal(lines[0].sha256, HEX);
        assert_string_equal(lines[0].name, "debian-amd64-1.tar.xz");
        assert_string_equal(lines[1].sha256, NOTHING);
        assert_string_equal(lines[1].name, "debian-amd64-1.nspawn");
        assert_ptr_equal(sums_find(lines, n_lines, "debian-amd64-1.nspawn"), &lines[1]);
        assert_null(sums_find(lines, n_lines, "debian-amd64-1"));
        sums_free(lines, n_lines);
}

static void accepts_names(void **state)
{
        static const char *const names[] = {
                "a",     "...",       ".x",
                "-rf",   "two words", "\xc3\xa9",
                "*star", "\\back",    HUNDRED HUNDRED TEN TEN TEN TEN TEN "12345"
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTS(names); i++) {
                _cleanup_buffer_ Buffer text = BUFFER_INIT;
                SumsLine *lines = NULL;
                size_t n_lines = 0;
                assert_int_equal(sums_append(&text, HEX, names[i]), 0);
                assert_int_equal(sums_parse(text.data, text.length, &lines, &n_lines, NULL), 0);
                assert_string_equal(lines[0].name, names[i]);
                sums_free(lines, n_lines);
        }
}

#define CASE(text, message)                                                                                  \
        {                                                                                                    \
                text, sizeof(text) - 1, message                                                              \
        }

static const struct {
        const char *text;
        size_t length;
        const char *message;
} refused[] = {
        CASE("", "There is no line in it"),
        CASE("\n", "Line 1: it is empty"),
        CASE(HEX "  a\n\n", "Line 2: it is empty"),
        CASE("# sums\n" HEX "  a\n", "Line 1: comments are not allowed"),
        CASE(HEX "  a", "Line 1: the newline at its end is missing"),
        CASE(HEX "  a\n" HEX "  b", "Line 2: the newline at its end is missing"),
        CASE("2D711642B726B04401627CA9FBAC32F5C8530FB1903CC4DB02258717921A4881  a\n",
             "Line 1: the digest has upper-case letters"),
        CASE("2d711642  a\n", "Line 1: it does not start with the 64 hexadecimal digits of a SHA-256 digest"),
        CASE("\\" HEX "  a\n",
             "Line 1: it does not start with the 64 hexadecimal digits of a SHA-256 digest"),
        CASE(" " HEX "  a\n", "Line 1: it does not start with the 64 hexadecimal digits of a SHA-256 digest"),
        CASE("2d711642b726b04401627ca9fbac32f5\0008530fb1903cc4db02258717921a4881  a\n",
             "Line 1: it does not start with the 64 hexadecimal digits of a SHA-256 digest"),
        CASE(HEX "\n", "Line 1: no space follows the digest"),
        CASE(HEX HEX "  a\n", "Line 1: no space follows the digest"),
        CASE(HEX "\ta\n", "Line 1: no space follows the digest"),
        CASE(HEX " \n", "Line 1: after the digest come two spaces, or a space and a \"*\""),
        CASE(HEX " a\n", "Line 1: after the digest come two spaces, or a space and a \"*\""),
        CASE(HEX "  \n", "Line 1: the name is missing"),
        CASE(HEX " *\n", "Line 1: the name is missing"),
        CASE(HEX "   a\n", "Line 1: the name starts or ends with a space"),
        CASE(HEX "  a \n", "Line 1: the name starts or ends with a space"),
        CASE(HEX "  a\r\n", "Line 1: it ends with CR LF"),
        CASE(HEX "  ./a\n", "Line 1: the name has a \"/\""),
        CASE(HEX "  /a\n", "Line 1: the name has a \"/\""),
        CASE(HEX "  ../a\n", "Line 1: the name has a \"/\""),
        CASE(HEX "  a/\n", "Line 1: the name has a \"/\""),
        CASE(HEX "  .\n", "Line 1: the name is a directory"),
        CASE(HEX "  ..\n", "Line 1: the name is a directory"),
        CASE(HEX "  a\0b\n", "Line 1: the name has a control character"),
        CASE(HEX "  a\tb\n", "Line 1: the name has a control character"),
        CASE(HEX "  a\x7f\n", "Line 1: the name has a control character"),
        CASE(HEX "  " HUNDRED HUNDRED HUNDRED "\n", "Line 1: the name is longer than 255 bytes"),
        CASE(HEX "  a\n" HEX "  b\n" NOTHING " *a\n", "Line 3: the name a stands on line 1 already"),
};

static void refuses_with_line_numbers(void **state)
{
        (void) state;
        for (size_t i = 0; i < ELEMENTS(refused); i++) {
                _cleanup_error_ Error error = ERROR_INIT;
                SumsLine *lines = NULL;
                size_t n_lines = 0;
                assert_int_equal(sums_parse(refused[i].text, refused[i].length, &lines, &n_lines, &error),
                                 -EBADMSG);
                assert_string_equal(error.message, refused[i].message);
                assert_null(lines);
        }
}

static void reads_ten_thousand_lines(void **state)
{
        _cleanup_buffer_ Buffer text = BUFFER_INIT;
        SumsLine *lines = NULL;
        size_t n_lines = 0;

        (void) state;
        for (int i = 0; i < 10000; i++)
                assert_int_equal(buffer_printf(&text, "%s  file-%d\n", HEX, i), 0);
        assert_int_equal(sums_parse(text.data, text.length, &lines, &n_lines, NULL), 0);
        assert_int_equal(n_lines, 10000);
        assert_string_equal(lines[9999].name, "file-9999");
        sums_free(lines, n_lines);
}

static void best_before(void **state)
{
        /* 2026-11-23 00:00:00 UTC */
        const int64_t day = 1795392000;
        static const struct {
                const char *sha256, *name;
                int64_t offset_sec;
                int result;
        } cases[] = {
                { HEX, "a.tar.xz", 0, 0 },
                { NOTHING, "BEST-BEFORE-2026-11-23", 0, 1 },
                { NOTHING, "BEST-BEFORE-2026-11-23", 86399, 1 },
                { NOTHING, "BEST-BEFORE-2026-11-23", 86400, -ESTALE },
                { NOTHING, "BEST-BEFORE-2026-11-22", 0, -ESTALE },
                { NOTHING, "BEST-BEFORE-2026-12-31", 86400, 1 },
                { HEX, "BEST-BEFORE-2026-12-31", 0, -EBADMSG },
                { NOTHING, "BEST-BEFORE-2026-02-30", 0, -EBADMSG },
                { NOTHING, "BEST-BEFORE-2026-2-3", 0, -EBADMSG },
                { NOTHING, "BEST-BEFORE-", 0, -EBADMSG },
                { NOTHING, "BEST-BEFORE-2026-12-31.txt", 0, -EBADMSG },
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTS(cases); i++) {
                _cleanup_error_ Error error = ERROR_INIT;
                SumsLine line = { .name = (char *) (uintptr_t) cases[i].name };
                memcpy(line.sha256, cases[i].sha256, sizeof line.sha256);
                assert_int_equal(sums_best_before(&line, day + cases[i].offset_sec, &error), cases[i].result);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(accepts_both_modes),
                cmocka_unit_test(accepts_names),
                cmocka_unit_test(refuses_with_line_numbers),
                cmocka_unit_test(reads_ten_thousand_lines),
                cmocka_unit_test(best_before),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
