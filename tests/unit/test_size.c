/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "verbs/size.h"

#include <errno.h>
#include <stdio.h>

#include "test.h"

static void test_parse(void **state)
{
        static const struct {
                const char *text;
                int r;
                uint64_t bytes;
        } cases[] = {
                { "1", 0, 1 },
                { "64K", 0, 65536 },
                { "3m", 0, 3 << 20 },
                { "20G", 0, (uint64_t) 20 << 30 },
                { "20GiB", 0, (uint64_t) 20 << 30 },
                { "2gb", 0, (uint64_t) 2 << 30 },
                { "5T", 0, (uint64_t) 5 << 40 },
                { "18446744073709551615", 0, UINT64_MAX },
                { "17179869183G", 0, (uint64_t) 17179869183 << 30 },
                { "17179869184G", -ERANGE, 0 },
                { "99999999999999999999999999", -ERANGE, 0 },
                { "0", -ERANGE, 0 },
                { "0G", -ERANGE, 0 },
                { "", -EINVAL, 0 },
                { "G", -EINVAL, 0 },
                { "-1", -EINVAL, 0 },
                { "1.5G", -EINVAL, 0 },
                { "1 G", -EINVAL, 0 },
                { "1P", -EINVAL, 0 },
                { "1Gi", -EINVAL, 0 },
        };

        (void) state;
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                uint64_t bytes = 0;
                int r = parse_size(cases[i].text, &bytes);
                if (r != cases[i].r || bytes != cases[i].bytes)
                        print_error("\"%s\"\n", cases[i].text);
                assert_int_equal(r, cases[i].r);
                assert_true(bytes == cases[i].bytes);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = { cmocka_unit_test(test_parse) };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
