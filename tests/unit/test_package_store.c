/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test.h"

#include "base/file.h"
#include "packages/package_store.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <time.h>

#define CONTENT "the bytes of a package\n"
#define SIZE (sizeof CONTENT - 1)

static char *directory, *pins;
static char hash[SHA256_HEX_SIZE];
static PackageStore *store;
static Error problem;

static int set_up(void **state)
{
        (void) state;
        problem = ERROR_INIT;
        umask(077);
        if (make_temporary_directory("/tmp", "templar-store-", &directory, &problem) < 0)
                return -1;
        pins = path_join(directory, "pins");
        if (mkdir(pins, 0700) < 0 || digest_buffer(CONTENT, SIZE, hash) < 0)
                return -1;
        return package_store_open(directory, &store, &problem);
}

static int tear_down(void **state)
{
        (void) state;
        package_store_close(TAKE_PTR(store));
        free(TAKE_PTR(pins));
        remove_and_free(&directory);
        directory = NULL;
        error_done(&problem);
        return 0;
}

static void write_file(const char *path, const char *text)
{
        assert_int_equal(write_file_atomic(AT_FDCWD, path, text, strlen(text), 0600, &problem), 0);
}

static int add(const char *text)
{
        _cleanup_free_ char *path = path_join(directory, "source");

        write_file(path, text);
        _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
        return package_store_add(store, hash, SIZE, fd, &problem);
}

static unsigned count_partial(void)
{
        _cleanup_free_ char *path = NULL;
        unsigned n = 0;

        assert_true(asprintf(&path, "%s/packages/.partial", directory) > 0);
        _cleanup_closedir_ DIR *listing = opendir(path);
        for (struct dirent *entry; (entry = readdir(listing));)
                n += entry->d_name[0] != '.';
        return n;
}

static void adds_and_pins(void **state)
{
        struct stat status;

        (void) state;
        assert_false(package_store_has(store, hash, SIZE));
        assert_int_equal(package_store_pin(store, hash, SIZE, pins, &problem), 0);
        assert_int_equal(add(CONTENT), 0);
        _cleanup_free_ char *path = package_store_path(store, hash), *expected = NULL, *pin = NULL;
        assert_true(asprintf(&expected, "%s/packages/%.2s/%s.deb", directory, hash, hash) > 0);
        assert_string_equal(path, expected);
        assert_int_equal(stat(path, &status), 0);
        assert_int_equal(status.st_mode & 0777, 0644);
        assert_true(package_store_has(store, hash, SIZE));
        assert_false(package_store_has(store, hash, SIZE + 1));
        assert_int_equal(package_store_pin(store, hash, SIZE, pins, &problem), 1);
        assert_int_equal(package_store_pin(store, hash, SIZE, pins, &problem), 1);
        assert_true(asprintf(&pin, "%s/%s.deb", pins, hash) > 0);
        assert_int_equal(access(pin, R_OK), 0);
        assert_int_equal(count_partial(), 0);
}

static void refuses_other_bytes(void **state)
{
        (void) state;
        assert_int_equal(add("the bytes of a packagE\n"), -EBADMSG);
        assert_non_null(strstr(problem.message, hash));
        error_done(&problem);
        assert_int_equal(add("short"), -EBADMSG);
        assert_false(package_store_has(store, hash, SIZE));
        assert_int_equal(count_partial(), 0);
}

static void removes_damaged_ones(void **state)
{
        (void) state;
        _cleanup_free_ char *path = package_store_path(store, hash);
        assert_int_equal(add(CONTENT), 0);
        write_file(path, "the bytes of a packagE\n");
        assert_int_equal(package_store_pin(store, hash, SIZE, pins, &problem), 0);
        assert_int_equal(access(path, F_OK), -1);
        assert_int_equal(add(CONTENT), 0);
        assert_int_equal(package_store_verify(store, hash, &problem), 0);
        write_file(path, "x");
        assert_int_equal(package_store_verify(store, hash, &problem), 1);
        assert_int_equal(access(path, F_OK), -1);
        assert_int_equal(package_store_verify(store, hash, &problem), 0);
}

static void claims_once(void **state)
{
        _cleanup_close_ int fd = -1, other = -1;
        char found[SHA256_HEX_SIZE];

        (void) state;
        assert_int_equal(package_store_claim(store, hash, &fd, &problem), 1);
        assert_int_equal(package_store_claim(store, hash, &other, &problem), 0);
        assert_int_equal(write(fd, CONTENT, 5), 5);
        assert_int_equal(package_store_commit(store, hash, SIZE, fd, found, &problem), 0);
        assert_string_equal(found, "");
        close(TAKE_FD(fd));
        /* the next one goes on */
        assert_int_equal(package_store_claim(store, hash, &fd, &problem), 1);
        assert_int_equal(lseek(fd, 0, SEEK_END), 5);
        assert_int_equal(write(fd, CONTENT + 5, SIZE - 5), SIZE - 5);
        assert_int_equal(package_store_commit(store, hash, SIZE, fd, found, &problem), 1);
        assert_string_equal(found, hash);
        assert_true(package_store_has(store, hash, SIZE));
        assert_int_equal(count_partial(), 0);
        close(TAKE_FD(fd));
        /* what has the size and is another file is no start */
        assert_int_equal(package_store_remove(store, hash, &problem), 1);
        assert_int_equal(package_store_claim(store, hash, &fd, &problem), 1);
        assert_int_equal(write(fd, "THE", 3), 3);
        assert_int_equal(write(fd, CONTENT + 3, SIZE - 3), SIZE - 3);
        assert_int_equal(package_store_commit(store, hash, SIZE, fd, found, &problem), 0);
        assert_int_equal(strlen(found), SHA256_HEX_SIZE - 1);
        assert_int_equal(count_partial(), 0);
}

static void lists_and_removes(void **state)
{
        _cleanup_free_ PackageEntry *entries = NULL;
        _cleanup_free_ char *stray = NULL, *pin = NULL;
        size_t n_entries = 0;

        (void) state;
        assert_int_equal(add(CONTENT), 0);
        assert_true(asprintf(&stray, "%s/packages/%.2s/notes.deb", directory, hash) > 0);
        write_file(stray, "x");
        assert_int_equal(package_store_pin(store, hash, SIZE, pins, &problem), 1);
        assert_int_equal(package_store_list(store, &entries, &n_entries, &problem), 0);
        assert_int_equal(n_entries, 1);
        assert_string_equal(entries[0].sha256, hash);
        assert_int_equal(entries[0].size_bytes, SIZE);
        assert_true(entries[0].in_use);
        assert_true(time(NULL) - entries[0].used_sec < 60);
        assert_int_equal(package_store_remove(store, hash, &problem), 0);
        assert_true(asprintf(&pin, "%s/%s.deb", pins, hash) > 0);
        assert_int_equal(unlink(pin), 0);
        assert_int_equal(package_store_remove(store, hash, &problem), 1);
        assert_int_equal(package_store_remove(store, hash, &problem), 0);
}

static void collects_partial_files(void **state)
{
        const struct timespec old[] = { { .tv_sec = 1 }, { .tv_sec = 1 } };
        _cleanup_close_ int fd = -1;

        (void) state;
        assert_int_equal(package_store_claim(store, hash, &fd, &problem), 1);
        assert_int_equal(futimens(fd, old), 0);
        package_store_close(TAKE_PTR(store));
        assert_int_equal(package_store_open(directory, &store, &problem), 0);
        assert_int_equal(count_partial(), 1); /* somebody is at it */
        close(TAKE_FD(fd));
        package_store_close(TAKE_PTR(store));
        assert_int_equal(package_store_open(directory, &store, &problem), 0);
        assert_int_equal(count_partial(), 0);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
        const struct CMUnitTest tests[] = {
                TEST(adds_and_pins),     TEST(refuses_other_bytes), TEST(removes_damaged_ones),   TEST(claims_once),
                TEST(lists_and_removes), TEST(collects_partial_files),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
