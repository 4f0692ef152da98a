/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bootstrap/architecture.h"
#include "bootstrap/native.h"
#include "stages/bootstrap.h"
#include "stages/suites.h"
#include "stages/transaction.h"

#include <errno.h>
#include <string.h>

static void show_phase(NativePhase phase, size_t n_packages, void *userdata)
{
        static const char *const live[NATIVE_N_PHASES] = {
                [NATIVE_READ] = "reading",
                [NATIVE_UNPACK] = "unpacking",
                [NATIVE_PREINST] = "preparing",
                [NATIVE_CONFIGURE] = "configuring",
        };

        report_live(userdata, "%s %zu packages", live[phase], n_packages);
}

/* One line, which every apt reads. */
static int format_sources(const Repository *repository, char **ret)
{
        _cleanup_free_ char *components = strv_join(repository->components, " ");

        if (!components || asprintf(ret, "deb %s %s %s\n", repository->uris[0], repository->suites[0], components) < 0) {
                *ret = NULL;
                return -ENOMEM;
        }
        return 0;
}

/* What the pattern of the variant names, see debootstrap.c; as far as it is not there for others. */
static const char *const *priorities_of(const char *variant)
{
        static const char *const none[] = { NULL }, *const minbase[] = { "required", NULL };
        static const char *const standard[] = { "required", "important", "standard", NULL };

        return strcmp(variant, "essential") == 0 ? none : strcmp(variant, "standard") == 0 ? standard : minbase;
}

static int list_asked(const Bootstrap *bootstrap, char ***ret)
{
        _cleanup_strv_ char **asked = strv_copy(bootstrap->include);

        if ((bootstrap->include && !asked) || strv_append(&asked, "apt") < 0 || strv_append(&asked, "build-essential") < 0)
                return -ENOMEM;
        *ret = TAKE_PTR(asked);
        return 0;
}

static int download(StageContext *context, Error *error)
{
        double start_sec = report_stage_seconds(context->report);
        int r = apt_download(context->apt, context->transaction, transaction_show_download, context->report, error);

        report_phase(context->report, "download", report_stage_seconds(context->report) - start_sec);
        return r;
}

int native_run(StageContext *context, const Bootstrap *bootstrap, Error *error)
{
        _cleanup_free_ char *sources = NULL;
        _cleanup_strv_ char **asked = NULL;
        NativeTimes times = { 0 };
        NativeBootstrap native = {
                .sandbox = context->sandbox,
                .tree = context->tree,
                .apt = context->apt,
                .transaction = context->transaction,
                .architecture = recipe_architecture(context->recipe),
                .priorities = priorities_of(bootstrap->variant),
                .environment = context->environment,
                .output = context->output,
                .phase = show_phase,
                .progress = transaction_show_package,
                .userdata = context->report,
        };
        int r = architecture_can_run(native.architecture, error);

        if (r == 0 && (format_sources(bootstrap->repository, &sources) < 0 || list_asked(bootstrap, &asked) < 0))
                r = error_out_of_memory(error);
        if (r == 0)
                r = download(context, error);
        if (r < 0)
                return r;
        native.sources = sources;
        native.asked = asked;
        native.merged_usr = suite_is_merged(bootstrap->script, bootstrap->variant, &native.keeps_unmerged);
        r = native_bootstrap(&native, &times, error);
        for (size_t i = 0; r == 0 && i < NATIVE_N_PHASES; i++)
                report_phase(context->report, native_phase_names[i], times.seconds[i]);
        return r == 0 ? transaction_note(context, context->transaction, error) : r;
}
