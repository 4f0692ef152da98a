/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "recipe/lexer.h"

#include "recipe/encoding.h"
#include "recipe/lexer_state.h"
#include "recipe/lookup.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

Diagnostic *lexer_report(Lexer *lexer, Span span, const char *format, ...)
{
        va_list arguments;

        va_start(arguments, format);
        Diagnostic *added = diagnostics_addv(lexer->diagnostics, lexer->source, span, format, arguments);
        va_end(arguments);
        return added;
}

ParsedSection *lexer_add_section(Lexer *lexer, const char *name, size_t length, Span span)
{
        ParsedSection **slot = POOL_APPEND(lexer->pool, lexer->document);

        if (!slot)
                return NULL;
        *slot = pool_allocate(lexer->pool, sizeof **slot);
        const char *copy = pool_copy(lexer->pool, name, length);
        if (!*slot || !copy)
                return NULL;
        **slot = (ParsedSection){ .source = lexer->source, .name = copy, .selector = "", .span = span };
        lexer->section = *slot;
        return *slot;
}

Assignment *lexer_add_assignment(Lexer *lexer, const char *key, size_t length, Span span)
{
        Assignment **slot = POOL_APPEND(lexer->pool, &lexer->section->assignments);

        if (!slot)
                return NULL;
        *slot = pool_allocate(lexer->pool, sizeof **slot);
        const char *copy = pool_copy(lexer->pool, key, length);
        if (!*slot || !copy)
                return NULL;
        **slot = (Assignment){ .source = lexer->source, .key = copy, .key_span = span, .value = "",
                               .broken = lexer->line_faulty };
        lexer->assignment = *slot;
        return *slot;
}

static const KeySchema *key_of(const Lexer *lexer, const Assignment *assignment)
{
        const SectionSchema *section = lookup_section(lexer->schema, lexer->section->name);
        size_t index = section ? lookup_key(section, assignment->key) : LOOKUP_NONE;

        return index == LOOKUP_NONE ? NULL : &section->keys[index];
}

bool lexer_is_text(const Lexer *lexer, const Assignment *assignment)
{
        const KeySchema *key = key_of(lexer, assignment);

        return key && key->type == KEY_TEXT;
}

/* "[Script 2]": what stands behind the name says which one of several is meant. */
static int split_selector(Lexer *lexer, ParsedSection *section)
{
        const char *name = section->name;
        size_t end = strcspn(name, " \t"), start = end, length = strlen(name);

        lexer_trim(name, &start, &length);
        if (end == 0 || start == length)
                return 0;
        section->selector = pool_copy(lexer->pool, name + start, length - start);
        section->name = pool_copy(lexer->pool, name, end);
        return section->name && section->selector ? 0 : -ENOMEM;
}

static int read_header(Lexer *lexer, Line line, size_t start, size_t end)
{
        const char *close = memchr(line.text + start, ']', end - start);
        size_t name_end = close ? (size_t) (close - line.text) : end;
        Span span = { line.number, (unsigned) start + 1, end - start };
        bool broken = true;

        if (lexer->line_faulty)
                ;
        else if (!close)
                diagnostic_hint(lexer_report(lexer, span, "the name of the section has no end; expected \"]\""),
                                "write [%.*s]", (int) (end - start - 1 < 40 ? end - start - 1 : 40),
                                line.text + start + 1);
        else if (name_end + 1 < end)
                diagnostic_hint(lexer_report(lexer, (Span){ line.number, (unsigned) name_end + 2, end - name_end - 1 },
                                             "text behind the name of a section; expected the end of the line"),
                                "put comments on lines of their own");
        else if (name_end == start + 1)
                lexer_report(lexer, span, "a section without a name; expected [Name]");
        else
                broken = false;
        ParsedSection *section = lexer_add_section(lexer, line.text + start + 1, name_end - start - 1, span);
        if (!section)
                return -ENOMEM;
        section->broken = broken;
        return split_selector(lexer, section);
}

/* A value, or a key, outside of everything that could hold it. */
static void report_orphan(Lexer *lexer, Span span)
{
        if (!lexer->orphan_told && !lexer->line_faulty)
                diagnostic_hint(lexer_report(lexer, span, "an assignment before the first section; expected [%s]",
                                             lexer->schema->image->name),
                                "put the name of its section before it");
        lexer->orphan_told = true;
        lexer->continuation = CONTINUE_SKIP;
}

static void report_no_assignment(Lexer *lexer, Span span, bool after_text)
{
        if (!lexer->line_faulty && !(lexer->section && lexer->section->broken)) {
                Diagnostic *added = lexer_report(lexer, span, "this is no assignment; expected Key=Value or [Section]");
                if (after_text)
                        diagnostic_hint(added, "a line that continues a text starts with white space");
        }
        lexer->continuation = CONTINUE_SKIP;
}

static int read_assignment(Lexer *lexer, Line line, size_t start, size_t end, bool after_text)
{
        const char *equals = memchr(line.text + start, '=', end - start);
        Span whole = { line.number, (unsigned) start + 1, end - start };

        if (!equals) {
                report_no_assignment(lexer, whole, after_text);
                return 0;
        }
        size_t key_start = start, value_start = (size_t) (equals - line.text) + 1, key_end = value_start - 1;
        lexer_trim(line.text, &key_start, &key_end);
        if (!lexer->section) {
                report_orphan(lexer, whole);
                return 0;
        }
        if (key_start == key_end) {
                if (!lexer->line_faulty)
                        lexer_report(lexer, whole, "a value without a key; expected Key=Value");
                lexer->continuation = CONTINUE_SKIP;
                return 0;
        }
        Span key_span = { line.number, (unsigned) key_start + 1, key_end - key_start };
        Assignment *assignment = lexer_add_assignment(lexer, line.text + key_start, key_end - key_start, key_span);
        if (!assignment)
                return -ENOMEM;
        return lexer_is_text(lexer, assignment) ? lexer_text_start(lexer, line, value_start, line.length) :
                                                  lexer_value_part(lexer, line, value_start, line.length);
}

/* Returns whether the line is to be read as an assignment, the fault of its white space being told. */
static bool report_indented(Lexer *lexer, Line line, size_t start, size_t end)
{
        const Assignments *all = lexer->section ? &lexer->section->assignments : NULL;
        const Assignment *previous = all && all->n > 0 ? all->items[all->n - 1] : NULL;
        Span span = { line.number, (unsigned) start + 1, end - start };

        /* what follows an unknown key is part of the same mistake */
        if (lexer->line_faulty || lexer->continuation == CONTINUE_SKIP || (lexer->section && lexer->section->broken) ||
            (previous && !key_of(lexer, previous)))
                return false;
        Diagnostic *added = lexer_report(lexer, span, "a line that starts with white space continues a text, and "
                                                      "there is none before it");
        bool assignment = memchr(line.text + start, '=', end - start);
        if (previous && !assignment)
                diagnostic_hint(added, "end the line before it with a backslash, or repeat %s=", previous->key);
        else
                diagnostic_hint(added, "remove the white space at the start of the line");
        return assignment && lexer->section;
}

/* True for "[Kind]" of a kind that exists: nobody means that as part of a value. */
static bool is_known_header(const Lexer *lexer, Line line, size_t start, size_t end)
{
        char name[64];

        if (end - start < 3 || end - start > sizeof name || line.text[start] != '[' || line.text[end - 1] != ']')
                return false;
        snprintf(name, sizeof name, "%.*s", (int) (end - start - 2), line.text + start + 1);
        return lookup_section(lexer->schema, name);
}

/* Returns whether the line was a part of the value before it. */
static int continue_value(Lexer *lexer, Line line, size_t start, size_t end, bool *ret_taken)
{
        bool comment = start < end && strchr("#;", line.text[start]);

        *ret_taken = true;
        if (lexer->continuation == CONTINUE_TEXT && (start == end || start > 0))
                return lexer_text_line(lexer, line);
        if (lexer->continuation == CONTINUE_LINE && is_known_header(lexer, line, start, end)) {
                diagnostic_hint(lexer_report(lexer, lexer->backslash, "the backslash makes the section below a part of "
                                                                      "this value"),
                                "remove it");
        } else if (lexer->continuation == CONTINUE_LINE) {
                return comment ? 0 : lexer_value_part(lexer, line, 0, line.length);
        }
        *ret_taken = false;
        return 0;
}

static int read_line(Lexer *lexer, Line line)
{
        size_t start = 0, end = line.length;
        bool taken;

        lexer_trim(line.text, &start, &end);
        int r = continue_value(lexer, line, start, end, &taken);
        if (r < 0 || taken)
                return r;
        if (start == end || strchr("#;", line.text[start]))
                return 0;
        if (start > 0 && !report_indented(lexer, line, start, end))
                return 0;
        bool after_text = lexer->continuation == CONTINUE_TEXT;
        if (lexer_value_end(lexer) < 0)
                return -ENOMEM;
        lexer->continuation = CONTINUE_NONE;
        return line.text[start] == '[' ? read_header(lexer, line, start, end) :
                                         read_assignment(lexer, line, start, end, after_text);
}

/* False: this is no text at all, reading on makes no sense. */
static bool check_bytes(Lexer *lexer, Line *line)
{
        if (line->length > 0 && line->text[line->length - 1] == '\r') {
                line->length--;
                if (!lexer->crlf_told)
                        diagnostic_hint(lexer_report(lexer, (Span){ line->number, (unsigned) line->length + 1, 1 },
                                                     "the line ends with CR LF, as on Windows; expected LF alone"),
                                        "convert the file: sed -i 's/\\r$//' %s", lexer->source->name);
                lexer->crlf_told = true;
        }
        size_t bad = encoding_first_bad(line->text, line->length);
        lexer->line_faulty = bad < line->length;
        if (!lexer->line_faulty)
                return true;
        unsigned char byte = (unsigned char) line->text[bad];
        Span span = { line->number, (unsigned) bad + 1, 1 };
        if (byte == 0)
                lexer_report(lexer, span, "a NUL byte: this is binary data; a recipe is text in UTF-8");
        else if (byte < 0x20 || byte == 0x7f)
                lexer_report(lexer, span, "control character 0x%02x; a recipe is text in UTF-8", byte);
        else
                lexer_report(lexer, span, "byte 0x%02x is no part of a UTF-8 text here; save the file as UTF-8", byte);
        return byte != 0;
}

static int read_end(Lexer *lexer)
{
        if (lexer->continuation == CONTINUE_LINE)
                diagnostic_hint(lexer_report(lexer, lexer->backslash, "the file ends with a backslash, and no line "
                                                                      "continues the value"),
                                "remove it");
        return lexer_value_end(lexer);
}

int lexer_run(Pool *pool, const Source *source, const RecipeSchema *schema, Diagnostics *diagnostics, Document *ret)
{
        Lexer lexer = { .pool = pool, .source = source, .schema = schema, .diagnostics = diagnostics, .document = ret };
        const char *next = source->text, *end = source->text + source->length;
        int r = 0;

        *ret = (Document){ .source = source };
        for (unsigned number = 1; r == 0 && next < end && !diagnostics_full(diagnostics); number++) {
                const char *newline = memchr(next, '\n', (size_t) (end - next));
                Line line = { next, (size_t) ((newline ? newline : end) - next), number };
                next = newline ? newline + 1 : end;
                ret->binary = !check_bytes(&lexer, &line);
                if (ret->binary)
                        break;
                r = read_line(&lexer, line);
        }
        if (r == 0)
                r = read_end(&lexer);
        buffer_done(&lexer.value);
        return r;
}
