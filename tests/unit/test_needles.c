/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/needles.h"

#include "test.h"

#include "base/strings.h"

#include <string.h>

static void hear(size_t index, size_t offset, void *userdata)
{
        assert_int_equal(buffer_printf(userdata, "%zu@%zu ", index, offset), 0);
}

static void expect(const char *const *texts, size_t n_texts, const char *data, const char *found)
{
        _cleanup_buffer_ Buffer heard = BUFFER_INIT;
        _cleanup_needles_ Needles *needles = needles_new(texts, n_texts);

        assert_non_null(needles);
        /* without the NUL, so that a sanitizer sees a look beyond the end */
        _cleanup_free_ char *copy = malloc(strlen(data) + 1);
        assert_non_null(copy);
        memcpy(copy, data, strlen(data));
        needles_search(needles, copy, strlen(data), hear, &heard);
        assert_string_equal(heard.data ?: "", found);
}

#define EXPECT(data, found, ...)                                                                             \
        do {                                                                                                 \
                static const char *const texts_[] = { __VA_ARGS__ };                                         \
                expect(texts_, ELEMENTS(texts_), data, found);                                               \
        } while (0)

static void test_cases(void **state _unused_)
{
        EXPECT("", "", "ab");
        EXPECT("a", "", "ab");
        EXPECT("ab", "0@0 ", "ab");
        EXPECT("aaaa", "0@0 0@1 0@2 ", "aa");
        EXPECT("xxabcxx", "0@2 1@3 ", "abc", "bc");
        EXPECT("xxabcxx", "0@2 1@2 2@2 ", "abc", "ab", "abcx");
        EXPECT("xxabc", "1@2 ", "abcx", "ab");
        EXPECT("needle in a haystack", "0@0 1@12 ", "needle", "hay", "needles");
        EXPECT("-----BEGIN PRIVATE KEY-----", "0@11 ", "PRIVATE KEY", "/var/cache/templar");
        EXPECT("\xff\xfe\xff\xfe", "0@0 0@2 ", "\xff\xfe");
        expect(NULL, 0, "anything", "");
}

/* Whatever the texts and wherever: the same as looking for each by itself. */
static void test_against_strstr(void **state _unused_)
{
        uint64_t seed = 1;

        for (int round = 0; round < 2000; round++) {
                _cleanup_buffer_ Buffer wanted = BUFFER_INIT;
                char data[200] = "", texts[3][8] = { "" };
                const char *pointers[3] = { texts[0], texts[1], texts[2] };
                for (size_t i = 0; i < sizeof data - 1; i++) {
                        seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
                        data[i] = (char) ('a' + (seed >> 60) % 3);
                }
                for (size_t i = 0; i < ELEMENTS(texts); i++)
                        memcpy(texts[i], data + (seed >> (20 + 7 * i)) % 150, 2 + (seed >> (10 + 3 * i)) % 6);
                for (size_t at = 0; at < strlen(data); at++)
                        for (size_t i = 0; i < ELEMENTS(texts); i++)
                                if (strncmp(data + at, texts[i], strlen(texts[i])) == 0)
                                        assert_int_equal(buffer_printf(&wanted, "%zu@%zu ", i, at), 0);
                expect(pointers, ELEMENTS(texts), data, wanted.data ?: "");
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_cases),
                cmocka_unit_test(test_against_strstr),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
