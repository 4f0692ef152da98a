/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/digest.h"
#include "base/error.h"
#include "image/format.h"
#include "image/lint.h"
#include "layers/block_service.h"

#include <stddef.h>
#include <stdint.h>

/* One sorted walk over a tree -> one tar stream -> blocks -> all compressors side by side -> files and digests.
 * The bytes depend on the tree, the clamp and the levels alone: not on threads, time, umask, locale or user. */

typedef struct PackOutput {
        ImageFormat format;
        int level; /* of the format; IMAGE_LEVEL_DEFAULT */
        int fd;    /* open for writing, at its start; borrowed */
        /* filled by pack_tree(): */
        uint64_t size_bytes;
        char sha256[SHA256_HEX_SIZE];
} PackOutput;

typedef struct PackStatistics {
        uint64_t tar_bytes;
        char tar_sha256[SHA256_HEX_SIZE]; /* of the plain tar */
        uint64_t n_entries;
        uint64_t content_bytes;
} PackStatistics;

/* In shared memory where the caller wants to watch; updated while packing. */
typedef struct PackProgress {
        _Atomic uint64_t entries, bytes;
} PackProgress;

typedef struct PackOptions {
        int64_t clamp_sec;      /* SOURCE_DATE_EPOCH: later times become this one, see base/clamp.h */
        unsigned n_threads;     /* 0: as many as processors */
        PackProgress *progress; /* may be NULL */
        BlockCache *cache;      /* compressed blocks are taken from there and kept there; may be NULL */
        const LintOptions *lint; /* not NULL: the archive is looked through on the way, by another tar reader */
        LintReport *lint_report; /* then: what was found; the caller frees */
} PackOptions;

/* Refuses what the hosts would not take (device nodes, sockets, too deep, ids over 65535, newlines in names are
 * fine): an error that names the path. A file that changes while it is read is an error. What lint finds is none. */
int pack_tree(int root_fd, const PackOptions *options, PackOutput *outputs, size_t n_outputs,
              PackStatistics *ret_statistics, Error *error) _must_check_;
