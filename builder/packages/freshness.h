/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/cleanup.h"
#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

/* Asks web servers whether files are still what they were, all at once, each with a conditional request (RFC 9110,
 * 13.1): "304 Not Modified", or the same bytes again, is a yes. No answer is ever kept or trusted beyond that: whoever
 * gets anything else fetches the files in the ordinary way, and has the errors from there. Proxies are taken from the
 * environment (libcurl-env(3)); redirects lead from https to https only. A body is read as far as it is the same. */

#define FRESHNESS_TIMEOUT_MSEC 10000

typedef struct Freshness Freshness;

typedef enum FreshnessVerdict {
        FRESHNESS_SAME,
        FRESHNESS_CHANGED, /* one of the files at least */
        FRESHNESS_UNKNOWN, /* no answer, or none of use: error statuses, cut answers, no libcurl */
} FreshnessVerdict;

typedef struct FreshnessFile {
        const char *uri;  /* http: or https: */
        const void *data; /* what it was */
        size_t size_bytes;
        int64_t modified_sec;       /* the time of the file that is there, as the server gave it or later */
        char *etag, *last_modified; /* owned: as the server gave them with its last answer, replaced by the new ones;
                                        NULL: not known */
} FreshnessFile;

void freshness_file_done(FreshnessFile *file);

/* Keeps connections, and the answers: a file is asked for once. `timeout_msec`: for one file, from the connection to
 * the last byte. */
int freshness_new(unsigned timeout_msec, Freshness **ret, Error *error) _must_check_;
void freshness_free(Freshness *freshness);
DEFINE_CLEANUP(Freshness, freshness_free)
#define _cleanup_freshness_ _cleanup_(freshness_free_ptr)

/* Ends with the first file that is not the same. Fails only without memory or when a signal asked for the end. */
int freshness_check(Freshness *freshness, FreshnessFile *files, size_t n_files, FreshnessVerdict *ret, Error *error)
        _must_check_;
