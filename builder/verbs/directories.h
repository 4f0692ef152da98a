/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/cleanup.h"
#include "base/error.h"
#include "verbs/options.h"

/* Where things lie when the command line does not say. All results are absolute; the caller frees. */

/* Where releases go without --out. */
#define DEFAULT_OUT "out/images"

/* `given` (--cache), else $TEMPLAR_CACHE, else /var/cache/templar for root, $XDG_CACHE_HOME/templar or
 * ~/.cache/templar for others. Made, mode 0700, when it is missing. Refused when others could write to it:
 * what lies there becomes part of images. */
int cache_directory(const char *given, char **ret, Error *error) _must_check_;

/* The home of the development key: "gnupg" beside the directory of releases. Not made here; the directory
 * around it is. */
int development_home(const char *out_directory, char **ret, Error *error) _must_check_;

/* "templar shell" with those of the given options that it takes as well, quoted for a shell: what a person types to look
 * inside. The caller frees. */
int shell_command(const Options *options, char **ret, Error *error) _must_check_;

/* $GNUPGHOME, else ~/.gnupg: for messages. */
int gnupg_home(char **ret, Error *error) _must_check_;
