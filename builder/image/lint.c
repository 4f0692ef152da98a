/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/lint_internal.h"

#include "image/names.h"
#include "image/rules.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define ERROR_LINES_MAX 20u

static const LintAllow *find_allow(const LintRun *run, LintId id, const char *path)
{
        LintAllows *allows = run->options->allows;

        for (size_t i = 0; allows && i < allows->n_items; i++) {
                LintAllow *allow = &allows->items[i];
                if (allow->id != id || (allow->path && fnmatch(allow->path, path, 0) != 0))
                        continue;
                allow->n_used++;
                return allow;
        }
        return NULL;
}

static int list_finding(LintReport *report, const LintFinding *finding)
{
        LintFinding *items = reallocarray(report->items, report->n_items + 1, sizeof *items);

        if (!items)
                return -ENOMEM;
        report->items = items;
        items[report->n_items++] = *finding;
        return 0;
}

void lint_found_at(LintRun *run, LintId id, const char *path, char *text)
{
        LintReport *report = run->report;
        LintFinding finding = { .id = id, .path = strdup(path), .text = text, .allow = find_allow(run, id, path) };

        if (!finding.path || !finding.text)
                run->out_of_memory = true;
        if (finding.allow)
                report->n_allowed++;
        else if (lint_checks[id].severity == LINT_ERROR)
                report->n_errors++;
        else
                report->n_warnings++;
        report->n_found[id] += !finding.allow;
        unsigned *n_listed = &run->n_listed[id][finding.allow != NULL];
        if (!run->out_of_memory && *n_listed < LINT_LISTED) {
                if (list_finding(report, &finding) == 0) {
                        (*n_listed)++;
                        return;
                }
                run->out_of_memory = true;
        }
        free(finding.path);
        free(finding.text);
}

/* As it is shown: absolute, printable. */
static void entry_text(const ImageEntry *entry, char ret_text[static NAME_TEXT_MAX])
{
        _cleanup_free_ char *absolute = NULL;

        if (!entry || !entry->path || asprintf(&absolute, "/%s", entry->path) < 0)
                absolute = NULL;
        name_text(absolute ? absolute : entry ? entry->raw : "", ret_text);
}

void lint_found(LintRun *run, LintId id, const char *format, ...)
{
        char path[NAME_TEXT_MAX], *text;
        va_list arguments;

        va_start(arguments, format);
        if (vasprintf(&text, format, arguments) < 0)
                text = NULL;
        va_end(arguments);
        entry_text(run->entry, path);
        lint_found_at(run, id, path, text);
}

static void hear_rule(const RuleViolation *violation, void *userdata)
{
        lint_found_at(userdata, (LintId) (violation->rule - 1), violation->entry, strdup(violation->text));
}

static int compare_findings(const void *a, const void *b)
{
        const LintFinding *left = a, *right = b;

        int order = (left->id > right->id) - (left->id < right->id);

        return order != 0 ? order : strcmp(left->path, right->path);
}

/* Stable, as qsort() is not: several findings of one file stay as they stand in it. */
static void sort_findings(LintReport *report)
{
        for (size_t i = 1; i < report->n_items; i++) {
                LintFinding finding = report->items[i];
                size_t at = i;
                for (; at > 0 && compare_findings(&report->items[at - 1], &finding) > 0; at--)
                        report->items[at] = report->items[at - 1];
                report->items[at] = finding;
        }
}

static int read_image(LintRun *run, RuleCheck *rules, ImageStream *stream, Error *error)
{
        ImageEntry entry;
        int r;

        while ((r = image_stream_next(stream, &entry, error)) > 0) {
                run->entry = &entry;
                if (rule_check_entry(rules, &entry) < 0)
                        run->out_of_memory = true;
                if (entry.path)
                        r = lint_entry(run, stream, error);
                run->entry = NULL;
                if (r >= 0 && run->out_of_memory)
                        r = error_out_of_memory(error);
                if (r < 0)
                        return r;
        }
        if (r == 0)
                rule_check_end(rules);
        return r;
}

static void run_done(LintRun *run)
{
        for (size_t i = 0; i < run->n_pending; i++) {
                free(run->pending[i].path);
                free(run->pending[i].text);
        }
        free(run->pending);
        free(run->shipped);
        free(run->words);
        needles_free(run->needles);
        buffer_done(&run->content);
}

/* One of `source` and `fd` is what is read. */
static int run_lint(LintRun *run, const ImageSource *source, int fd, Error *error)
{
        _cleanup_image_stream_ ImageStream *stream = NULL;
        _cleanup_rule_check_ RuleCheck *rules = rule_check_new(hear_rule, run);

        if (!rules || lint_text_prepare(run) < 0)
                return error_out_of_memory(error);
        int r = source ? image_stream_new(source, hear_rule, run, &stream, error)
                       : image_stream_open(fd, hear_rule, run, &stream, error);
        if (r == 0)
                r = read_image(run, rules, stream, error);
        if (r < 0)
                return r;
        lint_settle(run);
        sort_findings(run->report);
        return run->out_of_memory ? error_out_of_memory(error) : 0;
}

static int lint(const ImageSource *source, int fd, const LintOptions *options, LintReport *ret, Error *error)
{
        _cleanup_lint_report_ LintReport report = { 0 };
        LintRun run = { .options = options, .report = &report };
        int r = run_lint(&run, source, fd, error);

        run_done(&run);
        if (r < 0)
                return r;
        *ret = report;
        report = (LintReport){ 0 };
        return 0;
}

int lint_image(int fd, const LintOptions *options, LintReport *ret, Error *error)
{
        return lint(NULL, fd, options, ret, error);
}

int lint_source(const ImageSource *source, const LintOptions *options, LintReport *ret, Error *error)
{
        return lint(source, -1, options, ret, error);
}

void lint_report_done(LintReport *report)
{
        for (size_t i = 0; i < report->n_items; i++) {
                free(report->items[i].path);
                free(report->items[i].text);
        }
        free(report->items);
        *report = (LintReport){ 0 };
}

static bool is_error(const LintFinding *finding)
{
        return !finding->allow && lint_checks[finding->id].severity == LINT_ERROR;
}

/* What the first of them is about; all others have the same remedy or are seen once this one is done. */
static int add_hint(const LintFinding *finding, Error *error)
{
        const LintCheck *check = &lint_checks[finding->id];

        if (!check->allowable)
                return error_hint(error, "%s %s", check->meaning, check->remedy);
        return error_hint(error, "%s %s Where it is right, say why in the recipe: [Image] Allow=%s:%s REASON",
                          check->meaning, check->remedy, check->name, finding->path);
}

int lint_report_error(const LintReport *report, Error *error)
{
        _cleanup_buffer_ Buffer lines = BUFFER_INIT;
        const LintFinding *first = NULL;
        size_t n = 0;
        int r = 0;

        if (report->n_errors == 0)
                return 0;
        for (size_t i = 0; r == 0 && i < report->n_items && n < ERROR_LINES_MAX; i++) {
                const LintFinding *finding = &report->items[i];
                if (!is_error(finding))
                        continue;
                first = first ? first : finding;
                r = buffer_printf(&lines, "%s%s: %s%s%s", n++ > 0 ? "\n" : "", lint_checks[finding->id].name,
                                  finding->path, *finding->path ? " " : "", finding->text);
        }
        if (r == 0 && report->n_errors > n)
                r = buffer_printf(&lines, "\n... and %zu more", report->n_errors - n);
        if (r < 0 || !first)
                return error_out_of_memory(error);
        error_set(error, -EBADMSG, "The image is not fit to be given away: %zu finding%s", report->n_errors,
                  report->n_errors == 1 ? "" : "s");
        error_detail(error, "%s", lines.data);
        add_hint(first, error);
        return -EBADMSG;
}
