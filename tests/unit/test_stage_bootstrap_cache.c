/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "stages/bootstrap_cache.h"

#include "stage_fixture.h"

/* The file below the sandbox's cache, as text; the parent is root of the host or sees nothing. */
static int read_cached(int root_fd, void *userdata, Buffer *reply, Error *error)
{
        return read_file(root_fd, userdata, 4096, reply, error);
}

static int write_cached(int root_fd, void *userdata, Buffer *reply, Error *error)
{
        char *const *pair = userdata;

        (void) reply;
        /* as wget does it: a new file, never into one that is there */
        if (unlinkat(root_fd, pair[0], 0) < 0 && errno != ENOENT)
                return error_set_errno(error, errno, "unlink");
        return write_file_atomic(root_fd, pair[0], pair[1], strlen(pair[1]), 0644, error);
}

static void in_directory(const char *path, SandboxFunction function, void *userdata, Buffer *reply, int expected)
{
        _cleanup_close_ int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        assert_true(fd >= 0);
        int r = sandbox_call(fixture.sandbox, &(SandboxTree){ .directory_fd = fd }, function, userdata, reply,
                             &fixture.error);
        assert_int_equal(r, expected);
        error_done(&fixture.error);
}

static void put(const char *path, const char *name, const char *content)
{
        const char *pair[] = { name, content };

        in_directory(path, write_cached, pair, NULL, 0);
}

static void assert_content(const char *path, const char *name, const char *content)
{
        _cleanup_buffer_ Buffer text = BUFFER_INIT;

        in_directory(path, read_cached, (void *) name, &text, content ? 0 : -ENOENT);
        if (content)
                assert_string_equal(text.data, content);
}

static void test_keeps_what_is_new(void **state)
{
        BootstrapCache first = { 0 }, second = { 0 };

        (void) state;
        assert_ok(bootstrap_cache_open(fixture.sandbox, fixture.directory, &first, &fixture.error));
        put(first.own, "a_1_all.deb", "a");
        put(first.own, "junk", "x");
        assert_ok(bootstrap_cache_keep(&first, &fixture.tree, &fixture.error));
        _cleanup_free_ char *shared = strdup(first.shared), *own = strdup(first.own);
        bootstrap_cache_done(&first);
        assert_content(shared, "a_1_all.deb", "a");
        assert_content(shared, "junk", NULL);
        assert_int_equal(access(own, F_OK), -1);

        assert_ok(bootstrap_cache_open(fixture.sandbox, fixture.directory, &second, &fixture.error));
        assert_content(second.own, "a_1_all.deb", "a");
        bootstrap_cache_done(&second);
}

/* Two builds at once: what one replaces does not change under the other's hands. */
static void test_side_by_side(void **state)
{
        BootstrapCache one = { 0 }, other = { 0 };

        (void) state;
        assert_ok(bootstrap_cache_open(fixture.sandbox, fixture.directory, &one, &fixture.error));
        put(one.own, "a_1_all.deb", "damaged");
        assert_ok(bootstrap_cache_keep(&one, &fixture.tree, &fixture.error));
        bootstrap_cache_done(&one);

        assert_ok(bootstrap_cache_open(fixture.sandbox, fixture.directory, &one, &fixture.error));
        assert_ok(bootstrap_cache_open(fixture.sandbox, fixture.directory, &other, &fixture.error));
        put(one.own, "a_1_all.deb", "good");
        assert_content(other.own, "a_1_all.deb", "damaged");
        assert_ok(bootstrap_cache_keep(&one, &fixture.tree, &fixture.error));
        assert_content(one.shared, "a_1_all.deb", "good");
        assert_content(other.own, "a_1_all.deb", "damaged");
        put(other.own, "b_1_all.deb", "b");
        assert_ok(bootstrap_cache_keep(&other, &fixture.tree, &fixture.error));
        assert_content(one.shared, "b_1_all.deb", "b");
        bootstrap_cache_done(&one);
        bootstrap_cache_done(&other);
}

static int make_old(int root_fd, void *userdata, Buffer *reply, Error *error)
{
        const struct timespec times[2] = { { .tv_sec = 1000000000 }, { .tv_sec = 1000000000 } };

        (void) reply;
        return utimensat(root_fd, userdata, times, 0) < 0 ? error_set_errno(error, errno, "utimensat") : 0;
}

static void test_drops_what_is_old_unless_used(void **state)
{
        static const TreeEntry used[] = { { "/var/cache/apt/archives/new_1_all.deb", "x", 0 }, { NULL, NULL, 0 } };
        char old[] = "old_1_all.deb", new[] = "new_1_all.deb";
        BootstrapCache cache = { 0 };

        (void) state;
        plant_tree(used);
        assert_ok(bootstrap_cache_open(fixture.sandbox, fixture.directory, &cache, &fixture.error));
        put(cache.own, old, "x");
        put(cache.own, new, "x");
        /* the time that a server sent, not the one of the last use */
        in_directory(cache.own, make_old, old, NULL, 0);
        in_directory(cache.own, make_old, new, NULL, 0);
        assert_ok(bootstrap_cache_keep(&cache, &fixture.tree, &fixture.error));
        bootstrap_cache_done(&cache);
        assert_ok(bootstrap_cache_open(fixture.sandbox, fixture.directory, &cache, &fixture.error));
        assert_content(cache.own, old, NULL);
        assert_content(cache.own, new, "x");
        bootstrap_cache_done(&cache);
}

int main(int argc, char **argv)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_keeps_what_is_new, fixture_setup, fixture_teardown),
                cmocka_unit_test_setup_teardown(test_side_by_side, fixture_setup, fixture_teardown),
                cmocka_unit_test_setup_teardown(test_drops_what_is_old_unless_used, fixture_setup, fixture_teardown),
        };

        sandbox_init_hook(argc, argv);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
