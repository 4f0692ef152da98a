/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "build/job.h"
#include "image/lint.h"
#include "image/pack.h"

/* What is published beside the images of a version and says what they are. Everything in it follows from the job and the
 * packed bytes, so that the same build writes the same companions:
 *
 *     manifest.json     stages, packages, files        image/manifest.h
 *     lock              every .deb, in what order      packages/lock.h
 *     spdx.json         the SBOM                       image/spdx.h
 *     provenance.json   what it was made of, signed    image/provenance.h, signing/attest.h; not without a key */

/* What was packed; everything is borrowed. */
typedef struct PackedImage {
        const PackOutput *outputs;
        size_t n_outputs;
        const PackStatistics *statistics;
        const char *settings_sha256; /* of the settings file; "" when there is none */
        char *const *formats;
        const LintAllows *allows; /* what the recipe says of findings in it */
} PackedImage;

/* Writes all but the provenance into the staging folder, once the version is final. *ret_statement is what is to be signed
 * as that, with attest_write(); the caller frees. */
int companions_write(const Job *job, Release *release, const PackedImage *image, char **ret_statement, Error *error)
        _must_check_;
