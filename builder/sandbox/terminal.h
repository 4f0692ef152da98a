/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/error.h"

#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>
#include <termios.h>

/* The caller's terminal while it drives one in the sandbox: every key goes there, also Ctrl-C, and each change of size.
 * However this process ends, the terminal gets its settings back: by terminal_leave(), or by a small process that waits for
 * this one's end. */

typedef struct Terminal {
        int fd;        /* the caller's */
        int master_fd; /* of the one inside; both borrowed */
        bool entered;
        struct termios saved, raw;
        sigset_t mask; /* of signals, for ppoll(2) */
        int guard_fd;  /* its end tells the guard */
        pid_t guard;
} Terminal;

#define TERMINAL_INIT ((Terminal){ .fd = -1, .master_fd = -1, .guard_fd = -1 })

/* The terminal inside gets the settings and the size of the one outside. SIGWINCH and SIGCONT are blocked until
 * terminal_leave(), but for ppoll(2) with `mask`. */
int terminal_enter(int fd, int master_fd, Terminal *ret, Error *error) _must_check_;
/* After each ppoll(2): what those signals asked for. */
void terminal_update(const Terminal *terminal);
void terminal_leave(Terminal *terminal);
#define _cleanup_terminal_ _cleanup_(terminal_leave)
