/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/error.h"

#include <stdbool.h>

/* A version of an image as it was published, by what lies beside the image: the manifest says what it is. */

typedef struct Original {
        char *directory, *base_name; /* where, NAME-ARCH-VERSION */
        char *name, *architecture, *version, *recipe_sha256, *tool_version;
        char **formats; /* of its images that are there, in the order in which they were made */
        bool complete;  /* all of them are */
        char **files;   /* names of all that is there of it, but for signatures and the signed provenance; sorted */
} Original;

void original_done(Original *original);
#define _cleanup_original_ _cleanup_(original_done)

/* `image_path` is one of its images, or the manifest itself. Errors: no manifest beside it, one that is broken, or
 * is about another image; no image there. */
int original_open(const char *image_path, Original *ret, Error *error) _must_check_;
