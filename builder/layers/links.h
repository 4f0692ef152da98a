/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/error.h"
#include "base/strings.h"
#include "sandbox/sandbox.h"

/* Hard links across layers. overlayfs copies a file that a program changes from the layer below, under that one name: its
 * other names keep the old content, where in a plain directory all would change. So before a stage runs, files with
 * several names are copied with all of them, and afterwards those that the stage left alone are taken out again.
 *
 * Lists are bytes: paths relative to the tree's root, each closed by NUL, an empty one after each group of names. */

/* The groups in an upper directory, appended to *ret. */
int links_collect(Sandbox *sandbox, int upper_fd, Buffer *ret, Error *error) _must_check_;

/* Copies the groups of `links` (of the topmost layer first) that are still there into the tree's upper directory. *ret_taken is for links_leave(). */
int links_take(Sandbox *sandbox, const SandboxTree *tree, const Buffer *links, Buffer *ret_taken, Error *error)
        _must_check_;

/* Removes from the upper directory what was taken and has not changed since. */
int links_leave(Sandbox *sandbox, int upper_fd, const Buffer *taken, Error *error) _must_check_;
