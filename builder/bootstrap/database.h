/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/error.h"
#include "bootstrap/package.h"

/* dpkg's database (/var/lib/dpkg) as dpkg itself would have it once it has unpacked packages: status, info/, triggers/.
 * What dpkg writes anew with its next run (the order of fields) is not imitated. Inside sandbox_call(). */

#define DATABASE_PATH "/var/lib/dpkg"

/* An empty one, for that architecture. */
int database_make(int root_fd, const char *architecture, Error *error) _must_check_;

/* Packages with these numbers were unpacked just now; lists of others that have changed (paths_changed) are written
 * anew. */
int database_add(int root_fd, Packages *packages, const size_t *numbers, size_t n_numbers, Error *error) _must_check_;

/* The same packages bring files that others have an interest in (deb-triggers(5)): leaves that to the next run of dpkg, in
 * triggers/Unincorp. For packages that are unpacked when others are configured already; those that are not yet are none of
 * dpkg's concern, their own scripts see what is there. */
int database_activate(int root_fd, const Packages *packages, const size_t *numbers, size_t n_numbers, Error *error)
        _must_check_;

/* The stanza of a package that is unpacked. */
int database_stanza(const Package *package, Buffer *ret) _must_check_;

/* "NAME", or "NAME:ARCHITECTURE" for packages that several architectures may have at once. */
int database_name(const Package *package, char **ret) _must_check_;
