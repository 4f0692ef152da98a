/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test.h"

#include "base/hash.h"

/* Block boundaries depend on it: other values would change every image. */
static void test_hash(void **state)
{
        (void) state;
        assert_true(hash_bytes("./usr/bin/x", 11, 0) == hash_bytes("./usr/bin/x", 11, 0));
        assert_false(hash_bytes("./usr/bin/x", 11, 0) == hash_bytes("./usr/bin/y", 11, 0));
        assert_false(hash_bytes("./usr/bin/x", 11, 0) == hash_bytes("./usr/bin/x", 11, 1));
        assert_true(hash_bytes("./usr", 5, 0) == UINT64_C(0x29cbb512eca6934b));
}

int main(void)
{
        const struct CMUnitTest tests[] = { cmocka_unit_test(test_hash) };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
