/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "verbs/diff_view.h"

#include "base/json.h"
#include "image/capability.h"

#include <sys/stat.h>

static const char *change_name(const void *before, const void *after)
{
        return !before ? "added" : !after ? "removed" : "changed";
}

static void put_package(const SetPackage *before, const SetPackage *after, void *userdata)
{
        const SetPackage *package = after ? after : before;
        _cleanup_json_ json_t *members = json_pack(
                "{s:s, s:o, s:o, s:o, s:o}", "change", change_name(before, after), "name", json_text(package->name),
                "architecture", json_text(package->architecture), "before", json_text(before ? before->version : NULL),
                "after", json_text(after ? after->version : NULL));

        report_json_event(userdata, "package", members);
}

static json_t *entry_json(const IndexEntry *entry)
{
        char mode[8];

        if (!entry)
                return json_null();
        snprintf(mode, sizeof mode, "%04o", entry->mode & 07777);
        _cleanup_json_ json_t *object = json_pack("{s:s, s:s, s:I, s:I}", "type", diff_type_name(entry), "mode", mode,
                                                  "uid", (json_int_t) entry->uid, "gid", (json_int_t) entry->gid);
        bool done = object;
        if (done && *entry->sha256)
                done = json_put(object, "size_bytes", json_integer((json_int_t) entry->size_bytes)) &&
                       json_put(object, "sha256", json_string(entry->sha256));
        if (done && *entry->target)
                done = json_put(object, "target", json_text(entry->target));
        if (done && entry->capability_size > 0) {
                _cleanup_free_ char *text = capability_text(entry->capability, entry->capability_size);
                done = text && json_put(object, "capability", json_string(text));
        }
        return done ? TAKE_PTR(object) : NULL;
}

static json_t *what_json(unsigned what)
{
        static const char *const names[] = { "type", "content", "target", "mode", "owner", "capability", "xattrs" };
        json_t *array = json_array();

        for (size_t i = 0; i < ELEMENTS(names); i++)
                if (what >> i & 1 && !json_add(array, json_string(names[i])))
                        break;
        return array;
}

static void put_file(const IndexEntry *before, const IndexEntry *after, unsigned what, void *userdata)
{
        _cleanup_free_ char *path = NULL;

        if (before && after && !what)
                return;
        if (asprintf(&path, "/%s", (after ? after : before)->path) < 0) {
                path = NULL;
                return;
        }
        _cleanup_json_ json_t *members =
                json_pack("{s:s, s:o, s:o, s:o, s:o}", "change", change_name(before, after), "path", json_text(path),
                          "before", entry_json(before), "after", entry_json(after), "what", what_json(what));
        report_json_event(userdata, "file", members);
}

static void put_notices(const DiffView *view)
{
        for (size_t kind = 0; kind < DIFF_NOTICE_KINDS; kind++) {
                const DiffNotices *notices = &view->summary->notices[kind];
                for (size_t i = 0; i < notices->n_items; i++) {
                        _cleanup_json_ json_t *members =
                                json_pack("{s:s, s:o, s:o}", "kind", diff_notice_names[kind], "name",
                                          json_text(notices->items[i].name), "text", json_text(notices->items[i].text));
                        report_json_event(view->report, "gained", members);
                }
        }
}

static void put_growths(const DiffView *view, const char *kind, const DiffGrowths *growths)
{
        for (size_t i = 0; i < growths->n_items; i++) {
                const DiffGrowth *growth = &growths->items[i];
                _cleanup_json_ json_t *members =
                        json_pack("{s:s, s:o, s:I, s:I}", "kind", kind, "name", json_text(growth->name), "before_bytes",
                                  (json_int_t) growth->before_bytes, "after_bytes", (json_int_t) growth->after_bytes);
                report_json_event(view->report, "growth", members);
        }
}

static json_t *side_json(const DiffView *view, const DiffSide *side)
{
        json_t *object = json_pack("{s:o}", "path", json_text(side->path));

        if (view->has_files && object &&
            !(json_put(object, "content_bytes", json_integer((json_int_t) side->index.content_bytes)) &&
              json_put(object, "file_bytes", json_integer((json_int_t) side->file_bytes)) &&
              json_put(object, "entries", json_integer((json_int_t) side->index.n_entries)))) {
                json_decref(object);
                return NULL;
        }
        return object;
}

static json_t *counts_json(uint64_t added, uint64_t removed, uint64_t changed)
{
        return json_pack("{s:I, s:I, s:I}", "added", (json_int_t) added, "removed", (json_int_t) removed, "changed",
                         (json_int_t) changed);
}

static void put_counts(const DiffView *view)
{
        const DiffSummary *summary = view->summary;
        json_t *files = view->has_files ? counts_json(summary->n_added, summary->n_removed, summary->n_changed)
                                        : json_null();
        _cleanup_json_ json_t *members = json_pack(
                "{s:o, s:o, s:b, s:o, s:o}", "before", side_json(view, view->before), "after",
                side_json(view, view->after), "same", diff_is_same(view), "packages",
                counts_json(summary->n_packages_added, summary->n_packages_removed, summary->n_packages_changed),
                "files", files);

        report_json_event(view->report, "compared", members);
}

int diff_show_json(const DiffView *view, Error *error)
{
        int r = 0;

        package_set_compare(&view->before->packages, &view->after->packages, put_package, view->report);
        put_notices(view);
        put_growths(view, "package", &view->summary->packages);
        put_growths(view, "file", &view->summary->files);
        if (view->has_files && !view->summary_only)
                r = diff_walk(&view->before->index, &view->after->index, put_file, view->report, error);
        if (r == 0)
                put_counts(view);
        return r;
}
