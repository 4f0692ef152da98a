/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/error.h"
#include "sandbox/sandbox.h"

#include <stdbool.h>

/* Keeps services from starting while packages of a tree are configured: policy-rc.d forbids it, and what starts
 * daemons without asking (start-stop-daemon, initctl) is diverted, so that an upgrade of its package does not bring it
 * back meanwhile. Diversions are written straight into dpkg's database and taken out of it again; what maintainer
 * scripts divert in between stays. */

typedef struct Guard {
        bool made_database; /* there was no file of diversions */
} Guard;

/* Fails with -ENOENT for a tree without dpkg. */
int guard_enter(Sandbox *sandbox, const SandboxTree *tree, Guard *ret, Error *error) _must_check_;

/* Everything as it was, but for what packages have changed. */
int guard_leave(Sandbox *sandbox, const SandboxTree *tree, const Guard *guard, Error *error) _must_check_;
