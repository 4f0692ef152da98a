/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "signing/loop.h"

#include "base/cancel.h"

#include <errno.h>
#include <poll.h>

static gpgme_error_t add_watch(void *userdata, int fd, int direction, gpgme_io_cb_t callback,
                               void *callback_userdata, void **ret_tag)
{
        Loop *loop = userdata;

        for (size_t i = 0; i < LOOP_WATCHES_MAX; i++) {
                LoopWatch *watch = &loop->watches[i];
                if (watch->callback)
                        continue;
                *watch = (LoopWatch){ fd, direction == 1, callback, callback_userdata };
                *ret_tag = watch;
                return 0;
        }
        return gpgme_error(GPG_ERR_EMFILE);
}

static void remove_watch(void *tag)
{
        *(LoopWatch *) tag = (LoopWatch){ 0 };
}

static void take_event(void *userdata, gpgme_event_io_t type, void *data)
{
        Loop *loop = userdata;

        if (type != GPGME_EVENT_DONE)
                return;
        const struct gpgme_io_event_done_data *done = data;
        loop->failure = done->err ? done->err : done->op_err;
        loop->is_done = true;
}

void loop_attach(Loop *loop, gpgme_ctx_t context)
{
        struct gpgme_io_cbs callbacks = { .add = add_watch,
                                          .add_priv = loop,
                                          .remove = remove_watch,
                                          .event = take_event,
                                          .event_priv = loop };

        loop->is_done = false;
        loop->failure = 0;
        gpgme_set_io_cbs(context, &callbacks);
}

/* One round: waits, then serves what is ready. */
static int serve(Loop *loop, gpgme_ctx_t context, Error *error)
{
        struct pollfd polls[LOOP_WATCHES_MAX + 1];

        for (size_t i = 0; i < LOOP_WATCHES_MAX; i++) {
                const LoopWatch *watch = &loop->watches[i];
                polls[i] = (struct pollfd){ .fd = watch->callback ? watch->fd : -1,
                                            .events = watch->for_reading ? POLLIN : POLLOUT };
        }
        polls[LOOP_WATCHES_MAX] = (struct pollfd){ .fd = cancel_fd(), .events = POLLIN };
        if (poll(polls, LOOP_WATCHES_MAX + 1, -1) < 0)
                return errno == EINTR ? 0 : error_set_errno(error, errno, "Can't wait for gpg");
        if (polls[LOOP_WATCHES_MAX].revents) {
                gpgme_cancel(context);
                return error_cancelled(error);
        }
        for (size_t i = 0; i < LOOP_WATCHES_MAX && !loop->is_done; i++) {
                /* by value: a callback removes watches, also others than its own */
                LoopWatch watch = loop->watches[i];
                if (polls[i].revents && watch.callback && watch.fd == polls[i].fd)
                        watch.callback(watch.userdata, watch.fd);
        }
        return 0;
}

int loop_run(Loop *loop, gpgme_ctx_t context, gpgme_error_t *ret_failure, Error *error)
{
        while (!loop->is_done) {
                int r = serve(loop, context, error);
                if (r < 0)
                        return r;
        }
        *ret_failure = loop->failure;
        return 0;
}
