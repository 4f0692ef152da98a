/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "build/build.h"
#include "build/failed.h"
#include "build/levels.h"
#include "build/stack.h"
#include "build/workspace.h"
#include "layers/store.h"
#include "packages/apt.h"
#include "packages/dpkg.h"
#include "packages/lock.h"
#include "sandbox/sandbox.h"
#include "signing/release.h"
#include "signing/sign.h"
#include "stages/stage.h"

/* One build while it runs. Private to this room: metadata.c finds the repositories, steps.c finds or makes each stage's
 * layer, inspect.c knows what the image must not hold, finish.c packs and publishes, companions.c says what it was, lock.c
 * what was used, record.c remembers, failed.c keeps what failed, build.c says in which order, job.c begins and ends it. */

/* The repositories and pins that a stage works with. */
typedef struct StageSources {
        RepositoryList repositories;
        char **pins;
} StageSources;

/* The stages of the recipe, and before them those of its bases. */
typedef struct JobStage {
        const Level *level;
        const RecipeSection *section;
        const StageKind *kind;
        /* once the stage was reached: */
        bool asks;                  /* it takes packages: */
        AptTransaction transaction; /* what its request was resolved to */
        bool has_used;
        AptTransaction used;        /* what it took in the end, where only the running stage knew */
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
        Levels levels; /* the last one is the image's own */
        JobStage *stages;
        size_t n_stages;
        size_t n_reached; /* stages with inputs */
        bool finished; /* all stages are done */
        size_t end;    /* stages from there on are left alone */
        size_t from; /* this stage and those after it run, whatever the store has */
        int64_t oldest_sec; /* when the oldest layer of the stack was made */
        Workspace workspace;
        Output *output;
        Apt *apt;
        StageSources *sources; /* one a stage */
        AptReleases releases;
        char *directory; /* OUT/NAME/ARCH */
        char *stem;      /* NAME-ARCH */
} Job;

/* The image's SOURCE_DATE_EPOCH and version. */
static inline int64_t job_epoch_sec(const Job *job)
{
        return levels_last(&job->levels)->epoch_sec;
}

static inline const char *job_version(const Job *job)
{
        return levels_last(&job->levels)->version;
}

int job_open(Recipe *recipe, const BuildOptions *options, Job *ret, Error *error) _must_check_;
void job_close(Job *job);
#define _cleanup_job_ _cleanup_(job_close)

/* find_stage.c: the stage that a person means: its number from 1, the name of its section ("Script"), or both for one of
 * several ("Script[2]"). *ret is an index. Errors of kind ERROR_USAGE with all stages as the hint. */
int job_find_stage(const Job *job, const char *text, size_t *ret, Error *error) _must_check_;

/* metadata.c: fetches and verifies the indexes of every repository that the recipe names; then date and version are
 * known. */
int job_fetch_metadata(Job *job, Error *error) _must_check_;

/* "uri suite sha256" of each repository that stage works with; the caller frees. NULL when memory is short or when there
 * is none. */
char **job_repository_identities(const Job *job, size_t index);

/* steps.c: all stages from an empty tree; afterwards job->stack is the tree. */
int job_run_stages(Job *job, Error *error) _must_check_;
/* Nothing runs: as many of them as the store has, and says nothing of it. *ret_n_found is how many that were. */
int job_find_layers(Job *job, size_t *ret_n_found, Error *error) _must_check_;
/* The throw-away layer in the workspace, on top of `lowers`, is ready to be worked in. *ret_taken: see layers/links.h. */
int job_prepare_top(Job *job, char *const *lowers, SandboxTree *ret, Buffer *ret_taken, Error *error) _must_check_;
/* On that layer. */
int job_clean(Job *job, Error *error) _must_check_;
/* The cleaned tree, to be read. *ret_lowers owns what it points to (strv_free()). */
int job_clean_tree(const Job *job, SandboxTree *ret, char ***ret_lowers, Error *error) _must_check_;

/* lock.c: what the build used, once all stages are done, also where layers came from the store. The same build gives the
 * same lock. */
int job_lock(const Job *job, Lock *ret, Error *error) _must_check_;

/* failed.c: keeps the tree as the failed stage left it, in place of an earlier one, and takes the draft. False when that
 * is not possible. */
bool job_keep_failed(Job *job, size_t index, LayerDraft *draft);
/* What the failed stage of the last build left; the job's stack gets the layers below it. *ret_found: there is such a
 * thing. Nobody removes it until the caller closes it. */
int job_open_failed(Job *job, FailedTree *ret, bool *ret_found, Error *error) _must_check_;
/* The folder; the caller frees; NULL when memory is short. */
char *job_failed_directory(const Job *job);
/* After a build that succeeded, or failed in another way. */
void job_forget_failed(Job *job);

/* record.c: what the last build of this image into this directory was. */

/* A digest of all that decides about the release's bytes beside the tree. */
int job_release_key(const Job *job, const char *settings_sha256, char ret_key[static SHA256_HEX_SIZE],
                    Error *error) _must_check_;
/* RELEASE_SAME when the release that was recorded under that key is there, whole, and its tree was the one that
 * job->stack is now; RELEASE_DIFFERENT when it is there and its tree can't have been; RELEASE_ABSENT when that takes a
 * look at the bytes. */
ReleaseMatch job_compare_record(const Job *job, const char *release_key);
/* `files` (borrowed, may be NULL): [{name, sha256}] of the release. Failures don't matter: it is a cache. */
void job_write_record(const Job *job, const char *release_key, const json_t *files);
/* The same release, but other stages lead to it than those that are recorded. */
void job_renew_record(const Job *job, const char *release_key);

/* job.c: whether what the stages make depends on the version. */
bool job_stages_see_version(const Job *job);

/* finish.c: packs the tree and publishes it as its version, or as the free one where that one is there with other
 * content. *ret_taken: the latter, but the tree carries the version; nothing was published. */
/* The key that the options name; *ret is NULL when nothing is to be signed. */
int job_open_signer(const Job *job, Signer **ret, Error *error) _must_check_;
int job_finish(Job *job, BuildResult *ret, bool *ret_taken, Error *error) _must_check_;
