/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sandbox/idmap.h"
#include "sandbox/sandbox.h"

#include <stdbool.h>

/* Shared by the files of this room alone. */

struct Sandbox {
        IdMap map;
        int user_namespace_fd;
        int owner_namespace_fd; /* -1 until it is needed, and always as root */
};

/* An empty /etc/resolv.conf where the tree has none, and its removal while it is still empty. Both also work
 * after the work was cancelled. */
int sandbox_make_placeholder(Sandbox *sandbox, const SandboxTree *tree, bool *ret_made,
                             Error *error) _must_check_;
int sandbox_remove_placeholder(Sandbox *sandbox, const SandboxTree *tree, Error *error) _must_check_;

/* sandbox_call(), or the same deaf to the order to end. */
int sandbox_call_full(Sandbox *sandbox, const SandboxTree *tree, SandboxFunction function, void *userdata,
                      bool cancellable, Buffer *ret_reply, Error *error) _must_check_;

/* The same as the caller's own root in the owner namespace; the descriptor is -1. For ordinary users. */
int sandbox_call_as_owner(Sandbox *sandbox, SandboxFunction function, void *userdata, Buffer *ret_reply,
                          Error *error) _must_check_;
