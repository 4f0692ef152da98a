/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/cleanup.h"
#include "base/strings.h"

#include <stdbool.h>
#include <stddef.h>

/* What a resolver can need of package indexes: the packages that are wanted, all that provide them, and in turn what each
 * of those depends on, through every alternative. Of the sixty thousand packages of a release that is some hundreds, so a
 * resolver that sees no others answers at once; and as what can't be reached is never installed, it answers the same.
 *
 * Texts are stanzas of deb822(5), as in Packages files and dpkg's status, read as liberally as apt reads them. Nothing of
 * them is copied: they must stay. Names are compared without their architectures, versions and case, so rather too much is
 * reached than too little. Other packages of the same sources are kept as well, as a resolver may look at their versions. */

typedef struct Reach Reach;

/* -ENOMEM, as all functions here. */
int reach_new(Reach **ret) _must_check_;
Reach *reach_free(Reach *reach);
static inline void reach_free_ptr(Reach **reach)
{
        reach_free(*reach);
}
#define _cleanup_reach_ _cleanup_(reach_free_ptr)

typedef enum ReachFlags {
        REACH_ALL = 1 << 0,      /* every stanza is wanted: packages that are installed, or given as files */
        REACH_STANDARD = 1 << 1, /* and so are packages of priority required, important and standard */
} ReachFlags;

/* Essential packages are always wanted. Texts are numbered from 0. */
int reach_add(Reach *reach, const char *text, size_t length, ReachFlags flags) _must_check_;
int reach_want(Reach *reach, const char *name, size_t length) _must_check_;
/* When all texts are there. */
int reach_follow(Reach *reach, bool recommends) _must_check_;

/* Calls `take` for each stanza of the text that was reached or kept, in their order; what it returns below 0 ends that. A stanza
 * comes without the blank line behind it. */
typedef int (*ReachTake)(const char *stanza, size_t length, void *userdata);
int reach_each(const Reach *reach, size_t text, ReachTake take, void *userdata) _must_check_;

/* "a, b, c": packages that were reached because they have or provide the same name, in the order in which the texts first
 * mention them at all. apt numbers packages in that order, those of each architecture for themselves, and chooses by their
 * numbers among those that are equal to it (CompareProviders in its depcache.cc); texts must have been added in the order in
 * which it reads them. `native`: packages of architecture all count as well. */
int reach_rivals(const Reach *reach, const char *architecture, bool native, Buffer *ret) _must_check_;

/* Whether any text has a package of that name, or one that provides it. */
bool reach_knows(const Reach *reach, const char *name, size_t length);

/* All packages of all texts, sorted; the caller frees. NULL when memory is short. */
char **reach_names(const Reach *reach);
