/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "build/build.h"

/* What a build would do now, without doing it. */

typedef struct PlanStage {
        char *kind, *description;
        bool cached;
        double seconds; /* that it took when it last ran; negative: not known */
        char **why;     /* not cached: phrases, the first one is the reason; see why.h */
} PlanStage;

typedef struct Plan {
        PlanStage *stages; /* of the bases first */
        size_t n_stages;
} Plan;

void plan_done(Plan *plan);
#define _cleanup_plan_ _cleanup_(plan_done)

/* Of `options` the directories, the cache's and the network's count. Package lists are fetched as for a build. */
int build_plan(Recipe *recipe, const BuildOptions *options, Plan *ret, Error *error) _must_check_;
