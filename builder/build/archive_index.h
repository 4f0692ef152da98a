/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/error.h"
#include "base/strings.h"
#include "packages/apt.h"

#include <stdint.h>

/* The indexes of an archive as apt wants them, see https://wiki.debian.org/DebianRepository/Format. */

typedef struct ArchiveEntry {
        const AptPackage *package; /* borrowed */
        char *path;                /* below the archive */
        const char *control;       /* its control file; borrowed */
} ArchiveEntry;

/* Everything is borrowed. */
typedef struct ArchiveIndex {
        const ArchiveEntry *entries;
        size_t n_entries;
        const char *suite, *image, *version;
        char *const *architectures;
        int64_t date_sec;
} ArchiveIndex;

/* The Packages file for that architecture and "all". -EBADMSG: a control file that is not one stanza. */
int archive_packages(const ArchiveIndex *index, const char *architecture, Buffer *ret, Error *error) _must_check_;

/* The Release file: its head, and then a line for each Packages file. */
int archive_release_start(const ArchiveIndex *index, Buffer *ret, Error *error) _must_check_;
int archive_release_add(const char *architecture, const Buffer *packages, Buffer *ret,
                        Error *error) _must_check_;
