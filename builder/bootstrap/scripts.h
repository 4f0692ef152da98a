/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/error.h"
#include "bootstrap/package.h"
#include "packages/dpkg.h"

/* preinst scripts of packages that are installed for the first time, run as dpkg runs them: out of
 * /var/lib/dpkg/tmp.ci with the rest of the control archive beside them (debconf looks for its templates there), in an
 * environment that names the package. */

/* Inside sandbox_call(): lays out the control archives. */
int scripts_prepare(int root_fd, const Packages *packages, const size_t *numbers, size_t n_numbers, Error *error)
        _must_check_;
/* The scripts of the same packages, in that order. A failing one is named with its package and status. `dpkg_version` is
 * that of the image's. */
int scripts_run(const DpkgTask *task, const Packages *packages, const size_t *numbers, size_t n_numbers,
                const char *dpkg_version, Error *error) _must_check_;
