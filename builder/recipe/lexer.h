/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "recipe/diagnostics.h"

/* systemd's unit-file syntax (systemd.syntax(7)), as text -> section headers and assignments:
 *
 *   - "#" and ";" start a comment line; blank lines part nothing;
 *   - a backslash at the end of a line continues the value on the next, joined by a space;
 *   - for keys whose values are texts (Script=, Content=), lines that start with white space belong to the value, with
 *     their newlines; the indentation that all of them share is taken off. Blank lines between such lines are kept,
 *     backslashes mean nothing. A text ends with a newline.
 *
 * What is not text at all (NUL, control bytes, bytes that are no UTF-8, CR LF line ends) is one complaint, and the rest of
 * the file is not looked at. */

typedef struct LexerEvents {
        /* The name between the brackets, trimmed. */
        void (*section)(void *userdata, const char *name, RecipePlace place);
        /* Key and value trimmed; `value_place` is the value's first byte. Both strings are borrowed. */
        void (*assignment)(void *userdata, const char *key, const char *value, RecipePlace key_place,
                           RecipePlace value_place);
        /* Whether `key` of the section that was opened last takes a text. */
        bool (*is_text)(void *userdata, const char *key);
        void *userdata;
} LexerEvents;

/* Reads the source that diagnostics_add_source() returned `source` for. Complaints go into `diagnostics`. */
int lexer_run(Diagnostics *diagnostics, size_t source, const LexerEvents *events) _must_check_;
