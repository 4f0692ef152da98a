/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test.h"

#include "packages/lock_diff.h"
#include "packages/pool.h"

#include <string.h>

#define H1 "1111111111111111111111111111111111111111111111111111111111111111"
#define H2 "2222222222222222222222222222222222222222222222222222222222222222"

static LockPackage packages_before[] = {
        { .name = (char *) "gone", .version = (char *) "1", .architecture = (char *) "all", .sha256 = (char *) H1 },
        { .name = (char *) "libc6", .version = (char *) "2.36-9+deb12u2", .architecture = (char *) "amd64", .sha256 = (char *) H1 },
        { .name = (char *) "libc6", .version = (char *) "2.36-9+deb12u10", .architecture = (char *) "amd64", .sha256 = (char *) H2 },
        { .name = (char *) "many", .version = (char *) "1", .architecture = (char *) "amd64", .sha256 = (char *) H1 },
        { .name = (char *) "patched", .version = (char *) "1", .architecture = (char *) "all", .sha256 = (char *) H1,
          .patched_sha256 = (char *) H1 },
        { .name = (char *) "same", .version = (char *) "1", .architecture = (char *) "all", .sha256 = (char *) H1 },
};

static LockPackage packages_after[] = {
        { .name = (char *) "libc6", .version = (char *) "2.36-9+deb12u11", .architecture = (char *) "amd64", .sha256 = (char *) H1 },
        { .name = (char *) "libc6", .version = (char *) "2.36-9+deb12u2", .architecture = (char *) "amd64", .sha256 = (char *) H1 },
        { .name = (char *) "many", .version = (char *) "1", .architecture = (char *) "amd64", .sha256 = (char *) H2 },
        { .name = (char *) "many", .version = (char *) "1", .architecture = (char *) "i386", .sha256 = (char *) H2 },
        { .name = (char *) "patched", .version = (char *) "1", .architecture = (char *) "all", .sha256 = (char *) H1,
          .patched_sha256 = (char *) H2 },
        { .name = (char *) "same", .version = (char *) "1", .architecture = (char *) "all", .sha256 = (char *) H1 },
};

static void compares(void **state)
{
        static const struct {
                const LockPackage *before, *after;
        } expected[] = {
                { &packages_before[0], NULL },
                { &packages_before[2], &packages_after[0] },
                { &packages_before[3], &packages_after[2] },
                { NULL, &packages_after[3] },
                { &packages_before[4], &packages_after[4] },
        };
        const Lock before = { .packages = packages_before, .n_packages = ELEMENTS(packages_before) };
        const Lock after = { .packages = packages_after, .n_packages = ELEMENTS(packages_after) };
        _cleanup_free_ LockChange *changes = NULL, *none = NULL;
        size_t n_changes = 0;

        (void) state;
        assert_int_equal(lock_compare(&before, &after, &changes, &n_changes), 0);
        assert_int_equal(n_changes, ELEMENTS(expected));
        for (size_t i = 0; i < n_changes; i++) {
                assert_ptr_equal(changes[i].before, expected[i].before);
                assert_ptr_equal(changes[i].after, expected[i].after);
        }
        assert_int_equal(lock_compare(&after, &after, &none, &n_changes), 0);
        assert_int_equal(n_changes, 0);
}

/* Where archives have a package. */
static const struct {
        const char *uri, *source, *path;
} paths[] = {
        { "http://h/debian/pool/main/d/dbus/dbus_1_all.deb", "dbus", "pool/main/d/dbus/dbus_1_all.deb" },
        { "http://h/pool/debian/pool/main/libs/x%2b%2b_1%3a2_all.deb", "x", "pool/main/libs/x++_1:2_all.deb" },
        { "file:/srv/pool/a/dbus_1_all.deb", "dbus", "pool/a/dbus_1_all.deb" },
        { "http://h/flat/dbus_1_all.deb", "dbus", "pool/main/d/dbus/dbus_1_all.deb" },
        { "http://h/flat/dbus_1_all.deb", "libdbus", "pool/main/libd/libdbus/dbus_1_all.deb" },
        { "", "dbus", "pool/main/d/dbus/dbus_1_all.deb" },
        { "http://h/pool/../../etc/dbus_1_all.deb", "dbus", "pool/main/d/dbus/dbus_1_all.deb" },
        { "http://h/pool/%2e%2e/dbus_1_all.deb", "dbus", "pool/main/d/dbus/dbus_1_all.deb" },
        { "http://h/pool/dists/Release", "dbus", "pool/main/d/dbus/dbus_1_all.deb" },
};

static void finds_paths(void **state)
{
        (void) state;
        for (size_t i = 0; i < ELEMENTS(paths); i++) {
                AptPackage package = { .name = (char *) "dbus", .source = (char *) paths[i].source, .uri = (char *) paths[i].uri,
                                       .file_name = (char *) "dbus_1_all.deb", .sha256 = (char *) H1 };
                _cleanup_free_ char *path = pool_path(&package);
                assert_string_equal(path, paths[i].path);
        }
}

static void lists_places(void **state)
{
        char *pools[] = { (char *) "/srv/kept", (char *) "http://mirror/debian/", (char *) "file:///mnt", NULL };
        AptPackage package = { .name = (char *) "x++", .source = (char *) "x", .file_name = (char *) "x++_1_all.deb",
                               .uri = (char *) "http://h/pool/x%2b%2b_1_all.deb", .sha256 = (char *) H1 };
        static const char *const expected_paths[] = {
                "/srv/kept/pool/x++_1_all.deb", "/srv/kept/x++_1_all.deb", "/srv/kept/pool/by-hash/" H1 ".deb",
                "/srv/kept/11/" H1 ".deb",      "/srv/kept/packages/11/" H1 ".deb", "/mnt/pool/x++_1_all.deb",
        };
        static const char *const expected_uris[] = {
                "http://mirror/debian/pool/x++_1_all.deb", "http://mirror/debian/pool/by-hash/" H1 ".deb",
                "http://h/pool/x%2b%2b_1_all.deb",
        };
        _cleanup_strv_ char **found = NULL, **uris = NULL;

        (void) state;
        assert_int_equal(pool_places(pools, &package, &found, &uris), 0);
        assert_int_equal(strv_length(found), 10);
        for (size_t i = 0; i < ELEMENTS(expected_paths); i++)
                assert_string_equal(found[i], expected_paths[i]);
        assert_int_equal(strv_length(uris), ELEMENTS(expected_uris));
        for (size_t i = 0; i < ELEMENTS(expected_uris); i++)
                assert_string_equal(uris[i], expected_uris[i]);
}

static void takes_files_by_both_names(void **state)
{
        AptPackage package = { .name = (char *) "x", .source = (char *) "x", .file_name = (char *) "x_1_all.deb",
                               .uri = (char *) "file:///srv/x%20y.deb", .sha256 = (char *) H1 };
        _cleanup_strv_ char **found = NULL, **uris = NULL;

        (void) state;
        assert_int_equal(pool_places(NULL, &package, &found, &uris), 0);
        assert_int_equal(strv_length(found), 2);
        assert_string_equal(found[0], "/srv/x y.deb");
        assert_string_equal(found[1], "/srv/x%20y.deb");
        assert_null(uris);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(compares),
                cmocka_unit_test(finds_paths),
                cmocka_unit_test(lists_places),
                cmocka_unit_test(takes_files_by_both_names),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
