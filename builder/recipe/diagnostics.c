/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "recipe/diagnostics.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

void diagnostics_done(Diagnostics *diagnostics)
{
        for (size_t i = 0; i < diagnostics->n_sources; i++) {
                free(diagnostics->sources[i].name);
                free(diagnostics->sources[i].text);
        }
        for (size_t i = 0; i < diagnostics->n_items; i++) {
                free(diagnostics->items[i].message);
                free(diagnostics->items[i].hint);
        }
        free(diagnostics->sources);
        free(diagnostics->items);
        *diagnostics = (Diagnostics){ 0 };
}

int diagnostics_add_source(Diagnostics *diagnostics, const char *name, char *text, size_t length)
{
        Source *grown = reallocarray(diagnostics->sources, diagnostics->n_sources + 1, sizeof *grown);

        if (grown)
                diagnostics->sources = grown;
        char *copy = strdup(name);
        if (!grown || !copy) {
                free(copy);
                free(text);
                return -ENOMEM;
        }
        grown[diagnostics->n_sources] = (Source){ .name = copy, .text = text, .length = length };
        return (int) diagnostics->n_sources++;
}

static size_t find_source(const Diagnostics *diagnostics, const char *name)
{
        for (size_t i = 0; i < diagnostics->n_sources; i++)
                if (strcmp(diagnostics->sources[i].name, name) == 0)
                        return i;
        return diagnostics->n_sources;
}

void diagnostics_add(Diagnostics *diagnostics, RecipePlace place, unsigned width, const char *hint, const char *format,
                     ...)
{
        Diagnostic *grown = reallocarray(diagnostics->items, diagnostics->n_items + 1, sizeof *grown);
        char *message = NULL;
        va_list arguments;

        if (!grown)
                return;
        diagnostics->items = grown;
        va_start(arguments, format);
        if (vasprintf(&message, format, arguments) < 0)
                message = NULL;
        va_end(arguments);
        grown[diagnostics->n_items++] = (Diagnostic){
                .source = find_source(diagnostics, place.file),
                .line = place.line,
                .column = place.column,
                .width = width,
                .message = message,
                .hint = hint ? strdup(hint) : NULL,
        };
}

/* The text of one line, without its end; NULL when the source has none such. */
static const char *find_line(const Source *source, unsigned line, size_t *ret_length)
{
        const char *text = source->text, *end = source->text + source->length;

        for (unsigned i = 1; i < line && text; i++) {
                text = memchr(text, '\n', (size_t) (end - text));
                if (text)
                        text++;
        }
        if (!text || line == 0)
                return NULL;
        const char *newline = memchr(text, '\n', (size_t) (end - text));
        *ret_length = (size_t) ((newline ? newline : end) - text);
        return text;
}

/* The line as it can be shown: no control bytes, no tabs (so that the caret stands right). */
static int append_line(Buffer *buffer, const char *text, size_t length)
{
        size_t shown = length < SOURCE_LINE_SHOWN ? length : SOURCE_LINE_SHOWN;

        for (size_t i = 0; i < shown; i++) {
                unsigned char c = (unsigned char) text[i];
                char printable = (char) (c == '\t' ? ' ' : c < 0x20 || c == 0x7f ? '?' : c);
                int r = buffer_append(buffer, &printable, 1);
                if (r < 0)
                        return r;
        }
        return buffer_append_string(buffer, shown < length ? "...\n" : "\n");
}

/* Bytes of UTF-8 that continue a character take no column on the screen. */
static unsigned screen_column(const char *text, unsigned bytes)
{
        unsigned columns = 0;

        for (unsigned i = 0; i < bytes; i++)
                columns += ((unsigned char) text[i] & 0xc0) != 0x80;
        return columns;
}

static int append_caret(Buffer *buffer, const char *text, size_t length, unsigned column, unsigned width,
                        const char *hint)
{
        unsigned before = column > 0 ? column - 1 : 0;

        if (before > length || before > SOURCE_LINE_SHOWN)
                before = 0;
        if (width > length - before)
                width = (unsigned) (length - before);
        int r = buffer_printf(buffer, "      | %*s^", (int) screen_column(text, before), "");
        for (unsigned i = 1; r == 0 && i < screen_column(text + before, width) && i < SOURCE_LINE_SHOWN; i++)
                r = buffer_append_string(buffer, "~");
        if (r == 0 && hint)
                r = buffer_printf(buffer, " %s", hint);
        return r < 0 ? r : buffer_append_string(buffer, "\n");
}

int diagnostics_format(const Diagnostics *diagnostics, RecipePlace place, unsigned width, const char *hint,
                       const char *message, Buffer *buffer)
{
        size_t index = find_source(diagnostics, place.file), length = 0;
        const char *text = NULL;
        int r = place.line > 0 ? buffer_printf(buffer, "%s:%u:%u: %s\n", place.file, place.line, place.column, message)
                               : buffer_printf(buffer, "%s: %s\n", place.file, message);

        if (r < 0)
                return r;
        if (index < diagnostics->n_sources && place.line > 0)
                text = find_line(&diagnostics->sources[index], place.line, &length);
        if (!text || length == 0)
                return hint ? buffer_printf(buffer, "      | %s\n", hint) : 0;
        r = buffer_printf(buffer, "%5u | ", place.line);
        if (r == 0)
                r = append_line(buffer, text, length);
        return r < 0 ? r : append_caret(buffer, text, length, place.column, width, hint);
}

static int by_place(const void *a, const void *b)
{
        const Diagnostic *x = a, *y = b;

        if (x->source != y->source)
                return x->source < y->source ? -1 : 1;
        if (x->line != y->line)
                return x->line < y->line ? -1 : 1;
        return x->column < y->column ? -1 : x->column > y->column;
}

int diagnostics_error(Diagnostics *diagnostics, Error *error)
{
        _cleanup_buffer_ Buffer buffer = BUFFER_INIT;
        int r = 0;

        if (diagnostics->n_items == 0)
                return 0;
        qsort(diagnostics->items, diagnostics->n_items, sizeof *diagnostics->items, by_place);
        for (size_t i = 0; r == 0 && i < diagnostics->n_items && i < DIAGNOSTICS_SHOWN; i++) {
                const Diagnostic *item = &diagnostics->items[i];
                const char *file =
                        item->source < diagnostics->n_sources ? diagnostics->sources[item->source].name : "recipe";
                r = diagnostics_format(diagnostics, (RecipePlace){ file, item->line, item->column }, item->width,
                                       item->hint, item->message ? item->message : "out of memory", &buffer);
        }
        if (r == 0 && diagnostics->n_items > DIAGNOSTICS_SHOWN)
                r = buffer_printf(&buffer, "and %zu more\n", diagnostics->n_items - DIAGNOSTICS_SHOWN);
        if (r < 0)
                return error_out_of_memory(error);
        buffer.data[buffer.length - 1] = '\0'; /* the printer ends the line */
        return error_set_usage(error, -EINVAL, "%s", buffer.data);
}
