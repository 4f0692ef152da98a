/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "verbs/diff_view.h"

#include <inttypes.h>
#include <string.h>

/* Text in a code span: as many backticks around it as it takes. */
static void put_code(char *buffer, size_t size, const char *text)
{
        bool ticked = strchr(text, '`');

        snprintf(buffer, size, ticked ? "`` %s ``" : "`%s`", text);
}

static void put_package(const SetPackage *before, const SetPackage *after, void *userdata)
{
        const SetPackage *package = after ? after : before;

        report_result(userdata, "| %s | %s | %s | %s |", package->name, package->architecture,
                      before ? before->version : "-", after ? after->version : "-");
}

static void put_packages(const DiffView *view)
{
        const DiffSummary *summary = view->summary;

        report_result(view->report, "\n## Packages\n\n%zu added, %zu removed, %zu changed", summary->n_packages_added,
                      summary->n_packages_removed, summary->n_packages_changed);
        if (summary->n_packages_added + summary->n_packages_removed + summary->n_packages_changed == 0)
                return;
        report_result(view->report, "\n| Package | Architecture | Before | After |\n|---|---|---|---|");
        package_set_compare(&view->before->packages, &view->after->packages, put_package, view->report);
}

static void put_notices(const DiffView *view)
{
        char name[1200], text[1200];

        for (size_t kind = 0; kind < DIFF_NOTICE_KINDS; kind++) {
                const DiffNotices *notices = &view->summary->notices[kind];
                if (notices->n_all == 0)
                        continue;
                report_result(view->report, "\n## %s\n", diff_notice_titles[kind]);
                for (size_t i = 0; i < notices->n_items; i++) {
                        put_code(name, sizeof name, notices->items[i].name);
                        put_code(text, sizeof text, notices->items[i].text);
                        report_result(view->report, "- %s: %s", name, text);
                }
                if (notices->n_all > notices->n_items)
                        report_result(view->report, "- ... and %zu more", notices->n_all - notices->n_items);
        }
}

static void put_growths(const DiffView *view, const char *heading, const DiffGrowths *growths)
{
        char growth[GROWTH_TEXT_MAX], name[1200];

        if (growths->n_items == 0)
                return;
        report_result(view->report, "\n## %s\n", heading);
        for (size_t i = 0; i < growths->n_items; i++) {
                put_code(name, sizeof name, growths->items[i].name);
                report_result(view->report, "- %s: %s", name,
                              diff_growth_text(growths->items[i].before_bytes, growths->items[i].after_bytes, growth));
        }
}

static void put_line(char sign, const char *path, const char *note, void *userdata)
{
        /* "!" is how diffs in markdown mark a change */
        report_result(userdata, "%c %s%s%s%s", sign == '~' ? '!' : sign, path, *note ? "  (" : "", note,
                      *note ? ")" : "");
}

static int put_files(const DiffView *view, Error *error)
{
        const DiffSummary *summary = view->summary;
        int r = 0;

        report_result(view->report, "\n## Files\n\n%" PRIu64 " added, %" PRIu64 " removed, %" PRIu64 " changed",
                      summary->n_added, summary->n_removed, summary->n_changed);
        if (view->summary_only || summary->n_added + summary->n_removed + summary->n_changed == 0)
                return 0;
        report_result(view->report, "\n<details><summary>All of them</summary>\n\n```diff");
        r = diff_list_files(view, put_line, view->report, error);
        report_result(view->report, "```\n\n</details>");
        return r;
}

static void put_size(const DiffView *view, const char *what, uint64_t before, uint64_t after)
{
        char left[SIZE_TEXT_MAX], right[SIZE_TEXT_MAX], growth[GROWTH_TEXT_MAX];

        report_result(view->report, "| %s | %s | %s | %s |", what, size_text(before, left), size_text(after, right),
                      diff_growth_text(before, after, growth));
}

int diff_show_markdown(const DiffView *view, Error *error)
{
        _cleanup_free_ char *before = diff_name(view->before), *after = diff_name(view->after);

        if (!before || !after)
                return error_out_of_memory(error);
        report_result(view->report, "# %s\n\nCompared with %s.", after, before);
        if (view->has_files) {
                report_result(view->report, "\n| | Before | After | |\n|---|---|---|---|");
                put_size(view, "Content", view->before->index.content_bytes, view->after->index.content_bytes);
                put_size(view, "Packed", view->before->file_bytes, view->after->file_bytes);
        }
        if (diff_is_same(view)) {
                report_result(view->report, "\nNothing differs.");
                return 0;
        }
        put_packages(view);
        put_notices(view);
        put_growths(view, "Largest growths of packages", &view->summary->packages);
        put_growths(view, "Largest growths of files", &view->summary->files);
        return view->has_files ? put_files(view, error) : 0;
}
