/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "image/lint.h"
#include "image/pipeline.h"

/* Looks through the archive that goes through a pipeline (lint.h), in a thread beside the others: with the eyes of
 * libarchive, and without reading back what was compressed. */

typedef struct PackCheck PackCheck;

/* The pipeline (with a reader) and the options are borrowed. What can't be read stops the pipeline. */
int pack_check_start(Pipeline *pipeline, const LintOptions *options, PackCheck **ret, Error *error) _must_check_;
/* Waits for the end, which comes when the pipeline is closed or stopped, and frees. An error is one of the archive, but
 * of kind ERROR_CANCELLED where the pipeline stopped before the end. */
int pack_check_finish(PackCheck *check, LintReport *ret, Error *error) _must_check_;
