/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/cleanup.h"
#include "base/error.h"

#include <stddef.h>

/* What a child prints: every byte into the log, the last lines kept for error messages, each whole line
 * offered to a listener (progress). Lines of any length, NULs and binary bytes are kept in the log as they are;
 * for people control characters are replaced. Secrets registered with output_hide() never reach any of them. */

typedef struct Output Output;
typedef void (*OutputListener)(const char *line, void *userdata);

#define OUTPUT_TAIL_LINES 20

/* `log_path` may be NULL (no log). The log is appended to, mode 0600 at creation. */
int output_new(const char *log_path, Output **ret, Error *error) _must_check_;
Output *output_free(Output *output);
static inline void output_free_ptr(Output **output)
{
        output_free(*output);
}
#define _cleanup_output_ _cleanup_(output_free_ptr)

const char *output_log_path(const Output *output);
void output_listen(Output *output, OutputListener listener, void *userdata);
/* The listener that is there (or NULL), so that another one can stand before it for a while. */
OutputListener output_listener(const Output *output, void **ret_userdata);
/* Replaces `secret` by "***" from now on, also where it comes in two reads. Short ones (< 4 bytes) are ignored. */
int output_hide(Output *output, const char *secret) _must_check_;

int output_feed(Output *output, const void *data, size_t size_bytes) _must_check_;
int output_printf(Output *output, const char *format, ...) _printf_(2, 3) _must_check_;
/* The last line without "\n" counts as one, too. Flushes what output_hide() held back. */
int output_end(Output *output) _must_check_;

/* Forgets the last lines (a new stage starts). */
void output_clear_tail(Output *output);
/* The last OUTPUT_TAIL_LINES lines joined by "\n", printable; caller frees; NULL when memory is short. */
char *output_tail(const Output *output);
