/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "image/pipeline.h"

/* Holds the archive that goes through a pipeline against what the hosts take (rules.h), in a thread beside the others:
 * with the eyes of libarchive, and without reading back what was compressed. */

typedef struct PackCheck PackCheck;

/* The pipeline (with a reader) and the name, for messages, are borrowed. A violation stops the pipeline. */
int pack_check_start(Pipeline *pipeline, const char *name, PackCheck **ret, Error *error) _must_check_;
/* Waits for the end, which comes when the pipeline is closed or stopped, and frees. An error is one of the archive, but
 * of kind ERROR_CANCELLED where the pipeline stopped before the end. */
int pack_check_finish(PackCheck *check, Error *error) _must_check_;
