/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test.h"

#include "base/strings.h"
#include "packages/reach.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define P(name, fields) "Package: " name "\n" fields "\n"

/* The names that were reached, each with a space behind it. */
static int on_stanza(const char *stanza, size_t length, void *userdata)
{
        static const char field[] = "Package: ";
        const char *start = memmem(stanza, length, field, strlen(field));

        if (!start)
                return buffer_append_string(userdata, "? ");
        start += strlen(field);
        return buffer_printf(userdata, "%.*s ", (int) strcspn(start, " \n"), start);
}

static void assert_reached(const Reach *reach, size_t text, const char *expected)
{
        _cleanup_buffer_ Buffer names = BUFFER_INIT;

        assert_int_equal(reach_each(reach, text, on_stanza, &names), 0);
        assert_string_equal(names.data ? names.data : "", expected);
}

static const struct {
        const char *text, *wanted;
        ReachFlags flags;
        bool recommends;
        const char *expected;
} cases[] = {
        { "", "a", 0, false, "" },
        { P("a", "") P("b", ""), "", 0, false, "" },
        { P("a", "") P("b", ""), "b", 0, false, "b " },
        /* every version, every alternative, whatever stands behind a name; in the order of the text */
        { P("c", "") P("a", "Depends: b (>= 1:2) [amd64] | c:any,\n d\n") P("b", "") P("d", "")
                  P("a", "Version: 2\n"),
          "a", 0, false, "c a b d a " },
        { P("a", "Pre-Depends: b\nDepends: a\n") P("b", "Depends: c(<<1)|d,\n\te <!x>\n") P("c", "")
                  P("d", "") P("e", ""),
          "a", 0, false, "a b c d e " },
        /* what provides it, and what that needs */
        { P("a", "Depends: mta\n") P("x", "Provides: mta\nDepends: y\n") P("y", "")
                  P("z", "Provides: mta (= 3), other\n"),
          "a", 0, false, "a x y z " },
        { P("x", "Provides: one,\n two:any (= 1),\n  three\n"), "three", 0, false, "x " },
        /* not what it conflicts with, suggests or enhances */
        { P("a", "Conflicts: b\nBreaks: b\nReplaces: b\nSuggests: b\nEnhances: b\n") P("b", ""), "a", 0,
          false, "a " },
        { P("a", "Recommends: b\n") P("b", "Recommends: c\n") P("c", ""), "a", 0, false, "a " },
        { P("a", "Recommends: b\n") P("b", "Recommends: c\n") P("c", ""), "a", 0, true, "a b c " },
        /* as liberally as apt reads */
        { P("MyTool", "Depends: LIBc\n") P("libC", ""), "mytool", 0, false, "MyTool libC " },
        { "Package: a\r\nDepends: b\r\n\r\nPackage: b\r\n\r\n\r\nPackage: c\r\n", "a", 0, false, "a\r b\r " },
        { "Package : a\nDepends\t: b\n\nPackage: b\n", "a", 0, false, "? b " },
        { P("a", "Essential: true\n"), "", 0, false, "a " },
        { "Package: a\nDepends", "a", 0, false, "a " },
        /* and what comes of the same source: its versions may matter */
        { P("a", "Source: s (1)\n") P("b", "Source: s\nDepends: c\n") P("c", "") P("s", ""), "a", 0, false,
          "a b s " },
        /* wanted by themselves */
        { P("a", "Essential: yes\nDepends: b\n") P("b", "") P("c", "Essential: no\n"), "", 0, false, "a b " },
        { P("a", "Priority: required\n") P("b", "Priority: important\n") P("c", "Priority: standard \n")
                  P("d", "Priority: optional\n"),
          "", 0, false, "" },
        { P("a", "Priority: required\n") P("b", "Priority: important\n") P("c", "Priority: standard \n")
                  P("d", "Priority: optional\n"),
          "", REACH_STANDARD, false, "a b c " },
        { P("a", "") P("b", "Depends: z\n"), "", REACH_ALL, false, "a b " },
        /* fields are found in any case, at the end of a text without a newline, and not within descriptions
         */
        { "package: a\ndepends: b\n\n\n\nPACKAGE: b\nDEPENDS: c\n\nPackage: c", "a", 0, false, "? ? c " },
        { P("a", "Description: x\n Depends: b\n .\n Package: b\n") P("b", ""), "a", 0, false, "a " },
        { P("a", "Depends: b, , |, (), c\n") P("b", "") P("c", ""), "a", 0, false, "a b c " },
        /* what is no package stays for the resolver to see */
        { "Packages without colons\n\n" P("a", "") "Version: 1\n\n", "", 0, false, "? ? " },
};

static void test_cases(void **state)
{
        (void) state;
        for (size_t i = 0; i < ELEMENTS(cases); i++) {
                _cleanup_reach_ Reach *reach = NULL;
                assert_int_equal(reach_new(&reach), 0);
                assert_int_equal(reach_add(reach, cases[i].text, strlen(cases[i].text), cases[i].flags), 0);
                assert_int_equal(reach_want(reach, cases[i].wanted, strlen(cases[i].wanted)), 0);
                assert_int_equal(reach_follow(reach, cases[i].recommends), 0);
                assert_reached(reach, 0, cases[i].expected);
        }
}

/* Ways lead from one text into another. */
static void test_texts(void **state)
{
        (void) state;
        static const char one[] = P("a", "Depends: c\n") P("b", ""),
                          two[] = P("c", "Depends: b\n") P("a", "Version: 2\n"),
                          status[] = P("b", "Status: install ok installed\nDepends: d\n"),
                          three[] = P("d", "") P("e", "");
        _cleanup_reach_ Reach *reach = NULL;

        assert_int_equal(reach_new(&reach), 0);
        assert_int_equal(reach_add(reach, one, strlen(one), 0), 0);
        assert_int_equal(reach_add(reach, two, strlen(two), 0), 0);
        assert_int_equal(reach_add(reach, status, strlen(status), REACH_ALL), 0);
        assert_int_equal(reach_add(reach, three, strlen(three), 0), 0);
        assert_int_equal(reach_follow(reach, false), 0);
        assert_reached(reach, 0, "b ");
        assert_reached(reach, 1, "");
        assert_reached(reach, 2, "b ");
        assert_reached(reach, 3, "d ");
        /* more can be wanted later */
        assert_int_equal(reach_want(reach, "a", 1), 0);
        assert_int_equal(reach_follow(reach, false), 0);
        assert_reached(reach, 0, "a b ");
        assert_reached(reach, 1, "c a ");
        assert_reached(reach, 3, "d ");

        assert_true(reach_knows(reach, "e", 1));
        assert_false(reach_knows(reach, "x", 1));
        _cleanup_strv_ char **names = reach_names(reach);
        _cleanup_free_ char *joined = strv_join(names, " ");
        assert_string_equal(joined, "a b c d e");
}

/* A chain of more packages than there is room for at first, and as many that are not reached. */
static void test_many(void **state)
{
        (void) state;
        enum { N = 50000 };
        _cleanup_buffer_ Buffer text = BUFFER_INIT;
        _cleanup_reach_ Reach *reach = NULL;
        _cleanup_strv_ char **names = NULL;

        for (unsigned i = 0; i < N; i++)
                assert_int_equal(
                        buffer_printf(&text, "Package: p%u\nDepends: p%u\n\nPackage: q%u\nProvides: r%u\n\n",
                                      i, i + 1, i, i),
                        0);
        assert_int_equal(reach_new(&reach), 0);
        assert_int_equal(reach_add(reach, text.data, text.length, 0), 0);
        assert_int_equal(reach_want(reach, "p7", 2), 0);
        assert_int_equal(reach_want(reach, "r3", 2), 0);
        assert_int_equal(reach_follow(reach, true), 0);
        _cleanup_buffer_ Buffer reached = BUFFER_INIT;
        assert_int_equal(reach_each(reach, 0, on_stanza, &reached), 0);
        assert_true(string_starts_with(reached.data, "q3 p7 p8 p9 "));
        assert_true(string_ends_with(reached.data, " p49999 "));
        names = reach_names(reach);
        assert_int_equal(strv_length(names), 2 * N);
}

/* Those that have or provide one name, in the order of their first mention by anybody; fields as apt takes
 * them. */
static void test_rivals(void **state)
{
        (void) state;
        static const struct {
                const char *text, *wanted, *expected;
        } rivals[] = {
                { "", "a", "" },
                { P("a", "Depends: b | c\n") P("b", "") P("c", ""), "a", "" },
                { P("a", "Depends: v\n") P("x", "Provides: v\n") P("y", "Provides: v\n"), "a", "x, y" },
                { P("a", "Depends: v\n") P("b", "Recommends: q | y:any\nConflicts: z, y (<< 2)\n")
                          P("x", "Provides: v\n") P("y", "Provides: v\n") P("z", "Provides: v\n"),
                  "a", "z, y, x" },
                { P("a", "Depends: v\n") P("b", "Depends: x\nPre-Depends: y\n") P("c", "Provides: z\n")
                          P("x", "Provides: v\n") P("y", "Provides: v\n") P("z", "Provides: v\n"),
                  "a", "y, x, z" },
                /* of other architectures others, and none that can't be mentioned */
                { P("a", "Depends: v\n") P("b", "Architecture: i386\nDepends: y\n")
                          P("c", "Architecture: all\nDepends: z\n") P("x", "Provides: v\n")
                                  P("y", "Architecture: amd64\nProvides: v\n") P("z", "Provides: v\n")
                                          P("w)", "Provides: v\n"),
                  "a", "z, x, y" },
                { P("v", "Version: 1\n") P("v", "Version: 2\n"), "v", "" },
                { P("x", "Provides: v\n") P("v", ""), "v", "x, v" },
                /* of names that nobody needs there are no rivals */
                { P("x", "Provides: v\n") P("v", "") P("a", ""), "a", "" },
        };

        for (size_t i = 0; i < ELEMENTS(rivals); i++) {
                _cleanup_reach_ Reach *reach = NULL;
                _cleanup_buffer_ Buffer text = BUFFER_INIT;
                assert_int_equal(reach_new(&reach), 0);
                assert_int_equal(reach_add(reach, rivals[i].text, strlen(rivals[i].text), 0), 0);
                assert_int_equal(reach_want(reach, rivals[i].wanted, strlen(rivals[i].wanted)), 0);
                assert_int_equal(reach_follow(reach, false), 0);
                assert_int_equal(reach_rivals(reach, "amd64", true, &text), 0);
                assert_string_equal(text.data ? text.data : "", rivals[i].expected);
        }
}

static int refuse(const char *stanza, size_t length, void *userdata)
{
        (void) stanza;
        (void) length;
        (void) userdata;
        return -ENOSPC;
}

static void test_take_fails(void **state)
{
        (void) state;
        static const char text[] = P("a", "");
        _cleanup_reach_ Reach *reach = NULL;

        assert_int_equal(reach_new(&reach), 0);
        assert_int_equal(reach_add(reach, text, strlen(text), REACH_ALL), 0);
        assert_int_equal(reach_follow(reach, false), 0);
        assert_int_equal(reach_each(reach, 0, refuse, NULL), -ENOSPC);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_cases),  cmocka_unit_test(test_texts),      cmocka_unit_test(test_many),
                cmocka_unit_test(test_rivals), cmocka_unit_test(test_take_fails),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
