/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "build/build.h"

#include "base/file.h"
#include "build/job.h"
#include "build/keys.h"
#include "build/resolved.h"

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
                .offline = job->options->offline,
        };

        return apt_open(&options, &job->apt, error);
}

static int open_layers(Job *job, Error *error)
{
        uint64_t limit_bytes = job->options->cache_size_bytes;
        int r = empty_tree_key(job->sandbox, recipe_architecture(job->recipe), job->empty_key, error);

        if (r < 0)
                return r;
        resolved_prune(job->options->cache_directory);
        return layer_store_open(job->sandbox, job->options->cache_directory,
                                limit_bytes > 0 ? limit_bytes : LAYER_STORE_DEFAULT_LIMIT_BYTES, &job->store, error);
}

int job_open(Recipe *recipe, const BuildOptions *options, Job *ret, Error *error)
{
        _cleanup_job_ Job job = { .recipe = recipe, .options = options, .workspace = WORKSPACE_INIT };

        job.sources = calloc(recipe_n_stages(recipe) + 1, sizeof *job.sources);
        job.stages = calloc(recipe_n_stages(recipe) + 1, sizeof *job.stages);
        if (!job.sources || !job.stages)
                return error_out_of_memory(error);
        job.from = recipe_n_stages(recipe);
        int r = options->from_stage ? build_find_stage(recipe, options->from_stage, &job.from, error) : 0;
        if (r == 0)
                r = name_release(&job, error);
        if (r == 0)
                r = make_directories(options->cache_directory, 0700, error);
        if (r == 0)
                r = sandbox_open(&job.sandbox, error);
        if (r == 0)
                r = open_layers(&job, error);
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
        stack_done(&job->stack);
        layer_store_close(job->store);
        sandbox_close(job->sandbox);
        for (size_t i = 0; job->stages && i < recipe_n_stages(job->recipe); i++)
                json_decref(job->stages[i].inputs);
        free(job->stages);
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

int build_recipe(Recipe *recipe, const BuildOptions *options, BuildResult *ret, Error *error)
{
        _cleanup_job_ Job job = { .workspace = WORKSPACE_INIT };
        int r = job_open(recipe, options, &job, error);

        if (r < 0)
                return r;
        report_subject(options->report, recipe_name(recipe));
        r = run_job(&job, ret, error);
        if (r == 0)
                job_forget_failed(&job);
        else if (job.n_reached > 0 && !job.finished && error->kind != ERROR_CANCELLED)
                job_write_record(&job, NULL, NULL);
        return r;
}
