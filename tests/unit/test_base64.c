/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/base64.h"

#include "test.h"

#include <errno.h>
#include <string.h>

/* RFC 4648, section 10. */
static const struct {
        const char *plain, *encoded;
} vectors[] = {
        { "", "" },
        { "f", "Zg==" },
        { "fo", "Zm8=" },
        { "foo", "Zm9v" },
        { "foob", "Zm9vYg==" },
        { "fooba", "Zm9vYmE=" },
        { "foobar", "Zm9vYmFy" },
};

static void test_vectors(void **state _unused_)
{
        for (size_t i = 0; i < ELEMENTS(vectors); i++) {
                _cleanup_buffer_ Buffer encoded = BUFFER_INIT, decoded = BUFFER_INIT;
                assert_int_equal(base64_encode(vectors[i].plain, strlen(vectors[i].plain), &encoded), 0);
                assert_string_equal(encoded.data ? encoded.data : "", vectors[i].encoded);
                assert_int_equal(base64_decode(vectors[i].encoded, strlen(vectors[i].encoded), &decoded), 0);
                assert_string_equal(decoded.data ? decoded.data : "", vectors[i].plain);
        }
}

static void test_all_bytes(void **state _unused_)
{
        _cleanup_buffer_ Buffer encoded = BUFFER_INIT, decoded = BUFFER_INIT;
        unsigned char bytes[256];

        for (size_t i = 0; i < sizeof bytes; i++)
                bytes[i] = (unsigned char) (i * 7 + 250);
        assert_int_equal(base64_encode(bytes, sizeof bytes, &encoded), 0);
        assert_int_equal(base64_decode(encoded.data, encoded.length, &decoded), 0);
        assert_int_equal(decoded.length, sizeof bytes);
        assert_memory_equal(decoded.data, bytes, sizeof bytes);
}

/* URL-safe, and without padding. */
static void test_other_forms(void **state _unused_)
{
        static const char *const forms[] = { "+/+/+w==", "-_-_-w==", "+/-_-w", "-_+/+w" };

        for (size_t i = 0; i < ELEMENTS(forms); i++) {
                _cleanup_buffer_ Buffer decoded = BUFFER_INIT;
                assert_int_equal(base64_decode(forms[i], strlen(forms[i]), &decoded), 0);
                assert_int_equal(decoded.length, 4);
                assert_memory_equal(decoded.data, "\xfb\xff\xbf\xfb", 4);
        }
}

static void test_refused(void **state _unused_)
{
        static const char *const cases[] = { "Z", "Zm9vY", "Zg=", "=", "==", "====", "Zg===",
                                             "Zm9v====", "Z m9v", "Zm9v\n", "Zm\377v",
                                             "Zh==", "Zm9=", "Zm==Zm==", "Zm.v" };

        for (size_t i = 0; i < ELEMENTS(cases); i++) {
                _cleanup_buffer_ Buffer decoded = BUFFER_INIT;
                if (base64_decode(cases[i], strlen(cases[i]), &decoded) != -EBADMSG)
                        fail_msg("\"%s\" was taken", cases[i]);
                assert_null(decoded.data);
        }
        _cleanup_buffer_ Buffer decoded = BUFFER_INIT;
        assert_int_equal(base64_decode("Zm\0v", 4, &decoded), -EBADMSG);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_vectors),
                cmocka_unit_test(test_all_bytes),
                cmocka_unit_test(test_other_forms),
                cmocka_unit_test(test_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
