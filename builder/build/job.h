/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "build/build.h"
#include "build/stack.h"
#include "build/workspace.h"
#include "layers/store.h"
#include "packages/apt.h"
#include "packages/dpkg.h"
#include "sandbox/sandbox.h"
#include "signing/release.h"
#include "stages/stage.h"

/* One build while it runs. Private to this room: metadata.c finds the repositories, steps.c finds or makes each stage's
 * layer, finish.c packs and publishes, record.c remembers, failed.c keeps what failed, build.c says in which order. */

/* The repositories and pins that a stage works with. */
typedef struct StageSources {
        RepositoryList repositories;
        char **pins;
} StageSources;

/* What is known of a stage once it was reached. */
typedef struct JobStage {
        json_t *inputs; /* see keys.h */
        char key[LAYER_KEY_SIZE]; /* "" above a stage that is never cached */
        double seconds; /* that it took when it ran */
        bool cached;
} JobStage;

typedef struct Job {
        Recipe *recipe;              /* borrowed */
        const BuildOptions *options; /* borrowed */
        Sandbox *sandbox;
        LayerStore *store;
        char empty_key[LAYER_KEY_SIZE]; /* of the tree that the first stage starts from */
        Stack stack;
        JobStage *stages;
        size_t n_reached; /* stages with inputs */
        bool finished; /* all stages are done */
        size_t from; /* this stage and those after it run, whatever the store has */
        int64_t oldest_sec; /* when the oldest layer of the stack was made */
        Workspace workspace;
        Output *output;
        Apt *apt;
        StageSources *sources; /* one a stage */
        AptReleases releases;
        int64_t epoch_sec; /* SOURCE_DATE_EPOCH */
        char **environment;
        char *directory; /* OUT/NAME/ARCH */
        char *stem;      /* NAME-ARCH */
        char *base_version; /* before .1, .2 */
        char *version, *free_version;
} Job;

int job_open(Recipe *recipe, const BuildOptions *options, Job *ret, Error *error) _must_check_;
void job_close(Job *job);
#define _cleanup_job_ _cleanup_(job_close)

/* metadata.c: fetches and verifies the indexes of every repository that the recipe names, sets epoch_sec. */
int job_fetch_metadata(Job *job, Error *error) _must_check_;

/* "uri suite sha256" of each repository that stage works with; the caller frees. NULL when memory is short or when there
 * is none. */
char **job_repository_identities(const Job *job, size_t index);

/* steps.c: all stages from an empty tree; afterwards job->stack is the tree. */
int job_run_stages(Job *job, Error *error) _must_check_;
/* On a throw-away layer in the workspace. */
int job_clean(Job *job, Error *error) _must_check_;
/* The cleaned tree, to be read. *ret_lowers owns what it points to (strv_free()). */
int job_clean_tree(const Job *job, SandboxTree *ret, char ***ret_lowers, Error *error) _must_check_;

/* failed.c: keeps the tree as the failed stage left it, in place of an earlier one, and takes the draft. */
void job_keep_failed(Job *job, size_t index, LayerDraft *draft);
/* The folder; the caller frees; NULL when memory is short. */
char *job_failed_directory(const Job *job);
/* After a build that succeeded. */
void job_forget_failed(Job *job);

/* record.c: what the last build of this image into this directory was. */

/* A digest of all that decides about the release's bytes, "" when that can't be known. */
int job_final_key(const Job *job, const char *settings_sha256, char ret_key[static SHA256_HEX_SIZE],
                  Error *error) _must_check_;
/* True when the release of that key is there, whole. */
bool job_is_up_to_date(const Job *job, const char *final_key);
/* `files` (borrowed, may be NULL): [{name, sha256}] of the release. Failures don't matter: it is a cache. */
void job_write_record(const Job *job, const char *final_key, const json_t *files);

/* build.c: whether what the stages make depends on the version; and the step to free_version. */
bool job_stages_see_version(const Job *job);
int job_take_free_version(Job *job, Error *error) _must_check_;

/* finish.c: packs the tree and publishes it as job->version, or as job->free_version where that one is there with other
 * content. *ret_taken: the latter, but the tree carries the version; nothing was published. */
int job_finish(Job *job, BuildResult *ret, bool *ret_taken, Error *error) _must_check_;
