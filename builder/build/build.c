/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "build/build.h"

#include "build/job.h"

#include <errno.h>

void build_result_done(BuildResult *result)
{
        free(result->directory);
        free(result->base_name);
        free(result->version);
        *result = (BuildResult){ 0 };
}

/* The tree carries the number of the release that it turned out to differ from: all again, with the next one. */
static int build_again(Job *job, BuildResult *ret, Error *error)
{
        bool taken = false;
        int r = level_take_free_version(levels_last(&job->levels), error);

        if (r < 0)
                return r;
        report_note(job->options->report, "%s has changed since its last release; its stages see the version, so they "
                                          "run again as version %s",
                    recipe_name(job->recipe), job_version(job));
        r = workspace_reset_tree(&job->workspace, error);
        if (r == 0)
                r = job_run_stages(job, error);
        if (r == 0)
                r = job_finish(job, ret, &taken, error);
        if (r == 0 && taken)
                return error_set(error, -EEXIST, "%s: version %s came into being meanwhile", recipe_name(job->recipe),
                                 job_version(job));
        return r;
}

static int run_job(Job *job, BuildResult *ret, Error *error)
{
        bool taken = false;
        int r = job_fetch_metadata(job, error);

        if (r == 0)
                r = job_run_stages(job, error);
        if (r == 0)
                r = job_finish(job, ret, &taken, error);
        return r == 0 && taken ? build_again(job, ret, error) : r;
}

/* A stage's failure is explained by the next plan. */
static void write_failure(const Job *job, const Error *error)
{
        if (job->n_reached > 0 && !job->finished && error->kind != ERROR_CANCELLED)
                job_write_record(job, NULL, NULL);
}

int build_lock(Recipe *recipe, const BuildOptions *options, Lock *ret, Error *error)
{
        _cleanup_job_ Job job = { .workspace = WORKSPACE_INIT };
        int r = job_open(recipe, options, &job, error);

        if (r < 0)
                return r;
        r = job_fetch_metadata(&job, error);
        if (r == 0)
                r = job_run_stages(&job, error);
        if (r < 0) {
                write_failure(&job, error);
                return r;
        }
        return job_lock(&job, ret, error);
}

int build_recipe(Recipe *recipe, const BuildOptions *options, BuildResult *ret, Error *error)
{
        _cleanup_job_ Job job = { .workspace = WORKSPACE_INIT };
        int r = job_open(recipe, options, &job, error);

        if (r < 0)
                return r;
        report_subject(options->report, recipe_name(recipe));
        r = run_job(&job, ret, error);
        if (options->trial)
                return r;
        if (r == 0)
                job_forget_failed(&job);
        else
                write_failure(&job, error);
        return r;
}
