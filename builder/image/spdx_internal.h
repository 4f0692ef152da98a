/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/json.h"
#include "image/spdx.h"

/* What spdx.c and spdx_package.c share. */

#define SPDX_NO_ASSERTION "NOASSERTION"

/* "SPDXRef-KIND-NAME-<digest of all parts>": of the parts only the first can be read, and no two elements share one. The
 * caller frees; NULL when memory is short. */
char *spdx_id(const char *kind, const char *const parts[static 3]);

/* An element of "packages" with what all of them have. */
json_t *spdx_element(const char *id, const char *name, const char *version, const char *purpose);
/* An element of "relationships". */
json_t *spdx_relation(const char *from, const char *type, const char *to);

/* A binary package, with its licence; `references` as in licence_declared(). */
json_t *spdx_package(const Spdx *spdx, const SpdxSystem *system, size_t index, const char *id, json_t *references);
json_t *spdx_source(const SpdxSystem *system, const char *name, const char *version, const char *id);

/* "Organization: Debian GCC Maintainers (debian-gcc@lists.debian.org)"; the caller frees; NULL when memory is short. */
char *spdx_supplier(const char *maintainer);

/* The .deb that a package was installed from, or NULL. */
const LockPackage *spdx_archive(const Lock *lock, const DpkgPackage *package);
