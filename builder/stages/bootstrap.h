/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/error.h"
#include "packages/repository.h"
#include "stages/stage.h"

/* Runs debootstrap(8) for the [Debootstrap] stage: the first half (download, verify, unpack) with the host's tools and
 * the network, the second (configure) inside the tree and without one. */

typedef struct Bootstrap {
        const char *suite;
        const char *script;  /* of debootstrap, by name */
        const char *variant; /* minbase, buildd, standard */
        char *const *include;
        char *const *exclude;
        const Repository *repository; /* mirror, components, keyring */
} Bootstrap;

int bootstrap_run(StageContext *context, const Bootstrap *bootstrap, Error *error) _must_check_;
