/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* How sandbox_run() starts the program that becomes the sandbox's PID 1: this very program, with this
 * argv[0], in the environment that /proc/1/environ shall show, and with these descriptors. */

#define INIT_NAME "templar-sandbox-init"

extern const char *const init_environment[];

typedef enum InitFd {
        INIT_STDIN,
        INIT_STDOUT,
        INIT_STDERR,
        INIT_SPEC,           /* readable from its start, see spec.h */
        INIT_REPORT,         /* pipe, for one message, see message.h */
        INIT_CONTROL,        /* pipe; its end asks for the end of everything */
        INIT_USER_NAMESPACE, /* of the sandbox */
        INIT_TREE,           /* the tree's directory; anything without one */
        INIT_CONSOLE,        /* socket, for the terminal of SANDBOX_CONSOLE_TERMINAL, see pty.h; anything else */
        INIT_N_FDS,
} InitFd;
