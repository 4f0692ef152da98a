/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/digest.h"
#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

/* Downloads over HTTP and HTTPS, with libcurl. What is wanted is known by size and SHA-256, so nobody on the way has to be
 * believed. A transfer that breaks off, stalls or meets a server in trouble goes on where it stopped, after a pause, until
 * FETCH_ATTEMPTS in a row have brought nothing to speak of; what can't get better (404, another file) is not tried again.
 * Proxies come from the environment as with curl(1). */

#define FETCH_ATTEMPTS 4
#define FETCH_CONNECTIONS 6 /* at a time */

typedef struct FetchOptions {
        unsigned connect_msec; /* to reach a server */
        unsigned stall_sec;    /* with next to nothing arriving */
        unsigned pause_msec;   /* before the second attempt; doubled for each one after it */
} FetchOptions;

extern const FetchOptions fetch_defaults;

typedef struct FetchItem {
        char *const *uris; /* borrowed; http: or https:, tried in this order */
        const char *sha256;
        uint64_t size_bytes;
        int fd; /* to be read and written: a transfer goes on after what is in it */
} FetchItem;

/* How it ended. */
typedef struct FetchResult {
        int code; /* 0: the file is whole and right, -EBADMSG: there is another one, -ENOENT: there is none (404, 410), else
                     why not */
        char uri[512];  /* where, of the address that came furthest */
        char text[256]; /* why not: "the server answered 503" */
} FetchResult;

/* `done_bytes` is what all files have by now. */
typedef void (*FetchProgress)(uint64_t done_bytes, void *userdata);

/* *results (as many as items) say what became of each. Errors: no libcurl, memory. To be called in a process that may meet
 * hostile servers, see sandbox_call(). */
int fetch_files(const FetchOptions *options, const FetchItem *items, size_t n_items, FetchProgress progress,
                void *userdata, FetchResult *results, Error *error) _must_check_;
