/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "build/build.h"

#include "base/file.h"
#include "build/job.h"

#include <errno.h>
#include <string.h>
#include <time.h>

void build_result_done(BuildResult *result)
{
        free(result->directory);
        free(result->base_name);
        free(result->version);
        *result = (BuildResult){ 0 };
}

static int name_release(Job *job, Error *error)
{
        const char *name = recipe_name(job->recipe), *architecture = recipe_architecture(job->recipe);

        if (asprintf(&job->directory, "%s/%s/%s", job->options->out_directory, name, architecture) < 0) {
                job->directory = NULL;
                return error_out_of_memory(error);
        }
        if (asprintf(&job->stem, "%s-%s", name, architecture) < 0) {
                job->stem = NULL;
                return error_out_of_memory(error);
        }
        return 0;
}

static int open_apt(Job *job, Error *error)
{
        AptOptions options = {
                .sandbox = job->sandbox,
                .architecture = recipe_architecture(job->recipe),
                .cache_directory = job->options->cache_directory,
                .work_directory = job->workspace.directory,
                .output = job->output,
        };

        return apt_open(&options, &job->apt, error);
}

int job_open(Recipe *recipe, const BuildOptions *options, Job *ret, Error *error)
{
        _cleanup_job_ Job job = { .recipe = recipe, .options = options, .workspace = WORKSPACE_INIT };

        job.sources = calloc(recipe_n_stages(recipe) + 1, sizeof *job.sources);
        if (!job.sources)
                return error_out_of_memory(error);
        int r = name_release(&job, error);
        if (r == 0)
                r = make_directories(options->cache_directory, 0700, error);
        if (r == 0)
                r = sandbox_open(&job.sandbox, error);
        if (r == 0)
                r = workspace_open(job.sandbox, options->cache_directory, job.stem, &job.workspace, error);
        if (r == 0)
                r = output_new(job.workspace.log_path, &job.output, error);
        if (r == 0)
                r = open_apt(&job, error);
        if (r < 0)
                return r;
        *ret = job;
        job = (Job){ .workspace = WORKSPACE_INIT };
        return 0;
}

void job_close(Job *job)
{
        apt_close(job->apt);
        output_free(job->output);
        workspace_close(&job->workspace);
        sandbox_close(job->sandbox);
        for (size_t i = 0; job->sources && i < recipe_n_stages(job->recipe); i++) {
                repository_list_done(&job->sources[i].repositories);
                strv_free(job->sources[i].pins);
        }
        free(job->sources);
        apt_releases_done(&job->releases);
        strv_free(job->environment);
        free(job->directory);
        free(job->stem);
        free(job->base_version);
        free(job->version);
        free(job->free_version);
        *job = (Job){ .workspace = WORKSPACE_INIT };
}

static char *date_version(int64_t epoch_sec)
{
        char text[16];
        time_t seconds = (time_t) epoch_sec;
        struct tm utc;

        strftime(text, sizeof text, "%Y%m%d", gmtime_r(&seconds, &utc));
        return strdup(text);
}

/* The newest release of the same base version comes first: when nothing changed, the build ends up with its bytes. */
static int choose_version(Job *job, Error *error)
{
        const char *fixed = section_string(recipe_image(job->recipe), "Version");

        job->base_version = string_empty(fixed) ? date_version(job->epoch_sec) : strdup(fixed);
        if (!job->base_version)
                return error_out_of_memory(error);
        int r = release_versions(job->directory, job->stem, job->base_version, &job->version, &job->free_version, error);
        if (r < 0)
                return r;
        if (string_empty(job->version)) {
                free(job->version);
                job->version = strdup(job->free_version);
        }
        if (!job->version)
                return error_out_of_memory(error);
        return recipe_set_version(job->recipe, job->version, error);
}

/* Scripts see the version in their environment, values through %v. */
bool job_stages_see_version(const Job *job)
{
        for (size_t i = 0; i < recipe_n_stages(job->recipe); i++)
                if (stage_kind_of(recipe_stage(job->recipe, i))->sees_environment)
                        return true;
        return recipe_uses_version(job->recipe);
}

int job_take_free_version(Job *job, Error *error)
{
        free(job->version);
        job->version = strdup(job->free_version);
        if (!job->version)
                return error_out_of_memory(error);
        return recipe_set_version(job->recipe, job->version, error);
}

/* The tree carries the number of the release that it turned out to differ from: all again, with the next one. */
static int build_again(Job *job, BuildResult *ret, Error *error)
{
        bool taken = false;
        int r = job_take_free_version(job, error);

        if (r < 0)
                return r;
        report_note(job->options->report, "%s has changed since its last release; its stages see the version, so they "
                                          "run again as version %s",
                    recipe_name(job->recipe), job->version);
        r = workspace_reset_tree(&job->workspace, error);
        if (r == 0)
                r = job_run_stages(job, error);
        if (r == 0)
                r = job_finish(job, ret, &taken, error);
        if (r == 0 && taken)
                return error_set(error, -EEXIST, "%s: version %s came into being meanwhile", recipe_name(job->recipe),
                                 job->version);
        return r;
}

static int run_job(Job *job, BuildResult *ret, Error *error)
{
        bool taken = false;
        int r = job_fetch_metadata(job, error);

        if (r == 0)
                r = choose_version(job, error);
        if (r == 0)
                r = job_run_stages(job, error);
        if (r == 0)
                r = job_finish(job, ret, &taken, error);
        return r == 0 && taken ? build_again(job, ret, error) : r;
}

static void keep_failed(Job *job)
{
        _cleanup_error_ Error error = ERROR_INIT;
        _cleanup_free_ char *path = NULL;

        if (workspace_keep(&job->workspace, job->options->cache_directory, &path, &error) < 0)
                report_warning(job->options->report, "The staging tree could not be kept: %s", error.message);
        else
                report_note(job->options->report, "The staging tree is kept in %s/tree", path);
}

int build_recipe(Recipe *recipe, const BuildOptions *options, BuildResult *ret, Error *error)
{
        _cleanup_job_ Job job = { .workspace = WORKSPACE_INIT };
        int r = job_open(recipe, options, &job, error);

        if (r < 0)
                return r;
        report_subject(options->report, recipe_name(recipe));
        r = run_job(&job, ret, error);
        if (r < 0 && options->keep_failed)
                keep_failed(&job);
        return r;
}
