/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/error.h"

/* Whether this machine can run programs of an architecture (Debian's name): its own, one that its processor knows, or
 * through qemu-user, registered in binfmt_misc with the flag F, as the interpreter is not in the tree
 * (Documentation/admin-guide/binfmt-misc.rst of the kernel). */

/* -ENOEXEC: it can't; the message says what is missing, and the hint what to install. */
int architecture_can_run(const char *architecture, Error *error) _must_check_;

/* The same for a machine with that name (uname -m), where `binfmt` is what the kernel says of the interpreter; NULL: there
 * is none. For the tests. */
int architecture_check(const char *architecture, const char *machine, const char *binfmt, Error *error) _must_check_;
