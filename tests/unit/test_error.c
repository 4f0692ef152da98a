/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test.h"

#include "base/error.h"

#include <errno.h>

static void test_errno_text_and_context(void **state)
{
        _cleanup_error_ Error error = ERROR_INIT;

        (void) state;
        assert_int_equal(error_set_errno(&error, ENOENT, "Can't open %s", "a.recipe"), -ENOENT);
        assert_int_equal(error_wrap(&error, "image %s", "web"), -ENOENT);
        assert_string_equal(error.message, "image web: Can't open a.recipe: No such file or directory");
        assert_int_equal(error.kind, ERROR_FAILED);
}

static void test_a_new_error_drops_hint_and_detail(void **state)
{
        _cleanup_error_ Error error = ERROR_INIT;

        (void) state;
        assert_int_equal(error_set_usage(&error, -EINVAL, "first"), -EINVAL);
        assert_int_equal(error_hint(&error, "do %d", 1), -EINVAL);
        assert_int_equal(error_detail(&error, "line"), -EINVAL);
        assert_int_equal(error.kind, ERROR_USAGE);
        assert_int_equal(error_set(&error, -EIO, "second"), -EIO);
        assert_null(error.hint);
        assert_null(error.detail);
        assert_int_equal(error.kind, ERROR_FAILED);
}

static void test_move_leaves_the_source_empty(void **state)
{
        _cleanup_error_ Error from = ERROR_INIT, to = ERROR_INIT;

        (void) state;
        assert_int_equal(error_cancelled(&from), -ECANCELED);
        assert_int_equal(error_move(&to, &from), -ECANCELED);
        assert_null(from.message);
        assert_int_equal(to.kind, ERROR_CANCELLED);
}

static void test_no_error_wanted(void **state)
{
        (void) state;
        assert_int_equal(error_set(NULL, -EIO, "dropped"), -EIO);
        assert_int_equal(error_set_errno(NULL, EPERM, "dropped"), -EPERM);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_errno_text_and_context),
                cmocka_unit_test(test_a_new_error_drops_hint_and_detail),
                cmocka_unit_test(test_move_leaves_the_source_empty),
                cmocka_unit_test(test_no_error_wanted),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
