/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "recipe_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

/* A recipe that is refused, and everything that is said of it. */
typedef struct RefusedCase {
        const char *what;
        const char *text;
        const char *expected;
        const char *settings[3]; /* NULL-terminated */
} RefusedCase;

static inline void check_refused(const RefusedCase *cases, size_t n_cases)
{
        for (size_t i = 0; i < n_cases; i++) {
                _cleanup_error_ Error error = ERROR_INIT;
                _cleanup_recipe_ Recipe *recipe = NULL;
                int r = fixture_parse(cases[i].text, (char *const *) cases[i].settings, &recipe, &error);
                if (r != -EINVAL || !string_equal(error.message, cases[i].expected))
                        fail_msg("%s: returned %d\n--- got\n%s\n--- expected\n%s", cases[i].what, r,
                                 error.message ? error.message : "(nothing)", cases[i].expected);
                assert_int_equal(error.code, -EINVAL);
                assert_int_equal(error.kind, ERROR_USAGE);
                assert_null(recipe);
        }
}

/* A recipe that is right: [Image] with a name, then `text`. The caller frees. */
static inline Recipe *parse_good(const char *text, char *const *settings)
{
        _cleanup_error_ Error error = ERROR_INIT;
        _cleanup_free_ char *whole = NULL;
        Recipe *recipe = NULL;

        assert_true(asprintf(&whole, "[Image]\nName=a\n%s", text) > 0);
        if (fixture_parse(whole, settings, &recipe, &error) < 0)
                fail_msg("refused:\n%s\n--- text\n%s", error.message, whole);
        return recipe;
}
