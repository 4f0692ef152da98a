/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "verbs/diff_view.h"

#include "packages/dpkg.h"

#include <inttypes.h>
#include <string.h>
#include <unistd.h>

typedef struct Text {
        Report *report;
        bool colour;
} Text;

static const char *colour_of(const Text *text, char sign)
{
        if (!text->colour)
                return "";
        return sign == '+' ? "\033[32m" : sign == '-' ? "\033[31m" : "\033[33m";
}

static const char *no_colour(const Text *text)
{
        return text->colour ? "\033[0m" : "";
}

static void put_heading(const Text *text, const char *heading)
{
        report_result(text->report, "\n%s%s%s", text->colour ? "\033[1m" : "", heading, no_colour(text));
}

static void put_counts(const Text *text, const char *what, uint64_t added, uint64_t removed, uint64_t changed)
{
        char heading[128];

        snprintf(heading, sizeof heading, "%s: %" PRIu64 " added, %" PRIu64 " removed, %" PRIu64 " changed", what,
                 added, removed, changed);
        put_heading(text, heading);
}

static void put_package(const SetPackage *before, const SetPackage *after, void *userdata)
{
        const Text *text = userdata;
        char sign = !before ? '+' : !after ? '-' : '~';
        const SetPackage *package = after ? after : before;

        if (sign != '~') {
                report_result(text->report, "  %s%c %s%s %s (%s)", colour_of(text, sign), sign, package->name,
                              no_colour(text), package->version, package->architecture);
                return;
        }
        report_result(text->report, "  %s~ %s%s %s -> %s (%s%s)", colour_of(text, sign), package->name, no_colour(text),
                      before->version, after->version, package->architecture,
                      dpkg_compare_versions(before->version, after->version) > 0 ? ", older" : "");
}

static void put_line(char sign, const char *path, const char *note, void *userdata)
{
        const Text *text = userdata;

        report_result(text->report, "  %s%c %s%s%s%s%s", colour_of(text, sign), sign, path, no_colour(text),
                      *note ? "  (" : "", note, *note ? ")" : "");
}

static void put_notices(const Text *text, const DiffSummary *summary)
{
        for (size_t kind = 0; kind < DIFF_NOTICE_KINDS; kind++) {
                const DiffNotices *notices = &summary->notices[kind];
                if (notices->n_all == 0)
                        continue;
                put_heading(text, diff_notice_titles[kind]);
                for (size_t i = 0; i < notices->n_items; i++)
                        put_line('+', notices->items[i].name, notices->items[i].text, (void *) text);
                if (notices->n_all > notices->n_items)
                        report_result(text->report, "  ... and %zu more", notices->n_all - notices->n_items);
        }
}

static void put_growths(const Text *text, const char *heading, const DiffGrowths *growths)
{
        char growth[GROWTH_TEXT_MAX];

        if (growths->n_items == 0)
                return;
        put_heading(text, heading);
        for (size_t i = 0; i < growths->n_items; i++)
                report_result(text->report, "  %10s  %s",
                              diff_growth_text(growths->items[i].before_bytes, growths->items[i].after_bytes, growth),
                              growths->items[i].name);
}

static void put_size(const Text *text, const char *what, uint64_t before, uint64_t after)
{
        char left[SIZE_TEXT_MAX], right[SIZE_TEXT_MAX], growth[GROWTH_TEXT_MAX];

        report_result(text->report, "%s: %s -> %s (%s)", what, size_text(before, left), size_text(after, right),
                      diff_growth_text(before, after, growth));
}

static void put_sizes(const Text *text, const DiffView *view)
{
        report_result(text->report, "%s-%s %s", colour_of(text, '-'), no_colour(text), view->before->path);
        report_result(text->report, "%s+%s %s", colour_of(text, '+'), no_colour(text), view->after->path);
        if (!view->has_files)
                return;
        put_size(text, "Content", view->before->index.content_bytes, view->after->index.content_bytes);
        put_size(text, "Packed", view->before->file_bytes, view->after->file_bytes);
        report_result(text->report, "Entries: %" PRIu64 " -> %" PRIu64, view->before->index.n_entries,
                      view->after->index.n_entries);
}

int diff_show_text(const DiffView *view, Error *error)
{
        const DiffSummary *summary = view->summary;
        Text text = { .report = view->report, .colour = report_colour(STDOUT_FILENO) };

        put_sizes(&text, view);
        if (diff_is_same(view)) {
                report_result(view->report, "Nothing differs.");
                return 0;
        }
        put_counts(&text, "Packages", summary->n_packages_added, summary->n_packages_removed,
                   summary->n_packages_changed);
        package_set_compare(&view->before->packages, &view->after->packages, put_package, &text);
        put_notices(&text, summary);
        put_growths(&text, "Largest growths of packages", &summary->packages);
        put_growths(&text, "Largest growths of files", &summary->files);
        if (!view->has_files)
                return 0;
        put_counts(&text, "Files", summary->n_added, summary->n_removed, summary->n_changed);
        return view->summary_only ? 0 : diff_list_files(view, put_line, &text, error);
}
