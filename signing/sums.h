/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/error.h"
#include "base/strings.h"

#include <stddef.h>
#include <stdint.h>

/* Text in the form of sha256sum(1), as every host reads it (HOSTS, "a sums line"), strictly: 64 lower-case
 * hexadecimal digits, a space, "*" or a space, a bare name, a newline. Anything else is refused with its line
 * number: upper case, CRLF, "./", directories, a single space, blank lines and comments, a missing final
 * newline, a name that comes twice, no line at all. */

#define SUMS_FILE "SHA256SUMS"
#define SUMS_SIGNATURE_FILE "SHA256SUMS.gpg"
/* The hosts take no larger companion. */
#define SUMS_LIMIT_BYTES ((size_t) 1 << 20)
/* A line "<sha256 of nothing>  BEST-BEFORE-YYYY-MM-DD" names no file (systemd-sysupdate since 260). */
#define SUMS_BEST_BEFORE "BEST-BEFORE-"

typedef struct SumsLine {
        char sha256[65];
        char *name;
} SumsLine;

/* In the order of the text; free with sums_free(). Refusals are -EBADMSG. */
int sums_parse(const char *text, size_t size_bytes, SumsLine **ret, size_t *ret_n_lines,
               Error *error) _must_check_;
void sums_free(SumsLine *lines, size_t n_lines);
/* NULL when it is not there. */
const SumsLine *sums_find(const SumsLine *lines, size_t n_lines, const char *name);
/* Adds a line in the form that all hosts take (two spaces). */
int sums_append(Buffer *buffer, const char *sha256, const char *name) _must_check_;

/* 0 when `line` is no BEST-BEFORE line, 1 when it is one that holds at `now_sec`; when it is past or not
 * of that form, an error. */
int sums_best_before(const SumsLine *line, int64_t now_sec, Error *error) _must_check_;
