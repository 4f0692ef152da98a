/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/cleanup.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/strings.h"
#include "image/runs.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* All entries of an image in the order of their paths, whatever order the archive has, with a digest of each content.
 * Memory doesn't grow with the image (runs.h): 300,000 entries take a few megabytes and a temporary file. */

#define INDEX_MEMORY_BYTES ((size_t) 4 << 20)
#define CAPABILITY_BYTES 24u /* of a security.capability at most (linux/capability.h) */

typedef struct IndexEntry {
        uint64_t size_bytes;
        uint64_t xattrs; /* a hash of all but the capability; 0: none */
        uint32_t mode;   /* with the type; a hard link is a regular file */
        uint32_t uid, gid;
        bool hard_link;
        uint8_t capability_size; /* 0: none */
        uint8_t capability[CAPABILITY_BYTES];
        char sha256[SHA256_HEX_SIZE]; /* of a regular file's content; "" for what has none of its own */
        const char *path;   /* "usr/bin"; "" is the root */
        const char *target; /* of a link; "" otherwise */
        const char *listens; /* of a systemd.socket(5) unit and its drop-ins: "ListenStream=22 ..."; "" otherwise */
} IndexEntry;

typedef struct Index {
        Runs *runs;
        uint64_t n_entries, content_bytes;
        Buffer status; /* dpkg's status file, where there is one */
} Index;

/* From the start of `fd`, which must be seekable and is borrowed. Of a path that comes twice the last one counts, as
 * when it is unpacked. Entries that are no plain path below the root are left out. */
int index_image(int fd, Index *ret, Error *error) _must_check_;
void index_done(Index *index);
#define _cleanup_index_ _cleanup_(index_done)

/* How paths are ordered: a directory, then all that is in it, then what follows it. */
int index_compare_paths(const char *a, const char *b);

typedef struct IndexReader {
        RunsReader *reader;
        void *copies[2]; /* owned: the record that is given, and the one after it */
        size_t allocated[2];
        unsigned current;
        bool started, has_next;
        IndexEntry entry;
} IndexReader;

int index_read(const Index *index, IndexReader *ret, Error *error) _must_check_;
void index_reader_done(IndexReader *reader);
#define _cleanup_index_reader_ _cleanup_(index_reader_done)

/* 1: *ret is the next entry, valid until the next call; 0: there is none. */
int index_next(IndexReader *reader, const IndexEntry **ret, Error *error) _must_check_;
