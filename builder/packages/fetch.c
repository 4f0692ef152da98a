/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "packages/fetch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "packages/fetch_internal.h"

#define POLL_MSEC 200

const FetchOptions fetch_defaults = { .connect_msec = 20000, .stall_sec = 20, .pause_msec = 500 };

typedef struct Fetch {
        const CurlLibrary *curl;
        const FetchOptions *options;
        CURLM *multi;
        Transfer *transfers;
        size_t n_transfers, n_left, n_running;
        FetchProgress progress;
        void *userdata;
} Fetch;

static int64_t now_msec(void)
{
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return (int64_t) now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void stop(const Fetch *fetch, Transfer *transfer)
{
        if (!transfer->easy)
                return;
        fetch->curl->multi_remove_handle(fetch->multi, transfer->easy);
        fetch->curl->easy_cleanup(TAKE_PTR(transfer->easy));
}

static void fetch_done(Fetch *fetch)
{
        for (size_t i = 0; i < fetch->n_transfers; i++)
                stop(fetch, &fetch->transfers[i]);
        if (fetch->multi)
                fetch->curl->multi_cleanup(fetch->multi);
        free(fetch->transfers);
}

static void take_verdict(Fetch *fetch, Transfer *transfer, TransferVerdict verdict)
{
        if (verdict != TRANSFER_DONE)
                return;
        transfer->resume_at_msec = INT64_MAX;
        fetch->n_left--;
}

static int start(Fetch *fetch, Transfer *transfer, Error *error)
{
        int r = transfer_start(fetch->curl, fetch->options, transfer);

        if (r == -ENOMEM)
                return error_out_of_memory(error);
        if (r == 0 && fetch->curl->multi_add_handle(fetch->multi, transfer->easy) == CURLM_OK) {
                fetch->n_running++;
                return 0;
        }
        fetch->curl->easy_cleanup(TAKE_PTR(transfer->easy));
        take_verdict(fetch, transfer, transfer_refuse(transfer, "it is no address that can be used"));
        return 0;
}

/* As many at a time as there are connections, in the order of the items. */
static int start_due(Fetch *fetch, Error *error)
{
        int64_t now = now_msec();

        for (size_t i = 0; i < fetch->n_transfers && fetch->n_running < FETCH_CONNECTIONS; i++) {
                Transfer *transfer = &fetch->transfers[i];
                if (transfer->easy || transfer->resume_at_msec > now)
                        continue;
                int r = start(fetch, transfer, error);
                if (r < 0)
                        return r;
        }
        return 0;
}

static void take_messages(Fetch *fetch)
{
        int n_queued;

        for (CURLMsg *message; (message = fetch->curl->multi_info_read(fetch->multi, &n_queued));) {
                Transfer *transfer = NULL;
                CURLcode code = message->data.result;
                if (message->msg != CURLMSG_DONE ||
                    fetch->curl->easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **) &transfer) != CURLE_OK)
                        continue;
                TransferVerdict verdict = transfer_judge(fetch->curl, fetch->options, transfer, code, now_msec());
                stop(fetch, transfer);
                fetch->n_running--;
                take_verdict(fetch, transfer, verdict);
        }
}

static void show(const Fetch *fetch)
{
        uint64_t done_bytes = 0;

        for (size_t i = 0; i < fetch->n_transfers; i++)
                done_bytes += fetch->transfers[i].have_bytes;
        if (fetch->progress)
                fetch->progress(done_bytes, fetch->userdata);
}

static int run(Fetch *fetch, Error *error)
{
        int n_active;

        while (fetch->n_left > 0) {
                int r = start_due(fetch, error);
                if (r < 0)
                        return r;
                if (fetch->curl->multi_perform(fetch->multi, &n_active) != CURLM_OK)
                        return error_set(error, -EIO, "libcurl can't go on");
                take_messages(fetch);
                show(fetch);
                if (fetch->n_left > 0 &&
                    fetch->curl->multi_poll(fetch->multi, NULL, 0, POLL_MSEC, NULL) != CURLM_OK)
                        return error_set(error, -EIO, "libcurl can't wait");
        }
        return 0;
}

static int prepare(Fetch *fetch, const FetchItem *items, size_t n_items, FetchResult *results, Error *error)
{
        struct stat status;

        fetch->transfers = calloc(n_items + 1, sizeof *fetch->transfers);
        fetch->multi = fetch->curl->multi_init();
        if (!fetch->transfers || !fetch->multi)
                return error_out_of_memory(error);
        for (size_t i = 0; i < n_items; i++) {
                Transfer *transfer = &fetch->transfers[fetch->n_transfers++];
                *transfer = (Transfer){ .item = &items[i], .result = &results[i] };
                results[i] = (FetchResult){ .code = 0 };
                if (fstat(items[i].fd, &status) < 0)
                        return error_set_errno(error, errno, "Can't look at a download");
                transfer->have_bytes = (uint64_t) status.st_size;
                /* nothing would be left to ask for */
                if (transfer->have_bytes >= items[i].size_bytes && ftruncate(items[i].fd, 0) == 0)
                        transfer->have_bytes = 0;
        }
        fetch->n_left = n_items;
        return 0;
}

int fetch_files(const FetchOptions *options, const FetchItem *items, size_t n_items, FetchProgress progress,
                void *userdata, FetchResult *results, Error *error)
{
        _cleanup_(fetch_done) Fetch fetch = { .curl = curl_library(), .options = options, .progress = progress,
                                              .userdata = userdata };

        if (!fetch.curl) {
                error_set(error, -ENOENT, "There is no libcurl (7.66 or newer), which downloads packages");
                return error_hint(error, "apt-get install libcurl4");
        }
        int r = prepare(&fetch, items, n_items, results, error);
        return r < 0 ? r : run(&fetch, error);
}
