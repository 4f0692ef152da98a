/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "build/job.h"
#include "image/pack.h"

/* What is published beside the images of a version and says what they are. Everything in it follows from the job and the
 * packed bytes, so that the same build writes the same companions. */

/* What was packed; everything is borrowed. */
typedef struct PackedImage {
        const PackOutput *outputs;
        size_t n_outputs;
        const PackStatistics *statistics;
} PackedImage;

/* Writes all of them into the staging folder, once the version is final. */
int companions_write(const Job *job, Release *release, const PackedImage *image, Error *error) _must_check_;
