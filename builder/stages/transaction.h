/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "packages/apt.h"
#include "stages/stage.h"

/* Resolve with the repositories in force, download, and let dpkg do it in the tree; progress goes to the report, the
 * number of packages and bytes into the stage's note ("12 packages, 34.5 MiB", "nothing to do"). */
int transaction_run(StageContext *context, const AptRequest *request, Error *error) _must_check_;
