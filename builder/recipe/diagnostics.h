/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/cleanup.h"
#include "base/error.h"
#include "recipe/source.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

/* Everything that is wrong in a recipe, collected in any order, told in the order of the text:
 *
 *     debian.recipe:12:1: unknown key "Sutie" in [Debootstrap]
 *        12 | Sutie=bookworm
 *           | ^~~~~ did you mean "Suite"?
 *
 * The first DIAGNOSTICS_SHOWN are told in full, the rest is counted. Memory that runs out on the way is remembered and
 * returned by diagnostics_finish(). */

#define DIAGNOSTICS_SHOWN 20
/* Nobody reads further; checkers stop here, so that a file of garbage costs no time. */
#define DIAGNOSTICS_MAX 1000

typedef struct Diagnostic {
        const Source *source;
        Span span;
        char *message; /* owned: what is wrong; what was expected */
        char *hint;    /* owned, or NULL: what to do, behind the caret */
        bool hide;     /* shows "*" in place of the span: it is a secret */
} Diagnostic;

typedef struct Diagnostics {
        Diagnostic shown[DIAGNOSTICS_SHOWN];
        size_t n_shown;
        size_t n;
        bool out_of_memory;
} Diagnostics;

void diagnostics_done(Diagnostics *diagnostics);
#define _cleanup_diagnostics_ _cleanup_(diagnostics_done)

/* Returns what was added, good until the next call; NULL when it was only counted, so that a hint which takes work is
 * looked for in vain. */
Diagnostic *diagnostics_add(Diagnostics *diagnostics, const Source *source, Span span, const char *format, ...)
        _printf_(4, 5);
Diagnostic *diagnostics_addv(Diagnostics *diagnostics, const Source *source, Span span, const char *format,
                             va_list arguments) _printf_(4, 0);
/* Accepts NULL. */
void diagnostic_hint(Diagnostic *diagnostic, const char *format, ...) _printf_(2, 3);
bool diagnostics_full(const Diagnostics *diagnostics);

/* 0 when nothing was added, else -EINVAL and an Error of kind ERROR_USAGE with all of it. */
int diagnostics_finish(const Diagnostics *diagnostics, Error *error) _must_check_;
