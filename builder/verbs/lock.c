/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/file.h"
#include "build/build.h"
#include "build/locked.h"
#include "packages/lock_diff.h"
#include "stages/stage.h"
#include "verbs/batch.h"
#include "verbs/directories.h"
#include "verbs/locks.h"
#include "verbs/verb.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

typedef struct LockCall {
        const VerbCall *call;
        BuildOptions options;
        char *cache;
} LockCall;

static void lock_call_done(LockCall *lock)
{
        free(lock->cache);
}

/* What is there so far. *ret_text is NULL where there is nothing. */
static int read_old(const LockCall *call, const char *path, Lock *ret, char **ret_text, Error *error)
{
        _cleanup_error_ Error reading = ERROR_INIT;
        _cleanup_buffer_ Buffer text = BUFFER_INIT;
        bool update = options_switch(call->call->options, "update");

        if (access(path, F_OK) < 0)
                return errno == ENOENT ? 0 : error_set_errno(error, errno, "Can't look at %s", path);
        int r = lock_read(path, ret, &reading);
        if (r < 0 && !update)
                return error_move(error, &reading);
        if (r < 0)
                report_warning(call->call->report, "%s; it is made anew", reading.message);
        if (read_file(AT_FDCWD, path, LOCK_LIMIT_BYTES, &text, NULL) == 0 && text.data)
                *ret_text = TAKE_PTR(text.data);
        return 0;
}

static const char *kind_of(const LockChange *change)
{
        if (!change->before)
                return "added";
        if (!change->after)
                return "removed";
        return strcmp(change->before->version, change->after->version) == 0 ? "rebuilt" : "changed";
}

static void show_change(Report *report, const LockChange *change)
{
        const LockPackage *any = change->after ? change->after : change->before;
        const char *before = change->before ? change->before->version : NULL, *kind = kind_of(change);
        const char *after = change->after ? change->after->version : NULL;
        _cleanup_json_ json_t *members = json_pack("{s:s, s:s, s:s, s:s*, s:s*}", "change", kind, "package", any->name,
                                                   "architecture", any->architecture, "before", before, "after", after);

        report_json_event(report, "package", members);
        if (before && after && strcmp(before, after) != 0)
                report_result(report, "%-8s %s:%s %s -> %s", kind, any->name, any->architecture, before, after);
        else
                report_result(report, "%-8s %s:%s %s", kind, any->name, any->architecture, after ? after : before);
}

static int show_changes(Report *report, const Lock *before, const Lock *after, size_t *ret_n_changes, Error *error)
{
        _cleanup_free_ LockChange *changes = NULL;

        if (lock_compare(before, after, &changes, ret_n_changes) < 0)
                return error_out_of_memory(error);
        for (size_t i = 0; i < *ret_n_changes; i++)
                show_change(report, &changes[i]);
        return 0;
}

static int refuse(const char *path, const char *recipe_path, Error *error)
{
        error_set(error, -EEXIST, "%s is there, and says something else than what would be locked now", path);
        return error_hint(error, "Replace it, and see what changes: templar lock --update %s", recipe_path);
}

static void show_result(Report *report, const char *path, const Lock *lock, bool unchanged, size_t n_changes)
{
        _cleanup_json_ json_t *members =
                json_pack("{s:s, s:s, s:I, s:b, s:I}", "lock", path, "version", lock->version, "packages",
                          (json_int_t) lock->n_packages, "unchanged", unchanged, "changes", (json_int_t) n_changes);

        report_json_event(report, "locked", members);
        if (unchanged)
                report_note(report, "%s is up to date: %zu packages.", path, lock->n_packages);
        else
                report_note(report, "%s: %zu packages.", path, lock->n_packages);
}

static int write_lock(LockCall *call, const char *path, const char *recipe_path, const Lock *lock, Error *error)
{
        Report *report = call->options.report;
        _cleanup_free_ char *text = NULL, *old_text = NULL;
        _cleanup_lock_ Lock old = { 0 };
        size_t n_changes = 0;
        int r = lock_format(lock, &text, error);

        if (r == 0)
                r = read_old(call, path, &old, &old_text, error);
        if (r < 0)
                return r;
        bool unchanged = old_text && strcmp(old_text, text) == 0;
        if (old_text && !unchanged && !options_switch(call->call->options, "update"))
                return refuse(path, recipe_path, error);
        if (old_text)
                r = show_changes(report, &old, lock, &n_changes, error);
        if (r == 0 && !unchanged)
                r = write_file_atomic(AT_FDCWD, path, text, strlen(text), 0644, error);
        if (r == 0)
                show_result(report, path, lock, unchanged, n_changes);
        return r;
}

static int lock_one(const char *recipe_path, void *userdata, Error *error)
{
        LockCall *call = userdata;
        RecipeOptions options = { .schema = &stage_recipe_schema, .settings = options_list(call->call->options, "set") };
        _cleanup_recipe_ Recipe *recipe = NULL;
        _cleanup_lock_ Lock lock = { 0 };
        _cleanup_free_ char *path = lock_path_of(recipe_path);

        if (!path)
                return error_out_of_memory(error);
        int r = recipe_load(recipe_path, &options, &recipe, error);
        if (r < 0)
                return r;
        report_subject(call->options.report, recipe_name(recipe));
        r = build_lock(recipe, &call->options, &lock, error);
        if (r < 0) {
                report_stage_failed(call->options.report);
                return r;
        }
        return write_lock(call, path, recipe_path, &lock, error);
}

static int run(const VerbCall *call, Error *error)
{
        _cleanup_(lock_call_done) LockCall lock = { .call = call };
        const char *out = options_string(call->options, "out");
        char *const *pools = NULL;

        int r = pools_check(call->options, &pools, error);
        if (r >= 0)
                r = cache_directory(options_string(call->options, "cache"), &lock.cache, error);
        if (r < 0)
                return r;
        lock.options = (BuildOptions){ .out_directory = out ? out : DEFAULT_OUT,
                                       .cache_directory = lock.cache,
                                       .offline = options_switch(call->options, "offline"),
                                       .pools = pools,
                                       .report = call->report };
        return batch_run(call, "recipes", lock_one, &lock, error);
}

static const Option options[] = {
        { .name = "update", .letter = 'u', .help = "replace a lock that is there, and show what changes, package by package" },
        { .name = "out",
          .letter = 'o',
          .argument = "DIR",
          .value = VALUE_DIRECTORY,
          .help = "where builds put their releases, for the version (default: " DEFAULT_OUT ")" },
        OPTION_SET,
        { .name = "cache",
          .argument = "DIR",
          .value = VALUE_DIRECTORY,
          .help = "where downloads, layers and work are kept (default: as for templar build)" },
        OPTION_POOL,
        { .name = "offline", .help = "use the package lists and packages that the cache has" },
        OPTION_QUIET,
        OPTION_VERBOSE,
        OPTION_JSON,
        { 0 },
};

static const VerbExample examples[] = {
        { "templar lock recipes/web.recipe", "Write recipes/web.lock." },
        { "templar lock --update recipes/web.recipe", "Take what the archive has now, and show the changes." },
        { 0 },
};

const Verb verb_lock = {
        .name = "lock",
        .arguments = "RECIPE...",
        .summary = "write down every package that a recipe takes, by its digest",
        .description = "Finds out what each stage takes from the repositories as they are now, and writes it beside the recipe: "
                       "NAME.lock for NAME.recipe, one package a line. `templar build --locked` then builds exactly that. "
                       "What a stage takes depends on the tree below it, so stages that are not in the cache are run; no "
                       "image is packed and nothing is published. An existing lock is replaced with --update only."
                       "\n\n"
                       "Changes go to standard output, a package a line: added, removed, changed (from one version to another) "
                       "or rebuilt (the same version, with other bytes). The same lock is also published with each image, as "
                       "NAME-ARCH-VERSION.lock.",
        .minimum = 1,
        .maximum = VERB_ARGUMENTS_ANY,
        .completes = VALUE_RECIPE,
        .options = options,
        .examples = examples,
        .run = run,
};
