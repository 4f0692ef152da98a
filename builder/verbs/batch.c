/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "verbs/batch.h"

#include "base/cancel.h"

#include <errno.h>

static int summary(size_t n_failed, size_t n_all, const char *what, bool all_usage, int code, Error *error)
{
        if (n_failed == 0)
                return 0;
        if (all_usage)
                return error_set_usage(error, code, "%zu of %zu %s are wrong", n_failed, n_all, what);
        return error_set(error, code, "%zu of %zu %s failed", n_failed, n_all, what);
}

int batch_run(const VerbCall *call, const char *what, BatchFunction function, void *userdata, Error *error)
{
        size_t n_failed = 0;
        bool all_usage = true;
        int code = 0;

        for (size_t i = 0; i < call->n_arguments; i++) {
                _cleanup_error_ Error own = ERROR_INIT;
                if (cancel_signal())
                        return error_cancelled(error);
                int r = function(call->arguments[i], userdata, &own);
                if (r < 0 && (call->n_arguments == 1 || own.kind == ERROR_CANCELLED))
                        return error_move(error, &own);
                if (r < 0) {
                        report_error(call->report, &own);
                        all_usage = all_usage && own.kind == ERROR_USAGE;
                        code = r;
                        n_failed++;
                }
                report_subject(call->report, NULL);
        }
        return summary(n_failed, call->n_arguments, what, all_usage, code, error);
}
