/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test.h"

#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

typedef struct Fixture {
        char *path;
        int fd;
} Fixture;

static int setup(void **state)
{
        Fixture *fixture = calloc(1, sizeof *fixture);

        assert_non_null(fixture);
        assert_int_equal(make_temporary_directory("/tmp", "templar-test-", &fixture->path, NULL), 0);
        fixture->fd = open(fixture->path, O_PATH | O_DIRECTORY | O_CLOEXEC);
        assert_true(fixture->fd >= 0);
        *state = fixture;
        return 0;
}

static int teardown(void **state)
{
        Fixture *fixture = *state;

        close(fixture->fd);
        remove_and_free(&fixture->path);
        free(fixture);
        return 0;
}

static void write_text(int fd, const char *path, const char *text)
{
        assert_int_equal(write_file_atomic(fd, path, text, strlen(text), 0644, NULL), 0);
}

static void assert_text(int fd, const char *path, const char *text)
{
        _cleanup_buffer_ Buffer buffer = BUFFER_INIT;

        assert_int_equal(read_file(fd, path, 1000, &buffer, NULL), 0);
        assert_string_equal(buffer.data, text);
}

static void test_symlinks_stay_in_the_root(void **state)
{
        const Fixture *fixture = *state;

        assert_int_equal(mkdirat(fixture->fd, "etc", 0755), 0);
        write_text(fixture->fd, "etc/passwd", "of the tree");
        assert_int_equal(symlinkat("/etc/passwd", fixture->fd, "absolute"), 0);
        assert_int_equal(symlinkat("../../../../../../etc/passwd", fixture->fd, "relative"), 0);
        static const char *const paths[] = { "/absolute", "relative", "/../../etc/passwd" };
        for (size_t i = 0; i < ELEMENTS(paths); i++) {
                _cleanup_close_ int fd = open_in_root(fixture->fd, paths[i], O_RDONLY, 0);
                _cleanup_buffer_ Buffer buffer = BUFFER_INIT;
                assert_true(fd >= 0);
                assert_int_equal(read_descriptor(fd, 100, &buffer), 0);
                assert_string_equal(buffer.data, "of the tree");
        }
}

static void test_parents_are_made_inside(void **state)
{
        const Fixture *fixture = *state;
        _cleanup_free_ char *name = NULL;

        assert_int_equal(mkdirat(fixture->fd, "real", 0755), 0);
        assert_int_equal(symlinkat("/real", fixture->fd, "link"), 0);
        _cleanup_close_ int fd = open_parent_in_root(fixture->fd, "/link/a/b/file", true, &name);
        assert_true(fd >= 0);
        assert_string_equal(name, "file");
        struct stat status;
        assert_int_equal(fstatat(fixture->fd, "real/a/b", &status, 0), 0);
}

static void test_parent_refuses_what_names_nothing(void **state)
{
        const Fixture *fixture = *state;
        static const char *const paths[] = { "/", "", "a/..", "/.", "a/../" };

        for (size_t i = 0; i < ELEMENTS(paths); i++) {
                char *name = NULL;
                assert_int_equal(open_parent_in_root(fixture->fd, paths[i], true, &name), -EINVAL);
                assert_null(name);
        }
}

static void test_a_dangling_link_is_not_made_into_a_directory(void **state)
{
        const Fixture *fixture = *state;

        assert_int_equal(symlinkat("/nowhere", fixture->fd, "dangling"), 0);
        assert_int_equal(make_directories_in_root(fixture->fd, "dangling/x", 0755), -EEXIST);
}

static void test_read_file_limits(void **state)
{
        const Fixture *fixture = *state;
        _cleanup_error_ Error error = ERROR_INIT;
        Buffer buffer = BUFFER_INIT;

        write_text(fixture->fd, "big", "0123456789");
        assert_int_equal(read_file(fixture->fd, "big", 9, &buffer, &error), -EFBIG);
        assert_string_equal(error.message, "big is larger than the 9 bytes allowed");
        assert_int_equal(mkfifoat(fixture->fd, "fifo", 0600), 0);
        assert_int_equal(read_file(fixture->fd, "fifo", 9, &buffer, &error), -EINVAL);
        assert_int_equal(read_file(fixture->fd, "none", 9, &buffer, &error), -ENOENT);
}

static void test_atomic_write_keeps_the_mode_asked_for(void **state)
{
        const Fixture *fixture = *state;
        mode_t before = umask(0077);
        struct stat status;

        write_text(fixture->fd, "public", "x");
        umask(before);
        assert_int_equal(fstatat(fixture->fd, "public", &status, 0), 0);
        assert_int_equal(status.st_mode & 07777, 0644);
        write_text(fixture->fd, "public", "y");
        assert_text(fixture->fd, "public", "y");
}

static void test_remove_tree_follows_no_link(void **state)
{
        const Fixture *fixture = *state;

        assert_int_equal(mkdirat(fixture->fd, "keep", 0755), 0);
        write_text(fixture->fd, "keep/file", "kept");
        assert_int_equal(mkdirat(fixture->fd, "gone", 0755), 0);
        assert_int_equal(mkdirat(fixture->fd, "gone/deep", 0755), 0);
        write_text(fixture->fd, "gone/deep/file", "x");
        assert_int_equal(symlinkat("../keep", fixture->fd, "gone/link"), 0);
        assert_int_equal(fchmodat(fixture->fd, "gone/deep", 0, 0), 0);
        assert_int_equal(remove_tree(fixture->fd, "gone", NULL), 0);
        assert_int_equal(faccessat(fixture->fd, "gone", F_OK, AT_SYMLINK_NOFOLLOW), -1);
        assert_text(fixture->fd, "keep/file", "kept");
        assert_int_equal(remove_tree(fixture->fd, "gone", NULL), 0);
}

static void test_path_is_inside(void **state)
{
        static const struct {
                const char *path;
                bool inside;
        } cases[] = {
                { "a", true },       { "a/b.c", true },    { "./a", true },   { "a..b/..c", true },
                { "", false },       { "/a", false },      { "..", false },   { "a/../../b", false },
                { "a/..", false },
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTS(cases); i++)
                assert_int_equal(path_is_inside(cases[i].path), cases[i].inside);
}

static void test_path_parent(void **state)
{
        static const char *const cases[][2] = {
                { "a", "." },   { "a/", "." },     { "a/b", "a" },      { "a/b/", "a" }, { "a//b//", "a" },
                { "/", "/" },   { "/a", "/" },     { "/a/", "/" },      { "/a/b", "/a" }, { "//a", "/" },
                { "./a", "." }, { "../a", ".." }, { "a/../b", "a/.." }, { "", "." },
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTS(cases); i++) {
                _cleanup_free_ char *parent = path_parent(cases[i][0]);
                assert_string_equal(parent, cases[i][1]);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_symlinks_stay_in_the_root, setup, teardown),
                cmocka_unit_test_setup_teardown(test_parents_are_made_inside, setup, teardown),
                cmocka_unit_test_setup_teardown(test_parent_refuses_what_names_nothing, setup, teardown),
                cmocka_unit_test_setup_teardown(test_a_dangling_link_is_not_made_into_a_directory, setup, teardown),
                cmocka_unit_test_setup_teardown(test_read_file_limits, setup, teardown),
                cmocka_unit_test_setup_teardown(test_atomic_write_keeps_the_mode_asked_for, setup, teardown),
                cmocka_unit_test_setup_teardown(test_remove_tree_follows_no_link, setup, teardown),
                cmocka_unit_test(test_path_is_inside),
                cmocka_unit_test(test_path_parent),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
