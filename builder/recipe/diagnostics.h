/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/error.h"
#include "base/strings.h"
#include "recipe/recipe.h"

/* The texts of a recipe and its drop-ins, and what is wrong in them. All complaints are collected and come out as one
 * Error, in the order of files and lines. */

typedef struct Diagnostic {
        size_t source; /* index in sources */
        unsigned line, column, width;
        char *message, *hint; /* hint: what stands behind the caret, or NULL */
} Diagnostic;

typedef struct Source {
        char *name;
        char *text; /* owned, closed by NUL */
        size_t length;
} Source;

typedef struct Diagnostics {
        Source *sources;
        size_t n_sources;
        Diagnostic *items;
        size_t n_items;
} Diagnostics;

#define DIAGNOSTICS_SHOWN 20
#define SOURCE_LINE_SHOWN 160

void diagnostics_done(Diagnostics *diagnostics);

/* Takes the text; returns the source's index, or -ENOMEM. */
int diagnostics_add_source(Diagnostics *diagnostics, const char *name, char *text, size_t length) _must_check_;

/* `place.file` must be the name of a source. Width: bytes to underline, at least one caret is drawn. Lack of memory is
 * not reported: the complaint is lost, but n_items still counts up. */
void diagnostics_add(Diagnostics *diagnostics, RecipePlace place, unsigned width, const char *hint, const char *format,
                     ...) _printf_(5, 6);

/* 0 when there is nothing wrong, else all of it as an ERROR_USAGE. */
int diagnostics_error(Diagnostics *diagnostics, Error *error) _must_check_;

/* One complaint as text: "file:line:column: message", the line, the caret. */
int diagnostics_format(const Diagnostics *diagnostics, RecipePlace place, unsigned width, const char *hint,
                       const char *message, Buffer *buffer) _must_check_;
