/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/error.h"
#include "base/json.h"
#include "image/lint.h"
#include "image/pack.h"
#include "packages/apt.h"
#include "packages/dpkg.h"
#include "recipe/recipe.h"

/* NAME-ARCH-VERSION.manifest.json: what the image is made of. Deterministic; keys sorted, packages one a line. */

typedef struct ManifestStage {
        const char *kind;
        const char *description;
        const char *digest;
} ManifestStage;

typedef struct Manifest {
        const Recipe *recipe;
        const char *version;
        int64_t source_date_epoch_sec;
        const ManifestStage *stages;
        size_t n_stages;
        const DpkgList *packages;
        const AptReleases *releases;
        const PackStatistics *statistics;
        const PackOutput *outputs;
        const char *const *output_names;
        size_t n_outputs;
        const LintAllows *allows; /* findings that are right, and why; may be NULL */
} Manifest;

/* The text, with a final newline; caller frees. */
int manifest_format(const Manifest *manifest, char **ret_text, Error *error) _must_check_;
