/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test.h"

#include "base/cleanup.h"
#include "bootstrap/relation.h"

#include <errno.h>
#include <string.h>

static void test_parse(void **state)
{
        _cleanup_(relations_done) Relations relations = { 0 };

        (void) state;
        assert_int_equal(relations_parse(" a,b:any (>= 1:2~x) |c(<<3) [amd64 !i386] <!nocheck>,\n d ( = 4 ) ", &relations), 0);
        assert_int_equal(relations.n_items, 4);
        const Relation *items = relations.items;
        assert_string_equal(items[0].name, "a");
        assert_int_equal(items[0].operator, RELATION_ANY);
        assert_string_equal(items[1].name, "b");
        assert_int_equal(items[1].operator, RELATION_GE);
        assert_string_equal(items[1].version, "1:2~x");
        assert_false(items[1].alternative);
        assert_string_equal(items[2].name, "c");
        assert_int_equal(items[2].operator, RELATION_LT);
        assert_true(items[2].alternative);
        assert_string_equal(items[3].name, "d");
        assert_int_equal(items[3].operator, RELATION_EQ);
        assert_false(items[3].alternative);
}

static void test_nothing(void **state)
{
        Relations relations = { 0 };

        (void) state;
        assert_int_equal(relations_parse(NULL, &relations), 0);
        assert_int_equal(relations_parse("  ", &relations), 0);
        assert_int_equal(relations.n_items, 0);
}

static void test_wrong(void **state)
{
        static const char *const cases[] = { ",", "a b", "a (1)", "a (>= )", "a (>= 1", "a |", "| a", "a [x", "a (>> 1) b" };

        (void) state;
        for (size_t i = 0; i < ELEMENTS(cases); i++) {
                Relations relations = { 0 };
                assert_int_equal(relations_parse(cases[i], &relations), -EINVAL);
                assert_null(relations.items);
        }
}

static void test_matches(void **state)
{
        static const struct {
                const char *relation, *name, *version;
                bool expected;
        } cases[] = {
                { "a", "a", "1", true },           { "a", "a", NULL, true },         { "a", "b", "1", false },
                { "a (<< 2)", "a", "1", true },    { "a (<< 2)", "a", "2", false },  { "a (<= 2)", "a", "2", true },
                { "a (= 2)", "a", "2", true },     { "a (= 2)", "a", "2.1", false }, { "a (>= 2)", "a", "2~1", false },
                { "a (>= 2)", "a", "1:0", true },  { "a (>> 2)", "a", "2", false },  { "a (< 2)", "a", "2", true },
                { "a (> 2)", "a", "2", true },     { "a (>= 2)", "a", NULL, false },
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTS(cases); i++) {
                _cleanup_(relations_done) Relations relations = { 0 };
                assert_int_equal(relations_parse(cases[i].relation, &relations), 0);
                assert_int_equal(relation_matches(relations.items, cases[i].name, cases[i].version), cases[i].expected);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_parse),
                cmocka_unit_test(test_nothing),
                cmocka_unit_test(test_wrong),
                cmocka_unit_test(test_matches),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
