/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/error.h"
#include "verbs/verb.h"

/* The same work for every argument of a verb, one failure not stopping the others. */

typedef int (*BatchFunction)(const char *argument, void *userdata, Error *error);

/* With one argument its error is the batch's. With several each error is reported when it happens, under the
 * report's subject, and the batch's error says how many failed; it is of kind ERROR_USAGE when all of them
 * were. An interruption ends the batch. `what` names the arguments: "recipes". */
int batch_run(const VerbCall *call, const char *what, BatchFunction function, void *userdata,
              Error *error) _must_check_;
