/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sandbox_fixture.h"

/* What callers of sandbox_run() rely on. */

static void test_status(void **state)
{
        static const struct {
                const char *script;
                int status;
        } cases[] = {
                { "exit 0", 0 }, { "exit 3", 3 }, { "exit 255", 255 }, { "true; sleep 1000 & exit 7", 7 }
        };

        (void) state;
        needs_fixture();
        for (size_t i = 0; i < ELEMENTS(cases); i++) {
                const char *const argv[] = { "sh", "-c", cases[i].script, NULL };
                int status = -1;
                assert_ok(fixture_run(argv, &status, NULL));
                assert_int_equal(status, cases[i].status);
        }
}

static void test_failures(void **state)
{
        static const struct {
                const char *argv[4];
                int code;
                const char *message;
        } cases[] = {
                { { "sh", "-c", "exit 4" }, -ECHILD, "sh exited with status 4" },
                { { "sh", "-c", "kill -KILL $$" }, -ECHILD, "sh was killed by SIGKILL (out of memory?)" },
                { { "sh", "-c", "kill -SEGV $$" }, -ECHILD, "sh was killed by SIGSEGV" },
                { { "nowhere" }, -ENOENT, "Can't run nowhere in the sandbox: not found in the image" },
                { { "/bin/nowhere" },
                  -ENOENT,
                  "Can't run /bin/nowhere in the sandbox: not found in the image" },
                { { "/etc/orphan" },
                  -ENOENT,
                  "Can't run /etc/orphan in the sandbox: it is there, but its interpreter is not" },
                { { "/etc" }, -EACCES, "Can't run /etc in the sandbox: Permission denied" },
        };

        (void) state;
        needs_fixture();
        assert_script("printf '#!/no/such/interpreter\\n' > /etc/orphan; chmod 755 /etc/orphan", "");
        for (size_t i = 0; i < ELEMENTS(cases); i++) {
                SandboxCommand command = { .tree = &fixture.tree,
                                           .argv = cases[i].argv,
                                           .output = fixture.output };
                error_done(&fixture.error);
                assert_int_equal(sandbox_run(fixture.sandbox, &command, &fixture.error), cases[i].code);
                assert_string_equal(fixture.error.message, cases[i].message);
        }
}

static void test_failure_has_last_lines(void **state)
{
        const char *const argv[] = { "sh", "-c", "echo out; echo err >&2; exit 1", NULL };
        SandboxCommand command = { .tree = &fixture.tree, .argv = argv, .stdin_fd = -1 };

        (void) state;
        needs_fixture();
        _cleanup_output_ Output *output = NULL;
        assert_ok(output_new(NULL, &output, &fixture.error));
        command.output = output;
        assert_int_equal(sandbox_run(fixture.sandbox, &command, &fixture.error), -ECHILD);
        assert_string_equal(fixture.error.detail, "out\nerr");
}

static void test_surroundings(void **state)
{
        (void) state;
        needs_fixture();
        assert_script("id -u; id -g; id -G; pwd; umask; hostname", "0\n0\n0\n/\n0022\nlocalhost\n");
        assert_script(
                "env | grep -v -e ^PWD= -e ^SHLVL= | sort",
                "DEBCONF_NONINTERACTIVE_SEEN=true\nDEBIAN_FRONTEND=noninteractive\nHOME=/"
                "root\nLC_ALL=C.UTF-8\n"
                "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\nPERL_HASH_SEED=0\nPYTHONHASHSEED=0\n"
                "TERM=dumb\nTZ=UTC\n");
        assert_script("tr '\\0' '\\n' < /proc/1/environ | grep container; cat /run/systemd/container",
                      "container=systemd-nspawn\nsystemd-nspawn\n");
        assert_script("tr '\\0' ' ' < /proc/1/cmdline", "templar-sandbox-init ");
        assert_script("cat; readlink /proc/self/fd/0", "/dev/null\n");
        assert_script("ulimit -c; ulimit -n", "0\n1024\n");
        assert_script("ls /sys; touch /sys/x 2>/dev/null || echo read only", "read only\n");
        assert_script(
                "mknod /dev/x c 1 3 2>&1 | sed 's/.*: //'; echo x > /dev/null; head -c 3 /dev/zero | wc -c",
                "Operation not permitted\n3\n");
        assert_script("stat -c '%a' /run /run/lock /tmp /dev/shm", "755\n1777\n1777\n1777\n");
        assert_script("touch /run/a /tmp/b /dev/shm/c && echo ok", "ok\n");
        assert_script("ls -A /run/a /tmp /dev/shm 2>/dev/null || true", "/dev/shm:\n\n/tmp:\n");
        assert_script(
                "ifconfig lo | grep -c UP; ls /proc/net/dev_snmp6 2>/dev/null | wc -l; ping -c1 127.0.0.1 "
                ">/dev/null 2>&1; ip -o link | wc -l",
                "1\n1\n1\n");
}

static void test_environment_is_complete(void **state)
{
        static const char *const environment[] = { "PATH=/bin", "A=1", NULL };
        const char *const argv[] = { "env", NULL };
        _cleanup_buffer_ Buffer text = BUFFER_INIT;
        SandboxCommand command = { .tree = &fixture.tree,
                                   .argv = argv,
                                   .environment = environment,
                                   .stdin_fd = -1,
                                   .output = fixture.output,
                                   .ret_stdout = &text };

        (void) state;
        needs_fixture();
        assert_ok(sandbox_run(fixture.sandbox, &command, &fixture.error));
        assert_string_equal(text.data, "PATH=/bin\nA=1\n");
}

static void test_odd_umask_and_ignored_signals(void **state)
{
        (void) state;
        needs_fixture();
        mode_t before = umask(0777);
        signal(SIGQUIT, SIG_IGN);
        assert_script("umask; stat -c %a /dev /run /dev/null; grep SigIgn /proc/self/status | tr -d '\\t'",
                      "0022\n755\n755\n666\nSigIgn:0000000000000000\n");
        signal(SIGQUIT, SIG_DFL);
        umask(before);
}

static void test_big_and_binary_output(void **state)
{
        static const unsigned char expected[] = { 0, 255, 13, 10, 0 };
        const char *const big[] = { "sh", "-c", "head -c 10000000 /dev/zero | tr '\\000' x", NULL };
        const char *const binary[] = { "printf", "\\000\\377\\r\\n\\000", NULL };
        _cleanup_buffer_ Buffer text = BUFFER_INIT, bytes = BUFFER_INIT;
        int status = -1;

        (void) state;
        needs_fixture();
        assert_ok(fixture_run(big, &status, &text));
        assert_int_equal(text.length, 10000000);
        assert_int_equal(strspn(text.data, "x"), 10000000);
        assert_ok(fixture_run(binary, &status, &bytes));
        assert_int_equal(bytes.length, sizeof expected);
        assert_memory_equal(bytes.data, expected, sizeof expected);
}

static void test_log_has_all(void **state)
{
        const char *const argv[] = { "sh", "-c", "head -c 3000000 /dev/zero; echo e >&2", NULL };
        SandboxCommand command = { .tree = &fixture.tree, .argv = argv, .stdin_fd = -1 };
        struct stat status;

        (void) state;
        needs_fixture();
        _cleanup_free_ char *path = path_join(fixture.directory, "log");
        _cleanup_output_ Output *output = NULL;
        assert_ok(output_new(path, &output, &fixture.error));
        command.output = output;
        assert_ok(sandbox_run(fixture.sandbox, &command, &fixture.error));
        assert_int_equal(stat(path, &status), 0);
        assert_int_equal(status.st_size, 3000002);
        assert_int_equal(unlink(path), 0);
}

static void test_stdin(void **state)
{
        const char *const argv[] = { "cat", NULL };
        _cleanup_buffer_ Buffer text = BUFFER_INIT;
        SandboxCommand command = { .tree = &fixture.tree, .argv = argv, .ret_stdout = &text };
        int fds[2];

        (void) state;
        needs_fixture();
        assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
        assert_int_equal(write_all(fds[1], "from outside", 12), 0);
        close(fds[1]);
        command.stdin_fd = fds[0];
        assert_ok(sandbox_run(fixture.sandbox, &command, &fixture.error));
        close(fds[0]);
        assert_string_equal(text.data, "from outside");
}

/* Both lead to pipes of ours, which a program opens anew. */
static void test_dev_stdout_and_stderr(void **state)
{
        const char *const argv[] = { "sh", "-c", "echo out > /dev/stdout; echo err > /dev/stderr", NULL };
        _cleanup_buffer_ Buffer text = BUFFER_INIT;
        _cleanup_output_ Output *output = NULL;
        SandboxCommand command = { .tree = &fixture.tree, .argv = argv, .ret_stdout = &text };

        (void) state;
        needs_fixture();
        assert_ok(output_new(NULL, &output, &fixture.error));
        command.output = output;
        assert_ok(sandbox_run(fixture.sandbox, &command, &fixture.error));
        assert_string_equal(text.data, "out\n");
        _cleanup_free_ char *tail = output_tail(output);
        assert_string_equal(tail, "err");
}

static void test_no_tree(void **state)
{
        const char *const argv[] = { "true", NULL };
        SandboxCommand command = { .argv = argv };

        (void) state;
        needs_fixture();
        assert_int_equal(sandbox_run(fixture.sandbox, &command, &fixture.error), -EINVAL);
        assert_string_equal(fixture.error.message, "Can't run true in the sandbox: no staging tree");
}

/* mounts */

static int run_with_mount(SandboxMount mount, const char *script, Buffer *text)
{
        const char *const argv[] = { "sh", "-c", script, NULL };
        SandboxCommand command = { .tree = &fixture.tree,
                                   .argv = argv,
                                   .mounts = &mount,
                                   .n_mounts = 1,
                                   .stdin_fd = -1,
                                   .output = fixture.output,
                                   .ret_stdout = text };

        error_done(&fixture.error);
        buffer_done(text);
        return sandbox_run(fixture.sandbox, &command, &fixture.error);
}

static void test_mounts(void **state)
{
        _cleanup_buffer_ Buffer text = BUFFER_INIT;
        struct stat status;

        (void) state;
        needs_fixture();
        _cleanup_free_ char *source = path_join(fixture.directory, "source"),
                            *file = path_join(source, "file");
        assert_int_equal(mkdir(source, 0700), 0);
        assert_int_equal(chmod(source, 0777), 0);
        assert_ok(write_file_atomic(AT_FDCWD, file, "text", 4, 0644, &fixture.error));

        assert_ok(run_with_mount((SandboxMount){ source, "/run/templar/in", false },
                                 "cat /run/templar/in/file; touch /run/templar/in/x 2>&1 || true", &text));
        assert_string_equal(text.data, "texttouch: /run/templar/in/x: Read-only file system\n");
        assert_ok(run_with_mount((SandboxMount){ file, "/run/templar/in", false }, "cat /run/templar/in",
                                 &text));
        assert_string_equal(text.data, "text");
        assert_ok(run_with_mount((SandboxMount){ source, "/mnt", true },
                                 "echo new > /mnt/made; cat /mnt/made", &text));
        assert_string_equal(text.data, "new\n");

        assert_int_equal(chdir(fixture.directory), 0);
        assert_ok(run_with_mount((SandboxMount){ "source", "/tmp/a/b", false }, "cat /tmp/a/b/file", &text));
        assert_string_equal(text.data, "text");
        assert_int_equal(chdir("/"), 0);

        assert_int_equal(run_with_mount((SandboxMount){ source, "/missing", false }, "true", &text), -ENOENT);
        assert_string_equal(fixture.error.message,
                            "Can't mount /missing in the sandbox: No such file or directory");
        assert_int_equal(run_with_mount((SandboxMount){ source, "/run/../missing", false }, "true", &text),
                         -ENOENT);
        assert_int_equal(run_with_mount((SandboxMount){ file, "/mnt", false }, "true", &text), -ENOTDIR);
        assert_string_equal(fixture.error.message, "Can't mount over /mnt in the sandbox: it is not a file");
        assert_int_equal(run_with_mount((SandboxMount){ "/no/such", "/mnt", false }, "true", &text), -ENOENT);
        assert_string_equal(fixture.error.message,
                            "Can't take /no/such into the sandbox: No such file or directory");
        assert_int_equal(fstatat(fixture.tree.directory_fd, "missing", &status, 0), -1);
        assert_ok(sandbox_remove_tree(fixture.sandbox, source, &fixture.error));
}

/* the tools root */

static int run_tools(const char *script, Buffer *text)
{
        const char *const argv[] = { "/bin/sh", "-c", script, NULL };
        SandboxCommand command = { .root = SANDBOX_ROOT_TOOLS,
                                   .tree = &fixture.tree,
                                   .argv = argv,
                                   .stdin_fd = -1,
                                   .output = fixture.output,
                                   .ret_stdout = text };

        error_done(&fixture.error);
        buffer_done(text);
        return sandbox_run(fixture.sandbox, &command, &fixture.error);
}

static void test_tools_root(void **state)
{
        static const struct {
                const char *script;
                const char *expected;
        } cases[] = {
                { "find /home /root /etc/apt /tmp; ls /run",
                  "/home\n/root\n/etc/apt\n/tmp\nlock\nsystemd\ntemplar\n" },
                { "cd " SANDBOX_TREE_PATH " && ls -d bin/busybox && echo x > var/written && cat var/written",
                  "bin/busybox\nx\n" },
                { "for i in / /usr /etc /usr/bin; do touch $i/x 2>/dev/null && echo $i; done; true", "" },
                { "cat /etc/shadow 2>/dev/null || echo refused", "refused\n" },
                { "echo $HOME; touch ~/x /var/tmp/x /tmp/x /var/lib/dpkg/x && echo ok", "/root\nok\n" },
                { "getent passwd root | cut -d: -f1-4", "root:x:0:0\n" },
                { "dpkg --print-foreign-architectures >/dev/null && apt-get --version >/dev/null && gpgv "
                  "--version "
                  ">/dev/null && echo ok",
                  "ok\n" },
        };
        _cleanup_buffer_ Buffer text = BUFFER_INIT;

        (void) state;
        needs_fixture();
        for (size_t i = 0; i < ELEMENTS(cases); i++) {
                assert_ok(run_tools(cases[i].script, &text));
                assert_string_equal(text.data ? text.data : "", cases[i].expected);
        }
}

static void test_tools_without_tree(void **state)
{
        const char *const argv[] = { "ls", "/run", NULL };
        _cleanup_buffer_ Buffer text = BUFFER_INIT;
        SandboxCommand command = { .root = SANDBOX_ROOT_TOOLS, .argv = argv, .ret_stdout = &text };

        (void) state;
        needs_fixture();
        assert_ok(sandbox_run(fixture.sandbox, &command, &fixture.error));
        assert_string_equal(text.data, "lock\nsystemd\n");
}

int main(int argc, char **argv)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_status),
                cmocka_unit_test(test_failures),
                cmocka_unit_test(test_failure_has_last_lines),
                cmocka_unit_test(test_surroundings),
                cmocka_unit_test(test_environment_is_complete),
                cmocka_unit_test(test_odd_umask_and_ignored_signals),
                cmocka_unit_test(test_big_and_binary_output),
                cmocka_unit_test(test_log_has_all),
                cmocka_unit_test(test_stdin),
                cmocka_unit_test(test_dev_stdout_and_stderr),
                cmocka_unit_test(test_no_tree),
                cmocka_unit_test(test_mounts),
                cmocka_unit_test(test_tools_root),
                cmocka_unit_test(test_tools_without_tree),
                cmocka_unit_test(test_as_ordinary_user),
        };

        sandbox_init_hook(argc, argv);
        return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
