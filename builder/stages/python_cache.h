/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/error.h"

#include <stdint.h>

/* Python's compiled modules (PEP 552, and the older formats). Most hold the time of their source file; where that
 * is a file which the build made, its time in the image is another one, so Python would not use the compiled
 * module, and it differs from build to build: it is removed. So are those whose source has changed or is gone. What
 * stays: modules that are known by a hash of their source (with SOURCE_DATE_EPOCH set, Python's compilers make
 * these), and those of sources with a time of their own, that is of packages; but for those that differ from one
 * run of the compiler to the next; what can be made the same is, see python_marshal.h.
 *
 * To be called inside sandbox_call(). `epoch_sec` is that of the image. */
int python_cache_clean(int root_fd, int64_t epoch_sec, Error *error) _must_check_;
