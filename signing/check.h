/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/error.h"
#include "signing/signature.h"
#include "signing/sums.h"
#include "signing/verify.h"

/* The steps of a verification, on the files of one directory. Each file is read once, however often it is
 * listed. */

typedef struct Checker {
        int directory_fd;      /* borrowed */
        const char *directory; /* borrowed; for messages */
        Verifier *verifier;    /* borrowed */
        VerifyFile *files;     /* what was read so far */
        size_t n_files;
} Checker;

void checker_done(Checker *checker);
#define _cleanup_checker_ _cleanup_(checker_done)

/* Takes over a digest that is known, so that the file is not read again. */
int checker_know(Checker *checker, const char *name, const char *sha256, uint64_t size_bytes,
                 Error *error) _must_check_;
/* Reads `name` (a regular file) unless it is known; the result lives until the next call. */
int checker_digest(Checker *checker, const char *name, const VerifyFile **ret, Error *error) _must_check_;
/* The file that `line` names is there, not empty when it is an image, and has that digest. A BEST-BEFORE line
 * names none and must not be past. */
int checker_line(Checker *checker, const SumsLine *line, Error *error) _must_check_;

/* SHA256SUMS with SHA256SUMS.gpg: signature and form, not yet the files. */
int checker_sums(Checker *checker, SumsLine **ret, size_t *ret_n_lines, Signature *ret_signature,
                 Error *error) _must_check_;
/* IMAGE.sha256 with IMAGE.sha256.asc, in the same way. It lists the image. */
int checker_pair(Checker *checker, const char *image, SumsLine **ret, size_t *ret_n_lines,
                 Signature *ret_signature, Error *error) _must_check_;
/* Settings that lie beside the image are listed in `lines`, else hosts refuse the image. */
int checker_settings(const Checker *checker, const char *image, const SumsLine *lines, size_t n_lines,
                     const char *sums_name, Error *error) _must_check_;
