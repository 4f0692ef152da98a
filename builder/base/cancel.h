/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdbool.h>

/* SIGINT, SIGTERM and SIGHUP ask for an orderly end: whoever waits polls cancel_fd() as well, ends its
 * children, and returns error_cancelled(). Installed once, by main(). */

/* Blocks nothing; handlers write to a pipe. SIGPIPE is ignored. Returns 0 or a negative errno. */
int cancel_install(void);

/* The signal that asked for the end, or 0. */
int cancel_signal(void);

/* A descriptor that is readable from the first such signal on; -1 before cancel_install(). Don't read it. */
int cancel_fd(void);

/* In a forked child: default dispositions again, nothing blocked. */
void cancel_reset_in_child(void);
