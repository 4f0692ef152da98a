/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "deb_fixture.h"

#include "bootstrap/order.h"

static const MadeFile script[] = { { .name = "./preinst", .content = "#!/bin/sh\necho something\n", .mode = 0755 }, { 0 } };

/* "first: a", what is configured before all else, then "configured: a b; scripts: c; unpacked: d" of each round, with " | "
 * between them. */
static void format_list(Buffer *ret, const char *what, const MadeSet *set, const size_t *numbers, size_t n)
{
        assert_int_equal(buffer_printf(ret, "%s:", what), 0);
        for (size_t i = 0; i < n; i++)
                assert_int_equal(buffer_printf(ret, " %s", set->packages.items[numbers[i]].origin->name), 0);
}

static void expect_order(const MadePackage *packages, size_t n, const char *expected)
{
        _cleanup_order_ Order order = { 0 };
        _cleanup_error_ Error error = ERROR_INIT;
        _cleanup_buffer_ Buffer text = BUFFER_INIT;
        MadeSet set;

        made_set(&set, packages, n);
        assert_int_equal(order_make(&set.packages, &order, &error), 0);
        if (order.n_first > 0)
                format_list(&text, "first", &set, order.first, order.n_first);
        for (size_t i = 0; i < order.n_rounds; i++) {
                const Round *round = &order.rounds[i];
                if (text.length > 0)
                        assert_int_equal(buffer_append_string(&text, " | "), 0);
                format_list(&text, "configured", &set, round->configured, round->n_configured);
                format_list(&text, " scripts", &set, round->scripts, round->n_scripts);
                format_list(&text, " unpacked", &set, round->unpacked, round->n_unpacked);
        }
        assert_string_equal(text.data, expected);
        made_close(&set);
}

#define EXPECT(expected, ...)                                                                                \
        do {                                                                                                 \
                const MadePackage packages_[] = { __VA_ARGS__ };                                             \
                expect_order(packages_, ELEMENTS(packages_), expected);                                      \
        } while (0)

/* What is Essential or required, and all below it, is one round, whose scripts come behind; base-passwd is first. What is
 * Essential is configured before all else. */
static void test_base(void **state)
{
        (void) state;
        EXPECT("first: base-passwd libc bash | "
               "configured: scripts: base-passwd libc bash unpacked: base-passwd bash libc tool | "
               "configured: scripts: unpacked: other",
               { CONTROL("base-passwd", "1", "Essential: yes\n"), script, NULL },
               { CONTROL("bash", "1", "Essential: yes\nDepends: libc\n"), script, NULL },
               { CONTROL("libc", "1", ""), script, NULL },
               { CONTROL("other", "1", "Depends: bash\n"), NULL, NULL },
               { CONTROL("tool", "1", "Priority: required\n"), NULL, NULL });
}

/* A preinst waits for what its package Pre-Depends on, with all that this needs. */
static void test_pre_depends(void **state)
{
        (void) state;
        EXPECT("first: libc base | configured: scripts: unpacked: base libc | "
               "configured: scripts: a unpacked: a b c",
               { CONTROL("a", "1", "Pre-Depends: base\n"), script, NULL },
               { CONTROL("b", "1", "Pre-Depends: a\n"), NULL, NULL },
               { CONTROL("base", "1", "Essential: yes\nDepends: libc\n"), NULL, NULL },
               { CONTROL("c", "1", ""), NULL, NULL },
               { CONTROL("libc", "1", ""), NULL, NULL });
        EXPECT("first: base | configured: scripts: unpacked: base | "
               "configured: scripts: unpacked: helper lib | "
               "configured: lib helper scripts: b unpacked: b | "
               "configured: b scripts: c unpacked: c",
               { CONTROL("b", "1", "Pre-Depends: helper\n"), script, NULL },
               { CONTROL("base", "1", "Essential: yes\n"), NULL, NULL },
               { CONTROL("c", "1", "Pre-Depends: b\nDepends: base\n"), script, NULL },
               { CONTROL("helper", "1", "Depends: lib\n"), NULL, NULL },
               { CONTROL("lib", "1", ""), NULL, NULL });
}

static void test_alternatives(void **state)
{
        (void) state;
        EXPECT("first: provider old base | configured: scripts: unpacked: base old provider",
               { CONTROL("base", "1", "Essential: yes\nDepends: missing | provided (>= 2), old (<< 2)\n"), NULL, NULL },
               { CONTROL("old", "1", ""), NULL, NULL },
               { CONTROL("provider", "9", "Provides: provided (= 3)\n"), NULL, NULL });
        /* an alternative that is there, but was not meant */
        EXPECT("first: first base | configured: scripts: unpacked: base first | configured: scripts: unpacked: second too-new",
               { CONTROL("base", "1", "Essential: yes\nDepends: first | second, too-new (<< 2) | first\n"), NULL, NULL },
               { CONTROL("first", "1", ""), NULL, NULL },
               { CONTROL("second", "1", ""), NULL, NULL },
               { CONTROL("too-new", "2", ""), NULL, NULL });
}

static void test_circle(void **state)
{
        (void) state;
        EXPECT("configured: scripts: unpacked: | configured: scripts: b unpacked: b | configured: b scripts: a unpacked: a",
               { CONTROL("a", "1", "Pre-Depends: b\n"), script, NULL },
               { CONTROL("b", "1", "Pre-Depends: a\n"), script, NULL });
        EXPECT("first: b a | configured: scripts: b a unpacked: a b",
               { CONTROL("a", "1", "Essential: yes\nDepends: b\n"), script, NULL },
               { CONTROL("b", "1", "Depends: a\n"), script, NULL });
}

static void test_scripts_that_matter(void **state)
{
        static const struct {
                const char *script;
                bool expected;
        } cases[] = {
                { "#!/bin/sh\nset -e\n# Automatically added by dh_installdeb\n"
                  "dpkg-maintscript-helper rm_conffile /etc/x 1.2\\~ -- \"$@\"\n\n", false },
                { "#!/bin/sh\n", false },
                { "#!/bin/sh\nset -e\nexit 0\n", true },
                { "#!/bin/sh\ndpkg-divert --add /x\n", true },
                { "#!/bin/sh\ndpkg-maintscript-helper rm_conffile /etc/x 1 -- \"$@\"; rm /x\n", true },
                { "#!/bin/sh\ndpkg-maintscript-helper rm_conffile `x` 1 -- \"$@\"\n", true },
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTS(cases); i++)
                assert_int_equal(order_script_matters(cases[i].script), cases[i].expected);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_base),
                cmocka_unit_test(test_pre_depends),
                cmocka_unit_test(test_alternatives),
                cmocka_unit_test(test_circle),
                cmocka_unit_test(test_scripts_that_matter),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
