/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "recipe/diagnostics.h"
#include "recipe/pool.h"
#include "recipe/schema.h"
#include "recipe/source.h"

#include <stdbool.h>
#include <stddef.h>

/* Text into sections of assignments, in the order in which they stand; the syntax of systemd's unit files
 * (systemd.syntax(7)) with blocks of text:
 *
 *     [Section]            white space around names and values doesn't count
 *     Key=Value
 *     # comment            as the first character that isn't white space; ";" too
 *     Key=one \            a backslash at the end continues the line: it, the line's end and white space around them
 *         two              are one space; comment lines in between are skipped; two backslashes stay two backslashes
 *     Script=first         a KEY_TEXT key: lines that start with white space belong to the value, "#" and backslashes
 *         second           and all; the white space that all of them start with is taken off; every line of the value
 *                          ends with a line feed, the last one too; blank lines at the end are dropped
 *
 * Each fault becomes a diagnostic and the lexer goes on behind it. */

/* Where a part of a value stands in its source. */
typedef struct Segment {
        size_t offset; /* in the value */
        unsigned line;
        unsigned column;
} Segment;

typedef struct Segments {
        Segment *items;
        size_t n, allocated;
} Segments;

typedef struct Assignment {
        const Source *source;
        const char *key;
        Span key_span;
        const char *value; /* one line, or the text of a KEY_TEXT key; no specifiers expanded */
        size_t length;
        Segments segments; /* at least one */
        bool broken;       /* a fault of the value was told: nothing else is said of it */
} Assignment;

typedef struct Assignments {
        Assignment **items;
        size_t n, allocated;
} Assignments;

typedef struct ParsedSection {
        const Source *source;
        const char *name;
        const char *selector; /* "2" of "[Script 2]", "" of "[Script]" */
        Span span;            /* of the header */
        bool broken;          /* the header is faulty: the section is skipped */
        Assignments assignments;
} ParsedSection;

typedef struct Document {
        const Source *source;
        ParsedSection **items;
        size_t n, allocated;
        bool binary; /* reading stopped at a NUL byte */
} Document;

/* Everything in the document lives as long as the pool. Returns 0 or -ENOMEM. */
int lexer_run(Pool *pool, const Source *source, const RecipeSchema *schema, Diagnostics *diagnostics, Document *ret)
        _must_check_;

/* "Section.Key=Value" or "Section[2].Key=Value": one section with one assignment. */
int lexer_run_setting(Pool *pool, const Source *source, const RecipeSchema *schema, Diagnostics *diagnostics,
                      Document *ret) _must_check_;

/* The place of value[offset], and as much of `length` as stands in the same line. */
Span assignment_span(const Assignment *assignment, size_t offset, size_t length);
