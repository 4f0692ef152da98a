/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "image/index.h"
#include "image/package_set.h"

/* What differs between two images. Times don't count: they are those of the build. */

enum {
        DIFF_TYPE = 1 << 0, /* also from a file to a hard link */
        DIFF_CONTENT = 1 << 1,
        DIFF_TARGET = 1 << 2, /* of a link */
        DIFF_MODE = 1 << 3,
        DIFF_OWNER = 1 << 4,
        DIFF_CAPABILITY = 1 << 5,
        DIFF_XATTRS = 1 << 6,
};

/* Hears of every path of both images in their order: one that is in one of them only has NULL for the other; of one
 * that is in both `what` says what differs, 0 for nothing. */
typedef void (*DiffListener)(const IndexEntry *before, const IndexEntry *after, unsigned what, void *userdata);
int diff_walk(const Index *before, const Index *after, DiffListener listener, void *userdata, Error *error)
        _must_check_;

#define DIFF_LISTED 200u
#define DIFF_GROWTHS 10u

/* Something that has become so. */
typedef struct DiffNotice {
        char *name; /* an absolute path, printable; or a unit of systemd */
        char *text;
} DiffNotice;

typedef struct DiffNotices {
        DiffNotice *items; /* the first DIFF_LISTED */
        size_t n_items, n_all;
} DiffNotices;

typedef struct DiffGrowth {
        char *name; /* of a package, or an absolute path, printable */
        uint64_t before_bytes, after_bytes;
} DiffGrowth;

typedef struct DiffGrowths {
        DiffGrowth items[DIFF_GROWTHS]; /* the largest first */
        size_t n_items;
} DiffGrowths;

typedef enum DiffNoticeKind {
        DIFF_SETUID,     /* or setgid */
        DIFF_CAPABILITIES,
        DIFF_WORLD_WRITABLE,
        DIFF_SERVICES,   /* units that are enabled now */
        DIFF_LISTENS,    /* addresses of sockets that are enabled now */
        DIFF_NOTICE_KINDS,
} DiffNoticeKind;

typedef struct DiffSummary {
        uint64_t n_added, n_removed, n_changed; /* paths */
        size_t n_packages_added, n_packages_removed, n_packages_changed;
        DiffNotices notices[DIFF_NOTICE_KINDS];
        DiffGrowths files, packages;
} DiffSummary;

/* Of the files; `before` and `after` may be NULL, then of the packages alone. */
int diff_summarize(const Index *before, const Index *after, const PackageSet *packages_before,
                   const PackageSet *packages_after, DiffSummary *ret, Error *error) _must_check_;
void diff_summary_done(DiffSummary *summary);
#define _cleanup_diff_summary_ _cleanup_(diff_summary_done)
