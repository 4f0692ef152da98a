/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "packages/apt.h"
#include "stages/stage.h"

/* Downloads what context->transaction names, and lets dpkg do it in the tree; progress goes to the report, the number of
 * packages and bytes into the stage's note ("12 packages, 34.5 MiB", "nothing to do"). */
int transaction_run(StageContext *context, Error *error) _must_check_;

/* The same for another one. */
int transaction_apply(StageContext *context, const AptTransaction *transaction, Error *error) _must_check_;

/* For a request that only the running stage can make (a package that it made itself). */
int transaction_run_request(StageContext *context, const AptRequest *request, Error *error) _must_check_;

/* The parts: progress for the report (userdata), and the note. */
void transaction_show_download(uint64_t done_bytes, uint64_t total_bytes, void *userdata);
void transaction_show_package(size_t done, size_t total, const char *package, void *userdata);
int transaction_note(StageContext *context, const AptTransaction *transaction, Error *error) _must_check_;
