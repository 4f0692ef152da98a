/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "stages/keyring.h"

#include "base/cleanup.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define BEGIN "-----BEGIN PGP PUBLIC KEY BLOCK-----\n"
#define END "-----END PGP PUBLIC KEY BLOCK-----\n"

static void test_dearmor(void **state)
{
        static const struct {
                const char *input, *output;
                size_t output_size;
        } cases[] = {
                { "\x99\x01\x0d", "\x99\x01\x0d", 3 },
                { BEGIN "\nmQEN\n=abcd\n" END, "\x99\x01\x0d", 3 },
                { BEGIN "Version: GnuPG v2\nComment: x\n\nmQEN\n=abcd\n" END, "\x99\x01\x0d", 3 },
                { BEGIN "mQEN\n=abcd\n" END, "\x99\x01\x0d", 3 },
                { "a key:\n" BEGIN "\nmQENAQ==\n=abcd\n" END "and\n" BEGIN "\nmQEN\n" END,
                  "\x99\x01\x0d\x01\x99\x01\x0d", 7 },
                { BEGIN "\r\nmQEN\r\nmQEN\r\n=abcd\r\n" END, "\x99\x01\x0d\x99\x01\x0d", 6 },
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTS(cases); i++) {
                _cleanup_buffer_ Buffer output = BUFFER_INIT;
                _cleanup_error_ Error error = ERROR_INIT;
                assert_int_equal(keyring_dearmor(cases[i].input, strlen(cases[i].input), &output, &error), 0);
                assert_int_equal(output.length, cases[i].output_size);
                assert_memory_equal(output.data, cases[i].output, cases[i].output_size);
        }
}

static void test_not_a_keyring(void **state)
{
        static const char *const inputs[] = {
                "", "hello\n", BEGIN "\nmQEN\n", BEGIN "\n" END, BEGIN "\n!!!!\n" END, BEGIN END
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTS(inputs); i++) {
                _cleanup_buffer_ Buffer output = BUFFER_INIT;
                _cleanup_error_ Error error = ERROR_INIT;
                assert_int_equal(keyring_dearmor(inputs[i], strlen(inputs[i]), &output, &error), -EBADMSG);
                assert_null(output.data);
        }
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_dearmor),
                cmocka_unit_test(test_not_a_keyring),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
