/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/error.h"
#include "packages/repository.h"
#include "stages/stage.h"

/* The two engines of the [Debootstrap] stage. */

typedef struct Bootstrap {
        const char *suite;
        const char *script;  /* of debootstrap, by name */
        const char *variant; /* minbase, buildd, standard */
        char *const *include;
        char *const *exclude;
        const Repository *repository; /* mirror, components, keyring */
} Bootstrap;

/* Runs debootstrap(8): the first half (download, verify, unpack) with the host's tools and the network, the second
 * (configure) inside the tree and without one. */
int bootstrap_run(StageContext *context, const Bootstrap *bootstrap, Error *error) _must_check_;

/* Our own, see bootstrap/native.h, with the packages of context->transaction. */
int native_run(StageContext *context, const Bootstrap *bootstrap, Error *error) _must_check_;
