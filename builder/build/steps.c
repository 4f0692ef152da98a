/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "build/job.h"

#include "stages/clean.h"

#include <errno.h>
#include <inttypes.h>

static void show_output(const char *line, void *userdata)
{
        Report *report = userdata;

        report_output(report, line);
}

static int make_environment(Job *job, Error *error)
{
        strv_free(TAKE_PTR(job->environment));
        if (strv_extend(&job->environment, (char *const *) sandbox_environment) < 0 ||
            strv_appendf(&job->environment, "IMAGE_NAME=%s", recipe_name(job->recipe)) < 0 ||
            strv_appendf(&job->environment, "IMAGE_VERSION=%s", job->version) < 0 ||
            strv_appendf(&job->environment, "ARCHITECTURE=%s", recipe_architecture(job->recipe)) < 0 ||
            strv_appendf(&job->environment, "SUITE=%s", recipe_suite(job->recipe)) < 0 ||
            strv_appendf(&job->environment, "SOURCE_DATE_EPOCH=%" PRId64, job->epoch_sec) < 0)
                return error_out_of_memory(error);
        return 0;
}

/* Where the stage stands, and where all that it printed is. */
static int stage_error(const Job *job, const RecipeSection *section, size_t index, Error *error)
{
        RecipePlace place = section_place(section);

        if (error->kind == ERROR_CANCELLED)
                return error->code;
        error_wrap(error, "%s:%u: stage %zu [%s]", place.file, place.line, index + 1, section_schema(section)->name);
        if (error->hint) {
                _cleanup_free_ char *hint = TAKE_PTR(error->hint);
                return error_hint(error, "%s\nThe whole log: %s", hint, job->workspace.log_path);
        }
        return error_hint(error, "The whole log: %s", job->workspace.log_path);
}

static int run_kind(Job *job, size_t index, const StageKind *kind, char **ret_note, Error *error)
{
        SandboxTree tree = job_tree(job);
        StageContext context = {
                .recipe = job->recipe,
                .section = recipe_stage(job->recipe, index),
                .sandbox = job->sandbox,
                .tree = &tree,
                .apt = job->apt,
                .work_directory = job->workspace.stage_path,
                .cache_directory = job->options->cache_directory,
                .environment = (const char *const *) job->environment,
                .source_date_epoch_sec = job->epoch_sec,
                .repositories = &job->sources[index].repositories,
                .pins = &job->sources[index].pins,
                .output = job->output,
                .report = job->options->report,
        };

        int r = workspace_reset_stage(&job->workspace, error);
        if (r == 0)
                r = kind->run(&context, error);
        *ret_note = context.ret_note;
        return r;
}

static int run_stage(Job *job, size_t index, Error *error)
{
        const RecipeSection *section = recipe_stage(job->recipe, index);
        const StageKind *kind = stage_kind_of(section);
        _cleanup_free_ char *description = kind->describe(section), *note = NULL;
        size_t n_stages = recipe_n_stages(job->recipe);

        if (!description)
                return error_out_of_memory(error);
        report_stage_start(job->options->report, (unsigned) index + 1, (unsigned) n_stages, kind->schema->name,
                           description);
        output_clear_tail(job->output);
        int r = output_printf(job->output, "\n== [%zu/%zu] %s\n", index + 1, n_stages, description);
        output_clear_tail(job->output);
        if (r < 0)
                r = error_set_errno(error, -r, "Can't write the log %s", job->workspace.log_path);
        else
                r = run_kind(job, index, kind, &note, error);
        if (r < 0) {
                report_stage_failed(job->options->report);
                return stage_error(job, section, index, error);
        }
        report_stage_end(job->options->report, note);
        return 0;
}

static int run_cleaning(Job *job, Error *error)
{
        SandboxTree tree = job_tree(job);

        report_stage_start(job->options->report, 0, 0, "clean", "Cleaning");
        int r = clean_run(job->sandbox, &tree, section_list(recipe_image(job->recipe), "Keep"), job->epoch_sec, error);
        if (r < 0) {
                report_stage_failed(job->options->report);
                return error_wrap(error, "%s: cleaning the tree", recipe_name(job->recipe));
        }
        report_stage_end(job->options->report, NULL);
        return 0;
}

int job_run_stages(Job *job, Error *error)
{
        int r = make_environment(job, error);

        if (r < 0)
                return r;
        output_listen(job->output, show_output, job->options->report);
        for (size_t i = 0; i < recipe_n_stages(job->recipe); i++) {
                r = run_stage(job, i, error);
                if (r < 0)
                        return r;
        }
        return run_cleaning(job, error);
}
