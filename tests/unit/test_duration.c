/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test.h"

#include "verbs/duration.h"

#include <errno.h>

#define DAY 86400u

static void test_durations(void **state)
{
        static const struct {
                const char *text;
                int result;
                uint64_t sec;
        } cases[] = {
                { "1d", 0, DAY },        { "90d", 0, 90 * DAY },   { "26w", 0, 182 * DAY },
                { "6m", 0, 180 * DAY },  { "2y", 0, 730 * DAY },   { "100y", 0, 36500ull * DAY },
                { "never", 0, 0 },       { "", -EINVAL, 7 },       { "d", -EINVAL, 7 },
                { "2", -EINVAL, 7 },     { "2 y", -EINVAL, 7 },    { "-2y", -EINVAL, 7 },
                { "2Y", -EINVAL, 7 },    { "2yy", -EINVAL, 7 },    { "0d", -ERANGE, 7 },
                { "101y", -ERANGE, 7 },  { "36501d", -ERANGE, 7 }, { "99999999999999999999y", -ERANGE, 7 },
                { "0x10d", -EINVAL, 7 }, { "never ", -EINVAL, 7 },
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTS(cases); i++) {
                uint64_t sec = 7;
                assert_int_equal(parse_duration(cases[i].text, &sec), cases[i].result);
                assert_int_equal(sec, cases[i].sec);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_durations),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
