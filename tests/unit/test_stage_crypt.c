/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "stages/crypt.h"

#include "base/cleanup.h"

#include <crypt.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void test_accepts_what_it_makes(void **state)
{
        static const char *const prefixes[] = { "$y$", "$gy$", "$7$", "$6$", "$5$", "$2b$", "$2y$" };
        _cleanup_error_ Error error = ERROR_INIT;

        (void) state;
        for (size_t i = 0; i < ELEMENTS(prefixes); i++) {
                char *setting = crypt_gensalt(prefixes[i], 0, NULL, 0);
                assert_non_null(setting);
                const char *hash = crypt("secret", setting);
                assert_int_equal(crypt_check_hash(hash, &error), 0);
        }
        char *rounds = crypt("secret", "$6$rounds=10000$saltsalt");
        assert_int_equal(crypt_check_hash(rounds, &error), 0);
}

static void test_refuses(void **state)
{
        static const char *const hashes[] = {
                "",
                "secret",
                "$",
                "$1$salt$ZIKdMKJRoVGFtLTOBOwoT1",
                "rEK1ecacw.7.c",
                "_J9..CCCCXBrJUJV154M",
                "$3$$8846f7eaee8fb117",
                "$6$salt$short",
                "$y$j9T$salt",
                "$6$salt$IxDD3jeSOb5eB1CX5LBsqZFVkJdido3OUILO5Ifz5iwMuTS4XMS130MTSuDDl3aCI6WouIL9AjRbLCelDCy.g. x",
                "*",
                "!*",
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTS(hashes); i++) {
                _cleanup_error_ Error error = ERROR_INIT;
                assert_int_equal(crypt_check_hash(hashes[i], &error), -EKEYREJECTED);
                assert_int_equal(error.kind, ERROR_USAGE);
                assert_non_null(strstr(error.hint, "mkpasswd -m yescrypt"));
                if (strlen(hashes[i]) > 4)
                        assert_null(strstr(error.message, hashes[i]));
        }
}

/* The same build gives the same bytes, another image or user another salt; the password has no part in the salt. */
static void test_salt(void **state)
{
        char a[CRYPT_HASH_MAX_BYTES], b[CRYPT_HASH_MAX_BYTES];
        _cleanup_error_ Error error = ERROR_INIT;

        (void) state;
        for (int yescrypt = 0; yescrypt < 2; yescrypt++) {
                size_t salt_length = yescrypt ? strlen("$y$j9T$") + 22 : strlen("$6$") + 16;
                assert_int_equal(crypt_hash_password("secret", yescrypt, "image", "root", a, &error), 0);
                assert_int_equal(strncmp(a, yescrypt ? "$y$j9T$" : "$6$", yescrypt ? 7 : 3), 0);
                assert_int_equal(crypt_check_hash(a, &error), 0);
                assert_string_equal(crypt("secret", a), a);
                assert_int_equal(crypt_hash_password("secret", yescrypt, "image", "root", b, &error), 0);
                assert_string_equal(a, b);
                assert_int_equal(crypt_hash_password("other", yescrypt, "image", "root", b, &error), 0);
                assert_int_equal(strncmp(a, b, salt_length), 0);
                assert_string_not_equal(a, b);
                assert_int_equal(crypt_hash_password("secret", yescrypt, "image2", "root", b, &error), 0);
                assert_int_not_equal(strncmp(a, b, salt_length), 0);
                assert_int_equal(crypt_hash_password("secret", yescrypt, "imager", "oot", b, &error), 0);
                assert_int_not_equal(strncmp(a, b, salt_length), 0);
        }
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_accepts_what_it_makes),
                cmocka_unit_test(test_refuses),
                cmocka_unit_test(test_salt),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
