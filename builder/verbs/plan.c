/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "build/plan.h"

#include "stages/stage.h"
#include "verbs/batch.h"
#include "verbs/directories.h"
#include "verbs/verb.h"

#define DESCRIPTION_COLUMNS 44

typedef struct PlanCall {
        const VerbCall *call;
        BuildOptions options;
        char *cache;
} PlanCall;

static void plan_call_done(PlanCall *plan)
{
        free(plan->cache);
}

static json_t *why_json(char *const *why)
{
        json_t *array = json_array();

        for (; array && why && *why; why++)
                json_array_append_new(array, json_string(*why));
        return array;
}

static void show_stage(Report *report, size_t number, const PlanStage *stage)
{
        _cleanup_json_ json_t *why = why_json(stage->why);
        char seconds[32] = "";

        if (stage->seconds >= 0)
                snprintf(seconds, sizeof seconds, "%.1f s", stage->seconds);
        report_result(report, "%3zu  %-*s  %9s  %s%s%s", number, DESCRIPTION_COLUMNS, stage->description, seconds,
                      stage->cached ? "cached" : "runs", stage->why ? ": " : "", stage->why ? stage->why[0] : "");
        for (size_t i = 1; stage->why && stage->why[i]; i++)
                report_result(report, "%*s%s", 5 + DESCRIPTION_COLUMNS + 2 + 9 + 2 + (int) sizeof "runs:", "",
                              stage->why[i]);
        _cleanup_json_ json_t *members = json_pack("{s:I, s:s, s:s, s:b, s:O*}", "number", (json_int_t) number, "kind",
                                                   stage->kind, "description", stage->description, "cached", stage->cached,
                                                   "why", why);
        if (members && stage->seconds >= 0)
                json_object_set_new(members, "seconds", json_real(stage->seconds));
        report_json_event(report, "planned-stage", members);
}

static void show_plan(Report *report, const Recipe *recipe, const Plan *plan)
{
        size_t n_running = 0, n_unknown = 0;
        double seconds = 0;

        for (size_t i = 0; i < plan->n_stages; i++) {
                const PlanStage *stage = &plan->stages[i];
                show_stage(report, i + 1, stage);
                n_running += !stage->cached;
                n_unknown += !stage->cached && stage->seconds < 0;
                seconds += !stage->cached && stage->seconds >= 0 ? stage->seconds : 0;
        }
        if (n_running == 0)
                report_result(report, "%s: every stage is cached", recipe_name(recipe));
        else if (n_unknown == n_running)
                report_result(report, "%s: %zu of %zu stages run", recipe_name(recipe), n_running, plan->n_stages);
        else
                report_result(report, "%s: %zu of %zu stages run; %s%.1f s last time", recipe_name(recipe), n_running,
                              plan->n_stages, n_unknown > 0 ? "those that are known took " : "they took ", seconds);
        _cleanup_json_ json_t *members = json_pack("{s:I, s:I, s:f}", "stages", (json_int_t) plan->n_stages, "running",
                                                   (json_int_t) n_running, "seconds", seconds);
        report_json_event(report, "planned", members);
}

static int plan_one(const char *path, void *userdata, Error *error)
{
        PlanCall *call = userdata;
        RecipeOptions options = { .schema = &stage_recipe_schema, .settings = options_list(call->call->options, "set") };
        _cleanup_recipe_ Recipe *recipe = NULL;
        _cleanup_plan_ Plan plan = { 0 };

        int r = recipe_load(path, &options, &recipe, error);
        if (r < 0)
                return r;
        report_subject(call->call->report, recipe_name(recipe));
        r = build_plan(recipe, &call->options, &plan, error);
        if (r >= 0)
                show_plan(call->call->report, recipe, &plan);
        return r;
}

static int run(const VerbCall *call, Error *error)
{
        _cleanup_(plan_call_done) PlanCall plan = { .call = call };
        const char *out = options_string(call->options, "out");

        int r = cache_directory(options_string(call->options, "cache"), &plan.cache, error);
        if (r < 0)
                return r;
        plan.options = (BuildOptions){ .out_directory = out ? out : DEFAULT_OUT,
                                       .cache_directory = plan.cache,
                                       .offline = options_switch(call->options, "offline"),
                                       .report = call->report };
        return batch_run(call, "recipes", plan_one, &plan, error);
}

static const Option options[] = {
        { .name = "out",
          .letter = 'o',
          .argument = "DIR",
          .value = VALUE_DIRECTORY,
          .help = "where the build would put its releases (default: " DEFAULT_OUT ")" },
        OPTION_SET,
        { .name = "cache",
          .argument = "DIR",
          .value = VALUE_DIRECTORY,
          .help = "where the layers are kept (default: as for templar build)" },
        { .name = "offline", .help = "use the package lists that the cache has, and say how old they are" },
        OPTION_QUIET,
        OPTION_JSON,
        { 0 },
};

static const VerbExample examples[] = {
        { "templar plan recipes/web.recipe", "Which stages would run, and why." },
        { 0 },
};

const Verb verb_plan = {
        .name = "plan",
        .arguments = "RECIPE...",
        .summary = "show which stages of a build would run, and why",
        .description = "Looks at every stage as a build would: whether its layer is there, and if not, what has changed since "
                       "the last build: values, files, packages of the archive by version, or a stage before it. Beside it "
                       "stand the seconds that the stage took when it last ran. Package lists are fetched; nothing is "
                       "built.",
        .minimum = 1,
        .maximum = VERB_ARGUMENTS_ANY,
        .completes = VALUE_RECIPE,
        .options = options,
        .examples = examples,
        .run = run,
};
