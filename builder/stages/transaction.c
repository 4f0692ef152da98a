/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "stages/transaction.h"

#include "packages/dpkg.h"
#include "stages/kinds.h"


void transaction_show_download(uint64_t done_bytes, uint64_t total_bytes, void *userdata)
{
        char done[SIZE_TEXT_MAX], total[SIZE_TEXT_MAX];

        report_live(userdata, "downloading %s of %s", size_text(done_bytes, done), size_text(total_bytes, total));
}

void transaction_show_package(size_t done, size_t total, const char *package, void *userdata)
{
        report_live(userdata, "%zu of %zu: %s", done, total, package);
}

int transaction_note(StageContext *context, const AptTransaction *transaction, Error *error)
{
        size_t removed = 0;
        uint64_t bytes = 0;
        char size[SIZE_TEXT_MAX];
        int r = 0;

        for (size_t i = 0; i < transaction->n_steps; i++)
                removed += transaction->steps[i].action == APT_REMOVE || transaction->steps[i].action == APT_PURGE;
        for (size_t i = 0; i < transaction->n_packages; i++)
                bytes += transaction->packages[i].size_bytes;
        if (transaction->n_packages > 0)
                r = stage_note(context, error, "%zu package%s, %s", transaction->n_packages,
                               transaction->n_packages == 1 ? "" : "s", size_text(bytes, size));
        if (r == 0 && removed > 0)
                r = stage_note(context, error, "%zu removed", removed);
        return r;
}

int transaction_apply(StageContext *context, const AptTransaction *transaction, Error *error)
{
        /* packages that are there already may still be marked as asked for */
        bool idle = transaction->n_steps == 0;
        if (idle && strv_length(transaction->automatic) == 0 && strv_length(transaction->manual) == 0)
                return stage_note(context, error, "nothing to do");
        int r = apt_download(context->apt, transaction, transaction_show_download, context->report, error);
        if (r == 0)
                r = dpkg_apply(context->sandbox, context->tree, context->apt, transaction, context->environment,
                               context->output, transaction_show_package, context->report, error);
        if (r < 0)
                return r;
        return idle ? stage_note(context, error, "nothing to do") : transaction_note(context, transaction, error);
}

int transaction_run(StageContext *context, Error *error)
{
        return transaction_apply(context, context->transaction, error);
}

int transaction_run_request(StageContext *context, const AptRequest *request, Error *error)
{
        AptTransaction *transaction = context->ret_used;

        report_live(context->report, "resolving dependencies");
        int r = apt_select(context->apt, context->repositories, *context->pins, error);
        if (r == 0)
                r = apt_resolve(context->apt, context->tree, request, transaction, error);
        context->ret_has_used = r == 0;
        return r < 0 ? r : transaction_apply(context, transaction, error);
}
