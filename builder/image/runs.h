/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/cleanup.h"
#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

/* Records of any size in the order of a comparison, however many there are: what does not fit into the memory that is
 * given goes to a file without a name in $TMPDIR (else /var/tmp), sorted piece by piece, and the pieces are merged
 * when they are read. Records that come in order already make one piece, which is written as it comes. Records that
 * compare equal stay in the order in which they came. */

#define RUNS_RECORD_MAX ((size_t) 1 << 20)

typedef struct Runs Runs;
typedef int (*RunsCompare)(const void *a, const void *b);

/* `memory_bytes` bounds what is kept before it is written; a reader takes 64 KiB for each piece. NULL when memory is
 * short. */
Runs *runs_new(size_t memory_bytes, RunsCompare compare);
Runs *runs_free(Runs *runs);
static inline void runs_free_ptr(Runs **runs)
{
        runs_free(*runs);
}
#define _cleanup_runs_ _cleanup_(runs_free_ptr)

/* A copy of the record, at most RUNS_RECORD_MAX bytes. */
int runs_add(Runs *runs, const void *record, size_t size_bytes, Error *error) _must_check_;
/* After the last record, before the first reader. */
int runs_end(Runs *runs, Error *error) _must_check_;

typedef struct RunsReader RunsReader;

/* From the first record on; there may be several readers, one after the other. The runs must stay. */
int runs_read(const Runs *runs, RunsReader **ret, Error *error) _must_check_;
RunsReader *runs_reader_free(RunsReader *reader);
static inline void runs_reader_free_ptr(RunsReader **reader)
{
        runs_reader_free(*reader);
}
#define _cleanup_runs_reader_ _cleanup_(runs_reader_free_ptr)

/* 1: *ret is the next record, aligned as malloc(3) does, valid until the next call; 0: there is none. */
int runs_next(RunsReader *reader, const void **ret, Error *error) _must_check_;
