/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/error.h"

#include <stdbool.h>

/* What a publication is about to do, written (and synced) before its first rename, removed after its last. A
 * killed publication is undone or finished from it by the next one: files that no journal names are never
 * touched.
 *
 * The form: "templar-publication 1", "signed" or "unsigned", the staging folder's name, then one name of a
 * new file a line. */

typedef struct JournalPlan {
        int directory_fd, staging_fd; /* borrowed */
        const char *staging_name;     /* of the folder, in the directory */
        bool is_signed;
        char *const *names; /* of the new files, NULL-terminated */
} JournalPlan;

int journal_write(const JournalPlan *plan, Error *error) _must_check_;
int journal_remove(int directory_fd, Error *error) _must_check_;

/* Under the lock, before staging folders are removed. Undone when SHA256SUMS doesn't list the new files yet:
 * they are removed, the old keyrings come back. Finished when it does: its signature follows from the staging
 * folder. */
int journal_recover(int directory_fd, const char *directory, Error *error) _must_check_;
