/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/error.h"
#include "packages/apt.h"

#include <stdint.h>

/* What an image was made of: every package by its SHA-256, in which order each stage unpacked and configured them, and
 * the state of the repositories that they were chosen from. With it an image is built again without asking any
 * resolver. Written beside each image (NAME-ARCH-VERSION.lock) and beside recipes (NAME.lock).
 *
 * The text is JSON, sorted, with one package a line, so that it reads well in a diff:
 *
 *     {
 *      "format": 1,
 *      "tool": "0.1.0",
 *      "image": "web", "version": "20261123", "architecture": "amd64",     each on a line of its own
 *      "source_date_epoch": 1795465813,
 *      "recipe_sha256": "...",
 *      "bases": [                the images that this one starts from, the lowest first
 *       {"image": "...", "version": "...", "source_date_epoch": 1795465813}
 *      ],
 *      "repositories": [         in the recipe's order
 *       {"uri": "...", "suite": "...", "date": 1795465813, "sha256": "... of InRelease"}
 *      ],
 *      "packages": [
 *       {"name": "...", "version": "...", "architecture": "...", "source": "...", "source_version": "...", "size": 1,
 *        "sha256": "...", "uri": "..."}                                   one line; [PatchDeb] adds its two digests
 *      ],
 *      "stages": [
 *       {"stage": 1, "kind": "Install", "sha256": "...", "resolved": true}
 *       {"stage": 1, "packages": ["dbus:amd64=1.14.10-1", ...]}           in the order of unpacking; "@SHA256" follows
 *       {"stage": 1, "unpack": ["dbus", ...]}                             where that names several; then the steps
 *       {"stage": 1, "automatic": ["..."]}, {"stage": 1, "manual": ["..."]}
 *      ]
 *     }
 */

#define LOCK_FORMAT 1
#define LOCK_LIMIT_BYTES ((uint64_t) 64 << 20)

typedef struct LockPackage {
        char *name, *version, *architecture;
        char *source, *source_version; /* from the control data; equal to name and version when it names none */
        char *uri;                     /* where it was downloaded from, without credentials; "" for a .deb of the recipe */
        char *sha256;                  /* of the .deb, lower-case hex */
        uint64_t size_bytes;
        char *patch_sha256, *patched_sha256; /* [PatchDeb]: of the patch, and of the .deb that came of it; else NULL */
} LockPackage;

/* An image that this one starts from ([Image] Base=). */
typedef struct LockBase {
        char *image, *version;
        int64_t source_date_epoch_sec;
} LockBase;

typedef struct LockStage {
        char *kind;
        char *sha256;   /* of what the recipe says of it, see stage_digest() */
        bool resolved;  /* it takes packages: */
        AptTransaction transaction; /* each package is one of the lock's, by name, version, architecture and sha256; one
                                       that [PatchDeb] changed is the original */
} LockStage;

typedef struct Lock {
        char *tool_version, *recipe_sha256, *image, *architecture, *version;
        int64_t source_date_epoch_sec;
        LockBase *bases;
        size_t n_bases;
        AptRelease *repositories; /* as in packages/apt.h */
        size_t n_repositories;
        LockPackage *packages; /* sorted by name, version, architecture, sha256; every .deb that any stage used */
        size_t n_packages;
        LockStage *stages; /* all of them, those of the bases first */
        size_t n_stages;
} Lock;

void lock_done(Lock *lock);
#define _cleanup_lock_ _cleanup_(lock_done)

/* The caller frees. The same lock gives the same bytes. Errors: memory; a stage with a package that the lock lacks
 * (-EINVAL). */
int lock_format(const Lock *lock, char **ret_text, Error *error) _must_check_;

/* Strict: what lock_format() did not write is refused, and every error names file and line (-EBADMSG). */
int lock_read(const char *path, Lock *ret, Error *error) _must_check_;
/* The same from memory; `name` is for errors. */
int lock_parse(const char *text, const char *name, Lock *ret, Error *error) _must_check_;

/* Adds a copy, unless the lock has it; afterwards lock_sort() is due. -ENOMEM. */
int lock_add_package(Lock *lock, const AptPackage *package) _must_check_;
void lock_sort(Lock *lock);

/* As apt would name it, without a local path. -ENOMEM */
int lock_package_copy(const LockPackage *package, AptPackage *ret) _must_check_;

/* The one that a transaction's package is, or NULL. */
const LockPackage *lock_find(const Lock *lock, const AptPackage *package);

/* A copy of the URI without user and password; the caller frees; NULL when memory is short. */
char *lock_uri(const char *uri);
