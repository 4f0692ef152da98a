/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/strings.h"
#include "build/job.h"
#include "image/lint.h"

/* What this build knows that its image must not hold, what the recipe allows, and what was found. The image is looked
 * through while it is packed, in the process that packs. */

typedef struct Inspection {
        LintOptions options; /* for pack_tree(); points into what follows */
        LintReport found;
        LintAllows allows; /* [Image] Allow= of the bases, then the recipe's own */
        size_t n_inherited;
        LintWord *words;
        char **texts; /* of the words, owned; secrets among them */
        size_t n_words;
} Inspection;

/* It must stay where it is. */
int inspection_start(const Job *job, Inspection *ret, Error *error) _must_check_;
void inspection_done(Inspection *inspection);
#define _cleanup_inspection_ _cleanup_(inspection_done)

/* What was found and which of Allow= it took, from the process that packed ... */
int inspection_send(const Inspection *inspection, Buffer *reply, Error *error) _must_check_;
/* ... to the one that publishes. */
int inspection_receive(Inspection *inspection, const Buffer *reply, Error *error) _must_check_;

/* Tells of warnings, and fails where a finding is an error that is not allowed. */
int inspection_conclude(const Inspection *inspection, Report *report, Error *error) _must_check_;
