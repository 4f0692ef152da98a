/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/error.h"
#include "base/strings.h"

/* Both sides' descriptors of one run; -1 where there is none. Shared by run.c and attach.c alone. */

typedef struct Pipe {
        int read_fd;
        int write_fd;
} Pipe;

#define PIPE_INIT ((Pipe){ -1, -1 })

typedef struct Run {
        int null_fd;
        int spec_fd;
        Pipe in, out, err, report, control;
        Pipe console; /* a pair of sockets: ours, the child's */
} Run;

#define RUN_INIT \
        ((Run){ -1, -1, PIPE_INIT, PIPE_INIT, PIPE_INIT, PIPE_INIT, PIPE_INIT, PIPE_INIT })

/* Moves bytes between the caller's standard input, output and error and the program until PID 1 has ended, and takes its
 * report. */
int attach_pump(Run *run, Buffer *report, size_t report_limit_bytes, Error *error) _must_check_;
