/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/error.h"
#include "base/strings.h"
#include "sandbox/sandbox.h"

/* Makes an upper directory one for people: all in it belongs to the caller, who can read and remove it (modes stay, but for
 * set-user-ID and set-group-ID), and overlayfs's marks are gone. What they said was removed from the layers below is appended
 * to *ret_removed, a path (relative to the tree's root) a line. */
int upper_keep(Sandbox *sandbox, const char *path, Buffer *ret_removed, Error *error) _must_check_;
