/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "verbs/batch.h"

#include <stddef.h>

/* batch_run() with several arguments at a time, each in a process of its own. What they do is told as it happens, each
 * line with the argument's image before it; on a terminal every one has a live line. At the end one line sums up, with
 * event "summary" in JSON. */
int parallel_run(const VerbCall *call, const char *what, size_t n_jobs, BatchFunction function, void *userdata,
                 Error *error) _must_check_;
