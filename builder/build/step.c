/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "build/step.h"

#include "build/keys.h"
#include "build/locked.h"
#include "build/resolved.h"

int step_open(const Job *job, size_t index, Step *ret, Error *error)
{
        const JobStage *stage = &job->stages[index];

        *ret = (Step){ .index = index, .section = stage->section, .kind = stage->kind };
        ret->description = stage->kind->describe(stage->section);
        return ret->description ? 0 : error_out_of_memory(error);
}

void step_done(Step *step)
{
        free(step->description);
        free(step->note);
        layer_abandon(step->failed);
}

bool step_tree_is_stored(const Stack *stack)
{
        return stack->n == 0 || stack->layers[stack->n - 1];
}

bool step_is_cacheable(const Step *step)
{
        return !step->kind->cacheable || step->kind->cacheable(step->section);
}

static int resolve(Job *job, const Step *step, char *const *identities, bool again, Error *error)
{
        JobStage *stage = &job->stages[step->index];
        SandboxTree tree = { .directory_fd = job->workspace.tree_fd, .lowers = job->stack.lowers };
        bool remembers = !job->options->no_cache && step_tree_is_stored(&job->stack);
        ResolveJob resolving = {
                .apt = job->apt,
                .cache_directory = job->options->cache_directory,
                .tree = &tree,
                .tree_key = remembers ? job->stack.key : "",
                .section = step->section,
                .repositories = &job->sources[step->index].repositories,
                .identities = identities,
                .pins = job->sources[step->index].pins,
                .report = job->options->report,
                .again = again,
        };

        apt_transaction_done(&stage->transaction);
        if (job->options->lock)
                return job_locked_transaction(job, step->index, &stage->asks, &stage->transaction, error);
        return stage_resolve(&resolving, &stage->asks, &stage->transaction, error);
}

int step_find_key(Job *job, Step *step, Error *error)
{
        _cleanup_strv_ char **identities = job_repository_identities(job, step->index);
        JobStage *stage = &job->stages[step->index];
        int r = resolve(job, step, identities, false, error);

        if (r < 0)
                return r;
        KeyInputs inputs = {
                .recipe = job->stages[step->index].level->recipe,
                .section = step->section,
                .transaction = stage->asks ? &stage->transaction : NULL,
                .repositories = identities,
                .environment = stage->level->environment,
        };
        json_decref(TAKE_PTR(stage->inputs));
        r = stage_inputs(&inputs, &stage->inputs, error);
        if (r < 0)
                return r;
        job->n_reached = step->index + 1;
        stage->key[0] = '\0';
        if (!step_is_cacheable(step) || !*job->stack.key)
                return 0;
        return stage_key(job->stack.key, stage->inputs, stage->key, error);
}

int step_resolve_to_run(Job *job, Step *step, Error *error)
{
        const JobStage *stage = &job->stages[step->index];

        if (!stage->asks || transaction_can_run(&stage->transaction))
                return 0;
        _cleanup_strv_ char **identities = job_repository_identities(job, step->index);
        return resolve(job, step, identities, true, error);
}
