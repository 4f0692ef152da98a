/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/strings.h"
#include "recipe/lexer.h"

/* What the parts of the lexer share: lexer.c (lines), lexer_value.c (values of several lines), lexer_setting.c. */

typedef struct Line {
        const char *text;
        size_t length;
        unsigned number; /* from 1 */
} Line;

typedef struct Lines {
        Line *items;
        size_t n, allocated;
} Lines;

/* What the next line may be besides a new assignment. */
typedef enum Continuation {
        CONTINUE_NONE,
        CONTINUE_LINE, /* the line before ended with a backslash */
        CONTINUE_TEXT, /* an indented line belongs to the text */
        CONTINUE_SKIP, /* an indented line belongs to something faulty that was told */
} Continuation;

typedef struct Lexer {
        Pool *pool;
        const Source *source;
        const RecipeSchema *schema;
        Diagnostics *diagnostics;
        Document *document;
        ParsedSection *section; /* NULL before the first header */
        Assignment *assignment; /* the one being read, or NULL */
        Continuation continuation;
        Buffer value;
        Lines block;         /* the indented lines of a text, blank ones among them */
        Span backslash;      /* of the line that is to be continued */
        bool line_faulty;    /* bad bytes of this line were told: no second error on it */
        bool crlf_told;
        bool orphan_told;
} Lexer;

Diagnostic *lexer_report(Lexer *lexer, Span span, const char *format, ...) _printf_(3, 4);

/* A new section, or assignment in the current section, at the end of the document; NULL when memory is short. */
ParsedSection *lexer_add_section(Lexer *lexer, const char *name, size_t length, Span span);
Assignment *lexer_add_assignment(Lexer *lexer, const char *key, size_t length, Span span);
/* The value of `assignment` is a block of text. */
bool lexer_is_text(const Lexer *lexer, const Assignment *assignment);

/* The part of a value that stands in line[start..end). With a backslash at its end the next line continues it. */
int lexer_value_part(Lexer *lexer, Line line, size_t start, size_t end) _must_check_;
/* The first line of a text, behind "=". */
int lexer_text_start(Lexer *lexer, Line line, size_t start, size_t end) _must_check_;
int lexer_text_line(Lexer *lexer, Line line) _must_check_;
/* The assignment being read, if any, is complete. */
int lexer_value_end(Lexer *lexer) _must_check_;

/* Moves *start and *end inwards over white space. */
void lexer_trim(const char *text, size_t *start, size_t *end);
