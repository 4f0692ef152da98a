/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/error.h"
#include "sandbox/sandbox.h"

#include <stdint.h>

/* The last step of every build: what belongs to one machine or to the building of the image, and not into a template,
 * is taken out of the tree; and what packages write that differs from build to build is made the same. One table says
 * what and why (clean_rules.c, shown in templar.recipe(5)); [Image] Keep= switches entries off by name. */

typedef struct CleanEntry {
        const char *name; /* for Keep= */
        const char *help; /* what is done and why, one sentence */
} CleanEntry;

/* In the order in which they run; closed by an entry without name. */
extern const CleanEntry clean_entries[];
/* Their names alone, NULL-terminated. */
extern const char *const clean_names[];

/* The files that the entry is about, as patterns: "/etc/passwd-, /etc/group-". The caller frees; NULL when memory is
 * short. */
char *clean_entry_paths(const char *entry) _must_check_;

/* `keep`: a strv of names, may be NULL. Days in /etc/shadow that are not before `since_sec`, when the first of the
 * stages ran, or that are after `source_date_epoch_sec`, become the day of the latter. Only files of the tree are
 * touched: where a package or a script put a symbolic link in the place of one of the table's directories, that
 * entry's directory is left alone. */
int clean_run(Sandbox *sandbox, const SandboxTree *tree, char *const *keep, int64_t source_date_epoch_sec,
              int64_t since_sec, Error *error) _must_check_;

/* The name of the entry that will remove or empty the file `path` of the image at the end, or NULL. */
const char *clean_entry_of(const char *path);
