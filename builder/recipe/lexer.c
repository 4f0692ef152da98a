/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "recipe/lexer.h"

#include <errno.h>
#include <string.h>

#define BLANKS " \t"

typedef struct Lexer {
        Diagnostics *diagnostics;
        const LexerEvents *events;
        const char *file, *text, *end; /* text: the next line */
        unsigned line;                 /* of the line that was read last */
} Lexer;

typedef struct Line {
        const char *text;
        size_t length; /* without white space at the end */
        unsigned number;
} Line;

static bool next_line(Lexer *lexer, Line *ret)
{
        if (lexer->text >= lexer->end)
                return false;
        const char *newline = memchr(lexer->text, '\n', (size_t) (lexer->end - lexer->text));
        const char *line_end = newline ? newline : lexer->end;
        *ret = (Line){ lexer->text, (size_t) (line_end - lexer->text), ++lexer->line };
        while (ret->length > 0 && strchr(BLANKS, ret->text[ret->length - 1]))
                ret->length--;
        lexer->text = newline ? newline + 1 : lexer->end;
        return true;
}

static bool peek_line(const Lexer *lexer, Line *ret)
{
        Lexer copy = *lexer;

        return next_line(&copy, ret);
}

static bool is_blank(const Line *line)
{
        return line->length == 0;
}

static bool is_comment(const Line *line)
{
        return line->length > 0 && (line->text[0] == '#' || line->text[0] == ';');
}

static bool is_indented(const Line *line)
{
        return line->length > 0 && strchr(BLANKS, line->text[0]);
}

/* Bytes in the character of UTF-8 (RFC 3629) at `text`, 0 when it is none. */
static size_t utf8_length(const unsigned char *text, size_t left)
{
        size_t length = text[0] < 0x80 ? 1 : text[0] < 0xc2 ? 0 : text[0] < 0xe0 ? 2 : text[0] < 0xf0 ? 3 :
                        text[0] < 0xf5 ? 4 : 0;

        if (length == 0 || length > left)
                return 0;
        for (size_t i = 1; i < length; i++)
                if ((text[i] & 0xc0) != 0x80)
                        return 0;
        if ((text[0] == 0xe0 && text[1] < 0xa0) || (text[0] == 0xed && text[1] > 0x9f) ||
            (text[0] == 0xf0 && text[1] < 0x90) || (text[0] == 0xf4 && text[1] > 0x8f))
                return 0;
        return length;
}

/* Complains about the first byte that has no place in a text. */
static bool check_bytes(Lexer *lexer)
{
        const char *line_start = lexer->text;
        unsigned line = 1;

        for (const char *c = lexer->text; c < lexer->end;) {
                size_t length = utf8_length((const unsigned char *) c, (size_t) (lexer->end - c));
                unsigned char byte = (unsigned char) *c;
                RecipePlace place = { lexer->file, line, (unsigned) (c - line_start) + 1 };
                if (byte == '\n') {
                        line++;
                        line_start = c + 1;
                } else if (byte == '\r') {
                        diagnostics_add(lexer->diagnostics, place, 1, NULL,
                                        "carriage return; line ends are a newline alone (dos2unix makes them so)");
                        return false;
                } else if ((byte < 0x20 && byte != '\t') || byte == 0x7f || length == 0) {
                        diagnostics_add(lexer->diagnostics, place, 1, NULL,
                                        "byte 0x%02x: this is not a text file in UTF-8", byte);
                        return false;
                }
                c += length;
        }
        return true;
}

static RecipePlace place_in(const Lexer *lexer, const Line *line, const char *at)
{
        return (RecipePlace){ lexer->file, line->number, (unsigned) (at - line->text) + 1 };
}

static int read_section(Lexer *lexer, const Line *line)
{
        size_t length = line->length - 1;
        const char *name = line->text + 1;

        if (line->text[line->length - 1] != ']') {
                diagnostics_add(lexer->diagnostics, place_in(lexer, line, line->text), (unsigned) line->length, NULL,
                                "a section header ends with \"]\"");
                length++;
        }
        length = length > 0 ? length - 1 : 0;
        while (length > 0 && strchr(BLANKS, name[length - 1]))
                length--;
        size_t skip = strspn(name, BLANKS);
        skip = skip < length ? skip : length;
        _cleanup_free_ char *copy = strndup(name + skip, length - skip);
        if (!copy)
                return -ENOMEM;
        lexer->events->section(lexer->events->userdata, copy, place_in(lexer, line, name + skip));
        return 0;
}

/* The indented lines after the one that was read, as they stand; trailing blank ones are left out. */
static int collect_text_lines(Lexer *lexer, Buffer *lines, size_t *ret_shared_indent)
{
        size_t n_blank = 0, shared = SIZE_MAX;
        Line line;

        while (peek_line(lexer, &line) && (is_blank(&line) || is_comment(&line) || is_indented(&line))) {
                next_line(lexer, &line);
                if (is_comment(&line))
                        continue;
                if (is_blank(&line)) {
                        n_blank++;
                        continue;
                }
                for (; n_blank > 0; n_blank--)
                        if (buffer_append_string(lines, "\n") < 0)
                                return -ENOMEM;
                size_t indent = strspn(line.text, BLANKS);
                shared = indent < shared ? indent : shared;
                if (buffer_append(lines, line.text, line.length) < 0 || buffer_append_string(lines, "\n") < 0)
                        return -ENOMEM;
        }
        *ret_shared_indent = shared;
        return 0;
}

static int read_text(Lexer *lexer, const char *first, size_t first_length, Buffer *value)
{
        _cleanup_buffer_ Buffer lines = BUFFER_INIT;
        size_t indent = 0;
        int r = 0;

        if (first_length > 0) {
                r = buffer_append(value, first, first_length);
                if (r == 0)
                        r = buffer_append_string(value, "\n");
        }
        if (r == 0)
                r = collect_text_lines(lexer, &lines, &indent);
        for (const char *line = lines.data; r == 0 && line && *line;) {
                size_t length = strcspn(line, "\n") + 1;
                size_t skip = length > 1 ? indent : 0;
                r = buffer_append(value, line + skip, length - skip);
                line += length;
        }
        return r;
}

/* The value of a key that is no text: this line and those that backslashes join to it. */
static int read_joined(Lexer *lexer, Line line, const char *first, Buffer *value)
{
        const char *part = first;

        for (;;) {
                size_t length = (size_t) (line.text + line.length - part);
                bool continues = length > 0 && part[length - 1] == '\\';
                int r = buffer_append(value, part, continues ? length - 1 : length);
                if (r < 0 || !continues)
                        return r;
                do {
                        if (!next_line(lexer, &line))
                                return 0;
                } while (is_comment(&line));
                while (value->length > 0 && strchr(BLANKS, value->data[value->length - 1]))
                        value->data[--value->length] = '\0';
                r = buffer_append_string(value, " ");
                if (r < 0)
                        return r;
                size_t skip = strspn(line.text, BLANKS);
                part = line.text + (skip < line.length ? skip : line.length);
        }
}

static int read_assignment(Lexer *lexer, const Line *line)
{
        const char *equals = memchr(line->text, '=', line->length);
        _cleanup_buffer_ Buffer value = BUFFER_INIT;

        if (!equals) {
                diagnostics_add(lexer->diagnostics, place_in(lexer, line, line->text), (unsigned) line->length, NULL,
                                "neither a [Section] nor a Key=Value");
                return 0;
        }
        size_t key_length = (size_t) (equals - line->text);
        while (key_length > 0 && strchr(BLANKS, line->text[key_length - 1]))
                key_length--;
        _cleanup_free_ char *key = strndup(line->text, key_length);
        if (!key)
                return -ENOMEM;
        const char *first = equals + 1, *line_end = line->text + line->length;
        while (first < line_end && strchr(BLANKS, *first))
                first++;
        RecipePlace value_place = place_in(lexer, line, first < line_end ? first : equals);
        int r = lexer->events->is_text(lexer->events->userdata, key)
                        ? read_text(lexer, first, (size_t) (line_end - first), &value)
                        : read_joined(lexer, *line, first, &value);
        if (r < 0)
                return r;
        lexer->events->assignment(lexer->events->userdata, key, value.data ? value.data : "",
                                  place_in(lexer, line, line->text), value_place);
        return 0;
}

static int read_line(Lexer *lexer, const Line *line)
{
        if (is_blank(line) || is_comment(line))
                return 0;
        if (is_indented(line)) {
                size_t indent = strspn(line->text, BLANKS);
                diagnostics_add(lexer->diagnostics, place_in(lexer, line, line->text + indent),
                                (unsigned) (line->length - indent), NULL,
                                "this line starts with white space, but the key before it takes one line; end that "
                                "line with a backslash to go on");
                return 0;
        }
        return line->text[0] == '[' ? read_section(lexer, line) : read_assignment(lexer, line);
}

int lexer_run(Diagnostics *diagnostics, size_t source, const LexerEvents *events)
{
        const Source *from = &diagnostics->sources[source];
        Lexer lexer = { diagnostics, events, from->name, from->text, from->text + from->length, 0 };
        Line line;

        if (string_starts_with(from->text, "\xef\xbb\xbf")) {
                diagnostics_add(diagnostics, (RecipePlace){ from->name, 1, 1 }, 3, NULL,
                                "byte order mark; save the file as plain UTF-8");
                return 0;
        }
        if (!check_bytes(&lexer))
                return 0;
        while (next_line(&lexer, &line)) {
                int r = read_line(&lexer, &line);
                if (r < 0)
                        return r;
        }
        return 0;
}
