/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a failed stage leaves to be looked at, until the same image fails again or succeeds:
 *
 *     CACHE/failed/NAME-ARCH/            whoever looks inside holds a shared lock, flock(2)
 *                            stage.json  {recipe, stage: number from 1, kind, lowers: the trees, topmost first, each
 *                                        {"draft": "draft-N"} or {"layer": KEY}}
 *                            draft-N/    tree/ and work/ of stage N, owned by the sandbox's ids; the failed one's is the
 *                                        topmost, others are of stages that are never stored */

#define FAILED_DIRECTORY "failed"
#define FAILED_INFO "stage.json"
#define FAILED_DRAFT "draft-"
