/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/error.h"
#include "packages/apt.h"
#include "sandbox/sandbox.h"

/* apt's marks of packages that nobody asked for (apt-mark(8)), in var/lib/apt/extended_states of a tree. */

/* Writes the marks anew, sorted; a tree without var/lib/apt is left alone. `architecture` is the image's, under which
 * apt files packages of the architecture "all". */
int marks_update(Sandbox *sandbox, const SandboxTree *tree, const AptTransaction *transaction, const char *architecture,
                 Error *error) _must_check_;

/* The new content out of the old one; exported for the tests. */
int marks_merge(const char *text, const AptTransaction *transaction, const char *architecture, Buffer *ret)
        _must_check_;
