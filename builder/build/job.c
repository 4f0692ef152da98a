/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "build/job.h"

#include "base/file.h"
#include "build/keys.h"
#include "build/resolved.h"

#include <errno.h>
#include <string.h>

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
                .pools = job->options->pools,
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

/* One row of all levels' stages. */
static int list_stages(Job *job, Error *error)
{
        size_t n = 0;

        job->n_stages = levels_last(&job->levels)->end;
        job->sources = calloc(job->n_stages + 1, sizeof *job->sources);
        job->stages = calloc(job->n_stages + 1, sizeof *job->stages);
        if (!job->sources || !job->stages)
                return error_out_of_memory(error);
        for (size_t i = 0; i < job->levels.n_items; i++) {
                const Level *level = &job->levels.items[i];
                for (size_t j = 0; j < recipe_n_stages(level->recipe); j++) {
                        const RecipeSection *section = recipe_stage(level->recipe, j);
                        job->stages[n++] = (JobStage){ level, section, stage_kind_of(section), .inputs = NULL };
                }
        }
        job->from = job->end = job->n_stages;
        return job->options->from_stage ? job_find_stage(job, job->options->from_stage, &job->from, error) : 0;
}

int job_open(Recipe *recipe, const BuildOptions *options, Job *ret, Error *error)
{
        _cleanup_job_ Job job = { .recipe = recipe, .options = options, .workspace = WORKSPACE_INIT };

        int r = levels_load(recipe, &job.levels, error);
        if (r == 0)
                r = list_stages(&job, error);
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
        for (size_t i = 0; job->stages && i < job->n_stages; i++) {
                json_decref(job->stages[i].inputs);
                apt_transaction_done(&job->stages[i].transaction);
                apt_transaction_done(&job->stages[i].used);
        }
        free(job->stages);
        for (size_t i = 0; job->sources && i < job->n_stages; i++) {
                repository_list_done(&job->sources[i].repositories);
                strv_free(job->sources[i].pins);
        }
        free(job->sources);
        apt_releases_done(&job->releases);
        free(job->directory);
        free(job->stem);
        levels_done(&job->levels);
        *job = (Job){ .workspace = WORKSPACE_INIT };
}

/* Scripts see the version in their environment, values through %v. What a base sees is its own version. */
bool job_stages_see_version(const Job *job)
{
        for (size_t i = 0; i < recipe_n_stages(job->recipe); i++)
                if (stage_kind_of(recipe_stage(job->recipe, i))->sees_environment)
                        return true;
        return recipe_uses_version(job->recipe);
}
