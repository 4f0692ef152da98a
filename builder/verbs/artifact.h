/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/error.h"

/* What a command line means by an image: a file; a release directory, of which it is the newest version; or
 * DIRECTORY/NAME-ARCH-VERSION without a suffix, a version of it. Of several formats it is the one that is read
 * fastest. A version without an image is its manifest. The caller frees. */
int artifact_find(const char *argument, char **ret_path, Error *error) _must_check_;

/* The manifest that lies, or would lie, beside an image; NULL for what has no image's name, and when memory is short.
 * The caller frees. */
char *artifact_manifest(const char *image_path);
