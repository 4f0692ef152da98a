/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "build/build.h"
#include "build/workspace.h"
#include "packages/apt.h"
#include "packages/dpkg.h"
#include "sandbox/sandbox.h"
#include "signing/release.h"
#include "stages/stage.h"

/* One build while it runs. Private to this room: metadata.c finds the repositories, steps.c runs the stages, finish.c
 * packs and publishes, build.c says in which order. */

/* The repositories and pins that a stage works with. */
typedef struct StageSources {
        RepositoryList repositories;
        char **pins;
} StageSources;

typedef struct Job {
        Recipe *recipe;              /* borrowed */
        const BuildOptions *options; /* borrowed */
        Sandbox *sandbox;
        Workspace workspace;
        Output *output;
        Apt *apt;
        StageSources *sources; /* one a stage */
        AptReleases releases;
        int64_t epoch_sec; /* SOURCE_DATE_EPOCH */
        char **environment;
        char **digests; /* of each stage, hexadecimal */
        char *directory; /* OUT/NAME/ARCH */
        char *stem;      /* NAME-ARCH */
        char *base_version; /* before .1, .2 */
        char *version, *free_version;
} Job;

int job_open(Recipe *recipe, const BuildOptions *options, Job *ret, Error *error) _must_check_;
void job_close(Job *job);
#define _cleanup_job_ _cleanup_(job_close)

static inline SandboxTree job_tree(const Job *job)
{
        return (SandboxTree){ .directory_fd = job->workspace.tree_fd };
}

/* metadata.c: fetches and verifies the indexes of every repository that the recipe names, sets epoch_sec. */
int job_fetch_metadata(Job *job, Error *error) _must_check_;

/* steps.c: all stages from an empty tree, then the cleaning. */
int job_run_stages(Job *job, Error *error) _must_check_;

/* build.c: whether what the stages make depends on the version; and the step to free_version. */
bool job_stages_see_version(const Job *job);
int job_take_free_version(Job *job, Error *error) _must_check_;

/* finish.c: packs the tree and publishes it as job->version, or as job->free_version where that one is there with other
 * content. *ret_taken: the latter, but the tree carries the version; nothing was published. */
int job_finish(Job *job, BuildResult *ret, bool *ret_taken, Error *error) _must_check_;
