/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sandbox_fixture.h"

#include "base/cancel.h"

#include <arpa/inet.h>
#include <linux/io_uring.h>
#include <linux/sched.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>

/* What a hostile program in the sandbox tries. */

#define PROBE_NAME "/run/templar/probe"

static void test_refused(void **state)
{
        static const struct {
                const char *what;
                const char *script;
                const char *expected;
        } cases[] = {
                { "mount a file system", "mount -t tmpfs x /mnt",
                  "mount: permission denied (are you root?)\n" },
                { "mount /proc again", "mount -t proc x /mnt", "mount: permission denied (are you root?)\n" },
                { "bind", "mount -o bind / /mnt", "mount: permission denied (are you root?)\n" },
                { "remount", "mount -o remount,rw /proc/sys", "mount: permission denied (are you root?)\n" },
                { "unmount a mask", "umount /proc/sys",
                  "umount: can't unmount /proc/sys: Operation not permitted\n" },
                { "make a block device", "mknod /tmp/x b 254 0", "mknod: /tmp/x: Operation not permitted\n" },
                { "make a character device", "mknod /mnt/x c 1 1",
                  "mknod: /mnt/x: Operation not permitted\n" },
                { "set the kernel", "echo x > /proc/sys/kernel/hostname",
                  "sh: can't create /proc/sys/kernel/hostname: Read-only file system\n" },
                { "allow user namespaces", "echo 9 > /proc/sys/user/max_user_namespaces",
                  "sh: can't create /proc/sys/user/max_user_namespaces: Read-only file system\n" },
                { "make a user namespace", "unshare -U true",
                  "unshare: unshare(0x10000000): Operation not permitted\n" },
                { "make a mount namespace", "unshare -m true",
                  "unshare: unshare(0x20000): Operation not permitted\n" },
                { "enter PID 1's namespace", "nsenter -t 1 -m true",
                  "nsenter: setns(): can't reassociate to namespace 'mnt': Operation not permitted\n" },
                { "rename the host", "hostname evil", "hostname: sethostname: Operation not permitted\n" },
                { "set the clock", "date -s 2001-01-01 >/dev/null",
                  "date: can't set date: Operation not permitted\n" },
                { "change the network", "ifconfig lo down",
                  "ifconfig: SIOCSIFFLAGS: Operation not permitted\n" },
                { "raise a limit of the host", "ulimit -H -c 1",
                  "sh: error setting limit: Operation not permitted\n" },
        };

        (void) state;
        needs_fixture();
        for (size_t i = 0; i < ELEMENTS(cases); i++) {
                _cleanup_free_ char *script = NULL;
                print_message("%s\n", cases[i].what);
                assert_true(asprintf(&script, "exec 2>&1; %s || true", cases[i].script) > 0);
                assert_script(script, cases[i].expected);
        }
}

static void test_nothing_of_the_host_is_seen(void **state)
{
        (void) state;
        needs_fixture();
        assert_script("echo /proc/[0-9]*; cat /proc/1/comm; :", "/proc/1 /proc/2\ntemplar-init\n");
        _cleanup_free_ char *secret = path_join(fixture.directory, "secret"), *script = NULL;
        assert_ok(write_file_atomic(AT_FDCWD, secret, "secret", 6, 0644, &fixture.error));
        assert_true(
                asprintf(&script,
                         "for root in '' /proc/1/root /proc/1/cwd /proc/1/root/../.. /proc/self/root/..; do "
                         "cat $root%s 2>/dev/null; done; ls / | tr '\\n' ' '",
                         secret) > 0);
        assert_script(script, "bin dev etc mnt proc run sys tmp usr var ");
        assert_int_equal(unlink(secret), 0);
        assert_script("for i in cmdline kallsyms keys kmsg timer_list kcore; do cat /proc/$i; done "
                      "2>/dev/null | wc -c",
                      "0\n");
        assert_script("cat /proc/sys/user/max_user_namespaces", "0\n");
        /* some kernels have none */
        assert_script("(echo h > /proc/sysrq-trigger) 2>/dev/null && echo pressed; true", "");
}

static void test_no_inherited_descriptors(void **state)
{
        (void) state;
        needs_fixture();
        _cleanup_free_ char *path = path_join(fixture.directory, "secret");
        /* inheritable on purpose */
        int fd = open(path, O_RDWR | O_CREAT, 0644);
        assert_true(fd >= 0);
        int high = fcntl(fd, F_DUPFD, 500);
        assert_true(high >= 0);
        assert_script("ls /proc/self/fd | tr '\\n' ' '; ls /proc/1/fd | tr '\\n' ' '", "0 1 2 3 0 1 2 4 ");
        assert_script("for i in 0 1 2 4; do readlink /proc/1/fd/$i; done | sed 's/[0-9]//g'",
                      "/dev/null\npipe:[]\npipe:[]\npipe:[]\n");
        close(fd);
        close(high);
        assert_int_equal(unlink(path), 0);
}

static void test_memory_of_the_caller_is_gone(void **state)
{
        /* neither the caller's environment nor its arguments are in PID 1 */
        (void) state;
        needs_fixture();
        setenv("TEMPLAR_TEST_SECRET", "swordfish", 1);
        assert_script("cat /proc/1/environ /proc/1/cmdline | grep -c -e swordfish; true", "0\n");
        unsetenv("TEMPLAR_TEST_SECRET");
}

/* System calls that no shell makes: this program again, in the tools root, with the probe's name. */

static int errno_of(long result)
{
        return result < 0 ? errno : 0;
}

#if defined(__x86_64__)
/* fsync(-1) by the 32-bit entry; -EBADF without the filter */
static long fsync_32bit(void)
{
        long result;

        __asm__ volatile("int $0x80" : "=a"(result) : "a"(118), "b"(-1) : "memory");
        return result;
}
#endif

static void probe(void)
{
        struct io_uring_params params = { 0 };
        struct clone_args clone_args = { .flags = CLONE_NEWUSER, .exit_signal = SIGCHLD };
        struct {
                const char *name;
                int result;
        } answers[] = {
                { "unshare", errno_of(unshare(CLONE_NEWUSER)) },
                { "clone", errno_of(syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0)) },
                { "clone3", errno_of(syscall(SYS_clone3, &clone_args, sizeof clone_args)) },
                { "setns", errno_of(setns(-1, 0)) },
                { "keyctl", errno_of(syscall(SYS_keyctl, 0, -3, 0)) },
                { "add_key", errno_of(syscall(SYS_add_key, "user", "a", "b", 1, -3)) },
                { "bpf", errno_of(syscall(SYS_bpf, 0, NULL, 0)) },
                { "ptrace", errno_of(ptrace(PTRACE_TRACEME, 0, NULL, NULL)) },
                { "io_uring", errno_of(syscall(SYS_io_uring_setup, 1, &params)) },
                { "handle", errno_of(syscall(SYS_open_by_handle_at, -1, NULL, 0)) },
                { "fsync", errno_of(fsync(-1)) },
                { "fdatasync", errno_of(fdatasync(-1)) },
                { "syncfs", errno_of(syncfs(-1)) },
                { "msync", errno_of(msync((void *) 1, 1, MS_SYNC)) },
                { "vsock", errno_of(socket(AF_VSOCK, SOCK_STREAM, 0)) },
                { "packet", errno_of(socket(AF_PACKET, SOCK_RAW, 0)) },
                { "unix", errno_of(socket(AF_UNIX, SOCK_STREAM, 0)) },
                { "inet6", errno_of(socket(AF_INET6, SOCK_STREAM, 0)) },
                { "netlink", errno_of(socket(AF_NETLINK, SOCK_RAW, 0)) },
                { "raw", errno_of(socket(AF_INET, SOCK_RAW, 1)) },
                { "tiocsti", errno_of(ioctl(0, TIOCSTI, "x")) },
        };

        for (size_t i = 0; i < ELEMENTS(answers); i++)
                printf("%s %s\n", answers[i].name, strerrorname_np(answers[i].result));
        fflush(stdout);
        _exit(0);
}

static void probe_32bit(void)
{
#if defined(__x86_64__)
        printf("%ld\n", fsync_32bit());
        fflush(stdout);
#endif
        _exit(0);
}

static void probe_connect(const char *port)
{
        struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

        address.sin_port = htons((uint16_t) atoi(port));
        printf("%s\n", strerrorname_np(errno_of(connect(fd, (struct sockaddr *) &address, sizeof address))));
        fflush(stdout);
        _exit(0);
}

static int run_probe(const char *name, bool network, Buffer *text)
{
        char self[4096];
        ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);

        assert_true(length > 0);
        self[length] = '\0';
        /* sandbox's ids have no rights on a file that is its owner's alone */
        assert_int_equal(chmod(self, 0755), 0);
        const SandboxMount mount = { self, PROBE_NAME, false };
        const char *const argv[] = { PROBE_NAME, name, NULL };
        SandboxCommand command = { .root = SANDBOX_ROOT_TOOLS,
                                   .argv = argv,
                                   .mounts = &mount,
                                   .n_mounts = 1,
                                   .network = network,
                                   .stdin_fd = -1,
                                   .output = fixture.output,
                                   .ret_stdout = text };

        buffer_done(text);
        return sandbox_run(fixture.sandbox, &command, &fixture.error);
}

static void test_system_calls(void **state)
{
        static const char expected[] =
                "unshare EPERM\nclone EPERM\nclone3 ENOSYS\nsetns EPERM\nkeyctl EPERM\n"
                "add_key EPERM\nbpf EPERM\nptrace EPERM\nio_uring EPERM\nhandle EPERM\n"
                "fsync 0\nfdatasync 0\nsyncfs 0\nmsync 0\nvsock EAFNOSUPPORT\n"
                "packet EAFNOSUPPORT\nunix 0\ninet6 0\nnetlink 0\nraw EPERM\ntiocsti ENOTTY\n";
        _cleanup_buffer_ Buffer text = BUFFER_INIT;

        (void) state;
        needs_fixture();
        assert_ok(run_probe("probe", false, &text));
        assert_string_equal(text.data, expected);
}

static void test_system_calls_32bit(void **state)
{
        _cleanup_buffer_ Buffer text = BUFFER_INIT;

        (void) state;
        needs_fixture();
        if (run_probe("probe32", false, &text) < 0 || !text.data) {
                print_message("SKIP: no 32-bit system calls on this machine\n");
                skip();
        }
        assert_string_equal(text.data, "0\n");
}

/* A listener on the host's loopback, and what a connection from inside comes to. */
static void test_network(void **state)
{
        struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        _cleanup_buffer_ Buffer text = BUFFER_INIT;
        socklen_t length = sizeof address;
        char port[8];

        (void) state;
        needs_fixture();
        _cleanup_close_ int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_int_equal(bind(fd, (struct sockaddr *) &address, sizeof address), 0);
        assert_int_equal(listen(fd, 5), 0);
        assert_int_equal(getsockname(fd, (struct sockaddr *) &address, &length), 0);
        snprintf(port, sizeof port, "%u", ntohs(address.sin_port));
        assert_ok(run_probe(port, false, &text));
        assert_string_equal(text.data, "ECONNREFUSED\n");
        /* with a network it works, so that the refusal above means something */
        assert_ok(run_probe(port, true, &text));
        assert_string_equal(text.data, "0\n");
}

/* processes */

static void wait_until_gone(void)
{
        for (int i = 0; i < 1000 && count_processes() > 0; i++)
                poll(NULL, 0, 10);
        assert_int_equal(count_processes(), 0);
}

static void test_background_processes_end(void **state)
{
        static const char *const scripts[] = {
                "sleep 1000 &",
                "sleep 1000 >/dev/null 2>&1 </dev/null &",
                "setsid sh -c 'trap \"\" TERM HUP INT; (while :; do sleep 1; done) & sleep 1000' &",
                "for i in 1 2 3 4 5 6 7 8 9; do (setsid sleep 1000 &); done; kill -STOP -1; true",
        };

        (void) state;
        needs_fixture();
        for (size_t i = 0; i < ELEMENTS(scripts); i++) {
                assert_script(scripts[i], "");
                assert_int_equal(count_processes(), 0);
        }
}

static void test_init_survives(void **state)
{
        (void) state;
        needs_fixture();
        assert_script("kill -KILL 1; kill -STOP 1; kill -TERM 1; kill -SEGV 1; echo alive", "alive\n");
}

static void test_orphans_are_reaped(void **state)
{
        (void) state;
        needs_fixture();
        assert_script("for i in 1 2 3 4 5; do (sh -c 'exit 1' &); done; sleep 0.3; "
                      "grep -l '^State:.*zombie' /proc/*/status 2>/dev/null | wc -l",
                      "0\n");
}

static void test_report_is_out_of_reach(void **state)
{
        const char *const argv[] = { "sh", "-c", "printf '\\000\\000\\000\\000S' > /proc/1/fd/4; exit 5",
                                     NULL };
        int status = -1;

        (void) state;
        needs_fixture();
        assert_ok(fixture_run(argv, &status, NULL));
        assert_int_equal(status, 5);
}

/* In a process of its own: a command that would run for long. */
static pid_t start_long_run(void)
{
        pid_t pid = fork();

        if (pid != 0)
                return pid;
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* a failed assertion leaves nothing behind */
        const char *const argv[] = { "sh", "-c", "(trap '' TERM; sleep 1000) & sleep 1000", NULL };
        int status;
        if (cancel_install() < 0)
                _exit(100);
        int r = fixture_run(argv, &status, NULL);
        if (r != -ECANCELED)
                print_error("%d %s\n", r, fixture.error.message);
        _exit(r == -ECANCELED && fixture.error.kind == ERROR_CANCELLED && count_processes() == 0 ? 42 : 43);
}

/* Until both sleeps run: keeper, PID 1, and the two. */
static void wait_until_running(void)
{
        for (int i = 0; i < 1000 && count_processes() < 4; i++)
                poll(NULL, 0, 10);
        assert_true(count_processes() >= 4);
}

static void test_cancel(void **state)
{
        int status = 0;

        (void) state;
        needs_fixture();
        pid_t pid = start_long_run();
        wait_until_running();
        assert_int_equal(kill(pid, SIGTERM), 0);
        assert_int_equal(process_wait(pid, &status), 0);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 42);
        assert_int_equal(count_processes(), 0);
}

static void test_kill_takes_all_down(void **state)
{
        int status = 0;

        (void) state;
        needs_fixture();
        pid_t pid = start_long_run();
        wait_until_running();
        assert_int_equal(kill(pid, SIGKILL), 0);
        assert_int_equal(process_wait(pid, &status), 0);
        wait_until_gone();
}

static int sleep_long(int root_fd, void *userdata, Buffer *reply, Error *error)
{
        (void) root_fd;
        (void) userdata;
        (void) reply;
        (void) error;
        sleep(1000);
        return 0;
}

static void test_cancelled_call(void **state)
{
        static const struct {
                int signal;
                int status;
        } cases[] = { { SIGTERM, 42 }, { SIGINT, 42 }, { SIGKILL, -1 } };

        (void) state;
        needs_fixture();
        for (size_t i = 0; i < ELEMENTS(cases); i++) {
                int status = 0;
                pid_t pid = fork();
                if (pid == 0) {
                        prctl(PR_SET_PDEATHSIG, SIGKILL);
                        if (cancel_install() < 0)
                                _exit(100);
                        int r = call_in_tree(sleep_long, NULL, NULL);
                        _exit(r == -ECANCELED && count_processes() == 0 ? 42 : 43);
                }
                for (int j = 0; j < 1000 && count_processes() < 1; j++)
                        poll(NULL, 0, 10);
                assert_int_equal(kill(pid, cases[i].signal), 0);
                assert_int_equal(process_wait(pid, &status), 0);
                assert_int_equal(WIFEXITED(status) ? WEXITSTATUS(status) : -1, cases[i].status);
                wait_until_gone();
        }
}

int main(int argc, char **argv)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_refused),
                cmocka_unit_test(test_nothing_of_the_host_is_seen),
                cmocka_unit_test(test_no_inherited_descriptors),
                cmocka_unit_test(test_memory_of_the_caller_is_gone),
                cmocka_unit_test(test_system_calls),
                cmocka_unit_test(test_system_calls_32bit),
                cmocka_unit_test(test_network),
                cmocka_unit_test(test_background_processes_end),
                cmocka_unit_test(test_init_survives),
                cmocka_unit_test(test_orphans_are_reaped),
                cmocka_unit_test(test_report_is_out_of_reach),
                cmocka_unit_test(test_cancel),
                cmocka_unit_test(test_kill_takes_all_down),
                cmocka_unit_test(test_cancelled_call),
                cmocka_unit_test(test_as_ordinary_user),
        };

        sandbox_init_hook(argc, argv);
        if (argc > 1 && strcmp(argv[0], PROBE_NAME) == 0) {
                if (strcmp(argv[1], "probe") == 0)
                        probe();
                if (strcmp(argv[1], "probe32") == 0)
                        probe_32bit();
                probe_connect(argv[1]);
        }
        return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
