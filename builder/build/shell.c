/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "build/shell.h"

#include "base/cancel.h"
#include "base/file.h"
#include "build/job.h"
#include "layers/keep.h"
#include "layers/links.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <time.h>

#define TERM_CHARACTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+-._"
#define TERM_MAX 64

void shell_result_done(ShellResult *result)
{
        free(result->kept);
        *result = (ShellResult){ 0 };
}

/* ------------------------------------------------------------------------------------------------ which tree */

typedef struct ShellJob {
        Recipe *recipe;
        const BuildOptions *options;
        const ShellOptions *shell;
        BuildOptions quiet; /* the same without a word, and without the network */
        Job job;
        FailedTree failed;
        size_t index; /* of the stage */
        char *const *lowers, *const *environment;
} ShellJob;

static void shell_job_done(ShellJob *shell)
{
        failed_tree_done(&shell->failed);
        job_close(&shell->job);
        report_free(shell->quiet.report);
}

/* What the failed stage left stands for the tree after that stage. */
static int find_failed(ShellJob *shell, bool *ret_found, Error *error)
{
        Job *job = &shell->job;
        FailedTree *failed = &shell->failed;
        int r = job_open_failed(job, failed, ret_found, error);

        if (r < 0 || !*ret_found)
                return r;
        bool fits = failed->stage <= job->n_stages &&
                    string_equal(job->stages[failed->stage - 1].kind->schema->name, failed->kind);
        if (shell->shell->stage && (!fits || shell->index + 1 != failed->stage)) {
                failed_tree_done(failed);
                *ret_found = false;
                return 0;
        }
        shell->index = failed->stage - 1;
        shell->lowers = failed->lowers;
        shell->environment = failed->environment;
        if (shell->shell->console == SANDBOX_CONSOLE_TERMINAL)
                report_note(shell->options->report, "%s as stage %zu [%s] left it when it failed", recipe_name(shell->recipe),
                            failed->stage, failed->kind);
        return 0;
}

static void use_stack(ShellJob *shell)
{
        shell->lowers = shell->job.stack.lowers;
        shell->environment = shell->job.stages[shell->index].level->environment;
}

/* Without a word, as long as nothing has to be fetched or run. */
static int find_stored(ShellJob *shell, bool *ret_found, Error *error)
{
        size_t n_found = 0;

        shell->job.end = shell->index + 1;
        int r = job_fetch_metadata(&shell->job, error);
        if (r == 0)
                r = job_find_layers(&shell->job, &n_found, error);
        *ret_found = r == 0 && n_found == shell->job.end;
        if (*ret_found)
                use_stack(shell);
        return r;
}

static int build_missing(ShellJob *shell, Error *error)
{
        Job *job = &shell->job;

        job_close(job);
        int r = job_open(shell->recipe, shell->options, job, error);
        if (r < 0)
                return r;
        report_note(shell->options->report, "The tree after stage %zu of %s is not in the store: it is built first",
                    shell->index + 1, recipe_name(shell->recipe));
        job->end = shell->index + 1;
        r = job_fetch_metadata(job, error);
        if (r == 0)
                r = job_run_stages(job, error);
        if (r == 0)
                use_stack(shell);
        else if (job->n_reached > 0 && !job->finished && error->kind != ERROR_CANCELLED)
                job_write_record(job, NULL, NULL);
        return r;
}

static int choose_stage(ShellJob *shell, Error *error)
{
        if (shell->shell->stage)
                return job_find_stage(&shell->job, shell->shell->stage, &shell->index, error);
        if (shell->job.n_stages == 0)
                return error_set_usage(error, -EINVAL, "%s has no stages, so there is no tree to look into",
                                       recipe_path(shell->recipe));
        shell->index = shell->job.n_stages - 1;
        return 0;
}

static int find_tree(ShellJob *shell, Error *error)
{
        _cleanup_error_ Error first = ERROR_INIT;
        bool found = false;
        int r = job_open(shell->recipe, &shell->quiet, &shell->job, error);

        if (r == 0)
                r = choose_stage(shell, error);
        if (r == 0)
                r = find_failed(shell, &found, error);
        if (r < 0 || found)
                return r;
        r = find_stored(shell, &found, &first);
        if (r < 0 && (first.kind == ERROR_CANCELLED || cancel_signal()))
                return error_move(error, &first);
        unlink(shell->job.workspace.log_path); /* nothing happened */
        return found ? 0 : build_missing(shell, error);
}

/* ------------------------------------------------------------------------------------------------ what runs */

static int look_for_shell(int root_fd, void *userdata, Buffer *reply, Error *error)
{
        static const char *const shells[] = { "/bin/bash", "/bin/sh" };

        (void) userdata;
        for (size_t i = 0; i < ELEMENTS(shells); i++) {
                struct stat status;
                _cleanup_close_ int fd = open_in_root(root_fd, shells[i], O_PATH, 0);
                if (fd >= 0 && fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && (status.st_mode & 0111))
                        return buffer_append_string(reply, shells[i]) < 0 ? error_out_of_memory(error) : 0;
        }
        error_set(error, -ENOENT, "The tree has no shell: neither /bin/bash nor /bin/sh");
        return error_hint(error, "Give a command after --, or the stage after which there is one with --at");
}

/* The console's kind of terminal, where the name can't be anything else. */
static const char *terminal_name(const ShellOptions *shell)
{
        const char *name = getenv("TERM");

        return shell->console == SANDBOX_CONSOLE_TERMINAL && !string_empty(name) && strlen(name) <= TERM_MAX &&
                               strspn(name, TERM_CHARACTERS) == strlen(name)
                       ? name
                       : NULL;
}

static int make_environment(const ShellJob *shell, char ***ret, Error *error)
{
        const char *terminal = terminal_name(shell->shell);
        _cleanup_strv_ char **environment = NULL;
        int r = 0;

        for (const char *const *text = sandbox_environment; r == 0 && *text; text++)
                if (!terminal || !string_starts_with(*text, "TERM="))
                        r = strv_append(&environment, *text);
        if (r == 0)
                r = strv_extend(&environment, shell->environment);
        if (r == 0 && terminal)
                r = strv_appendf(&environment, "TERM=%s", terminal);
        if (r < 0)
                return error_out_of_memory(error);
        *ret = TAKE_PTR(environment);
        return 0;
}

static int run_inside(ShellJob *shell, const SandboxTree *tree, int *ret_status, Error *error)
{
        Sandbox *sandbox = shell->job.sandbox;
        char *const *command = shell->shell->command;
        bool given = command && *command;
        _cleanup_strv_ char **environment = NULL;
        _cleanup_buffer_ Buffer found = BUFFER_INIT;

        int r = make_environment(shell, &environment, error);
        if (r == 0 && !given)
                r = sandbox_call(sandbox, tree, look_for_shell, NULL, &found, error);
        if (r < 0)
                return r;
        const char *const login[] = { found.data, "-l", NULL };
        return sandbox_attach(sandbox,
                              &(SandboxCommand){ .root = SANDBOX_ROOT_TREE,
                                                 .tree = tree,
                                                 .argv = given ? (const char *const *) command : login,
                                                 .environment = (const char *const *) environment,
                                                 .network = shell->shell->network,
                                                 .stdin_fd = -1,
                                                 .console = shell->shell->console },
                              ret_status, error);
}

/* ------------------------------------------------------------------------------------------------ what is kept */

static int make_kept_folder(const ShellJob *shell, char **ret, Error *error)
{
        _cleanup_free_ char *parent = path_join(shell->options->cache_directory, SHELL_KEPT_DIRECTORY), *path = NULL;
        time_t now = time(NULL);
        char stamp[32];
        struct tm utc;

        if (!parent)
                return error_out_of_memory(error);
        int r = make_directories(parent, 0700, error);
        if (r < 0)
                return r;
        strftime(stamp, sizeof stamp, "%Y%m%dT%H%M%SZ", gmtime_r(&now, &utc));
        if (asprintf(&path, "%s/%s@%s-%d", parent, shell->job.stem, stamp, (int) getpid()) < 0) {
                path = NULL;
                return error_out_of_memory(error);
        }
        if (mkdir(path, 0700) < 0)
                return error_set_errno(error, errno, "Can't make %s", path);
        *ret = TAKE_PTR(path);
        return 0;
}

static int keep(ShellJob *shell, const Buffer *taken, char **ret, Error *error)
{
        const Workspace *workspace = &shell->job.workspace;
        _cleanup_free_ char *folder = NULL, *list = NULL, *tree = NULL;
        _cleanup_buffer_ Buffer removed = BUFFER_INIT;

        int r = links_leave(shell->job.sandbox, workspace->tree_fd, taken, error);
        if (r == 0)
                r = upper_keep(shell->job.sandbox, workspace->tree_path, &removed, error);
        if (r == 0)
                r = make_kept_folder(shell, &folder, error);
        if (r < 0)
                return r;
        list = path_join(folder, "removed");
        tree = path_join(folder, "tree");
        if (!list || !tree)
                return error_out_of_memory(error);
        r = write_file_atomic(AT_FDCWD, list, removed.data ? removed.data : "", removed.length, 0600, error);
        if (r == 0 && rename(workspace->tree_path, tree) < 0)
                r = error_set_errno(error, errno, "Can't move %s to %s", workspace->tree_path, tree);
        if (r == 0)
                *ret = TAKE_PTR(folder);
        return r;
}

/* ------------------------------------------------------------------------------------------------ all of it */

static int look_inside(ShellJob *shell, ShellResult *ret, Error *error)
{
        _cleanup_buffer_ Buffer taken = BUFFER_INIT;
        SandboxTree tree;
        int status = 0;

        int r = find_tree(shell, error);
        if (r == 0)
                r = job_prepare_top(&shell->job, shell->lowers, &tree, &taken, error);
        if (r == 0)
                r = run_inside(shell, &tree, &status, error);
        if (r == 0 && shell->shell->keep)
                r = keep(shell, &taken, &ret->kept, error);
        ret->status = status;
        return r;
}

int build_shell(Recipe *recipe, const BuildOptions *options, const ShellOptions *shell, ShellResult *ret, Error *error)
{
        _cleanup_(shell_job_done) ShellJob work = {
                .recipe = recipe,
                .options = options,
                .shell = shell,
                .quiet = *options,
                .job = { .workspace = WORKSPACE_INIT },
                .failed = FAILED_TREE_INIT,
        };

        work.quiet.offline = true;
        work.quiet.report = NULL;
        if (report_new(REPORT_QUIET, false, &work.quiet.report) < 0)
                return error_out_of_memory(error);
        int r = look_inside(&work, ret, error);
        if (r == 0 && work.job.workspace.log_path)
                unlink(work.job.workspace.log_path); /* whatever was built is in the store */
        return r;
}
