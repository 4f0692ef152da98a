/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "recipe/diagnostics.h"

#include "recipe/excerpt.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

static void diagnostic_done(Diagnostic *diagnostic)
{
        free(diagnostic->message);
        free(diagnostic->hint);
}

void diagnostics_done(Diagnostics *diagnostics)
{
        for (size_t i = 0; i < diagnostics->n_shown; i++)
                diagnostic_done(&diagnostics->shown[i]);
        *diagnostics = (Diagnostics){ 0 };
}

/* What concerns a source as a whole (line 0) comes after what has a place in it. */
static bool stands_before(const Source *source, Span span, const Diagnostic *other)
{
        unsigned line = span.line ? span.line : UINT32_MAX;
        unsigned other_line = other->span.line ? other->span.line : UINT32_MAX;

        if (source->order != other->source->order)
                return source->order < other->source->order;
        if (line != other_line)
                return line < other_line;
        return span.column < other->span.column;
}

/* Where it belongs among those shown; DIAGNOSTICS_SHOWN: nowhere. */
static size_t find_slot(const Diagnostics *diagnostics, const Source *source, Span span)
{
        size_t slot = diagnostics->n_shown;

        while (slot > 0 && stands_before(source, span, &diagnostics->shown[slot - 1]))
                slot--;
        return slot;
}

Diagnostic *diagnostics_addv(Diagnostics *diagnostics, const Source *source, Span span, const char *format,
                             va_list arguments)
{
        Diagnostic *shown = diagnostics->shown;
        size_t slot = find_slot(diagnostics, source, span);
        char *message = NULL;

        diagnostics->n++;
        if (slot == DIAGNOSTICS_SHOWN)
                return NULL;
        if (vasprintf(&message, format, arguments) < 0) {
                diagnostics->out_of_memory = true;
                return NULL;
        }
        if (diagnostics->n_shown == DIAGNOSTICS_SHOWN)
                diagnostic_done(&shown[--diagnostics->n_shown]);
        memmove(&shown[slot + 1], &shown[slot], (diagnostics->n_shown - slot) * sizeof *shown);
        diagnostics->n_shown++;
        shown[slot] = (Diagnostic){ .source = source, .span = span, .message = message };
        return &shown[slot];
}

Diagnostic *diagnostics_add(Diagnostics *diagnostics, const Source *source, Span span, const char *format, ...)
{
        va_list arguments;

        va_start(arguments, format);
        Diagnostic *added = diagnostics_addv(diagnostics, source, span, format, arguments);
        va_end(arguments);
        return added;
}

void diagnostic_hint(Diagnostic *diagnostic, const char *format, ...)
{
        va_list arguments;

        if (!diagnostic)
                return;
        free(diagnostic->hint);
        va_start(arguments, format);
        if (vasprintf(&diagnostic->hint, format, arguments) < 0)
                diagnostic->hint = NULL; /* the message says it without */
        va_end(arguments);
}

bool diagnostics_full(const Diagnostics *diagnostics)
{
        return diagnostics->n >= DIAGNOSTICS_MAX || diagnostics->out_of_memory;
}

int diagnostics_finish(const Diagnostics *diagnostics, Error *error)
{
        _cleanup_buffer_ Buffer text = BUFFER_INIT;
        size_t more = diagnostics->n - diagnostics->n_shown;

        if (diagnostics->out_of_memory)
                return error_out_of_memory(error);
        if (diagnostics->n == 0)
                return 0;
        for (size_t i = 0; i < diagnostics->n_shown; i++)
                if ((i > 0 && buffer_append_string(&text, "\n") < 0) ||
                    excerpt_append(&text, &diagnostics->shown[i]) < 0)
                        return error_out_of_memory(error);
        const char *about = diagnostics_full(diagnostics) ? "at least " : "";
        if (more > 0 && buffer_printf(&text, "\nand %s%zu more error%s", about, more, more == 1 ? "" : "s") < 0)
                return error_out_of_memory(error);
        return error_set_usage(error, -EINVAL, "%s", text.data);
}
