/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/error.h"
#include "sandbox/sandbox.h"

/* Keeps services from starting while packages of a tree are configured: policy-rc.d forbids it, and stubs stand in
 * for what starts daemons without asking (start-stop-daemon, initctl). ischroot(1), by which packages tell whether there
 * is an init that they must restart, says that there is none: glibc would ask the sandbox's to, and wait a second for it.
 *
 * No diversions: dpkg loses a diverted file that a new version has under the other name of the same directory (/sbin
 * and /usr/sbin, where one is a link). Instead the files are moved aside, and again after every unpacking, when a new
 * version may have replaced a stub. */

/* Before the first run of dpkg, and again after each that unpacks. Fails with -ENOENT for a tree without dpkg. */
int guard_enter(Sandbox *sandbox, const SandboxTree *tree, Error *error) _must_check_;

/* Everything as it was, but for what packages have changed. */
int guard_leave(Sandbox *sandbox, const SandboxTree *tree, Error *error) _must_check_;
