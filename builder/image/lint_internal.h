/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/strings.h"
#include "image/lint.h"
#include "image/needles.h"
#include "image/stream.h"

/* Private to lint: lint.c reads the image and keeps what is found, lint_files.c knows the places, lint_settings.c what
 * may stand in a configuration file, lint_text.c what may stand nowhere, lint_packaged.c what came with a package. */

typedef struct LintPending {
        LintId id;
        char *path, *text; /* owned */
        uint64_t hash; /* of path and content, as in `shipped` */
} LintPending;

typedef struct LintRun {
        const LintOptions *options;
        LintReport *report;
        const ImageEntry *entry; /* the one that is looked at */
        Buffer content;          /* of it: all, or the part that is looked at */
        bool whole;              /* `content` is all */
        uint64_t line;           /* of the file, at the start of `content` */
        unsigned n_listed[LINT_N_CHECKS][2]; /* in the report; [1]: those that are allowed */
        unsigned n_roots;        /* lines of /etc/passwd with number 0 */

        const char **words; /* what `needles` looks for; see lint_text.c */
        size_t n_words;
        Needles *needles;
        uint64_t told; /* a bit for each LintId that this file's text was told of already */

        LintPending *pending; /* found in a file that may be a package's, see lint_packaged.c */
        size_t n_pending;
        uint64_t *shipped;    /* hashes of path and content of every file as its package ships it */
        size_t n_shipped, n_shipped_allocated;
        bool out_of_memory;
} LintRun;

_Static_assert(LINT_N_CHECKS <= 64, "LintRun.told has a bit for each check");

/* Of a text, what is looked at in one piece, and of a list of dpkg at all. */
#define LINT_PIECE_BYTES ((size_t) 8 << 20)
#define LINT_LIST_MAX_BYTES ((size_t) 64 << 20)

/* A finding about the current entry, or about the whole archive where there is none. */
void lint_found(LintRun *run, LintId id, const char *format, ...) _printf_(3, 4);
/* Of that path, as it is to be shown; takes `text`, which is NULL when memory was short. */
void lint_found_at(LintRun *run, LintId id, const char *path, char *text);

/* lint_files.c: looks at the entry's name and mode, and reads its content where that matters. */
int lint_entry(LintRun *run, ImageStream *stream, Error *error) _must_check_;

/* A file that is looked into: run->content is its text, closed by a NUL, and may be taken apart. */
typedef void (*LintContentCheck)(LintRun *run);

void lint_shadow(LintRun *run);
void lint_passwd(LintRun *run);
void lint_machine_id(LintRun *run);
void lint_hostname(LintRun *run);
void lint_resolv_conf(LintRun *run);
void lint_apt_auth(LintRun *run);
void lint_apt_sources(LintRun *run);
void lint_apt_conf(LintRun *run);
void lint_environment(LintRun *run);
void lint_authorized_keys(LintRun *run);
void lint_tokens(LintRun *run);
void lint_wireguard(LintRun *run);
void lint_status(LintRun *run);

/* lint_keys.c: files that are keys without being text; and core dumps. */
void lint_key_file(LintRun *run);
void lint_core_dump(LintRun *run);
/* Whether "PRIVATE KEY" at `offset` of the text is part of a key, and not of a program or an explanation. */
bool lint_is_key(const char *text, size_t length, size_t offset);

/* lint_text.c */
int lint_text_prepare(LintRun *run) _must_check_;
void lint_text(LintRun *run);

/* lint_packaged.c: what stands in a file as its package ships it is no leak of this build. The lists of files and sums
 * that dpkg keeps tell, wherever in the archive they come. */

/* Takes `text`. run->content is the whole file. */
void lint_pend(LintRun *run, LintId id, char *text);
/* var/lib/dpkg/info/NAME.md5sums, and the conffiles in var/lib/dpkg/status. */
void lint_md5sums(LintRun *run);
void lint_conffiles(LintRun *run);
/* Makes findings of those that are no package's. */
void lint_settle(LintRun *run);
