/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "build/plan.h"

#include "build/keys.h"
#include "build/record.h"
#include "build/step.h"
#include "build/why.h"

#include <errno.h>
#include <string.h>
#include <time.h>

void plan_done(Plan *plan)
{
        for (size_t i = 0; i < plan->n_stages; i++) {
                free(plan->stages[i].kind);
                free(plan->stages[i].description);
                strv_free(plan->stages[i].why);
        }
        free(plan->stages);
        *plan = (Plan){ 0 };
}

/* ------------------------------------------------------------------------------------------------ the last build */

static bool is_stage(const json_t *stage, const Step *step, bool exactly)
{
        const char *kind = json_string_value(json_object_get(stage, "kind"));
        const char *description = json_string_value(json_object_get(stage, "description"));

        return string_equal(kind, step->kind->schema->name) &&
               (!exactly || string_equal(description, step->description));
}

/* The same stage in the record: in the same place, or elsewhere, or at least one of its kind in its place. */
static const json_t *find_stage(const json_t *stages, const Step *step)
{
        const json_t *in_place = json_array_get(stages, step->index);

        if (in_place && is_stage(in_place, step, true))
                return in_place;
        for (size_t i = 0; i < json_array_size(stages); i++)
                if (is_stage(json_array_get(stages, i), step, true))
                        return json_array_get(stages, i);
        return in_place && is_stage(in_place, step, false) ? in_place : NULL;
}

/* ------------------------------------------------------------------------------------------------ one stage */

typedef struct Planning {
        Job *job;
        const json_t *record; /* "stages" of the last build, may be NULL */
        bool below_runs;      /* some stage before runs: the tree is not known */
} Planning;

/* Its packages can't be known before the stages below have run; all else can. */
static int find_own_inputs(const Planning *planning, const Step *step, Error *error)
{
        JobStage *stage = &planning->job->stages[step->index];
        _cleanup_strv_ char **identities = job_repository_identities(planning->job, step->index);
        KeyInputs inputs = {
                .recipe = stage->level->recipe,
                .section = step->section,
                .repositories = identities,
                .environment = stage->level->environment,
        };

        return stage_inputs(&inputs, &stage->inputs, error);
}

static int explain(const Planning *planning, const Step *step, const json_t *before, char ***ret)
{
        const JobStage *stage = &planning->job->stages[step->index];
        const char *key = json_string_value(json_object_get(before, "key"));

        if (!step_is_cacheable(step))
                return strv_append(ret, "the network is not the same twice, so it is never cached; Cache=yes changes that");
        if (!planning->record)
                return strv_append(ret, "no build of this image is known here");
        if (planning->below_runs && strv_append(ret, "a stage before it runs") < 0)
                return -ENOMEM;
        if (!before)
                return strv_append(ret, "the stage is new");
        int r = why_differ(json_object_get(before, "inputs"), stage->inputs, ret);
        if (r == 0 && !*ret)
                r = strv_append(ret, string_equal(key, stage->key) ? "its layer is not in the cache any more"
                                                                   : "the stages before it changed");
        return r;
}

static int use_layer(const Planning *planning, Layer *layer, PlanStage *ret, Error *error)
{
        ret->cached = true;
        ret->seconds = json_number_value(json_object_get(layer_info(layer), "seconds"));
        return stack_push_layer(&planning->job->stack, layer) < 0 ? error_out_of_memory(error) : 0;
}

static int plan_stage(Planning *planning, Step *step, PlanStage *ret, Error *error)
{
        Job *job = planning->job;
        const json_t *before = find_stage(planning->record, step);
        const json_t *seconds = json_object_get(before, "seconds");
        Layer *layer = NULL;

        ret->seconds = json_is_number(seconds) ? json_number_value(seconds) : -1;
        int r = planning->below_runs ? find_own_inputs(planning, step, error) : step_find_key(job, step, error);
        if (r == 0 && *job->stages[step->index].key)
                r = layer_find(job->store, job->stages[step->index].key, &layer, error);
        if (r < 0)
                return r;
        if (layer)
                return use_layer(planning, layer, ret, error);
        if (explain(planning, step, before, &ret->why) < 0)
                return error_out_of_memory(error);
        planning->below_runs = true;
        return 0;
}

static int plan_index(Planning *planning, size_t index, PlanStage *ret, Error *error)
{
        _cleanup_(step_done) Step step = { 0 };
        RecipePlace place = section_place(planning->job->stages[index].section);
        int r = step_open(planning->job, index, &step, error);

        if (r < 0)
                return r;
        ret->kind = strdup(step.kind->schema->name);
        ret->description = strdup(step.description);
        if (!ret->kind || !ret->description)
                return error_out_of_memory(error);
        r = plan_stage(planning, &step, ret, error);
        if (r < 0 && error->kind != ERROR_CANCELLED)
                return error_wrap(error, "%s:%u: stage %zu [%s]", place.file, place.line, index + 1, ret->kind);
        return r;
}

static int plan_job(Job *job, const json_t *record, Plan *ret, Error *error)
{
        _cleanup_plan_ Plan plan = { .stages = calloc(job->n_stages + 1, sizeof *plan.stages) };
        Planning planning = { job, json_object_get(record, "stages"), false };

        if (!plan.stages)
                return error_out_of_memory(error);
        stack_reset(&job->stack, job->empty_key);
        for (size_t i = 0; i < job->n_stages; i++) {
                plan.n_stages = i + 1;
                int r = plan_index(&planning, i, &plan.stages[i], error);
                if (r < 0)
                        return r;
        }
        *ret = plan;
        plan = (Plan){ 0 };
        return 0;
}

int build_plan(Recipe *recipe, const BuildOptions *options, Plan *ret, Error *error)
{
        _cleanup_job_ Job job = { .workspace = WORKSPACE_INIT };
        int r = job_open(recipe, options, &job, error);

        if (r < 0)
                return r;
        r = job_fetch_metadata(&job, error);
        if (r < 0)
                return r;
        _cleanup_free_ char *path = record_path(options->cache_directory, options->out_directory, recipe_name(recipe),
                                                recipe_architecture(recipe));
        if (!path)
                return error_out_of_memory(error);
        _cleanup_json_ json_t *record = record_read(path);
        r = plan_job(&job, record, ret, error);
        if (r == 0)
                unlink(job.workspace.log_path); /* nothing happened that anybody would look up */
        return r;
}
