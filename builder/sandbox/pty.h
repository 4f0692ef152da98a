/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/error.h"

/* The terminal of a program in the sandbox, see pty(7): made there, in its own devpts, and driven from outside. PID 1 hands
 * the master over through INIT_CONSOLE and waits until it has the size and the settings of the terminal outside. */

/* In PID 1: the terminal becomes standard input and output, and standard error unless that is a pipe. */
int pty_make(int socket_fd, Error *error) _must_check_;
/* In the program to be: with a session of its own, the terminal on standard input becomes that of the session. */
int pty_control(void) _must_check_;

/* Outside: the master, close-on-exec and non-blocking. -1 when the sandbox ended before it had one. */
int pty_take(int socket_fd, int *ret_master_fd, Error *error) _must_check_;
/* Outside, afterwards: the program may start. */
int pty_ready(int socket_fd) _must_check_;
