/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "packages/dpkg.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "packages/apt_internal.h"
#include "packages/dpkg_output.h"
#include "packages/guard.h"
#include "packages/marks.h"
#include "packages/tap.h"

#define PACKAGES_INSIDE "/run/templar/packages"
/* Archives are mounted one by one, and all names stand in one argument list. */
#define UNPACK_MAX 400
#define NAMES_MAX 4000

typedef struct Apply {
        Sandbox *sandbox;
        const SandboxTree *tree;
        const Apt *apt;
        const AptTransaction *transaction;
        const char *const *environment;
        Output *output; /* with our tap in it */
        DpkgProgress progress;
        void *userdata;
        size_t n_steps, n_done; /* in all; those that dpkg has begun */
        size_t next_package; /* of the transaction: packages are in the order of the unpacking steps */
        DpkgBlame blame;
        bool failed; /* a listener ran out of memory */
} Apply;

static void on_line(const char *line, void *userdata)
{
        Apply *apply = userdata;
        size_t length = 0;
        const char *package = dpkg_line_package(line, &length);

        if (dpkg_blame_line(&apply->blame, line) < 0)
                apply->failed = true;
        if (!package || !apply->progress)
                return;
        _cleanup_free_ char *name = strndup(package, length);
        if (apply->n_done < apply->n_steps)
                apply->n_done++;
        apply->progress(apply->n_done, apply->n_steps, name ? name : "", apply->userdata);
}

/* Files that configuration questions are about stay as they are or become the package's; nobody is there to ask.
 * unsafe-io: a tree that a crash has cut short is thrown away. Triggers wait for the end. */
static int base_arguments(char ***argv, bool triggers)
{
        int r = strv_append(argv, "dpkg");

        if (r == 0)
                r = strv_append(argv, "--force-confdef,confold,unsafe-io");
        return r == 0 && !triggers ? strv_append(argv, "--no-triggers") : r;
}

static int action_arguments(char ***argv, AptAction action)
{
        switch (action) {
        case APT_UNPACK:
                return strv_append(argv, "--unpack") < 0 || strv_append(argv, "--auto-deconfigure") < 0 ? -ENOMEM : 0;
        case APT_CONFIGURE:
                return strv_append(argv, "--configure");
        case APT_REMOVE:
        case APT_PURGE:
                /* apt has seen to dependencies, and its order may break them for a moment */
                return strv_append(argv, "--force-depends") < 0 || strv_append(argv, "--abort-after=1") < 0 ||
                                       strv_append(argv, action == APT_REMOVE ? "--remove" : "--purge") < 0
                               ? -ENOMEM
                               : 0;
        }
        return -EINVAL;
}

static int run_failed(const Apply *apply, int status, Error *error)
{
        _cleanup_free_ char *tail = output_tail(apply->output);
        int r = dpkg_blame_error(&apply->blame, error);

        if (r == -ENODATA)
                r = error_set(error, -ECHILD, "dpkg exited with status %d", status);
        return string_empty(tail) ? r : error_detail(error, "%s", tail);
}

static int run_dpkg(Apply *apply, char *const *argv, const SandboxMount *mounts, size_t n_mounts, Error *error)
{
        SandboxCommand command = {
                .root = SANDBOX_ROOT_TREE,
                .tree = apply->tree,
                .argv = (const char *const *) argv,
                .environment = apply->environment,
                .mounts = mounts,
                .n_mounts = n_mounts,
                .stdin_fd = -1,
                .output = apply->output,
        };
        int status = 0;
        int r = sandbox_run_status(apply->sandbox, &command, &status, error);

        if (r == 0 && apply->failed)
                return error_out_of_memory(error);
        return r == 0 && status != 0 ? run_failed(apply, status, error) : r;
}

/* The archives of one run, bound where dpkg finds them. */
typedef struct Archives {
        char **sources, **targets;
        SandboxMount *mounts;
} Archives;

static void archives_done(Archives *archives)
{
        strv_free(archives->sources);
        strv_free(archives->targets);
        free(archives->mounts);
}

static int bind_archives(const Apply *apply, size_t n, Archives *ret)
{
        int r = 0;

        for (size_t i = 0; r == 0 && i < n; i++) {
                const AptPackage *package = &apply->transaction->packages[apply->next_package + i];
                r = strv_appendf(&ret->targets, PACKAGES_INSIDE "/%s", package->file_name);
                _cleanup_free_ char *path = apt_package_path(apply->apt, package);
                if (r == 0)
                        r = path ? strv_append(&ret->sources, path) : -ENOMEM;
        }
        ret->mounts = r == 0 ? calloc(n, sizeof *ret->mounts) : NULL;
        if (!ret->mounts)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++)
                ret->mounts[i] = (SandboxMount){ ret->sources[i], ret->targets[i], false };
        return 0;
}

static int unpack(Apply *apply, size_t n, Error *error)
{
        _cleanup_(archives_done) Archives archives = { 0 };
        _cleanup_strv_ char **argv = NULL;

        if (apply->next_package + n > apply->transaction->n_packages)
                return error_set(error, -EINVAL, "The transaction has more steps than packages");
        if (bind_archives(apply, n, &archives) < 0 || base_arguments(&argv, false) < 0 ||
            action_arguments(&argv, APT_UNPACK) < 0 || strv_extend(&argv, archives.targets) < 0)
                return error_out_of_memory(error);
        apply->next_package += n;
        int r = run_dpkg(apply, argv, archives.mounts, n, error);
        return r == 0 ? guard_enter(apply->sandbox, apply->tree, error) : r;
}

static int act(Apply *apply, const AptStep *steps, size_t n, Error *error)
{
        _cleanup_strv_ char **argv = NULL;

        if (steps->action == APT_UNPACK)
                return unpack(apply, n, error);
        int r = base_arguments(&argv, false);
        if (r == 0)
                r = action_arguments(&argv, steps->action);
        for (size_t i = 0; r == 0 && i < n; i++)
                r = strv_append(&argv, steps[i].package);
        return r < 0 ? error_out_of_memory(error) : run_dpkg(apply, argv, NULL, 0, error);
}

/* Whatever is left to do: triggers, and packages that were waiting for them. */
static int finish(Apply *apply, Error *error)
{
        _cleanup_strv_ char **argv = NULL;

        if (base_arguments(&argv, true) < 0 || strv_append(&argv, "--configure") < 0 ||
            strv_append(&argv, "--pending") < 0)
                return error_out_of_memory(error);
        return run_dpkg(apply, argv, NULL, 0, error);
}

static int run_steps(Apply *apply, Error *error)
{
        const AptTransaction *transaction = apply->transaction;
        size_t n;

        for (size_t i = 0; i < transaction->n_steps; i += n) {
                const AptStep *first = &transaction->steps[i];
                size_t limit = first->action == APT_UNPACK ? UNPACK_MAX : NAMES_MAX;
                for (n = 1; i + n < transaction->n_steps && n < limit && first[n].action == first->action;)
                        n++;
                int r = act(apply, first, n, error);
                if (r < 0)
                        return r;
        }
        return finish(apply, error);
}

static int run_guarded(Apply *apply, Error *error)
{
        int r = guard_enter(apply->sandbox, apply->tree, error);

        if (r < 0)
                return r;
        r = run_steps(apply, error);
        int left = guard_leave(apply->sandbox, apply->tree, r < 0 ? NULL : error);
        return r < 0 ? r : left;
}

int dpkg_apply(Sandbox *sandbox, const SandboxTree *tree, const Apt *apt, const AptTransaction *transaction,
               const char *const *environment, Output *output, DpkgProgress progress, void *userdata, Error *error)
{
        _cleanup_tap_ Tap tap = TAP_INIT;
        Apply apply = {
                .sandbox = sandbox,
                .tree = tree,
                .apt = apt,
                .transaction = transaction,
                .n_steps = transaction->n_steps,
                .environment = environment,
                .progress = progress,
                .userdata = userdata,
        };
        int r = tap_open(&tap, output, on_line, &apply, error);

        if (r < 0)
                return r;
        apply.output = tap.output;
        if (transaction->n_steps > 0)
                r = run_guarded(&apply, error);
        dpkg_blame_done(&apply.blame);
        return r < 0 ? r : marks_update(sandbox, tree, transaction, apt->architecture, error);
}

int dpkg_run(const DpkgTask *task, char *const *argv, Error *error)
{
        _cleanup_tap_ Tap tap = TAP_INIT;
        Apply apply = {
                .sandbox = task->sandbox,
                .tree = task->tree,
                .environment = task->environment,
                .n_steps = task->n_steps,
                .progress = task->progress,
                .userdata = task->userdata,
        };
        int r = tap_open(&tap, task->output, on_line, &apply, error);

        if (r < 0)
                return r;
        apply.output = tap.output;
        r = run_dpkg(&apply, argv, NULL, 0, error);
        dpkg_blame_done(&apply.blame);
        return r;
}

int dpkg_configure(const DpkgTask *task, char *const *names, Error *error)
{
        _cleanup_strv_ char **argv = NULL;

        if (base_arguments(&argv, true) < 0 || strv_append(&argv, "--configure") < 0 ||
            (names ? strv_extend(&argv, names) : strv_append(&argv, "--pending")) < 0)
                return error_out_of_memory(error);
        return dpkg_run(task, argv, error);
}
