/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/process.h"

#include "base/cancel.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#define STDOUT_LIMIT_BYTES ((size_t) 64 << 20)
#define PIPES_MAX 4
#define IDLE_MSEC 500

const char *environment_get(const char *const *environment, const char *name)
{
        size_t length = strlen(name);

        for (; environment && *environment; environment++)
                if (strncmp(*environment, name, length) == 0 && (*environment)[length] == '=')
                        return *environment + length + 1;
        return NULL;
}

int process_wait(pid_t pid, int *ret_wait_status)
{
        while (waitpid(pid, ret_wait_status, 0) < 0)
                if (errno != EINTR)
                        return -errno;
        return 0;
}

int process_status_error(int wait_status, const char *what, const Output *output, Error *error)
{
        _cleanup_free_ char *tail = output ? output_tail(output) : NULL;
        int code = -ECHILD;

        if (WIFSIGNALED(wait_status)) {
                int number = WTERMSIG(wait_status);
                const char *name = sigabbrev_np(number);
                error_set(error, code, "%s was killed by SIG%s%s%s", what, name ? name : "?",
                          number == SIGKILL ? " (out of memory?)" : "", WCOREDUMP(wait_status) ? ", core dumped" : "");
        } else {
                error_set(error, code, "%s exited with status %d", what, WEXITSTATUS(wait_status));
        }
        if (!string_empty(tail))
                error_detail(error, "%s", tail);
        return code;
}

/* One read from a pipe: 1 for more to come, 0 at the end, negative errno. */
static int pump_one(ProcessPipe *pipe)
{
        char chunk[65536];
        ssize_t n = read(pipe->fd, chunk, sizeof chunk);

        if (n < 0)
                return errno == EINTR || errno == EAGAIN ? 1 : -errno;
        if (n == 0)
                return 0;
        if (pipe->buffer) {
                if (pipe->buffer->length + (size_t) n > pipe->limit_bytes)
                        return -EFBIG;
                if (buffer_append(pipe->buffer, chunk, (size_t) n) < 0)
                        return -ENOMEM;
        } else if (pipe->output) {
                int r = output_feed(pipe->output, chunk, (size_t) n);
                if (r < 0)
                        return r;
        }
        return 1;
}

static void (*idle_hook)(void *userdata);
static void *idle_userdata;

void process_on_idle(void (*hook)(void *userdata), void *userdata)
{
        idle_hook = hook;
        idle_userdata = userdata;
}

int process_pump(ProcessPipe *pipes, size_t n_pipes, Error *error)
{
        struct pollfd polls[PIPES_MAX + 1];
        size_t n_open = 0;

        for (size_t i = 0; i < n_pipes; i++) {
                polls[i] = (struct pollfd){ .fd = pipes[i].fd, .events = POLLIN };
                n_open += pipes[i].fd >= 0;
        }
        polls[n_pipes] = (struct pollfd){ .fd = cancel_fd(), .events = POLLIN };
        while (n_open > 0) {
                int n_ready = poll(polls, n_pipes + 1, idle_hook ? IDLE_MSEC : -1);
                if (n_ready < 0) {
                        if (errno == EINTR)
                                continue;
                        return error_set_errno(error, errno, "Can't wait for a child's output");
                }
                if (n_ready == 0 && idle_hook)
                        idle_hook(idle_userdata);
                if (polls[n_pipes].revents)
                        return error_cancelled(error);
                for (size_t i = 0; i < n_pipes; i++) {
                        if (polls[i].fd < 0 || !polls[i].revents)
                                continue;
                        int r = pump_one(&pipes[i]);
                        if (r < 0)
                                return error_set_errno(error, -r, "Can't take a child's output");
                        if (r == 0) {
                                polls[i].fd = -1;
                                n_open--;
                        }
                }
        }
        for (size_t i = 0; i < n_pipes; i++) {
                int r = pipes[i].output ? output_end(pipes[i].output) : 0;
                if (r < 0)
                        return error_set_errno(error, -r, "Can't write the log");
        }
        return 0;
}

typedef struct Child {
        int stdin_fd, stdout_fd, stderr_fd, report_fd;
} Child;

static _Noreturn void become(const ProcessCommand *command, const Child *child)
{
        cancel_reset_in_child();
        setpgid(0, 0);
        if (dup2(child->stdin_fd, 0) >= 0 && dup2(child->stdout_fd, 1) >= 0 && dup2(child->stderr_fd, 2) >= 0 &&
            dup2(child->report_fd, 3) >= 0 && fcntl(3, F_SETFD, FD_CLOEXEC) >= 0 && close_range(4, ~0u, 0) >= 0) {
                if (command->environment)
                        execvpe(command->argv[0], (char *const *) command->argv,
                                (char *const *) command->environment);
                else
                        execvp(command->argv[0], (char *const *) command->argv);
        }
        int failure = errno;
        ssize_t n = write(3, &failure, sizeof failure);
        (void) n;
        _exit(127);
}

static int make_pipe(int ret_fds[2], Error *error)
{
        /* above the numbers that become() gives out */
        int fds[2];

        if (pipe2(fds, O_CLOEXEC) < 0)
                return error_set_errno(error, errno, "Can't make a pipe");
        for (int i = 0; i < 2; i++) {
                ret_fds[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, 10);
                close(fds[i]);
        }
        return ret_fds[0] < 0 || ret_fds[1] < 0 ? error_set_errno(error, EMFILE, "Can't make a pipe") : 0;
}

static int pump_and_wait(pid_t pid, ProcessPipe *pipes, size_t n_pipes, int *ret_wait_status, Error *error)
{
        int status = 0;
        int r = process_pump(pipes, n_pipes, error);

        if (r < 0)
                kill(-pid, SIGKILL);
        int waited = process_wait(pid, &status);
        /* whatever it left behind in its group goes with it */
        kill(-pid, SIGKILL);
        if (r == 0 && waited < 0)
                return error_set_errno(error, -waited, "Can't wait for a child");
        *ret_wait_status = status;
        return r;
}

static int spawn_and_wait(const ProcessCommand *command, int *ret_wait_status, Error *error)
{
        _cleanup_close_ int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
        int report[2] = { -1, -1 }, out[2] = { -1, -1 }, err[2] = { -1, -1 };
        int r = make_pipe(report, error);

        if (r == 0)
                r = make_pipe(out, error);
        if (r == 0)
                r = make_pipe(err, error);
        pid_t pid = r == 0 ? fork() : -1;
        if (pid == 0) {
                Child child = { command->stdin_fd > 0 ? command->stdin_fd : null_fd,
                                command->ret_stdout ? out[1] : err[1], err[1], report[1] };
                become(command, &child);
        }
        int fork_errno = errno;
        close(report[1]);
        close(out[1]);
        close(err[1]);
        if (pid > 0) {
                int failure = 0;
                ssize_t n = read(report[0], &failure, sizeof failure);
                ProcessPipe pipes[2] = {
                        { err[0], command->output, NULL, 0 },
                        { out[0], NULL, command->ret_stdout,
                          command->stdout_limit_bytes ? command->stdout_limit_bytes : STDOUT_LIMIT_BYTES },
                };
                r = pump_and_wait(pid, pipes, 2, ret_wait_status, error);
                if (n == (ssize_t) sizeof failure) {
                        r = error_set_errno(error, failure, "Can't run %s", command->argv[0]);
                        if (failure == ENOENT)
                                error_hint(error, "Install the package that has %s", command->argv[0]);
                }
        } else if (r == 0) {
                r = error_set_errno(error, fork_errno, "Can't start a process");
        }
        close(report[0]);
        close(out[0]);
        close(err[0]);
        return r;
}

int process_run_status(const ProcessCommand *command, int *ret_status, Error *error)
{
        int wait_status = 0;
        int r = spawn_and_wait(command, &wait_status, error);

        if (r < 0)
                return r;
        if (!WIFEXITED(wait_status))
                return process_status_error(wait_status, command->argv[0], command->output, error);
        *ret_status = WEXITSTATUS(wait_status);
        return 0;
}

int process_run(const ProcessCommand *command, Error *error)
{
        int wait_status = 0;
        int r = spawn_and_wait(command, &wait_status, error);

        if (r < 0)
                return r;
        if (wait_status != 0)
                return process_status_error(wait_status, command->argv[0], command->output, error);
        return 0;
}
