/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/error.h"
#include "sandbox/sandbox.h"

/* The packages that debootstrap downloaded, kept for the next build. debootstrap checks the digest of every file that
 * it takes from a cache, but it writes there without a thought for others who do the same. So each build gets a
 * directory of its own, filled with hard links to the shared one; what is new goes back by rename, whole. Packages that
 * no build has used for BOOTSTRAP_CACHE_DAYS are dropped. */

#define BOOTSTRAP_CACHE_DAYS 60

typedef struct BootstrapCache {
        Sandbox *sandbox; /* borrowed */
        char *shared;     /* CACHE/debootstrap-IDS */
        char *own;        /* CACHE/debootstrap-IDS/build-..., for --cache-dir */
} BootstrapCache;

int bootstrap_cache_open(Sandbox *sandbox, const char *cache_directory, BootstrapCache *ret, Error *error)
        _must_check_;
/* After success: takes over what is new; `tree` tells (var/cache/apt/archives) what was used. */
int bootstrap_cache_keep(BootstrapCache *cache, const SandboxTree *tree, Error *error) _must_check_;
/* Removes the own directory. */
void bootstrap_cache_done(BootstrapCache *cache);
#define _cleanup_bootstrap_cache_ _cleanup_(bootstrap_cache_done)
