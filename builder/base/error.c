/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/error.h"

#include <errno.h>
#include <string.h>

void error_done(Error *error)
{
        if (!error)
                return;
        free(error->message);
        free(error->detail);
        free(error->hint);
        *error = ERROR_INIT;
}

/* NULL when memory is short: the code alone still says what happened. */
static char *format_text(const char *format, va_list arguments) _printf_(1, 0);
static char *format_text(const char *format, va_list arguments)
{
        char *text = NULL;

        return vasprintf(&text, format, arguments) < 0 ? NULL : text;
}

static int fill(Error *error, int code, ErrorKind kind, char *message)
{
        if (!error) {
                free(message);
                return code;
        }
        error_done(error);
        *error = (Error){ .code = code, .kind = kind, .message = message };
        return code;
}

int error_set(Error *error, int code, const char *format, ...)
{
        va_list arguments;

        va_start(arguments, format);
        char *message = format_text(format, arguments);
        va_end(arguments);
        return fill(error, code, ERROR_FAILED, message);
}

int error_set_usage(Error *error, int code, const char *format, ...)
{
        va_list arguments;

        va_start(arguments, format);
        char *message = format_text(format, arguments);
        va_end(arguments);
        return fill(error, code, ERROR_USAGE, message);
}

int error_set_errno(Error *error, int errnum, const char *format, ...)
{
        char *message = NULL;
        va_list arguments;

        va_start(arguments, format);
        _cleanup_free_ char *text = format_text(format, arguments);
        va_end(arguments);
        if (asprintf(&message, "%s: %s", text ? text : "", strerror(errnum)) < 0)
                message = NULL;
        return fill(error, -errnum, ERROR_FAILED, message);
}

int error_wrap(Error *error, const char *format, ...)
{
        char *message = NULL;
        va_list arguments;

        if (!error)
                return -EIO;
        va_start(arguments, format);
        _cleanup_free_ char *context = format_text(format, arguments);
        va_end(arguments);
        if (context && error->message && asprintf(&message, "%s: %s", context, error->message) >= 0) {
                free(error->message);
                error->message = message;
        }
        return error->code;
}

static int replace(Error *error, char **field, const char *format, va_list arguments) _printf_(3, 0);
static int replace(Error *error, char **field, const char *format, va_list arguments)
{
        char *text = format_text(format, arguments);

        free(*field);
        *field = text;
        return error->code;
}

int error_hint(Error *error, const char *format, ...)
{
        va_list arguments;

        if (!error)
                return -EIO;
        va_start(arguments, format);
        int code = replace(error, &error->hint, format, arguments);
        va_end(arguments);
        return code;
}

int error_detail(Error *error, const char *format, ...)
{
        va_list arguments;

        if (!error)
                return -EIO;
        va_start(arguments, format);
        int code = replace(error, &error->detail, format, arguments);
        va_end(arguments);
        return code;
}

int error_out_of_memory(Error *error)
{
        return error_set(error, -ENOMEM, "Out of memory");
}

int error_cancelled(Error *error)
{
        int code = error_set(error, -ECANCELED, "Interrupted");

        if (error)
                error->kind = ERROR_CANCELLED;
        return code;
}

int error_move(Error *target, Error *source)
{
        int code = source->code;

        if (!target) {
                error_done(source);
                return code;
        }
        error_done(target);
        *target = *source;
        *source = ERROR_INIT;
        return code;
}
