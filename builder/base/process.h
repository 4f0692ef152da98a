/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/error.h"
#include "base/output.h"
#include "base/strings.h"

#include <sys/types.h>

/* Programs of the host, as argument vectors, never through a shell. */

typedef struct ProcessCommand {
        const char *const *argv;        /* argv[0] is searched in PATH */
        const char *const *environment; /* NULL: the caller's own */
        int stdin_fd;                   /* -1: /dev/null */
        Output *output;                 /* stderr, and stdout unless captured; NULL: dropped */
        Buffer *ret_stdout;             /* NULL: stdout goes to `output` */
        size_t stdout_limit_bytes;      /* 0: 64 MiB */
} ProcessCommand;

/* Runs to the end, in a process group of its own; all other descriptors are closed in the child. An exit
 * status other than 0 is an error that names the program, its status or signal, and (as detail) its last lines.
 * On cancel the group is killed and error_cancelled() returned. */
int process_run(const ProcessCommand *command, Error *error) _must_check_;

/* The exit status (0..255) in *ret_status instead of an error; death by a signal still is one. */
int process_run_status(const ProcessCommand *command, int *ret_status, Error *error) _must_check_;

/* Pumps `from_fds[i]` into `outputs[i]`/`buffers[i]` until all are at their end, or until cancelled.
 * For the rooms that start their children themselves. */
typedef struct ProcessPipe {
        int fd; /* borrowed */
        Output *output;
        Buffer *buffer;
        size_t limit_bytes;
} ProcessPipe;
int process_pump(ProcessPipe *pipes, size_t n_pipes, Error *error) _must_check_;

/* Calls `hook` about twice a second while process_pump() waits, so that a silent child doesn't look like a hanging one.
 * One hook for the whole process; NULL takes it away. */
void process_on_idle(void (*hook)(void *userdata), void *userdata);

/* "exited with status 3", "was killed by SIGKILL (out of memory?)", "dumped core on SIGSEGV". */
int process_status_error(int wait_status, const char *what, const Output *output, Error *error);

/* waitpid() without EINTR. */
int process_wait(pid_t pid, int *ret_wait_status);

/* The value of `name` in an environment vector, or NULL. */
const char *environment_get(const char *const *environment, const char *name);
