/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/pack_check.h"

#include "image/stream.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

struct PackCheck {
        Pipeline *pipeline;
        const LintOptions *options;
        LintReport report;
        pthread_t thread;
        Error error;
};

static int read_pipeline(void *userdata, const void **ret_data, size_t *ret_size_bytes, Error *error)
{
        return pipeline_read(userdata, ret_data, ret_size_bytes, error);
}

static void *check_archive(void *userdata)
{
        PackCheck *check = userdata;
        ImageSource source = { read_pipeline, check->pipeline };

        if (lint_source(&source, check->options, &check->report, &check->error) < 0)
                pipeline_stop(check->pipeline);
        return NULL;
}

int pack_check_start(Pipeline *pipeline, const LintOptions *options, PackCheck **ret, Error *error)
{
        _cleanup_free_ PackCheck *check = calloc(1, sizeof *check);
        sigset_t all, before;

        if (!check)
                return error_out_of_memory(error);
        *check = (PackCheck){ .pipeline = pipeline, .options = options };
        /* signals are the calling thread's */
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before);
        int r = pthread_create(&check->thread, NULL, check_archive, check);
        pthread_sigmask(SIG_SETMASK, &before, NULL);
        if (r > 0)
                return error_set_errno(error, r, "Can't start a thread");
        *ret = TAKE_PTR(check);
        return 0;
}

int pack_check_finish(PackCheck *check, LintReport *ret, Error *error)
{
        if (!check)
                return 0;
        pthread_join(check->thread, NULL);
        int r = error_move(error, &check->error);
        if (r == 0)
                *ret = check->report;
        free(check);
        return r;
}
