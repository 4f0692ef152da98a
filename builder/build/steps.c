/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "build/step.h"

#include "layers/links.h"
#include "layers/upper.h"
#include "packages/transaction.h"
#include "stages/clean.h"

#include <errno.h>
#include <string.h>
#include <sys/statvfs.h>
#include <time.h>

#define FULL_FRACTION 64 /* less than this part of the disk is free: it is full */

static void show_output(const char *line, void *userdata)
{
        Report *report = userdata;

        report_output(report, line);
}

static void show_waiting(void *userdata)
{
        report_live(userdata, "waiting for another build of the same layer");
}

/* ------------------------------------------------------------------------------------------------ running */

static int run_kind(Job *job, Step *step, LayerDraft *draft, Error *error)
{
        JobStage *stage = &job->stages[step->index];
        const Level *level = stage->level;
        char **lowers = step->in_place ? NULL : job->stack.lowers;
        SandboxTree tree = {
                .directory_fd = layer_draft_upper_fd(draft),
                .lowers = lowers,
                .upper = layer_draft_upper_path(draft),
                .work = layer_draft_work_path(draft),
        };
        _cleanup_strv_ char **environment = strv_copy((char *const *) sandbox_environment);

        if (!environment || (step->kind->sees_environment && strv_extend(&environment, level->environment) < 0))
                return error_out_of_memory(error);
        StageContext context = {
                .recipe = level->recipe,
                .section = step->section,
                .sandbox = job->sandbox,
                .tree = &tree,
                .apt = job->apt,
                .work_directory = job->workspace.stage_path,
                .cache_directory = job->options->cache_directory,
                .environment = (const char *const *) environment,
                .repositories = &job->sources[step->index].repositories,
                .pins = &job->sources[step->index].pins,
                .transaction = stage->asks ? &stage->transaction : NULL,
                .locked = job->options->lock,
                .ret_used = &stage->used,
                .output = job->output,
                .report = job->options->report,
        };
        apt_transaction_done(&stage->used);
        int r = workspace_reset_stage(&job->workspace, error);
        if (r == 0)
                r = layer_draft_prepare(draft, lowers, &job->stack.links, error);
        if (r == 0)
                r = step->kind->run(&context, error);
        free(step->note);
        step->note = context.ret_note;
        stage->has_used = context.ret_has_used;
        return r == 0 ? layer_draft_seal(draft, level->epoch_sec, error) : r;
}

static json_t *describe_layer(const Job *job, const Step *step, double seconds)
{
        const JobStage *stage = &job->stages[step->index];
        json_t *used = stage->has_used ? apt_transaction_to_json(&stage->used) : NULL;

        if (stage->has_used && !used)
                return NULL;
        return json_pack("{s:s, s:s, s:s, s:s, s:O, s:f, s:I, s:s*, s:o*}", "image", recipe_name(stage->level->recipe),
                         "kind", step->kind->schema->name, "description", step->description, "parent", job->stack.key,
                         "inputs", stage->inputs, "seconds", seconds, "started", (json_int_t) step->started_sec, "note",
                         step->note, "used", used);
}

/* Takes the draft. */
static int store_layer(Job *job, Step *step, LayerDraft *draft, double seconds, Error *error)
{
        _cleanup_layer_draft_ LayerDraft *owned = draft;
        _cleanup_json_ json_t *info = describe_layer(job, step, seconds);
        Layer *layer = NULL;

        if (!info)
                return error_out_of_memory(error);
        int r = layer_commit(TAKE_PTR(owned), info, &layer, error);
        if (r < 0)
                return r;
        return stack_push_layer(&job->stack, layer) < 0 ? error_out_of_memory(error) : 0;
}

static double now_sec(void)
{
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return (double) now.tv_sec + (double) now.tv_nsec / 1e9;
}

/* Takes the draft: it becomes a layer, a tree for this build alone, or what a failure leaves to look at. */
static int run_in_draft(Job *job, Step *step, LayerDraft *draft, bool stored, Error *error)
{
        JobStage *stage = &job->stages[step->index];
        double start = now_sec();

        step->started_sec = time(NULL);
        int r = step_resolve_to_run(job, step, error);
        if (r == 0)
                r = run_kind(job, step, draft, error);
        stage->seconds = now_sec() - start;
        if (r < 0) {
                step->failed = step->in_place ? stack_pop_draft(&job->stack) : draft;
                return r;
        }
        if (stored)
                return store_layer(job, step, draft, stage->seconds, error);
        if (step->in_place)
                return stack_update(&job->stack, stage->key) < 0 ? error_out_of_memory(error) : 0;
        return stack_push_draft(&job->stack, draft, stage->key) < 0 ? error_out_of_memory(error) : 0;
}

static int use_layer(Job *job, Step *step, Layer *layer, Error *error)
{
        const json_t *info = layer_info(layer);
        JobStage *stage = &job->stages[step->index];
        int64_t started_sec = json_integer_value(json_object_get(info, "started"));
        const json_t *used = json_object_get(info, "used");

        apt_transaction_done(&stage->used);
        stage->has_used = used && apt_transaction_from_json(used, &stage->used) == 0;
        stage->cached = true;
        stage->seconds = json_number_value(json_object_get(info, "seconds"));
        if (started_sec < job->oldest_sec)
                job->oldest_sec = started_sec;
        free(step->note);
        step->note = strdup("cached");
        return stack_push_layer(&job->stack, layer) < 0 || !step->note ? error_out_of_memory(error) : 0;
}

/* Without layers all stages work in one directory. */
static int run_in_place(Job *job, Step *step, Error *error)
{
        step->in_place = true;
        return run_in_draft(job, step, job->stack.drafts[0], false, error);
}

static int find_or_run(Job *job, Step *step, Error *error)
{
        const char *key = job->stages[step->index].key;
        Report *report = job->options->report;
        LayerDraft *draft = NULL;
        Layer *layer = NULL;

        if (job->options->no_cache && job->stack.n > 0)
                return run_in_place(job, step, error);
        bool stored = *key && !job->options->no_cache && step->index < job->from && step_tree_is_stored(&job->stack);
        int r = stored ? layer_find(job->store, key, &layer, error) : 0;

        if (r == 0 && stored && !layer)
                r = layer_begin(job->store, key, stack_top(&job->stack), show_waiting, report, &layer, &draft, error);
        else if (r == 0 && !stored)
                r = layer_scratch(job->store, stack_top(&job->stack), &draft, error);
        if (r < 0)
                return r;
        return layer ? use_layer(job, step, layer, error) : run_in_draft(job, step, draft, stored, error);
}

/* ------------------------------------------------------------------------------------------------ a full disk */

static bool disk_is_full(const Job *job, const Error *error)
{
        struct statvfs disk;

        if (error->code == -ENOSPC || error->code == -EDQUOT)
                return true;
        return error->kind != ERROR_CANCELLED && statvfs(job->options->cache_directory, &disk) == 0 &&
               (disk.f_bavail < disk.f_blocks / FULL_FRACTION || (disk.f_files > 0 && disk.f_favail == 0));
}

/* True when there is room now that was not there before. */
static bool make_room(Job *job)
{
        StorePruned pruned = { 0 };

        job_forget_failed(job);
        return layer_store_prune(job->store, 0, &pruned, NULL) == 0 && pruned.freed_bytes > 0;
}

static int find_or_run_with_room(Job *job, Step *step, Error *error)
{
        _cleanup_error_ Error first = ERROR_INIT;
        int r = find_or_run(job, step, &first);

        if (r < 0 && !step->in_place && disk_is_full(job, &first)) {
                layer_abandon(TAKE_PTR(step->failed));
                if (make_room(job)) {
                        report_note(job->options->report, "The disk of %s is full: unused layers were removed, and the "
                                                          "stage starts again",
                                    job->options->cache_directory);
                        return find_or_run(job, step, error);
                }
                error_hint(&first, "The disk of %s is full, and no layer is left to remove", job->options->cache_directory);
        }
        return r < 0 ? error_move(error, &first) : 0;
}

/* ------------------------------------------------------------------------------------------------ stages */

/* "To look inside: templar shell --at 6 web.recipe", with a line feed; `number` is that of the stage whose tree there is.
 * The caller frees; "" when there is nothing to look into. */
static char *shell_hint(const Job *job, size_t number)
{
        _cleanup_buffer_ Buffer text = BUFFER_INIT;
        const char *path = recipe_path(job->recipe);
        int r = buffer_append_string(&text, "");

        if (r == 0 && job->options->shell_command && number > 0)
                r = buffer_printf(&text, "To look inside: %s --at %zu %s", job->options->shell_command, number,
                                  path[0] == '-' ? "./" : "");
        if (r == 0 && text.length > 0)
                r = buffer_append_word(&text, path);
        if (r == 0 && text.length > 0)
                r = buffer_append_string(&text, "\n");
        return r < 0 ? NULL : buffer_take(&text);
}

/* Where the stage stands, how to look at what it left, and where all that it printed is. */
static int stage_error(const Job *job, const Step *step, bool kept, Error *error)
{
        RecipePlace place = section_place(step->section);
        _cleanup_free_ char *hint = TAKE_PTR(error->hint), *shell = shell_hint(job, step->index + kept);

        if (error->kind == ERROR_CANCELLED)
                return error->code;
        error_wrap(error, "%s:%u: stage %zu [%s]", place.file, place.line, step->index + 1,
                   section_schema(step->section)->name);
        return error_hint(error, "%s%s%sThe whole log: %s", hint ? hint : "", hint ? "\n" : "", shell ? shell : "",
                          job->workspace.log_path);
}

static int run_step(Job *job, Step *step, Error *error)
{
        int r = output_printf(job->output, "\n== [%zu/%zu] %s\n", step->index + 1, job->n_stages,
                              step->description);

        output_clear_tail(job->output);
        if (r < 0)
                return error_set_errno(error, -r, "Can't write the log %s", job->workspace.log_path);
        r = step_find_key(job, step, error);
        return r < 0 ? r : find_or_run_with_room(job, step, error);
}

/* Whether there is something to look at. What an earlier failure left is no longer that of the last build. */
static bool keep_failed(Job *job, Step *step, const Error *error)
{
        if (error->kind == ERROR_CANCELLED)
                return false;
        if (step->failed)
                return job_keep_failed(job, step->index, TAKE_PTR(step->failed));
        job_forget_failed(job);
        return false;
}

static int run_stage(Job *job, size_t index, Error *error)
{
        _cleanup_(step_done) Step step = { 0 };
        Report *report = job->options->report;
        int r = step_open(job, index, &step, error);

        if (r < 0)
                return r;
        report_stage_start(report, (unsigned) index + 1, (unsigned) job->n_stages,
                           step.kind->schema->name, step.description);
        output_clear_tail(job->output);
        r = run_step(job, &step, error);
        if (r < 0) {
                report_stage_failed(report);
                return stage_error(job, &step, keep_failed(job, &step, error), error);
        }
        report_stage_end(report, step.note);
        return 0;
}

int job_run_stages(Job *job, Error *error)
{
        stack_reset(&job->stack, job->empty_key);
        job->n_reached = 0;
        job->finished = false;
        job->oldest_sec = time(NULL);
        output_listen(job->output, show_output, job->options->report);
        for (size_t i = 0; i < job->end; i++) {
                int r = run_stage(job, i, error);
                if (r < 0)
                        return r;
        }
        job->finished = true;
        return 0;
}

static int find_stage_layer(Job *job, size_t index, bool *ret_found, Error *error)
{
        _cleanup_(step_done) Step step = { 0 };
        Layer *layer = NULL;
        int r = step_open(job, index, &step, error);

        if (r == 0)
                r = step_find_key(job, &step, error);
        if (r == 0 && *job->stages[index].key)
                r = layer_find(job->store, job->stages[index].key, &layer, error);
        *ret_found = layer;
        return r < 0 || !layer ? r : use_layer(job, &step, layer, error);
}

int job_find_layers(Job *job, size_t *ret_n_found, Error *error)
{
        bool found = true;

        stack_reset(&job->stack, job->empty_key);
        *ret_n_found = 0;
        while (*ret_n_found < job->end) {
                int r = find_stage_layer(job, *ret_n_found, &found, error);
                if (r < 0 || !found)
                        return r;
                ++*ret_n_found;
        }
        return 0;
}

/* ------------------------------------------------------------------------------------------------ cleaning */

int job_prepare_top(Job *job, char *const *lowers, SandboxTree *ret, Buffer *ret_taken, Error *error)
{
        *ret = (SandboxTree){
                .directory_fd = job->workspace.tree_fd,
                .lowers = lowers,
                .upper = job->workspace.tree_path,
                .work = job->workspace.work_path,
        };
        int r = lowers ? upper_inherit_root(job->sandbox, lowers[0], job->workspace.tree_fd, error) : 0;
        return r == 0 && lowers ? links_take(job->sandbox, ret, &job->stack.links, ret_taken, error) : r;
}

static int clean(Job *job, Error *error)
{
        _cleanup_buffer_ Buffer taken = BUFFER_INIT;
        struct timespec start = workspace_time(&job->workspace);
        SandboxTree tree;
        int r = job_prepare_top(job, job->stack.lowers, &tree, &taken, error);

        if (r == 0)
                r = clean_run(job->sandbox, &tree, section_list(recipe_image(job->recipe), "Keep"), job_epoch_sec(job),
                              job->oldest_sec, error);
        return r == 0 ? upper_seal(job->sandbox, job->workspace.tree_fd, start, job_epoch_sec(job), error) : r;
}

int job_clean(Job *job, Error *error)
{
        report_stage_start(job->options->report, 0, 0, "clean", "Cleaning");
        int r = clean(job, error);
        if (r < 0) {
                report_stage_failed(job->options->report);
                return error_wrap(error, "%s: cleaning the tree", recipe_name(job->recipe));
        }
        report_stage_end(job->options->report, NULL);
        return 0;
}

int job_clean_tree(const Job *job, SandboxTree *ret, char ***ret_lowers, Error *error)
{
        char **lowers = stack_with(&job->stack, job->workspace.tree_path);

        if (!lowers)
                return error_out_of_memory(error);
        *ret = (SandboxTree){ .directory_fd = job->workspace.tree_fd, .lowers = lowers };
        *ret_lowers = lowers;
        return 0;
}
