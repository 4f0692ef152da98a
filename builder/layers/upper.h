/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/error.h"
#include "sandbox/sandbox.h"

#include <stdint.h>
#include <time.h>

/* What an overlay's upper directory needs so that the merged tree is the same, to the byte, as a plain directory would
 * be. `upper_fd` is the directory itself, O_PATH. */

/* The merged tree's root is that of the topmost layer: a new upper directory gets mode, owner, time and extended
 * attributes of the tree below it. */
int upper_inherit_root(Sandbox *sandbox, const char *below_path, int upper_fd, Error *error) _must_check_;

/* Marks every file that changed at `start` or later as made by a stage, see base/clamp.h. */
int upper_seal(Sandbox *sandbox, int upper_fd, struct timespec start, int64_t epoch_sec, Error *error) _must_check_;
