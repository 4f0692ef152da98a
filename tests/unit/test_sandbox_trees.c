/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sandbox_fixture.h"

#include <sys/xattr.h>

/* Trees in which a hostile program left something for the next run. */

/* A copy of the mount table, to see that nothing was added to it. */
static void assert_no_mounts_added(const Buffer *before)
{
        _cleanup_buffer_ Buffer after = BUFFER_INIT;
        _cleanup_close_ int fd = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);

        assert_int_equal(read_descriptor(fd, 1 << 20, &after), 0);
        assert_string_equal(after.data, before->data);
}

static void remember_mounts(Buffer *ret)
{
        _cleanup_close_ int fd = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);

        assert_int_equal(read_descriptor(fd, 1 << 20, ret), 0);
}

static int plant(int root_fd, void *userdata, Buffer *reply, Error *error)
{
        const char *name = userdata;

        (void) reply;
        if (symlinkat("../../../../../../../../etc", root_fd, name) < 0)
                return error_set_errno(error, errno, "plant %s", name);
        return 0;
}

static int unplant(int root_fd, void *userdata, Buffer *reply, Error *error)
{
        const char *name = userdata;

        (void) reply;
        if (unlinkat(root_fd, name, 0) < 0 ||
            (strcmp(name, "etc/resolv.conf") != 0 && mkdirat(root_fd, name, 0755) < 0))
                return error_set_errno(error, errno, "unplant %s", name);
        return 0;
}

static int remove_directory(int root_fd, void *userdata, Buffer *reply, Error *error)
{
        (void) reply;
        if (unlinkat(root_fd, userdata, AT_REMOVEDIR) < 0)
                return error_set_errno(error, errno, "rmdir %s", (const char *) userdata);
        return 0;
}

static void test_planted_links(void **state)
{
        static char names[][5] = { "dev", "proc", "run", "sys", "tmp" };
        const char *const argv[] = { "/bin/true", NULL };
        _cleanup_buffer_ Buffer mounts = BUFFER_INIT;
        char expected[128];

        (void) state;
        needs_fixture();
        remember_mounts(&mounts);
        for (size_t i = 0; i < ELEMENTS(names); i++) {
                int status;
                assert_ok(call_in_tree(remove_directory, names[i], NULL));
                assert_ok(call_in_tree(plant, names[i], NULL));
                assert_int_equal(fixture_run(argv, &status, NULL), -ELOOP);
                snprintf(expected, sizeof expected,
                         "Can't mount over /%s in the sandbox: it is a symbolic link, or lies behind one",
                         names[i]);
                assert_string_equal(fixture.error.message, expected);
                assert_ok(call_in_tree(unplant, names[i], NULL));
                assert_ok(fixture_run(argv, &status, NULL));
        }
        assert_no_mounts_added(&mounts);
}

static void test_planted_target(void **state)
{
        const char *const argv[] = { "true", NULL };
        const SandboxMount mount = { fixture.directory, "/mnt/link/x", false };
        SandboxCommand command = { .tree = &fixture.tree, .argv = argv, .mounts = &mount, .n_mounts = 1 };

        (void) state;
        needs_fixture();
        assert_script("mkdir /etc/x; ln -s /etc /mnt/link", "");
        assert_int_equal(sandbox_run(fixture.sandbox, &command, &fixture.error), -ELOOP);
        assert_script("rm /mnt/link; rmdir /etc/x", "");
}

static int run_with_network(const char *script, Buffer *text)
{
        const char *const argv[] = { "sh", "-c", script, NULL };
        SandboxCommand command = { .tree = &fixture.tree,
                                   .argv = argv,
                                   .network = true,
                                   .stdin_fd = -1,
                                   .output = fixture.output,
                                   .ret_stdout = text };

        buffer_done(text);
        return sandbox_run(fixture.sandbox, &command, &fixture.error);
}

static void test_resolv_conf(void **state)
{
        static const struct {
                const char *before;
                bool shown;
                const char *after; /* what the tree has then */
        } cases[] = {
                { "", true, "none\n" },
                { "echo own > /etc/resolv.conf", true, "own\n" },
                { "ln -s ../run/systemd/resolve/stub-resolv.conf /etc/resolv.conf", true,
                  "../run/systemd/resolve/stub-resolv.conf\n" },
                { "ln -s /run/resolvconf/resolv.conf /etc/resolv.conf", true,
                  "/run/resolvconf/resolv.conf\n" },
                { "ln -s /run/../made /etc/resolv.conf", false, "/run/../made\n" },
                { "ln -s /../../../made/x /etc/resolv.conf", false, "/../../../made/x\n" },
                { "ln -s resolv.conf /etc/resolv.conf", false, "resolv.conf\n" },
                { "mkdir /etc/resolv.conf", false, "directory\n" },
        };
        _cleanup_buffer_ Buffer host = BUFFER_INIT, text = BUFFER_INIT, mounts = BUFFER_INIT;

        (void) state;
        needs_fixture();
        if (read_file(AT_FDCWD, "/etc/resolv.conf", 1 << 20, &host, &fixture.error) < 0 || host.length == 0) {
                print_message("SKIP: this host has no /etc/resolv.conf\n");
                skip();
        }
        remember_mounts(&mounts);
        for (size_t i = 0; i < ELEMENTS(cases); i++) {
                print_message("%s\n", cases[i].before);
                assert_script("rm -rf /etc/resolv.conf", "");
                assert_script(cases[i].before, "");
                if (cases[i].shown) {
                        assert_ok(run_with_network(
                                "cat /etc/resolv.conf; echo x 2>/dev/null >> /etc/resolv.conf || true",
                                &text));
                        assert_string_equal(text.data, host.data);
                } else {
                        assert_ok(run_with_network("cat /etc/resolv.conf 2>/dev/null || true", &text));
                        assert_int_equal(text.length, 0);
                }
                assert_script(
                        "cd /etc; if [ -L resolv.conf ]; then readlink resolv.conf; elif [ -d resolv.conf ]; "
                        "then "
                        "echo directory; elif [ -e resolv.conf ]; then cat resolv.conf; else echo none; fi; "
                        "[ ! -e /made ]",
                        cases[i].after);
        }
        assert_script("rm -rf /etc/resolv.conf", "");
        assert_no_mounts_added(&mounts);
}

/* What a new directory inherits from one that everybody shares: rwx for each, a group, the bit that hands it on. */
static int make_shared_directory(const char *path)
{
        /* acl(5) as the kernel stores it: version 2; owner, user 1, group, mask, others */
        static const uint8_t acl[] = { 2, 0, 0, 0, 1, 0, 7, 0, 255, 255, 255, 255, 2,  0, 7, 0, 1,   0,   0,   0,
                                       4, 0, 7, 0, 255, 255, 255, 255, 16, 0, 7, 0, 255, 255, 255, 255, 32, 0, 7, 0,
                                       255, 255, 255, 255 };

        if (mkdir(path, 0755) < 0 || (geteuid() == 0 && chown(path, (uid_t) -1, 1) < 0) || chmod(path, 02775) < 0)
                return -errno;
        return setxattr(path, "system.posix_acl_default", acl, sizeof acl, 0) < 0 ? -errno : 0;
}

static int make_file_and_directory(int root_fd, void *userdata, Buffer *reply, Error *error)
{
        static const char *const names[] = { ".", "directory", "file" };

        (void) userdata;
        int fd = openat(root_fd, "file", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (fd < 0 || close(fd) < 0 || mkdirat(root_fd, "directory", 0777) < 0)
                return error_set_errno(error, errno, "Can't make files");
        for (size_t i = 0; i < ELEMENTS(names); i++) {
                struct stat status;
                if (fstatat(root_fd, names[i], &status, 0) < 0)
                        return error_set_errno(error, errno, "%s", names[i]);
                if (buffer_printf(reply, "%s %04o %u:%u\n", names[i], status.st_mode & 07777, status.st_uid,
                                  status.st_gid) < 0)
                        return error_out_of_memory(error);
        }
        return 0;
}

/* The modes in a tree are the same wherever it lies. */
static void test_shared_directory(void **state)
{
        _cleanup_buffer_ Buffer found = BUFFER_INIT;
        _cleanup_close_ int fd = -1;

        (void) state;
        needs_fixture();
        _cleanup_free_ char *shared = path_join(fixture.directory, "shared");
        _cleanup_free_ char *path = path_join(shared, "tree");
        int r = make_shared_directory(shared);
        if (r == -EOPNOTSUPP) {
                print_message("the file system has no ACLs\n");
                skip();
        }
        assert_int_equal(r, 0);
        assert_ok(sandbox_make_directory(fixture.sandbox, shared, "tree", &fixture.error));
        fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
        assert_true(fd >= 0);
        SandboxTree tree = { .directory_fd = fd };
        assert_ok(sandbox_call(fixture.sandbox, &tree, make_file_and_directory, NULL, &found, &fixture.error));
        assert_string_equal(found.data, ". 0755 0:0\ndirectory 0755 0:0\nfile 0644 0:0\n");
        assert_ok(sandbox_remove_tree(fixture.sandbox, path, &fixture.error));
}

int main(int argc, char **argv)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_planted_links),
                cmocka_unit_test(test_planted_target),
                cmocka_unit_test(test_resolv_conf),
                cmocka_unit_test(test_shared_directory),
                cmocka_unit_test(test_as_ordinary_user),
        };

        sandbox_init_hook(argc, argv);
        return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
