/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/report.h"

#include "base/file.h"
#include "base/process.h"
#include "base/strings.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>

#define LIVE_INTERVAL_SEC 0.1
#define DESCRIPTION_COLUMNS 52
#define PLAIN_INDENT 4

struct Report {
        ReportMode mode;
        bool verbose, colour, live_shown;
        size_t rows_shown; /* above the cursor's line */
        int child_fd;      /* -1: this process shows its work itself */
        char *subject;
        char *kind, *name;
        unsigned number, total;
        double started_sec, drawn_sec;
        json_t *phases; /* {name: seconds} of the running stage; NULL: none */
        char live_text[512];
};

static double now_sec(void)
{
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return (double) now.tv_sec + (double) now.tv_nsec / 1e9;
}

bool report_colour(int fd)
{
        const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");

        return isatty(fd) && string_empty(no_color) && term && strcmp(term, "dumb") != 0;
}

ReportMode report_detect_mode(void)
{
        const char *term = getenv("TERM");

        return isatty(STDERR_FILENO) && term && strcmp(term, "dumb") != 0 ? REPORT_TERMINAL : REPORT_PLAIN;
}

/* The report whose live line is kept going: the newest one on a terminal. */
static Report *drawn_when_idle;

static void redraw_live(void *userdata);

int report_new(ReportMode mode, bool verbose, Report **ret)
{
        Report *report = calloc(1, sizeof *report);

        if (!report)
                return -ENOMEM;
        *report = (Report){ .mode = mode, .verbose = verbose, .colour = report_colour(STDERR_FILENO),
                            .child_fd = -1 };
        if (mode == REPORT_TERMINAL) {
                process_on_idle(redraw_live, report);
                drawn_when_idle = report;
        }
        *ret = report;
        return 0;
}

static void forget_stage(Report *report)
{
        free(report->kind);
        free(report->name);
        report->kind = report->name = NULL;
        json_decref(TAKE_PTR(report->phases));
}

Report *report_free(Report *report)
{
        if (!report)
                return NULL;
        if (report == drawn_when_idle) {
                process_on_idle(NULL, NULL);
                drawn_when_idle = NULL;
        }
        forget_stage(report);
        free(report->subject);
        free(report);
        return NULL;
}

bool report_verbose(const Report *report)
{
        return report->verbose;
}

ReportMode report_mode(const Report *report)
{
        return report->mode;
}

void report_subject(Report *report, const char *image_name)
{
        free(report->subject);
        report->subject = image_name ? strdup(image_name) : NULL;
}

double report_stage_seconds(const Report *report)
{
        return now_sec() - report->started_sec;
}

/* Takes the live line off the terminal, so that an ordinary line can be printed. */
static void clear_live(Report *report)
{
        for (; report->rows_shown > 0; report->rows_shown--)
                fputs("\r\033[K\033[A", stderr);
        if (report->live_shown)
                fputs("\r\033[K", stderr);
        report->live_shown = false;
}

static const char *paint(const Report *report, const char *escape)
{
        return report->colour ? escape : "";
}

/* One JSON object as one line on stdout; takes the reference. */
static void emit_json(Report *report, const char *event, json_t *object)
{
        _cleanup_json_ json_t *owned = object ? object : json_object();

        if (!owned || json_object_set_new(owned, "event", json_string(event)) < 0)
                return;
        if (report->subject && !json_object_get(owned, "image"))
                json_object_set_new(owned, "image", json_string(report->subject));
        _cleanup_free_ char *line = json_dumps(owned, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY);
        if (!line)
                return;
        if (report->child_fd >= 0) {
                /* the parent may be gone: the work is done all the same */
                if (write_all(report->child_fd, line, strlen(line)) == 0)
                        (void) !write_all(report->child_fd, "\n", 1);
                return;
        }
        printf("%s\n", line);
        fflush(stdout);
}

void report_redirect(Report *report, int fd)
{
        if (report == drawn_when_idle) {
                process_on_idle(NULL, NULL);
                drawn_when_idle = NULL;
        }
        report->mode = REPORT_JSON;
        report->live_shown = false;
        report->rows_shown = 0;
        report->child_fd = fd;
}

void report_json_line(Report *report, const json_t *object)
{
        const char *event = json_string_value(json_object_get(object, "event"));

        if (report->mode == REPORT_JSON && event)
                emit_json(report, event, json_copy((json_t *) object));
}

static json_t *stage_json(const Report *report)
{
        return json_pack("{s:i, s:i, s:s, s:s}", "stage", (int) report->number, "stages", (int) report->total, "kind",
                         report->kind, "description", report->name);
}

void report_stage_start(Report *report, unsigned number, unsigned total, const char *kind, const char *name)
{
        forget_stage(report);
        report->kind = strdup(kind);
        report->name = strdup(name);
        report->number = number;
        report->total = total;
        report->started_sec = now_sec();
        report->drawn_sec = 0;
        report->live_text[0] = '\0';
        if (report->mode == REPORT_JSON)
                emit_json(report, "stage-started", stage_json(report));
        else if (report->mode == REPORT_TERMINAL)
                report_live(report, "%s", "");
        else if (report->mode == REPORT_PLAIN && number > 0)
                fprintf(stderr, "[%u/%u] %s\n", number, total, name);
        else if (report->mode == REPORT_PLAIN)
                fprintf(stderr, "%s\n", name);
}

/* Columns of the terminal on stderr. */
static int terminal_columns(void)
{
        struct winsize size;

        return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

static void stage_label(const Report *report, char *buffer, size_t size)
{
        if (report->number > 0)
                snprintf(buffer, size, "[%u/%u] %s", report->number, report->total, report->name);
        else
                snprintf(buffer, size, "      %s", report->name ? report->name : "");
}

/* The live line as it was, with the seconds of now. */
static void draw_live(Report *report)
{
        char label[256], line[1024];
        double now = now_sec();

        stage_label(report, label, sizeof label);
        snprintf(line, sizeof line, "%-*.*s %6.1f s  %s", DESCRIPTION_COLUMNS, DESCRIPTION_COLUMNS, label,
                 now - report->started_sec, report->live_text);
        fprintf(stderr, "\r%s%.*s%s\033[K", paint(report, "\033[2m"), terminal_columns() - 1, line,
                paint(report, "\033[0m"));
        fflush(stderr);
        report->drawn_sec = now;
        report->live_shown = true;
}

void report_live(Report *report, const char *format, ...)
{
        bool drawn = report->mode == REPORT_TERMINAL || report->child_fd >= 0;
        va_list arguments;

        if (!drawn || !report->name || now_sec() - report->drawn_sec < LIVE_INTERVAL_SEC)
                return;
        va_start(arguments, format);
        vsnprintf(report->live_text, sizeof report->live_text, format, arguments);
        va_end(arguments);
        if (report->mode == REPORT_TERMINAL) {
                draw_live(report);
                return;
        }
        report->drawn_sec = now_sec();
        emit_json(report, "live", json_pack("{s:s%}", "text", report->live_text, strlen(report->live_text)));
}

void report_rows(Report *report, char *const *lines, size_t n_lines)
{
        if (report->mode != REPORT_TERMINAL)
                return;
        clear_live(report);
        for (size_t i = 0; i < n_lines; i++)
                fprintf(stderr, "%s%s%.*s%s\033[K", i > 0 ? "\n" : "", paint(report, "\033[2m"), terminal_columns() - 1,
                        lines[i], paint(report, "\033[0m"));
        fflush(stderr);
        report->rows_shown = n_lines > 0 ? n_lines - 1 : 0;
        report->live_shown = n_lines > 0;
}

void report_line(Report *report, const char *format, ...)
{
        va_list arguments;

        if (report->mode == REPORT_QUIET || report->mode == REPORT_JSON)
                return;
        clear_live(report);
        va_start(arguments, format);
        vfprintf(stderr, format, arguments);
        va_end(arguments);
        fputc('\n', stderr);
}

static void redraw_live(void *userdata)
{
        Report *report = userdata;

        if (report->name)
                draw_live(report);
}

/* A log has had the name when the stage started. */
static void print_stage_line(Report *report, const char *mark, const char *colour, const char *note)
{
        char label[256];

        clear_live(report);
        stage_label(report, label, sizeof label);
        if (report->mode == REPORT_TERMINAL)
                fprintf(stderr, "%-*.*s ", DESCRIPTION_COLUMNS, DESCRIPTION_COLUMNS, label);
        else
                fprintf(stderr, "%*s", PLAIN_INDENT, "");
        fprintf(stderr, "%s%6.1f s%s%s%s%s%s\n", paint(report, colour), report_stage_seconds(report), *mark ? "  " : "",
                mark, paint(report, "\033[0m"), note ? "  " : "", note ? note : "");
}

void report_phase(Report *report, const char *name, double seconds)
{
        if (!report->phases)
                report->phases = json_object();
        double before_sec = json_number_value(json_object_get(report->phases, name));
        if (report->phases && json_object_set_new(report->phases, name, json_real(before_sec + seconds)) < 0)
                return; /* no memory for what is only shown */
}

static void print_phases(const Report *report)
{
        const char *name, *comma = "";
        json_t *seconds;

        if (!report->verbose || !report->phases)
                return;
        fputs("  | phases: ", stderr);
        json_object_foreach(report->phases, name, seconds) {
                fprintf(stderr, "%s%s %.2f s", comma, name, json_number_value(seconds));
                comma = ", ";
        }
        fputc('\n', stderr);
}

static void end_stage(Report *report, const char *event, const char *mark, const char *colour, const char *note)
{
        if (!report->name)
                return;
        if (report->mode == REPORT_JSON) {
                json_t *object = stage_json(report);
                if (object)
                        json_object_set_new(object, "seconds", json_real(report_stage_seconds(report)));
                if (object && note)
                        json_object_set_new(object, "note", json_string(note));
                if (object && report->phases)
                        json_object_set(object, "phases", report->phases);
                emit_json(report, event, object);
        } else if (report->mode != REPORT_QUIET) {
                print_stage_line(report, mark, colour, note);
                print_phases(report);
        }
        forget_stage(report);
}

void report_stage_end(Report *report, const char *note)
{
        end_stage(report, "stage-ended", "", "\033[32m", note);
}

void report_stage_failed(Report *report)
{
        end_stage(report, "stage-failed", "failed", "\033[31m", NULL);
}

void report_file(Report *report, const char *path, uint64_t size_bytes, const char *sha256)
{
        char size[SIZE_TEXT_MAX];

        if (report->mode == REPORT_JSON) {
                emit_json(report, "file",
                          json_pack("{s:s, s:I, s:s}", "path", path, "size_bytes", (json_int_t) size_bytes, "sha256",
                                    sha256));
        } else if (report->mode != REPORT_QUIET) {
                clear_live(report);
                fprintf(stderr, "  %10s  %s\n", size_text(size_bytes, size), path);
        }
}

void report_output(Report *report, const char *line)
{
        if (report->mode == REPORT_JSON) {
                if (report->verbose)
                        emit_json(report, "output", json_pack("{s:s%}", "line", line, strlen(line)));
                return;
        }
        if (report->verbose && report->mode != REPORT_QUIET) {
                clear_live(report);
                fprintf(stderr, "  | %s\n", line);
        }
}

static void say(Report *report, const char *event, const char *colour, const char *prefix, const char *format,
                va_list arguments) _printf_(5, 0);
static void say(Report *report, const char *event, const char *colour, const char *prefix, const char *format,
                va_list arguments)
{
        _cleanup_free_ char *text = NULL;

        if (vasprintf(&text, format, arguments) < 0) {
                text = NULL;
                return;
        }
        if (report->mode == REPORT_JSON) {
                emit_json(report, event, json_pack("{s:s}", "message", text));
                return;
        }
        clear_live(report);
        fprintf(stderr, "%s%s%s%s\n", paint(report, colour), prefix, paint(report, "\033[0m"), text);
}

void report_note(Report *report, const char *format, ...)
{
        va_list arguments;

        if (report->mode == REPORT_QUIET)
                return;
        va_start(arguments, format);
        say(report, "note", "", "", format, arguments);
        va_end(arguments);
}

void report_warning(Report *report, const char *format, ...)
{
        va_list arguments;

        va_start(arguments, format);
        say(report, "warning", "\033[33m", "warning: ", format, arguments);
        va_end(arguments);
}

static void print_indented(const char *text)
{
        while (*text) {
                size_t length = strcspn(text, "\n");
                fprintf(stderr, "  | %.*s\n", (int) length, text);
                text += length + (text[length] == '\n');
        }
}

void report_error(Report *report, const Error *error)
{
        const char *message = error->message ? error->message : strerror(-error->code);

        if (report->mode == REPORT_JSON) {
                emit_json(report, "error",
                          json_pack("{s:s, s:s*, s:s*}", "message", message, "detail", error->detail, "hint",
                                    error->hint));
                return;
        }
        clear_live(report);
        fprintf(stderr, "%serror:%s %s\n", paint(report, "\033[1;31m"), paint(report, "\033[0m"), message);
        if (!string_empty(error->detail))
                print_indented(error->detail);
        if (!string_empty(error->hint))
                fprintf(stderr, "%s\n", error->hint);
}

void report_result(Report *report, const char *format, ...)
{
        va_list arguments;

        if (report->mode == REPORT_JSON)
                return;
        clear_live(report);
        va_start(arguments, format);
        vprintf(format, arguments);
        va_end(arguments);
        putchar('\n');
        fflush(stdout);
}

void report_json_event(Report *report, const char *event, const json_t *members)
{
        if (report->mode == REPORT_JSON)
                emit_json(report, event, members ? json_copy((json_t *) members) : NULL);
}
