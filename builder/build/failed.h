/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/strings.h"

/* What a failed stage leaves to be looked at, until the same image fails again or succeeds:
 *
 *     CACHE/failed/NAME-ARCH/            whoever looks inside holds a shared lock, flock(2)
 *                            stage.json  {recipe, stage: number from 1, kind, environment: [NAME=value], lowers: the trees,
 *                                        topmost first, each {"draft": "draft-N"} or {"layer": KEY}}
 *                            draft-N/    tree/ and work/ of stage N, owned by the sandbox's ids; the failed one's is the
 *                                        topmost, others are of stages that are never stored */

#define FAILED_DIRECTORY "failed"
#define FAILED_INFO "stage.json"
#define FAILED_DRAFT "draft-"

typedef struct FailedTree {
        int lock_fd;
        size_t stage; /* number from 1 */
        char *kind;
        char **lowers;      /* the topmost first, all of them */
        char **environment; /* IMAGE_NAME= and so on */
} FailedTree;

#define FAILED_TREE_INIT ((FailedTree){ .lock_fd = -1 })

void failed_tree_done(FailedTree *failed);
#define _cleanup_failed_tree_ _cleanup_(failed_tree_done)
