/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/error.h"
#include "base/output.h"
#include "sandbox/sandbox.h"

#include <stdint.h>

/* Takes a .deb apart, patches it and packs it again, in the tools sandbox and without a network. */

typedef struct DebPatch {
        const char *deb_path;       /* the package as it was fetched */
        const char *patch_path;     /* unified diff, -p1; DEBIAN/ is the control part */
        const char *suffix;         /* appended to the version: "+templar1" */
        const char *work_directory; /* the result is made here */
} DebPatch;

/* Applies the patch, appends the suffix to Version, adds a changelog entry, makes DEBIAN/md5sums anew and repacks:
 * the same bytes for the same input, with the date of the package as it was. *ret_path: NAME_VERSION_ARCH.deb in the work directory; *ret_version: the new
 * version. A patch that does not apply is an error that shows the rejected hunk; fuzz is refused. */
int deb_patch(Sandbox *sandbox, const DebPatch *patch, Output *output, char **ret_path, char **ret_version,
              Error *error) _must_check_;
