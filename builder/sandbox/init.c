/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sandbox/init.h"

#include "base/cancel.h"
#include "base/file.h"
#include "base/process.h"
#include "base/strings.h"
#include "sandbox/confine.h"
#include "sandbox/message.h"
#include "sandbox/pty.h"
#include "sandbox/root.h"
#include "sandbox/sandbox.h"
#include "sandbox/spec.h"
#include "sandbox/tree.h"
#include "sandbox/userns.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

/* Three processes: the keeper, outside the pid namespace but already the sandbox's root, which waits for the
 * end or for the order to end; PID 1, which builds the root directory, gives up what it can, and reaps; the
 * command. */

#define SPEC_LIMIT_BYTES ((uint64_t) 64 << 20)
#define ALIVE_FD (INIT_REPORT + 1)
#define EXEC_FD (INIT_REPORT + 2)

const char *const init_environment[] = {
        "container=systemd-nspawn",
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "HOME=/root",
        "TERM=dumb",
        "LC_ALL=C.UTF-8",
        "TZ=UTC",
        NULL,
};

static _Noreturn void give_up(const Error *error)
{
        int r = message_send_error(INIT_REPORT, error);

        _exit(r < 0 ? 2 : 1);
}

static int raise_loopback(Error *error)
{
        struct ifreq request = { .ifr_name = "lo" };
        _cleanup_close_ int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

        if (fd < 0 || ioctl(fd, SIOCGIFFLAGS, &request) < 0)
                return error_set_errno(error, errno, "Can't look at the sandbox's loopback interface");
        request.ifr_flags |= IFF_UP;
        if (ioctl(fd, SIOCSIFFLAGS, &request) < 0)
                return error_set_errno(error, errno, "Can't start the sandbox's loopback interface");
        return 0;
}

static int set_names(Error *error)
{
        /* the host's names must not get into an image */
        if (sethostname("localhost", strlen("localhost")) < 0 ||
            setdomainname("(none)", strlen("(none)")) < 0)
                return error_set_errno(error, errno, "Can't name the sandbox's host");
        return 0;
}

static int build_inside(const Spec *spec, int tree_fd, const int *mount_fds, Error *error)
{
        int r = set_names(error);

        if (r == 0 && !spec->network)
                r = raise_loopback(error);
        if (r == 0)
                r = root_build(spec, tree_fd, mount_fds, error);
        if (r == 0)
                r = confine_resources(error);
        if (r == 0)
                r = confine_capabilities(error);
        if (r == 0)
                r = confine_system_calls(error);
        if (r < 0)
                return r;
        /* The change of ids took the right to read /proc/1 from everyone. Packages' scripts look for
         * "container=" in /proc/1/environ; and there is nothing else to see: PID 1 has no more rights than
         * they. */
        if (prctl(PR_SET_DUMPABLE, 1) < 0)
                return error_set_errno(error, errno, "Can't open /proc/1 in the sandbox");
        return 0;
}

/* Whatever the caller ignored: an ignored SIGCHLD would take the statuses away. */
static void reset_signals(void)
{
        /* handler, flags, restorer and mask as the kernel has them (rt_sigaction(2)): signal(3) leaves out the two that
         * the C library keeps for itself, and they are inherited as well */
        static const uint64_t by_default[4];

        for (int number = 1; number < NSIG; number++)
                if (number != SIGKILL && number != SIGSTOP)
                        syscall(SYS_rt_sigaction, number, by_default, NULL, sizeof(uint64_t));
        cancel_reset_in_child();
}

static _Noreturn void become_command(const Spec *spec)
{
        setsid();
        if ((spec->console != SANDBOX_CONSOLE_TERMINAL || pty_control() == 0) &&
            close_range(INIT_SPEC, EXEC_FD - 1, 0) == 0 && close_range(EXEC_FD + 1, ~0u, 0) == 0) {
                environ = spec->environment;
                execvp(spec->argv[0], spec->argv);
        }
        int failure = errno;
        int r = write_all(EXEC_FD, &failure, sizeof failure);
        _exit(r < 0 ? 126 : 127);
}

static int exec_error(const char *program, int failure, Error *error)
{
        if (failure != ENOENT)
                return error_set_errno(error, failure, "Can't run %s in the sandbox", program);
        if (strchr(program, '/') && access(program, F_OK) == 0)
                return error_set(error, -ENOENT,
                                 "Can't run %s in the sandbox: it is there, but its interpreter is not",
                                 program);
        return error_set(error, -ENOENT, "Can't run %s in the sandbox: not found in the image", program);
}

/* The command's process id, once it runs the program. */
static pid_t start_command(const Spec *spec, Error *error)
{
        int pipe_fds[2], failure = 0;

        if (pipe2(pipe_fds, O_CLOEXEC) < 0)
                return error_set_errno(error, errno, "Can't make a pipe in the sandbox");
        /* dup3() onto itself fails; whatever numbers the pipe got, EXEC_FD is not in use */
        int moved = pipe_fds[1] == EXEC_FD ? EXEC_FD : dup3(pipe_fds[1], EXEC_FD, O_CLOEXEC);
        pid_t pid = moved < 0 ? -1 : fork();
        if (pid == 0)
                become_command(spec);
        int fork_errno = errno;
        close(EXEC_FD);
        if (pipe_fds[1] != EXEC_FD)
                close(pipe_fds[1]);
        if (pid < 0) {
                close(pipe_fds[0]);
                return error_set_errno(error, fork_errno, "Can't start a process in the sandbox");
        }
        ssize_t n = read(pipe_fds[0], &failure, sizeof failure);
        close(pipe_fds[0]);
        return n == sizeof failure ? exec_error(spec->argv[0], failure, error) : pid;
}

/* All processes without a parent come to PID 1. */
static int reap_until(pid_t command)
{
        int status = 0;

        for (;;) {
                pid_t pid = waitpid(-1, &status, 0);
                if (pid == command)
                        return status;
                if (pid < 0 && errno != EINTR)
                        return -errno;
        }
}

/* As shells do it: the message on standard error, and a status of its own. */
static _Noreturn void tell_not_started(const Error *error)
{
        int status = error->code == -ENOENT ? 127 : 126;

        dprintf(STDERR_FILENO, "templar: %s\n", error->message);
        _exit(message_send_status(INIT_REPORT, W_EXITCODE(status, 0)) < 0);
}

/* Only the program and those that it starts hold the pipes, so that each side sees the other's end. */
static void release_pipes(void)
{
        close_range(STDIN_FILENO, STDERR_FILENO, 0);
        for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
                if (open("/dev/null", O_RDWR) < 0)
                        return;
}

static _Noreturn void become_pid1(const Spec *spec, int tree_fd, const int *mount_fds, int alive_fd)
{
        _cleanup_error_ Error error = ERROR_INIT;
        struct pollfd alive = { .fd = alive_fd, .events = POLLIN };

        /* the keeper is in another pid namespace, where getppid() can't see it; its end of this pipe can be
         * seen */
        if (die_with_parent(0) < 0 || poll(&alive, 1, 0) != 0)
                _exit(1);
        if (build_inside(spec, tree_fd, mount_fds, &error) < 0)
                give_up(&error);
        if (spec->console == SANDBOX_CONSOLE_TERMINAL && pty_make(INIT_CONSOLE, &error) < 0)
                give_up(&error);
        if (close_range(INIT_REPORT + 1, ~0u, 0) < 0) {
                error_set_errno(&error, errno, "Can't close descriptors in the sandbox");
                give_up(&error);
        }
        close(INIT_SPEC);
        pid_t command = start_command(spec, &error);
        if (command < 0 && spec->console != SANDBOX_CONSOLE_NONE)
                tell_not_started(&error);
        if (command < 0)
                give_up(&error);
        if (spec->console == SANDBOX_CONSOLE_PIPES)
                release_pipes();
        int status = reap_until(command);
        if (status < 0) {
                error_set_errno(&error, -status, "Can't wait for a process in the sandbox");
                give_up(&error);
        }
        _exit(message_send_status(INIT_REPORT, status) < 0);
}

static pid_t start_pid1(const Spec *spec, int tree_fd, const int *mount_fds, Error *error)
{
        int alive[2];
        int flags = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP |
                    (spec->network ? 0 : CLONE_NEWNET);

        if (unshare(flags) < 0)
                return error_set_errno(error, errno, "Can't make the sandbox's namespaces");
        if (pipe2(alive, O_CLOEXEC) < 0)
                return error_set_errno(error, errno, "Can't make a pipe");
        pid_t pid = fork();
        if (pid == 0) {
                close(alive[1]);
                become_pid1(spec, tree_fd, mount_fds, alive[0]);
        }
        if (pid < 0)
                return error_set_errno(error, errno, "Can't start the sandbox's PID 1");
        close(alive[0]); /* the other end stays open as long as this process lives */
        return pid;
}

/* PID 1 is dead only when every process of its namespace is, so its status says that all is over. */
static int wait_for_pid1(pid_t pid)
{
        _cleanup_close_ int pidfd = pidfd_open(pid, 0);
        struct pollfd polls[] = { { .fd = pidfd, .events = POLLIN },
                                  { .fd = INIT_CONTROL, .events = POLLIN } };
        int status = 0, r;

        do
                r = pidfd < 0 ? -1 : poll(polls, ELEMENTS(polls), -1);
        while (r < 0 && errno == EINTR);
        if (r < 0 || polls[1].revents)
                kill(pid, SIGKILL);
        r = process_wait(pid, &status);
        if (r < 0)
                return 1;
        return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static int read_spec(Spec *ret, Error *error)
{
        _cleanup_buffer_ Buffer encoded = BUFFER_INIT;
        int r = read_descriptor(INIT_SPEC, SPEC_LIMIT_BYTES, &encoded);

        if (r == 0)
                r = spec_decode(&encoded, ret);
        return r < 0 ? error_set_errno(error, -r, "Can't read what to do in the sandbox") : 0;
}

static int keep(Error *error)
{
        _cleanup_spec_ Spec spec = { 0 };
        int tree_fd = -1;

        for (int fd = INIT_SPEC; fd < INIT_N_FDS; fd++)
                if (fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
                        return error_set_errno(error, errno, "Started without the descriptors of a sandbox");
        int r = read_spec(&spec, error);
        if (r < 0)
                return r;
        if (die_with_parent(spec.parent) < 0)
                _exit(1);
        SandboxTree tree = spec_tree(&spec, INIT_TREE);
        TreeEntry entry = { INIT_USER_NAMESPACE, spec.has_tree ? &tree : NULL, spec.mounts, spec.n_mounts };
        _cleanup_free_ int *mount_fds = calloc(spec.n_mounts + 1, sizeof *mount_fds);
        if (!mount_fds)
                return error_out_of_memory(error);
        r = tree_enter(&entry, &tree_fd, mount_fds, error);
        if (r < 0)
                return r;
        if (die_with_parent(spec.parent) < 0)
                _exit(1);
        pid_t pid = start_pid1(&spec, tree_fd, mount_fds, error);
        if (pid < 0)
                return pid;
        /* only the processes inside hold the output open */
        close_range(INIT_STDIN, INIT_REPORT, 0);
        close(INIT_CONSOLE);
        _exit(wait_for_pid1(pid));
}

void sandbox_init_hook(int argc, char **argv)
{
        _cleanup_error_ Error error = ERROR_INIT;

        if (argc < 1 || strcmp(argv[0], INIT_NAME) != 0)
                return;
        reset_signals();
        umask(022);
        prctl(PR_SET_NAME, "templar-init"); /* for ps(1) alone */
        /* returns on failure only */
        int r = keep(&error);
        (void) r;
        give_up(&error);
}
