/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/diff.h"

#include "image/capability.h"
#include "image/names.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define SOCKETS_MAX 4096u

/* A socket unit of one side: that it is enabled, or what it listens to. */
typedef struct Socket {
        char *unit;    /* "ssh.socket" */
        char *listens; /* words; NULL: it is enabled */
} Socket;

typedef struct Sockets {
        Socket *items;
        size_t n_items;
} Sockets;

typedef struct Summing {
        DiffSummary *summary;
        Sockets before, after;
        bool out_of_memory;
} Summing;

/* ------------------------------------------------------------------------------------------------ lists */

/* Takes `text`. */
static void add_notice(Summing *summing, DiffNoticeKind kind, const char *name, char *text)
{
        DiffNotices *notices = &summing->summary->notices[kind];

        notices->n_all++;
        if (!text)
                summing->out_of_memory = true;
        if (notices->n_items == DIFF_LISTED || !text) {
                free(text);
                return;
        }
        DiffNotice *items = reallocarray(notices->items, notices->n_items + 1, sizeof *items);
        char *copy = strdup(name);
        if (items)
                notices->items = items;
        if (!items || !copy) {
                summing->out_of_memory = true;
                free(copy);
                free(text);
                return;
        }
        items[notices->n_items++] = (DiffNotice){ .name = copy, .text = text };
}

static void add_path_notice(Summing *summing, DiffNoticeKind kind, const IndexEntry *entry, char *text)
{
        _cleanup_free_ char *absolute = NULL;
        char path[NAME_TEXT_MAX];

        if (asprintf(&absolute, "/%s", entry->path) < 0)
                absolute = NULL;
        add_notice(summing, kind, name_text(absolute ? absolute : "", path), text);
}

static char *mode_text(const IndexEntry *before, const IndexEntry *after)
{
        char *text;
        int n = before ? asprintf(&text, "mode %04o, was %04o", after->mode & 07777, before->mode & 07777)
                       : asprintf(&text, "mode %04o, new", after->mode & 07777);

        return n < 0 ? NULL : text;
}

static void add_growth(Summing *summing, DiffGrowths *growths, const char *name, uint64_t before_bytes,
                       uint64_t after_bytes)
{
        uint64_t growth = after_bytes - before_bytes;
        size_t at = growths->n_items;

        if (after_bytes <= before_bytes)
                return;
        while (at > 0 && growths->items[at - 1].after_bytes - growths->items[at - 1].before_bytes < growth)
                at--;
        if (at == DIFF_GROWTHS)
                return;
        char *copy = strdup(name);
        if (!copy) {
                summing->out_of_memory = true;
                return;
        }
        if (growths->n_items == DIFF_GROWTHS) {
                growths->n_items--;
                free(growths->items[growths->n_items].name);
        }
        memmove(&growths->items[at + 1], &growths->items[at], (growths->n_items - at) * sizeof *growths->items);
        growths->items[at] = (DiffGrowth){ .name = copy, .before_bytes = before_bytes, .after_bytes = after_bytes };
        growths->n_items++;
}

/* ------------------------------------------------------------------------------------------------ files */

static bool has_set_id(const IndexEntry *entry)
{
        return S_ISREG(entry->mode) && !entry->hard_link && entry->mode & (S_ISUID | S_ISGID);
}

static bool is_writable(const IndexEntry *entry)
{
        if (S_ISLNK(entry->mode) || entry->hard_link || !(entry->mode & S_IWOTH))
                return false;
        return !(S_ISDIR(entry->mode) && entry->mode & S_ISVTX);
}

static char *capability_change(const IndexEntry *before, const IndexEntry *after)
{
        _cleanup_free_ char *now = capability_text(after->capability, after->capability_size), *was = NULL;
        char *text;

        if (before && before->capability_size > 0)
                was = capability_text(before->capability, before->capability_size);
        if (!now || asprintf(&text, "%s%s%s", now, was ? ", was " : "", was ? was : "") < 0)
                return NULL;
        return text;
}

static void note_rights(Summing *summing, const IndexEntry *before, const IndexEntry *after, unsigned what)
{
        mode_t set_ids = S_ISUID | S_ISGID;
        bool had = before && has_set_id(before);

        /* a program that has had the right, but for another owner, is news as well */
        if (has_set_id(after) && (!had || (after->mode & ~before->mode & set_ids) || what & DIFF_OWNER))
                add_path_notice(summing, DIFF_SETUID, after, mode_text(before, after));
        if (after->capability_size > 0 && (!before || what & DIFF_CAPABILITY))
                add_path_notice(summing, DIFF_CAPABILITIES, after, capability_change(before, after));
        if (is_writable(after) && (!before || !is_writable(before)))
                add_path_notice(summing, DIFF_WORLD_WRITABLE, after, mode_text(before, after));
}

/* "etc/systemd/system/multi-user.target.wants/nginx.service": the unit; *ret_wanter starts with "multi-user.target", which
 * is *ret_length bytes long. */
static const char *enabled_unit(const char *path, const char **ret_wanter, size_t *ret_length)
{
        static const char *const folders[] = { "etc/systemd/system/", "usr/lib/systemd/system/",
                                               "lib/systemd/system/" };
        static const char *const suffixes[] = { ".wants", ".requires", ".upholds" };

        for (size_t i = 0; i < ELEMENTS(folders); i++) {
                const char *wanter = path + strlen(folders[i]), *slash;
                if (!string_starts_with(path, folders[i]) || !(slash = strchr(wanter, '/')) || strchr(slash + 1, '/'))
                        continue;
                for (size_t j = 0; j < ELEMENTS(suffixes); j++) {
                        size_t length = strlen(suffixes[j]);
                        if ((size_t) (slash - wanter) <= length || memcmp(slash - length, suffixes[j], length) != 0)
                                continue;
                        *ret_wanter = wanter;
                        *ret_length = (size_t) (slash - wanter) - length;
                        return slash + 1;
                }
        }
        return NULL;
}

/* "etc/rc2.d/S01ssh" of sysvinit gives "ssh"; runlevels 3 to 5 are the same in Debian. */
static const char *started_service(const char *path)
{
        static const char *const starts[] = { "etc/rc2.d/S", "etc/rcS.d/S" };

        for (size_t i = 0; i < ELEMENTS(starts); i++)
                if (string_starts_with(path, starts[i])) {
                        const char *name = path + strlen(starts[i]);
                        return name + strspn(name, "0123456789");
                }
        return NULL;
}

static void note_service(Summing *summing, const IndexEntry *after)
{
        const char *wanter = "";
        size_t length = 0;
        char *text, name[NAME_TEXT_MAX];

        if (!S_ISLNK(after->mode))
                return;
        const char *unit = enabled_unit(after->path, &wanter, &length);
        if (!unit && (unit = started_service(after->path))) {
                wanter = "sysvinit";
                length = strlen(wanter);
        }
        if (!unit)
                return;
        if (asprintf(&text, "%.*s", (int) length, wanter) < 0)
                text = NULL;
        add_notice(summing, DIFF_SERVICES, name_text(unit, name), text);
}

/* ------------------------------------------------------------------------------------------------ sockets */

static void add_socket(Summing *summing, Sockets *sockets, const char *unit, size_t length, const char *listens)
{
        if (sockets->n_items == SOCKETS_MAX)
                return;
        Socket *items = reallocarray(sockets->items, sockets->n_items + 1, sizeof *items);
        char *unit_copy = strndup(unit, length), *listens_copy = listens ? strdup(listens) : NULL;
        if (items)
                sockets->items = items;
        if (!items || !unit_copy || (listens && !listens_copy)) {
                summing->out_of_memory = true;
                free(unit_copy);
                free(listens_copy);
                return;
        }
        items[sockets->n_items++] = (Socket){ unit_copy, listens_copy };
}

static void note_socket(Summing *summing, Sockets *sockets, const IndexEntry *entry)
{
        const char *wanter;
        size_t length;

        if (*entry->listens) {
                /* the unit, or the folder of its drop-ins */
                const char *name = strstr(entry->path, "/system/") + strlen("/system/"), *slash = strchr(name, '/');
                size_t name_length = slash ? (size_t) (slash - name) - strlen(".d") : strlen(name);
                add_socket(summing, sockets, name, name_length, entry->listens);
                return;
        }
        if (!S_ISLNK(entry->mode))
                return;
        const char *unit = enabled_unit(entry->path, &wanter, &length);
        if (unit && string_ends_with(unit, ".socket"))
                add_socket(summing, sockets, unit, strlen(unit), NULL);
}

/* "foo@bar.socket" comes of "foo@.socket". */
static bool is_unit_of(const char *unit, const char *enabled)
{
        const char *at = strchr(enabled, '@');
        size_t length = at ? (size_t) (at - enabled) + 1 : 0;

        return strcmp(unit, enabled) == 0 ||
               (at && strncmp(unit, enabled, length) == 0 && strcmp(unit + length, ".socket") == 0);
}

static bool is_enabled(const Sockets *sockets, const char *unit)
{
        for (size_t i = 0; i < sockets->n_items; i++)
                if (!sockets->items[i].listens && is_unit_of(unit, sockets->items[i].unit))
                        return true;
        return false;
}

static bool has_word(const char *words, const char *word, size_t length)
{
        for (const char *next = words; *next; next += strcspn(next, " ")) {
                next += strspn(next, " ");
                if (strcspn(next, " ") == length && memcmp(next, word, length) == 0)
                        return true;
        }
        return false;
}

static bool listened(const Sockets *sockets, const char *unit, const char *word, size_t length)
{
        if (!is_enabled(sockets, unit))
                return false;
        for (size_t i = 0; i < sockets->n_items; i++) {
                const Socket *other = &sockets->items[i];
                if (other->listens && strcmp(other->unit, unit) == 0 && has_word(other->listens, word, length))
                        return true;
        }
        return false;
}

static void judge_sockets(Summing *summing)
{
        for (size_t i = 0; i < summing->after.n_items; i++) {
                const Socket *now = &summing->after.items[i];
                if (!now->listens || !is_enabled(&summing->after, now->unit))
                        continue;
                for (const char *word = now->listens; *word;) {
                        size_t length = strcspn(word, " ");
                        char *text, unit[NAME_TEXT_MAX], printable[NAME_TEXT_MAX];
                        if (!listened(&summing->before, now->unit, word, length)) {
                                text = strndup(word, length);
                                char *shown = text ? strdup(name_text(text, printable)) : NULL;
                                free(text);
                                add_notice(summing, DIFF_LISTENS, name_text(now->unit, unit), shown);
                        }
                        word += length;
                        word += strspn(word, " ");
                }
        }
}

static void sockets_done(Sockets *sockets)
{
        for (size_t i = 0; i < sockets->n_items; i++) {
                free(sockets->items[i].unit);
                free(sockets->items[i].listens);
        }
        free(sockets->items);
}

/* ------------------------------------------------------------------------------------------------ all of it */

static void hear_entry(const IndexEntry *before, const IndexEntry *after, unsigned what, void *userdata)
{
        Summing *summing = userdata;
        DiffSummary *summary = summing->summary;

        summary->n_added += !before;
        summary->n_removed += !after;
        summary->n_changed += what != 0;
        if (before)
                note_socket(summing, &summing->before, before);
        if (!after)
                return;
        note_socket(summing, &summing->after, after);
        if (!before || what)
                note_rights(summing, before, after, what);
        if (!before)
                note_service(summing, after);
        if (S_ISREG(after->mode) && after->size_bytes > (before ? before->size_bytes : 0)) {
                _cleanup_free_ char *absolute = NULL;
                char path[NAME_TEXT_MAX];
                if (asprintf(&absolute, "/%s", after->path) < 0)
                        absolute = NULL;
                add_growth(summing, &summary->files, name_text(absolute ? absolute : "", path),
                           before ? before->size_bytes : 0, after->size_bytes);
        }
}

static void hear_package(const SetPackage *before, const SetPackage *after, void *userdata)
{
        Summing *summing = userdata;
        DiffSummary *summary = summing->summary;

        summary->n_packages_added += !before;
        summary->n_packages_removed += !after;
        summary->n_packages_changed += before && after;
        if (after)
                add_growth(summing, &summary->packages, after->name, before ? before->size_bytes : 0,
                           after->size_bytes);
}

int diff_summarize(const Index *before, const Index *after, const PackageSet *packages_before,
                   const PackageSet *packages_after, DiffSummary *ret, Error *error)
{
        _cleanup_diff_summary_ DiffSummary summary = { 0 };
        Summing summing = { .summary = &summary };
        int r = before && after ? diff_walk(before, after, hear_entry, &summing, error) : 0;

        judge_sockets(&summing);
        package_set_compare(packages_before, packages_after, hear_package, &summing);
        sockets_done(&summing.before);
        sockets_done(&summing.after);
        if (r == 0 && summing.out_of_memory)
                r = error_out_of_memory(error);
        if (r < 0)
                return r;
        *ret = summary;
        summary = (DiffSummary){ 0 };
        return 0;
}

void diff_summary_done(DiffSummary *summary)
{
        for (size_t kind = 0; kind < DIFF_NOTICE_KINDS; kind++) {
                DiffNotices *notices = &summary->notices[kind];
                for (size_t i = 0; i < notices->n_items; i++) {
                        free(notices->items[i].name);
                        free(notices->items[i].text);
                }
                free(notices->items);
        }
        for (size_t i = 0; i < DIFF_GROWTHS; i++) {
                free(summary->files.items[i].name);
                free(summary->packages.items[i].name);
        }
        *summary = (DiffSummary){ 0 };
}
