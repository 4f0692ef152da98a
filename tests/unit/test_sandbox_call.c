/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sandbox_fixture.h"

#include <sys/resource.h>

/* What callers of sandbox_call(), sandbox_make_directory() and sandbox_remove_tree() rely on. */

static int answer_mode(int root_fd, void *userdata, Buffer *reply, Error *error)
{
        struct stat status;

        (void) userdata;
        if (fstat(root_fd, &status) < 0)
                return error_set_errno(error, errno, "fstat");
        return buffer_printf(reply, "%u %u %o %u", status.st_uid, status.st_gid, status.st_mode & 07777,
                             getuid()) < 0
                       ? error_out_of_memory(error)
                       : 0;
}

static int answer_much(int root_fd, void *userdata, Buffer *reply, Error *error)
{
        size_t size = *(size_t *) userdata;
        _cleanup_free_ char *data = calloc(1, size);

        (void) root_fd;
        return data && buffer_append(reply, data, size) == 0 ? 0 : error_out_of_memory(error);
}

static int fail_with_words(int root_fd, void *userdata, Buffer *reply, Error *error)
{
        (void) root_fd;
        (void) userdata;
        (void) reply;
        error_set_usage(error, -ENOTUNIQ, "Message");
        error_detail(error, "one\ntwo");
        return error_hint(error, "Hint");
}

static int fail_silently(int root_fd, void *userdata, Buffer *reply, Error *error)
{
        (void) root_fd;
        (void) userdata;
        (void) reply;
        (void) error;
        return -ENOSPC;
}

static int crash(int root_fd, void *userdata, Buffer *reply, Error *error)
{
        (void) root_fd;
        (void) reply;
        (void) error;
        signal(*(int *) userdata, SIG_DFL);
        raise(*(int *) userdata);
        return 0;
}

static int leave(int root_fd, void *userdata, Buffer *reply, Error *error)
{
        (void) root_fd;
        (void) userdata;
        (void) reply;
        (void) error;
        _exit(9);
}

static void test_call(void **state)
{
        _cleanup_buffer_ Buffer reply = BUFFER_INIT, much = BUFFER_INIT;
        size_t size = 10000000;

        (void) state;
        needs_fixture();
        assert_ok(call_in_tree(answer_mode, NULL, &reply));
        assert_string_equal(reply.data, "0 0 755 0");
        assert_ok(call_in_tree(answer_much, &size, &much));
        assert_int_equal(much.length, size);
        assert_ok(call_in_tree(answer_mode, NULL, NULL));
}

static void test_call_failures(void **state)
{
        int segv = SIGSEGV, killed = SIGKILL;

        (void) state;
        needs_fixture();
        assert_int_equal(call_in_tree(fail_with_words, NULL, NULL), -ENOTUNIQ);
        assert_int_equal(fixture.error.kind, ERROR_USAGE);
        assert_string_equal(fixture.error.message, "Message");
        assert_string_equal(fixture.error.detail, "one\ntwo");
        assert_string_equal(fixture.error.hint, "Hint");
        assert_int_equal(call_in_tree(fail_silently, NULL, NULL), -ENOSPC);
        assert_string_equal(fixture.error.message, "The work in the sandbox failed: No space left on device");
        assert_int_equal(call_in_tree(crash, &segv, NULL), -ECHILD);
        assert_non_null(strstr(fixture.error.message, "The work in the sandbox was killed by SIGSEGV"));
        assert_int_equal(call_in_tree(crash, &killed, NULL), -ECHILD);
        assert_string_equal(fixture.error.message,
                            "The work in the sandbox was killed by SIGKILL (out of memory?)");
        assert_int_equal(call_in_tree(leave, NULL, NULL), -ECHILD);
        assert_string_equal(fixture.error.message, "The work in the sandbox exited with status 9");
}

/* trees */

static void test_directory_belongs_to_the_sandbox(void **state)
{
        uint32_t uid_base, gid_base;
        struct stat status;

        (void) state;
        needs_fixture();
        mode_t before = umask(077);
        assert_ok(sandbox_make_directory(fixture.sandbox, fixture.directory, "other", &fixture.error));
        umask(before);
        _cleanup_free_ char *path = path_join(fixture.directory, "other");
        sandbox_id_base(fixture.sandbox, &uid_base, &gid_base);
        assert_int_equal(lstat(path, &status), 0);
        assert_int_equal(status.st_uid, uid_base);
        assert_int_equal(status.st_gid, gid_base);
        assert_int_equal(status.st_mode, S_IFDIR | 0755);
        assert_int_equal(sandbox_make_directory(fixture.sandbox, fixture.directory, "other", &fixture.error),
                         -EEXIST);
        assert_ok(sandbox_remove_tree(fixture.sandbox, path, &fixture.error));
        assert_int_equal(lstat(path, &status), -1);
        assert_ok(sandbox_remove_tree(fixture.sandbox, path, &fixture.error));
}

static int fill_with_stubborn_files(int root_fd, void *userdata, Buffer *reply, Error *error)
{
        (void) userdata;
        (void) reply;
        if (mkdirat(root_fd, "closed", 0700) < 0 || mkdirat(root_fd, "closed/inner", 0000) < 0 ||
            mknodat(root_fd, "closed/fifo", S_IFIFO, 0) < 0 ||
            symlinkat("/etc", root_fd, "closed/link") < 0 ||
            fchownat(root_fd, "closed/fifo", 1000, 65534, 0) < 0 ||
            fchownat(root_fd, "closed", 33, 33, 0) < 0 || fchmodat(root_fd, "closed", 0, 0) < 0 ||
            fchmod(root_fd, 0) < 0)
                return error_set_errno(error, errno, "fill");
        return 0;
}

static void test_remove_takes_everything(void **state)
{
        struct stat status;

        (void) state;
        needs_fixture();
        assert_ok(sandbox_make_directory(fixture.sandbox, fixture.directory, "other", &fixture.error));
        _cleanup_free_ char *path = path_join(fixture.directory, "other");
        SandboxTree tree = { .directory_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) };
        assert_ok(sandbox_call(fixture.sandbox, &tree, fill_with_stubborn_files, NULL, NULL, &fixture.error));
        close(tree.directory_fd);
        assert_ok(sandbox_remove_tree(fixture.sandbox, path, &fixture.error));
        assert_int_equal(lstat(path, &status), -1);
        assert_int_equal(stat("/etc/passwd", &status), 0);
}

static int nest_deeply(int root_fd, void *userdata, Buffer *reply, Error *error)
{
        int fd = dup(root_fd);

        (void) reply;
        for (int i = 0; i < *(int *) userdata; i++) {
                int next = mkdirat(fd, "d", 0500) == 0 ? openat(fd, "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
                                                       : -1;
                close(fd);
                if (next < 0)
                        return error_set_errno(error, errno, "nest");
                fd = next;
        }
        close(fd);
        return 0;
}

static void test_remove_takes_more_levels_than_descriptors(void **state)
{
        struct rlimit before, few;
        struct stat status;
        int depth = 500;

        (void) state;
        needs_fixture();
        assert_ok(sandbox_make_directory(fixture.sandbox, fixture.directory, "deep", &fixture.error));
        _cleanup_free_ char *path = path_join(fixture.directory, "deep");
        SandboxTree tree = { .directory_fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC) };
        assert_ok(sandbox_call(fixture.sandbox, &tree, nest_deeply, &depth, NULL, &fixture.error));
        close(tree.directory_fd);
        assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
        few = before;
        few.rlim_cur = 100;
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
        int r = sandbox_remove_tree(fixture.sandbox, path, &fixture.error);
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
        assert_ok(r);
        assert_int_equal(lstat(path, &status), -1);
}

static void test_tree_with_closed_root(void **state)
{
        (void) state;
        needs_fixture();
        assert_script("chmod 0700 /; stat -c %a /", "700\n");
        assert_script("chmod 0755 /; stat -c %a /", "755\n");
}

int main(int argc, char **argv)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_call),
                cmocka_unit_test(test_call_failures),
                cmocka_unit_test(test_directory_belongs_to_the_sandbox),
                cmocka_unit_test(test_remove_takes_everything),
                cmocka_unit_test(test_remove_takes_more_levels_than_descriptors),
                cmocka_unit_test(test_tree_with_closed_root),
                cmocka_unit_test(test_as_ordinary_user),
        };

        sandbox_init_hook(argc, argv);
        return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
