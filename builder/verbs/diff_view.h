/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/strings.h"
#include "image/diff.h"
#include "verbs/verb.h"

/* What `templar diff` shows, in its three ways. Lists of files are written as they are read: their length doesn't
 * matter. */

typedef enum DiffSourceKind { DIFF_IMAGE, DIFF_MANIFEST, DIFF_LOCK } DiffSourceKind;

typedef struct DiffSide {
        char *path;
        DiffSourceKind kind;
        uint64_t file_bytes;
        Index index; /* of an image */
        PackageSet packages;
} DiffSide;

typedef struct DiffView {
        Report *report;
        const DiffSide *before, *after;
        const DiffSummary *summary;
        bool has_files; /* both are images */
        bool summary_only;
        bool all; /* every file of folders that came or went */
} DiffView;

int diff_show_text(const DiffView *view, Error *error) _must_check_;
int diff_show_markdown(const DiffView *view, Error *error) _must_check_;
int diff_show_json(const DiffView *view, Error *error) _must_check_;

/* Nothing differs. */
bool diff_is_same(const DiffView *view);
/* "web-amd64-20261123" out of the path. The caller frees; NULL when memory is short. */
char *diff_name(const DiffSide *side);
/* "+22.0 MiB" into `buffer`. */
#define GROWTH_TEXT_MAX (SIZE_TEXT_MAX + 2)
char *diff_growth_text(uint64_t before_bytes, uint64_t after_bytes, char buffer[static GROWTH_TEXT_MAX]);
/* "Set-user-ID" and the like, for headings; the words of JSON. */
extern const char *const diff_notice_titles[], *const diff_notice_names[];
/* "file", "directory", "link" ... */
const char *diff_type_name(const IndexEntry *entry);

/* The files that differ, a line each; `sign` is '+', '-' or '~', the path is absolute and printable, with "/" behind
 * it where it is a folder; the note says how large it is or what has changed. Without `all` a folder that came or went
 * is one line with what is in it. */
typedef void (*DiffLine)(char sign, const char *path, const char *note, void *userdata);
int diff_list_files(const DiffView *view, DiffLine line, void *userdata, Error *error) _must_check_;
