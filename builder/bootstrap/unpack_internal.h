/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/strings.h"
#include "bootstrap/claims.h"
#include "bootstrap/directories.h"
#include "bootstrap/diversions.h"
#include "bootstrap/paths.h"
#include "bootstrap/unpack.h"

#include <pthread.h>

/* What the parts of unpack.h share. */

typedef struct Lost {
        size_t owner; /* number of the package */
        char *path;
} Lost;

typedef struct Unpack {
        const UnpackJob *job;
        int root_fd;
        Diversions diversions;
        size_t *queue; /* numbers of packages, the biggest first */
        size_t next;
        pthread_mutex_t lock; /* over all that follows, and over `next` */
        pthread_cond_t written; /* a file was, or memory is free again */
        Claims claims;
        Lost *lost;
        size_t n_lost;
        uint64_t memory_bytes; /* that workers take for decompression */
        bool stopped; /* some worker failed: */
        Error error;
} Unpack;

/* One package on its way into the tree. */
typedef struct Worker {
        Unpack *unpack;
        size_t number;
        Package *package;
        bool has_md5sums;
        DebReader reader;
        Directories directories;
        Directories targets; /* of hard links */
} Worker;

/* An entry of the archive. */
typedef struct Member {
        struct archive_entry *entry;
        const char *path; /* absolute, as the archive has it */
        const char *real; /* where it goes; another one when it is diverted */
        ClaimType type;
        Attributes attributes;
} Member;

/* unpack_claim.c */
typedef enum Verdict { VERDICT_PLACE, VERDICT_REPLACE, VERDICT_KEEP, VERDICT_LOST } Verdict;

/* For Directories. */
int unpack_enter(const Directory *directory, const char *name, const char *path, int problem, void *userdata,
                 Error *error) _must_check_;
/* Makes the directory, or takes note of it. */
int unpack_directory(Worker *worker, const Directory *directory, const char *name, const Member *member, Error *error)
        _must_check_;
/* *ret_verdict: whether it is to be written, in place of another package's file or not (then unpack_written() must
 * follow), the directory there stays in its place, or another package has it. */
int unpack_claim(Worker *worker, const Directory *directory, const char *name, const Member *member, Claim **ret,
                 Verdict *ret_verdict, Error *error) _must_check_;
void unpack_written(Worker *worker, Claim *claim);
/* Whether the package has put the file there. */
bool unpack_owns(Worker *worker, const Directory *directory, const char *name);
/* What packages that are in the tree already have. */
int unpack_recall(Unpack *unpack, Error *error) _must_check_;
/* Once all is unpacked: what directories look like; lost paths are taken out of the packages'. */
int unpack_finish_directories(Unpack *unpack, Error *error) _must_check_;
int unpack_drop_lost(Unpack *unpack, Error *error) _must_check_;

/* unpack_file.c */
/* Takes and changes the verdict: VERDICT_KEEP when a directory stands there that is not to be replaced. */
int unpack_write(Worker *worker, const Directory *directory, const char *name, const Member *member, Verdict *verdict,
                 Error *error) _must_check_;
