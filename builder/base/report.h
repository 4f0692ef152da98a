/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/error.h"
#include "base/json.h"

#include <stdbool.h>
#include <stdint.h>

/* What a person or a program sees of the work. The one place that knows whether stderr is a terminal.
 *
 * REPORT_TERMINAL  a line a stage with its time, and one live line for what runs now (stderr)
 * REPORT_PLAIN     a line an event, without colours or cursor movement (stderr)
 * REPORT_QUIET     errors and warnings only
 * REPORT_JSON      one JSON object a line on stdout; nothing else there
 *
 * Results that a script wants (paths) go to stdout through report_result(). */

typedef enum ReportMode { REPORT_TERMINAL, REPORT_PLAIN, REPORT_QUIET, REPORT_JSON } ReportMode;

typedef struct Report Report;

/* Chooses REPORT_TERMINAL or REPORT_PLAIN by isatty(stderr) and TERM; NO_COLOR (https://no-color.org) is obeyed. */
ReportMode report_detect_mode(void);
bool report_colour(int fd);

int report_new(ReportMode mode, bool verbose, Report **ret) _must_check_;
Report *report_free(Report *report);
static inline void report_free_ptr(Report **report)
{
        report_free(*report);
}
#define _cleanup_report_ _cleanup_(report_free_ptr)

bool report_verbose(const Report *report);
ReportMode report_mode(const Report *report);
/* The image that the following events belong to; NULL: none. */
void report_subject(Report *report, const char *image_name);

/* `name` is what a person reads ("Install dbus systemd-sysv"), `kind` the section's name. Numbers start at 1.
 * Steps that are no stages (metadata, packing, signing) have number 0. */
void report_stage_start(Report *report, unsigned number, unsigned total, const char *kind, const char *name);
/* What the running stage does now; drawn at most ten times a second, on terminals only. */
void report_live(Report *report, const char *format, ...) _printf_(2, 3);
/* A part of the running stage took that long; parts of the same name are added up. Shown with its end: in JSON as
 * "phases", for people with --verbose. */
void report_phase(Report *report, const char *name, double seconds);
/* Ends the running stage; `note` may be NULL ("cached", "87 packages"). */
void report_stage_end(Report *report, const char *note);
/* Ends the running stage, if there is one, as failed. */
void report_stage_failed(Report *report);

void report_file(Report *report, const char *path, uint64_t size_bytes, const char *sha256);
/* One line of a child's output; shown with --verbose only. */
void report_output(Report *report, const char *line);
void report_note(Report *report, const char *format, ...) _printf_(2, 3);
void report_warning(Report *report, const char *format, ...) _printf_(2, 3);
/* The error with its detail and hint, once. */
void report_error(Report *report, const Error *error);
/* A result for scripts: to stdout as it is (not in JSON mode, which has its events). */
void report_result(Report *report, const char *format, ...) _printf_(2, 3);
/* In JSON mode: an object of the given event with the members of `members` (an object, borrowed; may be NULL). */
void report_json_event(Report *report, const char *event, const json_t *members);
/* For a child process whose work its parent shows: from now on all events go to `fd` in JSON, with those of
 * report_live() ("live", with a "text") among them. The descriptor stays the caller's. */
void report_redirect(Report *report, int fd);
/* In JSON mode: an object as it came from a child. */
void report_json_line(Report *report, const json_t *object);
/* Several live lines in place of the one, on terminals: the rows at the bottom, until the next call or until something is
 * printed. None with n_lines == 0. */
void report_rows(Report *report, char *const *lines, size_t n_lines);
/* An ordinary line on stderr, not in quiet mode and not in JSON mode. */
void report_line(Report *report, const char *format, ...) _printf_(2, 3);
/* Seconds since the stage started. */
double report_stage_seconds(const Report *report);
