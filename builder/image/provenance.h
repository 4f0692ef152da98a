/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/digest.h"
#include "base/error.h"
#include "image/spdx.h"
#include "packages/lock.h"

/* What NAME-ARCH-VERSION.provenance.json says: an in-toto Statement v1 with a predicate of SLSA Provenance v1. The subjects
 * are the files of the version, the dependencies are what they were made of: recipe, drop-ins and the files that it names,
 * InRelease of each repository, and every .deb. Nothing of the machine, its user or the time is in it, so the same build
 * gives the same statement. signing/dsse.h wraps and signs it.
 *
 * Source: https://in-toto.io/Statement/v1, https://slsa.dev/spec/v1.0/provenance. What the parameters mean is documented
 * in templar(1), "Provenance", and in README.md. */

#define PROVENANCE_BUILD_TYPE "tag:templar,2026:build/v1"
#define PROVENANCE_BUILDER_ID "tag:templar,2026:builder"

typedef struct ProvenanceFile {
        char *role; /* "recipe", "drop-in", "base", "file", "lock" */
        char *name;
        char sha256[SHA256_HEX_SIZE];
} ProvenanceFile;

typedef struct ProvenanceFiles {
        ProvenanceFile *items;
        size_t n_items;
} ProvenanceFiles;

/* A copy, unless one of that role and name is there. Returns 0 or -ENOMEM. */
int provenance_add(ProvenanceFiles *files, const char *role, const char *name, const char *sha256) _must_check_;
void provenance_files_done(ProvenanceFiles *files);

typedef struct Provenance {
        const char *recipe;     /* its file's name */
        char *const *settings;  /* "Section.Key=Value", without secrets */
        char *const *formats;
        const char *name, *version, *architecture, *suite;
        int64_t source_date_epoch_sec;
        const ProvenanceFiles *subjects, *dependencies;
        const Lock *lock;
        const SpdxSystem *system; /* for the purls */
} Provenance;

/* One line of JSON, keys sorted, without a line feed; caller frees. */
int provenance_format(const Provenance *provenance, char **ret_text, Error *error) _must_check_;
