/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/cleanup.h"
#include "base/error.h"
#include "recipe/model.h"

/* What an image is called: NAME-ARCHITECTURE-VERSION must do as a host name, for hosts name machines after it. The keys
 * Name, Version, Architecture and Suite of [Image] are what specifiers stand for, so they can't contain any. */

#define IDENTITY_MAX 64
/* Kept free for a date while the version isn't known. */
#define IDENTITY_DATE_LENGTH 8

/* The part of a text that is wrong. */
typedef struct IdentityFault {
        size_t offset, length;
} IdentityFault;

/* [A-Za-z0-9.-], labels between dots that neither start nor end with "-"; at most 64. 0, -EINVAL or -ENOMEM. */
int identity_check_name(const char *what, const char *name, IdentityFault *ret_fault, Error *error) _must_check_;
/* Debian's names of architectures. */
int identity_check_architecture(const char *architecture, IdentityFault *ret_fault, Error *error) _must_check_;
/* As in "bookworm", "stable/updates", "bookworm-backports". */
int identity_check_suite(const char *suite, IdentityFault *ret_fault, Error *error) _must_check_;

/* Debian's name for a machine of uname(2); the name itself where Debian has none. */
const char *identity_debian_architecture(const char *machine);

/* Fills name, architecture, suite and version of the recipe. 0 or -ENOMEM; what is wrong becomes diagnostics. */
int identity_resolve(Recipe *recipe, Diagnostics *diagnostics, const char *architecture) _must_check_;

/* The length of NAME-ARCHITECTURE-VERSION with that version (NULL: a date). */
size_t identity_length(const Recipe *recipe, const char *version);
