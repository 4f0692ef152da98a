/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/error.h"
#include "bootstrap/package.h"

#include <stdbool.h>

/* Unpacks packages side by side, with one worker for each processor, straight from the .deb files into the tree. The
 * result is the one that dpkg would have, had it unpacked them one after the other in the order of the transaction:
 *
 *  - a path that two packages have goes to the one that Replaces the other's, whichever comes first; without Replaces it
 *    is an error that names both;
 *  - what a directory looks like is decided by the first package that has it; one that was there before stays as it is;
 *  - directories that are symbolic links in the tree are gone through, never out of the tree; a link that the package
 *    itself brings is not: no package has a reason to;
 *  - a link in place of another package's directory, or a directory in place of another one's link, depends on the
 *    order: -EAGAIN, and the caller starts over with `one_by_one`;
 *  - diversions and overrides of the tree are obeyed; device nodes are refused, as in any container.
 *
 * Configuration files get their names at once, not as .dpkg-new: nothing is there that they could differ from. Where
 * something is (a script may have made it), they are .dpkg-new, and dpkg decides. */

typedef struct UnpackJob {
        Packages *packages;
        const size_t *numbers; /* those to unpack */
        size_t n_numbers;
        const bool *unpacked; /* by number: those that already are, with their paths */
        bool one_by_one;
} UnpackJob;

/* Inside sandbox_call(). Fills in `paths`, `md5sums` and the digests of configuration files of the packages; paths that
 * were lost to another package are taken out of those that have them. Errors name the package. */
int unpack_packages(int root_fd, const UnpackJob *job, Error *error) _must_check_;
