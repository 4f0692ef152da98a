/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "recipe/excerpt.h"

#include "recipe/encoding.h"

#include <errno.h>
#include <string.h>

#define WINDOW_BYTES 100
/* What is shown before the caret when the line is cut. */
#define LEAD_BYTES 40

typedef struct Window {
        size_t start, end; /* in the line */
        size_t mark, mark_end;
} Window;

static bool is_continuation_byte(char c)
{
        return ((unsigned char) c & 0xc0) == 0x80;
}

static Window choose_window(const char *line, size_t length, Span span)
{
        Window window = { .end = length };

        window.mark = span.column - 1 < length ? span.column - 1 : length;
        window.mark_end = span.length > length - window.mark ? length : window.mark + span.length;
        if (length > WINDOW_BYTES) {
                if (window.mark_end > WINDOW_BYTES && window.mark > LEAD_BYTES)
                        window.start = window.mark - LEAD_BYTES;
                if (length - window.start > WINDOW_BYTES)
                        window.end = window.start + WINDOW_BYTES;
        }
        while (window.start > 0 && window.start < window.mark && is_continuation_byte(line[window.start]))
                window.start++;
        while (window.end < length && window.end > window.mark && is_continuation_byte(line[window.end]))
                window.end--;
        if (window.mark_end > window.end)
                window.mark_end = window.end;
        return window;
}

/* A copy of the line for people: user and password of an address are never shown, nor what the diagnostic hides. The
 * caller frees; NULL when memory is short. */
static char *copy_without_secrets(const char *line, size_t length, const Diagnostic *diagnostic, Window window)
{
        char *copy = malloc(length + 1);

        if (!copy)
                return NULL;
        memcpy(copy, line, length);
        copy[length] = '\0';
        if (diagnostic->hide)
                memset(copy + window.mark, '*', window.mark_end - window.mark);
        for (char *address = copy; (address = memmem(address, length - (size_t) (address - copy), "://", 3));) {
                address += 3;
                size_t rest = length - (size_t) (address - copy), authority = 0;
                while (authority < rest && !strchr(" \t/?#", address[authority]))
                        authority++;
                const char *at = memrchr(address, '@', authority);
                if (at)
                        memset(address, '*', (size_t) (at - address));
        }
        return copy;
}

/* Appends line[start..end) for people, each character that has no shape as one "?". With `blank` all but tabs become
 * spaces, or `blank` itself: the line below, in step with the one above. */
static int append_printable(Buffer *buffer, const char *line, size_t start, size_t end, char blank)
{
        for (size_t i = start; i < end;) {
                size_t width = encoding_character(line + i, end - i);
                const char *shown = line + i;
                size_t n = width;
                if (width == 0)
                        shown = "?", width = n = 1;
                if (blank && (blank != ' ' || *shown != '\t'))
                        shown = &blank, n = 1;
                if (buffer_append(buffer, shown, n) < 0)
                        return -ENOMEM;
                i += width;
        }
        return 0;
}

static int append_line(Buffer *buffer, const Diagnostic *diagnostic, const char *line, size_t length, Window window)
{
        const char *left = window.start > 0 ? "..." : "", *right = window.end < length ? "..." : "";
        int r;

        if (diagnostic->source->is_setting)
                r = buffer_printf(buffer, "\n      | %s", left);
        else
                r = buffer_printf(buffer, "\n%5u | %s", diagnostic->span.line, left);
        if (r == 0)
                r = append_printable(buffer, line, window.start, window.end, 0);
        return r < 0 ? r : buffer_append_string(buffer, right);
}

static int append_caret(Buffer *buffer, const Diagnostic *diagnostic, const char *line, Window window)
{
        int r = buffer_printf(buffer, "\n      | %s", window.start > 0 ? "   " : "");

        if (r == 0)
                r = append_printable(buffer, line, window.start, window.mark, ' ');
        size_t caret = buffer->length;
        if (r == 0)
                r = append_printable(buffer, line, window.mark, window.mark_end, '~');
        if (r == 0 && buffer->length == caret)
                r = buffer_append_string(buffer, "~");
        if (r < 0)
                return r;
        buffer->data[caret] = '^';
        return diagnostic->hint ? buffer_printf(buffer, " %s", diagnostic->hint) : 0;
}

int excerpt_append(Buffer *buffer, const Diagnostic *diagnostic)
{
        const Source *source = diagnostic->source;
        Span span = diagnostic->span;
        const char *line;
        size_t length;
        int r;

        if (span.line == 0 || source->is_setting)
                r = buffer_printf(buffer, "%s: %s", source->name, diagnostic->message);
        else
                r = buffer_printf(buffer, "%s:%u:%u: %s", source->name, span.line, span.column, diagnostic->message);
        if (r < 0)
                return r;
        if (!source_line(source, span.line, &line, &length))
                return diagnostic->hint ? buffer_printf(buffer, "\n      %s", diagnostic->hint) : 0;
        Window window = choose_window(line, length, span);
        _cleanup_free_ char *shown = copy_without_secrets(line, length, diagnostic, window);
        if (!shown)
                return -ENOMEM;
        r = append_line(buffer, diagnostic, shown, length, window);
        return r < 0 ? r : append_caret(buffer, diagnostic, shown, window);
}
