/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "packages/apt.h"
#include "stages/stage.h"

/* What apt made of a request, remembered: the same request on the same tree against the same indexes has the same answer,
 * and apt takes a second for it.
 *
 *     CACHE/resolved/KEY.json    removed when it was not used for RESOLVED_DAYS */

#define RESOLVED_DAYS 60

typedef struct ResolveJob {
        Apt *apt;
        const char *cache_directory;
        const SandboxTree *tree;       /* for apt, when it is asked */
        const char *tree_key;          /* what is in it; "": not known, so nothing is remembered */
        const RecipeSection *section;
        const RepositoryList *repositories;
        char *const *identities;       /* what the repositories are now: "uri suite sha256" */
        char *const *pins;
        Report *report;
        bool again; /* apt is asked, whatever is remembered */
} ResolveJob;

/* False for what was remembered of an earlier build and names files that were that build's own: good for a key, but it
 * must be resolved again before it is carried out. */
bool transaction_can_run(const AptTransaction *transaction);


/* True when the stage asks for packages; only then *ret is filled in. The repositories are selected for apt_download(). */
int stage_resolve(const ResolveJob *job, bool *ret_asks, AptTransaction *ret, Error *error) _must_check_;

/* Once a build; failures don't matter. */
void resolved_prune(const char *cache_directory);
