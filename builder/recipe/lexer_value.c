/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "recipe/encoding.h"
#include "recipe/lexer_state.h"

#include <errno.h>
#include <string.h>

void lexer_trim(const char *text, size_t *start, size_t *end)
{
        while (*start < *end && encoding_is_space(text[*start]))
                (*start)++;
        while (*end > *start && encoding_is_space(text[*end - 1]))
                (*end)--;
}

static int add_segment(Lexer *lexer, Line line, size_t start)
{
        Segment *segment = POOL_APPEND(lexer->pool, &lexer->assignment->segments);

        if (!segment)
                return -ENOMEM;
        *segment = (Segment){ .offset = lexer->value.length, .line = line.number, .column = (unsigned) start + 1 };
        return 0;
}

/* An odd number of backslashes: the last one escapes the line's end. */
static bool ends_with_backslash(const char *text, size_t start, size_t end)
{
        size_t n = 0;

        while (end - n > start && text[end - n - 1] == '\\')
                n++;
        return n % 2 == 1;
}

int lexer_value_part(Lexer *lexer, Line line, size_t start, size_t end)
{
        lexer_trim(line.text, &start, &end);
        bool continued = ends_with_backslash(line.text, start, end);

        lexer->continuation = CONTINUE_NONE;
        if (lexer->line_faulty)
                lexer->assignment->broken = true;
        if (continued) {
                lexer->backslash = (Span){ line.number, (unsigned) end, 1 };
                if (end < line.length && !lexer->line_faulty)
                        diagnostic_hint(lexer_report(lexer, lexer->backslash,
                                                     "white space behind the backslash: the line "
                                                     "would not be continued"),
                                        "remove the white space at the end of the line");
                lexer->continuation = CONTINUE_LINE;
                end--;
                lexer_trim(line.text, &start, &end);
        }
        if (start < end && lexer->value.length > 0 && buffer_append(&lexer->value, " ", 1) < 0)
                return -ENOMEM;
        if (add_segment(lexer, line, start) < 0)
                return -ENOMEM;
        return buffer_append(&lexer->value, line.text + start, end - start);
}

int lexer_text_start(Lexer *lexer, Line line, size_t start, size_t end)
{
        lexer_trim(line.text, &start, &end);
        lexer->continuation = CONTINUE_TEXT;
        lexer->block = (Lines){ 0 };
        if (add_segment(lexer, line, start) < 0)
                return -ENOMEM;
        if (start == end)
                return 0;
        int r = buffer_append(&lexer->value, line.text + start, end - start);
        return r < 0 ? r : buffer_append(&lexer->value, "\n", 1);
}

int lexer_text_line(Lexer *lexer, Line line)
{
        Line *added = POOL_APPEND(lexer->pool, &lexer->block);

        if (!added)
                return -ENOMEM;
        if (lexer->line_faulty)
                lexer->assignment->broken = true;
        *added = line;
        return 0;
}

static bool is_blank(Line line)
{
        size_t start = 0, end = line.length;

        lexer_trim(line.text, &start, &end);
        return start == end;
}

/* The length of the white space that all lines but the blank ones start with, byte for byte. */
static size_t common_indentation(const Lines *block)
{
        const Line *first = NULL;
        size_t common = 0;

        for (const Line *line = block->items; line < block->items + block->n; line++) {
                size_t length = 0;
                if (is_blank(*line))
                        continue;
                while (encoding_is_space(line->text[length]) &&
                       (!first || (length < common && line->text[length] == first->text[length])))
                        length++;
                common = length;
                first = line;
        }
        return common;
}

static int end_text(Lexer *lexer)
{
        Lines *block = &lexer->block;

        while (block->n > 0 && is_blank(block->items[block->n - 1]))
                block->n--;
        if (block->n == 0)
                return 0;
        size_t indentation = common_indentation(block);
        for (const Line *line = block->items; line < block->items + block->n; line++) {
                if (add_segment(lexer, *line, indentation) < 0)
                        return -ENOMEM;
                if (!is_blank(*line) &&
                    buffer_append(&lexer->value, line->text + indentation, line->length - indentation) < 0)
                        return -ENOMEM;
                if (buffer_append(&lexer->value, "\n", 1) < 0)
                        return -ENOMEM;
        }
        return 0;
}

int lexer_value_end(Lexer *lexer)
{
        Assignment *assignment = lexer->assignment;

        if (!assignment)
                return 0;
        if (lexer->continuation == CONTINUE_TEXT && end_text(lexer) < 0)
                return -ENOMEM;
        assignment->value = pool_copy(lexer->pool, lexer->value.data, lexer->value.length);
        assignment->length = lexer->value.length;
        lexer->value.length = 0;
        lexer->assignment = NULL;
        lexer->continuation = CONTINUE_NONE;
        return assignment->value ? 0 : -ENOMEM;
}

Span assignment_span(const Assignment *assignment, size_t offset, size_t length)
{
        const Segment *first = assignment->segments.items, *segment = first + assignment->segments.n - 1;
        size_t next = assignment->length;

        while (segment > first && segment->offset > offset)
                next = (segment--)->offset;
        size_t rest = next > offset ? next - offset : 0;
        return (Span){ segment->line, segment->column + (unsigned) (offset - segment->offset),
                       length < rest ? length : rest };
}
