/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/error.h"
#include "base/output.h"
#include "sandbox/sandbox.h"

#include <stdbool.h>
#include <time.h>

/* What one build owns in the cache while it runs:
 *
 *     CACHE/work/BUILD-XXXXXX/        locked by its build; a folder whose lock is free was left by a killed one
 *                             tree/   the throw-away layer that the cleaning works on, owned by the sandbox's ids
 *                             work/   overlayfs's own, beside it
 *                             apt/    configuration and package state for the resolver
 *                             stage/  the running stage's own, empty at its start
 *     CACHE/logs/IMAGE-TIME-PID.log   what the programs of the build printed; the newest WORKSPACE_LOGS are kept */

#define WORKSPACE_LOGS 32

typedef struct Workspace {
        Sandbox *sandbox; /* borrowed */
        char *directory, *tree_path, *work_path, *stage_path, *log_path;
        int lock_fd;
        int tree_fd; /* O_PATH */
} Workspace;

#define WORKSPACE_INIT ((Workspace){ .lock_fd = -1, .tree_fd = -1 })

/* Removes what killed builds left, then makes the folders of a new one. */
int workspace_open(Sandbox *sandbox, const char *cache_directory, const char *image_name, Workspace *ret, Error *error)
        _must_check_;
/* Removes the work folder; the log stays. Fails silently: it is the way out. */
void workspace_close(Workspace *workspace);
#define _cleanup_workspace_ _cleanup_(workspace_close)

/* Empties stage/. */
int workspace_reset_stage(Workspace *workspace, Error *error) _must_check_;
/* Starts over with an empty tree/ and work/. */
int workspace_reset_tree(Workspace *workspace, Error *error) _must_check_;
/* When tree/ was made, by the clock of its file system: what the cleaning changes has no earlier time. */
struct timespec workspace_time(const Workspace *workspace);
