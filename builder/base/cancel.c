/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/cancel.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

static volatile sig_atomic_t caught_signal;
static int wake_pipe[2] = { -1, -1 };

static const int cancelling_signals[] = { SIGINT, SIGTERM, SIGHUP };
#define N_SIGNALS (sizeof cancelling_signals / sizeof cancelling_signals[0])

static void on_signal(int number)
{
        int saved = errno;

        caught_signal = number;
        ssize_t n = write(wake_pipe[1], "", 1);
        (void) n; /* a full pipe is readable already */
        errno = saved;
}

int cancel_install(void)
{
        struct sigaction action = { .sa_handler = on_signal };

        if (pipe2(wake_pipe, O_CLOEXEC | O_NONBLOCK) < 0)
                return -errno;
        sigemptyset(&action.sa_mask);
        for (size_t i = 0; i < N_SIGNALS; i++)
                if (sigaction(cancelling_signals[i], &action, NULL) < 0)
                        return -errno;
        return signal(SIGPIPE, SIG_IGN) == SIG_ERR ? -errno : 0;
}

int cancel_signal(void)
{
        return caught_signal;
}

int cancel_fd(void)
{
        return wake_pipe[0];
}

void cancel_reset_in_child(void)
{
        sigset_t none;

        for (size_t i = 0; i < N_SIGNALS; i++)
                signal(cancelling_signals[i], SIG_DFL);
        signal(SIGPIPE, SIG_DFL);
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
}
