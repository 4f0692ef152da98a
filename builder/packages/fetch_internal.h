/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "packages/curl.h"
#include "packages/fetch.h"

#include <stdbool.h>

/* One file on its way. fetch.c runs all of them, fetch_transfer.c knows about one. */
typedef struct Transfer {
        const FetchItem *item;
        FetchResult *result;
        size_t uri;              /* the one that is tried */
        unsigned n_idle;         /* attempts in a row that brought nothing to speak of */
        uint64_t have_bytes;     /* in the file */
        uint64_t started_bytes;  /* of these when the attempt began */
        int64_t resume_at_msec;  /* not before */
        CURL *easy;              /* while an attempt runs */
        int write_errno;
        bool checked_answer, too_long, from_start;
        char message[CURL_ERROR_SIZE];
} Transfer;

typedef enum TransferVerdict {
        TRANSFER_DONE,  /* result is filled in */
        TRANSFER_AGAIN, /* at resume_at_msec */
} TransferVerdict;

/* Makes an easy handle for the next attempt. -EINVAL when libcurl does not want the address, -ENOMEM */
int transfer_start(const CurlLibrary *curl, const FetchOptions *options, Transfer *transfer) _must_check_;
/* After libcurl's part. */
TransferVerdict transfer_judge(const CurlLibrary *curl, const FetchOptions *options, Transfer *transfer, CURLcode code,
                               int64_t now_msec);
/* Of an address that was not even tried. */
TransferVerdict transfer_refuse(Transfer *transfer, const char *why);
