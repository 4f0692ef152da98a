/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/error.h"
#include "sandbox/sandbox.h"

#include <stdint.h>

/* Takes out of the tree what must not be in a template, by one table of named entries; the last step of every build.
 * `keep` names entries to leave alone ([Image] Keep=), may be NULL. */
int clean_run(Sandbox *sandbox, const SandboxTree *tree, char *const *keep, int64_t source_date_epoch_sec, Error *error)
        _must_check_;
