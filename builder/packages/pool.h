/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/strings.h"
#include "packages/apt.h"

/* Where a package lies in an archive. */

/* "pool/main/d/dbus/dbus_1.14.10-1_amd64.deb": as the archive that it came from has it, else made from the names. Not
 * percent-encoded. The caller frees; NULL when memory is short. */
char *pool_path(const AptPackage *package);
/* Where it lies when another one has that path: "pool/by-hash/SHA256.deb". */
char *pool_path_by_hash(const AptPackage *package);

/* All places where `pools` (directories and http:, https: and file: addresses of archives, of plain folders, or of another
 * cache) may have it, and then its own: files on this machine in *ret_paths, addresses in *ret_uris. -ENOMEM */
int pool_places(char *const *pools, const AptPackage *package, char ***ret_paths, char ***ret_uris) _must_check_;
