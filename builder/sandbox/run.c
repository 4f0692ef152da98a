/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sandbox/sandbox.h"

#include "base/cancel.h"
#include "base/file.h"
#include "base/process.h"
#include "sandbox/init.h"
#include "sandbox/internal.h"
#include "sandbox/message.h"
#include "sandbox/run.h"
#include "sandbox/spec.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define STDOUT_LIMIT_BYTES ((size_t) 256 << 20)
#define REPORT_LIMIT_BYTES ((size_t) 1 << 20)
#define RESOLV_CONF_LIMIT_BYTES (1u << 20)

const char *const sandbox_environment[] = {
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "HOME=/root",
        "TERM=dumb",
        "LC_ALL=C.UTF-8",
        "TZ=UTC",
        "DEBIAN_FRONTEND=noninteractive",
        "DEBCONF_NONINTERACTIVE_SEEN=true",
        "PERL_HASH_SEED=0",
        "PYTHONHASHSEED=0",
        NULL,
};

static void run_done(Run *run)
{
        const Pipe pipes[] = { run->in, run->out, run->err, run->report, run->control, run->console };

        cleanup_close(&run->null_fd);
        cleanup_close(&run->spec_fd);
        for (size_t i = 0; i < ELEMENTS(pipes); i++) {
                cleanup_close(&pipes[i].read_fd);
                cleanup_close(&pipes[i].write_fd);
        }
}

static void close_now(int *fd)
{
        cleanup_close(fd);
        *fd = -1;
}

static int make_pipe(Pipe *ret, Error *error)
{
        int fds[2];

        if (pipe2(fds, O_CLOEXEC) < 0)
                return error_set_errno(error, errno, "Can't make a pipe");
        *ret = (Pipe){ fds[0], fds[1] };
        return 0;
}

/* The host's resolv.conf; a host without one has no names to resolve. */
static int read_resolv_conf(Buffer *ret)
{
        _cleanup_close_ int fd = open("/etc/resolv.conf", O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        int r = fd < 0 ? 0 : read_descriptor(fd, RESOLV_CONF_LIMIT_BYTES, ret);

        return r < 0 ? r : buffer_append(ret, "", 0);
}

static int write_spec(const SandboxCommand *command, int *ret_fd, Error *error)
{
        _cleanup_buffer_ Buffer encoded = BUFFER_INIT, resolv_conf = BUFFER_INIT;
        _cleanup_close_ int fd = memfd_create("templar-sandbox", MFD_CLOEXEC);

        if (fd < 0)
                return error_set_errno(error, errno, "Can't make a file in memory");
        int r = command->network ? read_resolv_conf(&resolv_conf) : 0;
        if (r < 0)
                return error_set_errno(error, -r, "Can't read /etc/resolv.conf");
        r = spec_encode(command, resolv_conf.data ? resolv_conf.data : "", &encoded);
        if (r == 0)
                r = write_all(fd, encoded.data, encoded.length);
        if (r == 0 && lseek(fd, 0, SEEK_SET) < 0)
                r = -errno;
        if (r < 0)
                return error_set_errno(error, -r, "Can't tell the sandbox what to do");
        *ret_fd = TAKE_FD(fd);
        return 0;
}

/* /dev/stdin, /dev/stdout and /dev/stderr open the pipe anew, as an id to which it does not belong. */
static int make_open_pipe(Pipe *ret, Error *error)
{
        int r = make_pipe(ret, error);

        if (r == 0 && fchmod(ret->write_fd, 0666) < 0)
                return error_set_errno(error, errno, "Can't open a pipe to the sandbox");
        return r;
}

static int make_input_pipe(Pipe *ret, Error *error)
{
        int r = make_open_pipe(ret, error);

        if (r == 0 && fcntl(ret->write_fd, F_SETFL, O_NONBLOCK) < 0)
                return error_set_errno(error, errno, "Can't open a pipe to the sandbox");
        return r;
}

static int make_sockets(Pipe *ret, Error *error)
{
        int fds[2];

        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
                return error_set_errno(error, errno, "Can't make a pair of sockets");
        *ret = (Pipe){ fds[0], fds[1] };
        return 0;
}

static int prepare_console(Run *run, const SandboxCommand *command, Error *error)
{
        int r = 0;

        switch (command->console) {
        case SANDBOX_CONSOLE_NONE:
                r = make_open_pipe(&run->err, error);
                return r == 0 && command->ret_stdout ? make_open_pipe(&run->out, error) : r;
        case SANDBOX_CONSOLE_PIPES:
                r = make_input_pipe(&run->in, error);
                if (r == 0)
                        r = make_open_pipe(&run->out, error);
                return r == 0 ? make_open_pipe(&run->err, error) : r;
        case SANDBOX_CONSOLE_TERMINAL:
                r = make_sockets(&run->console, error);
                return r == 0 && !isatty(STDERR_FILENO) ? make_open_pipe(&run->err, error) : r;
        }
        return r;
}

static int prepare(Run *run, const SandboxCommand *command, Error *error)
{
        run->null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
        if (run->null_fd < 0)
                return error_set_errno(error, errno, "Can't open /dev/null");
        int r = write_spec(command, &run->spec_fd, error);
        if (r == 0)
                r = prepare_console(run, command, error);
        if (r == 0)
                r = make_pipe(&run->report, error);
        return r == 0 ? make_pipe(&run->control, error) : r;
}

/* In the child: every descriptor to its number. First all of them out of the way, as one may lie on another's
 * number. */
static int place_descriptors(const int fds[static INIT_N_FDS])
{
        int moved[INIT_N_FDS];

        for (int i = 0; i < INIT_N_FDS; i++) {
                moved[i] = fcntl(fds[i], F_DUPFD, INIT_N_FDS);
                if (moved[i] < 0)
                        return -errno;
        }
        for (int i = 0; i < INIT_N_FDS; i++)
                if (dup2(moved[i], i) < 0)
                        return -errno;
        return close_range(INIT_N_FDS, ~0u, 0) < 0 ? -errno : 0;
}

static _Noreturn void become_init(const int fds[static INIT_N_FDS], pid_t parent)
{
        char *const arguments[] = { (char *) INIT_NAME, NULL };
        _cleanup_error_ Error error = ERROR_INIT;

        cancel_reset_in_child();
        /* no terminal: neither its keys nor its input queue are for programs in there */
        setsid();
        if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
                _exit(1);
        int r = place_descriptors(fds);
        if (r == 0) {
                execve("/proc/self/exe", arguments, (char *const *) init_environment);
                r = -errno;
        }
        error_set_errno(&error, -r, "Can't start the sandbox's PID 1");
        _exit(message_send_error(INIT_REPORT, &error) < 0 ? 2 : 1);
}

static int first_of(int fd, int other)
{
        return fd >= 0 ? fd : other;
}

static pid_t start(const Sandbox *sandbox, const SandboxCommand *command, const Run *run)
{
        bool attached = command->console != SANDBOX_CONSOLE_NONE;
        int err = first_of(run->err.write_fd, run->null_fd);
        const int fds[INIT_N_FDS] = {
                [INIT_STDIN] = first_of(attached ? run->in.read_fd : command->stdin_fd > 0 ? command->stdin_fd : -1,
                                        run->null_fd),
                [INIT_STDOUT] = first_of(run->out.write_fd, attached ? run->null_fd : err),
                [INIT_STDERR] = err,
                [INIT_SPEC] = run->spec_fd,
                [INIT_REPORT] = run->report.write_fd,
                [INIT_CONTROL] = run->control.read_fd,
                [INIT_USER_NAMESPACE] = sandbox->user_namespace_fd,
                [INIT_TREE] = command->tree && !command->tree->lowers ? command->tree->directory_fd : run->null_fd,
                [INIT_CONSOLE] = first_of(run->console.write_fd, run->null_fd),
        };
        pid_t parent = getpid(), pid = fork();

        if (pid == 0)
                become_init(fds, parent);
        return pid < 0 ? -errno : pid;
}

static int read_report(Buffer *report, int keeper_status, int *ret_wait_status, Error *error)
{
        switch (message_kind(report)) {
        case MESSAGE_STATUS:
                if (message_status(report, ret_wait_status) == 0)
                        return 0;
                return error_set(error, -EBADMSG, "The sandbox sent a broken message");
        case MESSAGE_ERROR:
                return message_error(report, error);
        default:
                break;
        }
        /* the keeper ends with PID 1's signal as 128 + number */
        if (WIFEXITED(keeper_status) && WEXITSTATUS(keeper_status) > 128)
                keeper_status = WEXITSTATUS(keeper_status) - 128;
        return process_status_error(keeper_status, "The sandbox's PID 1", NULL, error);
}

static int pump(Run *run, const SandboxCommand *command, Buffer *report, Error *error)
{
        ProcessPipe pipes[] = {
                { run->report.read_fd, NULL, report, REPORT_LIMIT_BYTES },
                { run->err.read_fd, command->output, NULL, 0 },
                { run->out.read_fd, NULL, command->ret_stdout, STDOUT_LIMIT_BYTES },
        };

        if (command->console != SANDBOX_CONSOLE_NONE)
                return attach_pump(run, report, REPORT_LIMIT_BYTES, error);
        return process_pump(pipes, command->ret_stdout ? 3 : 2, error);
}

static int pump_and_wait(pid_t pid, Run *run, const SandboxCommand *command, int *ret_wait_status,
                         Error *error)
{
        _cleanup_buffer_ Buffer report = BUFFER_INIT;
        int keeper_status = 0;

        int r = pump(run, command, &report, error);
        /* after a failure this is the order to end; the keeper does so when all processes inside are gone */
        close_now(&run->control.write_fd);
        int waited = process_wait(pid, &keeper_status);
        if (r < 0)
                return r;
        if (waited < 0)
                return error_set_errno(error, -waited, "Can't wait for the sandbox");
        return read_report(&report, keeper_status, ret_wait_status, error);
}

static int run_command(Sandbox *sandbox, const SandboxCommand *command, int *ret_wait_status, Error *error)
{
        _cleanup_(run_done) Run run = RUN_INIT;
        int r;

        if (!command->tree && command->root == SANDBOX_ROOT_TREE)
                return error_set(error, -EINVAL, "Can't run %s in the sandbox: no staging tree",
                                 command->argv[0]);
        r = prepare(&run, command, error);
        if (r < 0)
                return r;
        pid_t pid = start(sandbox, command, &run);
        if (pid < 0)
                return error_set_errno(error, -pid, "Can't start a process");
        close_now(&run.in.read_fd);
        close_now(&run.console.write_fd);
        close_now(&run.err.write_fd);
        close_now(&run.out.write_fd);
        close_now(&run.report.write_fd);
        close_now(&run.control.read_fd);
        return pump_and_wait(pid, &run, command, ret_wait_status, error);
}

/* A tree without /etc/resolv.conf gets an empty one for as long as the host's is mounted over it. */
static int run_with_resolv_conf(Sandbox *sandbox, const SandboxCommand *command, int *ret_wait_status,
                                Error *error)
{
        bool placeholder = false;

        if (command->network && command->root == SANDBOX_ROOT_TREE && command->tree) {
                int r = sandbox_make_placeholder(sandbox, command->tree, &placeholder, error);
                if (r < 0)
                        return r;
        }
        int r = run_command(sandbox, command, ret_wait_status, error);
        if (placeholder) {
                _cleanup_error_ Error failure = ERROR_INIT;
                int removed = sandbox_remove_placeholder(sandbox, command->tree, &failure);
                if (r == 0 && removed < 0)
                        return error_move(error, &failure);
        }
        return r;
}

int sandbox_run(Sandbox *sandbox, const SandboxCommand *command, Error *error)
{
        int wait_status = 0;
        int r = run_with_resolv_conf(sandbox, command, &wait_status, error);

        if (r < 0)
                return r;
        return wait_status == 0 ? 0
                                : process_status_error(wait_status, command->argv[0], command->output, error);
}

int sandbox_run_status(Sandbox *sandbox, const SandboxCommand *command, int *ret_status, Error *error)
{
        int wait_status = 0;
        int r = run_with_resolv_conf(sandbox, command, &wait_status, error);

        if (r < 0)
                return r;
        if (!WIFEXITED(wait_status))
                return process_status_error(wait_status, command->argv[0], command->output, error);
        *ret_status = WEXITSTATUS(wait_status);
        return 0;
}

int sandbox_attach(Sandbox *sandbox, const SandboxCommand *command, int *ret_status, Error *error)
{
        int wait_status = 0;
        int r = run_with_resolv_conf(sandbox, command, &wait_status, error);

        if (r < 0)
                return r;
        *ret_status = WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : 128 + WTERMSIG(wait_status);
        return 0;
}
