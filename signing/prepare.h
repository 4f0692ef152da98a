/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/error.h"
#include "signing/sign.h"
#include "signing/staging.h"

/* Everything of a publication that happens in the staging folder, before anything gets its final name. */

/* Completes the staging folder: second settings names, pairs, keyrings (when they change), SHA256SUMS over
 * the staged and the published files, its signature; then verifies it as a host would, from the keyring that
 * is published. *ret_version: the files of this version, companions before images, so that no image ever
 * shows without them. *ret_shared: those that replace older ones, in the order in which they have to:
 * keyrings, sums, signature. */
int prepare_release(Release *release, Signer *signer, FileList *ret_version, FileList *ret_shared,
                    Error *error) _must_check_;
