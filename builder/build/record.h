/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/json.h"

/* What the last build of an image into a directory of releases was: for the next one, which may have nothing to do, and
 * for people who ask why it has.
 *
 *     CACHE/builds/NAME-ARCH-<hash of the directory>.json
 *
 *     recipe     path as it was given
 *     stages     [{kind, description, key, seconds, inputs}] as far as the build came; inputs: see keys.h; key is "" above
 *                a stage that is never cached
 *     failed     number (from 1) of the stage that failed; the others below are then those of the build
 *                before
 *     release    digest of all that decides about the release's bytes beside the tree
 *     layers     [{key, tree}] of the release's stages; tree: digest of the content, "" when it is not known
 *     version, directory, files [{name, sha256, size, inode, mtime_sec, mtime_nsec}] */

#define RECORD_DIRECTORY "builds"

/* The caller frees; NULL when memory is short. */
char *record_path(const char *cache_directory, const char *out_directory, const char *name, const char *architecture);
/* A new reference; NULL when there is none, or none that can be read. */
json_t *record_read(const char *path);
