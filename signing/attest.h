/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/error.h"
#include "signing/check.h"
#include "signing/release.h"
#include "signing/sums.h"

#include <stdbool.h>

/* BASE.provenance.json, the signed statement about how a version was made: an in-toto Statement v1 in a DSSE envelope. What
 * its predicate says is the builder's affair; here it counts which files it is about.
 *
 * Source: https://github.com/in-toto/attestation/blob/main/spec/v1/statement.md */

/* Signs a statement as a file of the release. */
int attest_write(Release *release, Signer *signer, const char *statement, Error *error) _must_check_;

/* BASE.provenance.json in the checker's directory: its signature, and that it is about the files of this version that
 * `lines` list, with the digests that stand there. `complete`: `lines` are all files of the directory, so it is about no
 * others. */
int attest_check(Checker *checker, const char *name, const SumsLine *lines, size_t n_lines, bool complete, Error *error)
        _must_check_;
