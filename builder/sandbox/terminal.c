/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sandbox/terminal.h"

#include "base/process.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

static const int own_signals[] = { SIGWINCH, SIGCONT };
static volatile sig_atomic_t resized, continued;

static void on_signal(int number)
{
        if (number == SIGCONT)
                continued = 1;
        resized = 1;
}

static void copy_size(const Terminal *terminal)
{
        struct winsize size;

        if (ioctl(terminal->fd, TIOCGWINSZ, &size) == 0)
                (void) ioctl(terminal->master_fd, TIOCSWINSZ, &size);
}

static bool same_modes(const struct termios *a, const struct termios *b)
{
        return a->c_iflag == b->c_iflag && a->c_oflag == b->c_oflag && a->c_cflag == b->c_cflag && a->c_lflag == b->c_lflag;
}

/* Nobody asks this process for anything: it sees the end of the pipe when the other one is gone. Settings that somebody
 * has changed meanwhile, such as the shell that goes on, are left alone. */
static _Noreturn void guard(const Terminal *terminal, int pipe_fd)
{
        static const int ignored[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGTTOU };
        struct termios now;
        char byte;

        for (size_t i = 0; i < ELEMENTS(ignored); i++)
                signal(ignored[i], SIG_IGN);
        setpgid(0, 0);
        /* neither locks nor pipes of the other one */
        int fd = fcntl(terminal->fd, F_DUPFD, 3), end = fcntl(pipe_fd, F_DUPFD, 3);
        if (fd < 0 || end < 0 || dup2(fd, 0) < 0 || dup2(end, 1) < 0 || close_range(2, ~0u, 0) < 0)
                _exit(1);
        while (read(1, &byte, 1) < 0 && errno == EINTR)
                ;
        if (tcgetattr(0, &now) == 0 && same_modes(&now, &terminal->raw))
                tcsetattr(0, TCSANOW, &terminal->saved);
        _exit(0);
}

static int start_guard(Terminal *terminal)
{
        int fds[2];

        if (pipe2(fds, O_CLOEXEC) < 0)
                return -errno;
        terminal->guard = fork();
        if (terminal->guard == 0) {
                close(fds[1]);
                guard(terminal, fds[0]);
        }
        int failure = errno;
        close(fds[0]);
        terminal->guard_fd = fds[1];
        return terminal->guard < 0 ? -failure : 0;
}

static void watch_signals(Terminal *terminal)
{
        struct sigaction action = { .sa_handler = on_signal };
        sigset_t blocked;

        sigemptyset(&action.sa_mask);
        sigemptyset(&blocked);
        for (size_t i = 0; i < ELEMENTS(own_signals); i++) {
                sigaddset(&blocked, own_signals[i]);
                sigaction(own_signals[i], &action, NULL);
        }
        sigprocmask(SIG_BLOCK, &blocked, &terminal->mask);
}

int terminal_enter(int fd, int master_fd, Terminal *ret, Error *error)
{
        _cleanup_terminal_ Terminal terminal = TERMINAL_INIT;

        terminal.fd = fd;
        terminal.master_fd = master_fd;
        if (tcgetattr(fd, &terminal.saved) < 0)
                return error_set_errno(error, errno, "Can't read the terminal's settings");
        terminal.raw = terminal.saved;
        cfmakeraw(&terminal.raw);
        if (tcsetattr(master_fd, TCSANOW, &terminal.saved) < 0)
                return error_set_errno(error, errno, "Can't set up the terminal in the sandbox");
        int r = start_guard(&terminal);
        if (r < 0)
                return error_set_errno(error, -r, "Can't start a process");
        watch_signals(&terminal);
        terminal.entered = true;
        copy_size(&terminal);
        if (tcsetattr(fd, TCSANOW, &terminal.raw) < 0)
                return error_set_errno(error, errno, "Can't change the terminal's settings");
        *ret = terminal;
        terminal = TERMINAL_INIT;
        return 0;
}

void terminal_update(const Terminal *terminal)
{
        /* whoever had the terminal in between has set it as it likes it */
        if (continued)
                tcsetattr(terminal->fd, TCSANOW, &terminal->raw);
        if (resized)
                copy_size(terminal);
        continued = resized = 0;
}

void terminal_leave(Terminal *terminal)
{
        int status;

        if (terminal->entered) {
                tcsetattr(terminal->fd, TCSANOW, &terminal->saved);
                for (size_t i = 0; i < ELEMENTS(own_signals); i++)
                        signal(own_signals[i], SIG_DFL);
                sigprocmask(SIG_SETMASK, &terminal->mask, NULL);
        }
        if (terminal->guard_fd >= 0)
                close(terminal->guard_fd);
        if (terminal->guard > 0)
                (void) !process_wait(terminal->guard, &status);
        *terminal = TERMINAL_INIT;
}
