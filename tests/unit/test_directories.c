/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test.h"

#include "base/file.h"
#include "verbs/directories.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

/* Every test has a folder of its own and an environment that names nothing else. */
static int set_up(void **state)
{
        char *folder = NULL;

        if (make_temporary_directory("/tmp", "templar-test-", &folder, NULL) < 0)
                return -1;
        *state = folder;
        unsetenv("TEMPLAR_CACHE");
        unsetenv("XDG_CACHE_HOME");
        unsetenv("GNUPGHOME");
        return setenv("HOME", folder, 1);
}

static int tear_down(void **state)
{
        char *folder = *state;

        remove_and_free(&folder);
        return 0;
}

static void test_the_cache_is_made_private(void **state)
{
        _cleanup_free_ char *path = path_join(*state, "a/b"), *cache = NULL;
        struct stat status;

        assert_int_equal(cache_directory(path, &cache, NULL), 0);
        assert_string_equal(cache, path);
        assert_int_equal(stat(cache, &status), 0);
        assert_int_equal(status.st_mode & 07777, 0700);
}

static void test_the_option_comes_before_the_environment(void **state)
{
        _cleanup_free_ char *given = path_join(*state, "given"), *own = path_join(*state, "own");
        _cleanup_free_ char *first = NULL, *second = NULL;

        setenv("TEMPLAR_CACHE", own, 1);
        assert_int_equal(cache_directory(given, &first, NULL), 0);
        assert_int_equal(cache_directory(NULL, &second, NULL), 0);
        assert_string_equal(first, given);
        assert_string_equal(second, own);
}

static void test_a_cache_open_to_others_is_refused(void **state)
{
        static const mode_t modes[] = { 0770, 0707, 01777, 0722 };
        _cleanup_free_ char *path = path_join(*state, "open");

        assert_int_equal(mkdir(path, 0700), 0);
        for (size_t i = 0; i < ELEMENTS(modes); i++) {
                _cleanup_free_ char *cache = NULL;
                _cleanup_error_ Error error = ERROR_INIT;
                assert_int_equal(chmod(path, modes[i]), 0);
                assert_int_equal(cache_directory(path, &cache, &error), -EPERM);
                assert_non_null(strstr(error.message, "can be written to by others"));
        }
        _cleanup_free_ char *cache = NULL;
        assert_int_equal(chmod(path, 0755), 0);
        assert_int_equal(cache_directory(path, &cache, NULL), 0);
}

static void test_a_file_is_no_cache(void **state)
{
        _cleanup_free_ char *path = path_join(*state, "file"), *cache = NULL;
        _cleanup_error_ Error error = ERROR_INIT;

        assert_int_equal(write_file_atomic(AT_FDCWD, path, "x", 1, 0600, NULL), 0);
        assert_int_equal(cache_directory(path, &cache, &error), -ENOTDIR);
        assert_non_null(strstr(error.hint, "--cache"));
}

static void test_the_development_key_lives_beside_the_images(void **state)
{
        static const char *const outs[] = { "out/images", "out/images/", "out//images/." };

        for (size_t i = 0; i < ELEMENTS(outs); i++) {
                _cleanup_free_ char *out = path_join(*state, outs[i]), *home = NULL;
                _cleanup_free_ char *expected = path_join(*state, "out/gnupg");
                assert_int_equal(development_home(out, &home, NULL), 0);
                assert_string_equal(home, expected);
        }
        _cleanup_free_ char *at_root = NULL;
        assert_int_equal(development_home("/tmp", &at_root, NULL), 0);
        assert_string_equal(at_root, "/gnupg");
}

static void test_the_keys_of_the_user(void **state)
{
        _cleanup_free_ char *expected = path_join(*state, ".gnupg"), *first = NULL, *second = NULL;

        assert_int_equal(gnupg_home(&first, NULL), 0);
        assert_string_equal(first, expected);
        setenv("GNUPGHOME", "/elsewhere", 1);
        assert_int_equal(gnupg_home(&second, NULL), 0);
        assert_string_equal(second, "/elsewhere");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_the_cache_is_made_private, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_the_option_comes_before_the_environment, set_up,
                                                tear_down),
                cmocka_unit_test_setup_teardown(test_a_cache_open_to_others_is_refused, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_a_file_is_no_cache, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_the_development_key_lives_beside_the_images, set_up,
                                                tear_down),
                cmocka_unit_test_setup_teardown(test_the_keys_of_the_user, set_up, tear_down),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
