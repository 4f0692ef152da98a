/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/error.h"

#include <gpgme.h>
#include <stdbool.h>

/* Waits for an operation of gpgme and listens to signals meanwhile: a person may sit before a pinentry for
 * long. (gpgme_cancel_async() is only looked at when gpg says something; gpgme_wait() can't be woken.)
 * Source: the gpgme manual, "Using External Event Loops". */

#define LOOP_WATCHES_MAX 16

typedef struct LoopWatch {
        int fd;
        bool for_reading;
        gpgme_io_cb_t callback; /* NULL: the place is free */
        void *userdata;
} LoopWatch;

typedef struct Loop {
        LoopWatch watches[LOOP_WATCHES_MAX];
        bool is_done;
        gpgme_error_t failure;
} Loop;

/* Before gpgme_op_..._start(); `loop` must outlive the context. */
void loop_attach(Loop *loop, gpgme_ctx_t context);
/* After it. How the operation went is in *ret_failure; an error is a signal, or that waiting itself failed.
 */
int loop_run(Loop *loop, gpgme_ctx_t context, gpgme_error_t *ret_failure, Error *error) _must_check_;
