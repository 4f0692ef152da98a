/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test.h"

#include "base/digest.h"

#include <string.h>

/* FIPS 180-4 examples. */
#define OF_NOTHING "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define OF_ABC "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

static void test_known_values(void **state)
{
        char hex[SHA256_HEX_SIZE];

        (void) state;
        assert_int_equal(digest_buffer("", 0, hex), 0);
        assert_string_equal(hex, OF_NOTHING);
        assert_int_equal(digest_buffer("abc", 3, hex), 0);
        assert_string_equal(hex, OF_ABC);
}

static void digest_fields(const char *const *fields, char hex[static SHA256_HEX_SIZE])
{
        _cleanup_digest_ Digest *digest = NULL;

        assert_int_equal(digest_new(&digest), 0);
        for (; *fields; fields++)
                assert_int_equal(digest_add_field(digest, *fields), 0);
        assert_int_equal(digest_finish(digest, hex), 0);
}

static void test_fields_do_not_run_together(void **state)
{
        char first[SHA256_HEX_SIZE], second[SHA256_HEX_SIZE];

        (void) state;
        digest_fields((const char *const[]){ "ab", "c", NULL }, first);
        digest_fields((const char *const[]){ "a", "bc", NULL }, second);
        assert_string_not_equal(first, second);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_known_values),
                cmocka_unit_test(test_fields_do_not_run_together),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
