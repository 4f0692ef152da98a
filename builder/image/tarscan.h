/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/error.h"
#include "base/strings.h"
#include "image/rules.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The raw headers of a tar stream, for the rules on which libarchive is silent: which pax records there are (5, 6, 7,
 * 9) and how the archive ends (10). Fed in pieces of any size. */

#define TARSCAN_HEADER_BYTES 512u

typedef struct TarScan {
        RuleListener listener;
        void *userdata;
        uint8_t header[TARSCAN_HEADER_BYTES];
        size_t n_header;
        uint64_t skip_bytes; /* content and padding that don't matter */
        Buffer records;      /* content of a pax header or a long name, while it is collected */
        uint64_t collect_bytes;
        char collecting;     /* its type; 0: none */
        int64_t pax_size;    /* for the next entry; -1: none */
        char *long_name;     /* owned; for the next entry */
        unsigned pending;    /* rules broken by the next entry's records, a bit each */
        unsigned n_zero_blocks;
        uint64_t total_bytes;
        bool ended, complained;
} TarScan;

void tar_scan_init(TarScan *scan, RuleListener listener, void *userdata);
void tar_scan_done(TarScan *scan);
int tar_scan_feed(TarScan *scan, const void *data, size_t size_bytes) _must_check_;
/* At the end of the file. */
void tar_scan_end(TarScan *scan);
