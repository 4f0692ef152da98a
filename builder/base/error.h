/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/cleanup.h"

#include <stdarg.h>

/* Errors are values. A function that can fail returns 0 or a negative errno, takes `Error *error` last and
 * fills it exactly once; callers on the way up add context with error_wrap(). Only main.c prints one.
 *
 * A message is one sentence without a final stop: what failed, on what, why. What the reader can do about it
 * goes into the hint; long evidence (a script's last lines, a rejected hunk) into the detail.
 *
 * Every function accepts error == NULL: the text is dropped. error_wrap(), error_hint() and error_detail(), which have no
 * code of their own, return -EIO then. */

typedef enum ErrorKind {
        ERROR_FAILED,    /* the work failed: exit status 1 */
        ERROR_USAGE,     /* wrong usage or a wrong recipe: exit status 2 */
        ERROR_CANCELLED, /* SIGINT or SIGTERM asked for the end: exit status 128 + signal */
} ErrorKind;

typedef struct Error {
        int code; /* negative errno; 0 while nothing failed */
        ErrorKind kind;
        char *message; /* owned */
        char *detail;  /* owned, NULL or several lines without a final newline */
        char *hint;    /* owned, NULL or one sentence */
} Error;

#define ERROR_INIT ((Error){ 0 })

/* Frees what the error holds and leaves it empty. */
void error_done(Error *error);
#define _cleanup_error_ _cleanup_(error_done)

/* Each returns `code` (a negative errno), so that a caller can write `return error_set(...)`. */
int error_set(Error *error, int code, const char *format, ...) _printf_(3, 4);
int error_set_usage(Error *error, int code, const char *format, ...) _printf_(3, 4);

/* Like error_set(), with ": " and the text of `errnum` (a positive errno) at the end; returns -errnum. */
int error_set_errno(Error *error, int errnum, const char *format, ...) _printf_(3, 4);

/* Puts "<format>: " before the message that is there; returns the error's code. */
int error_wrap(Error *error, const char *format, ...) _printf_(2, 3);

/* Replaces the hint, or the detail. Returns the error's code. */
int error_hint(Error *error, const char *format, ...) _printf_(2, 3);
int error_detail(Error *error, const char *format, ...) _printf_(2, 3);

int error_out_of_memory(Error *error);

/* The work was interrupted by SIGINT or SIGTERM. */
int error_cancelled(Error *error);

/* Moves `source` into `target` and leaves `source` empty; returns the code. */
int error_move(Error *target, Error *source);
