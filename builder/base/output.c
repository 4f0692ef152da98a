/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/output.h"

#include "base/file.h"
#include "base/strings.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>

/* Longer lines are cut for people; the log has them whole. */
#define LINE_MAX_BYTES 1024
#define SECRET_MIN_BYTES 4

struct Output {
        int log_fd;
        char *log_path;
        OutputListener listener;
        void *userdata;
        char **secrets;
        size_t longest_secret;
        Buffer pending; /* bytes that may be the start of a secret */
        char line[LINE_MAX_BYTES + 1];
        size_t line_length;
        char *tail[OUTPUT_TAIL_LINES]; /* a ring */
        size_t n_tail;                 /* lines ever stored */
};

int output_new(const char *log_path, Output **ret, Error *error)
{
        _cleanup_output_ Output *output = calloc(1, sizeof *output);

        if (!output)
                return error_out_of_memory(error);
        output->log_fd = -1;
        if (log_path) {
                output->log_path = strdup(log_path);
                if (!output->log_path)
                        return error_out_of_memory(error);
                output->log_fd = open(log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
                if (output->log_fd < 0)
                        return error_set_errno(error, errno, "Can't open the log %s", log_path);
        }
        *ret = TAKE_PTR(output);
        return 0;
}

Output *output_free(Output *output)
{
        if (!output)
                return NULL;
        if (output->log_fd >= 0)
                close(output->log_fd);
        output_clear_tail(output);
        strv_free(output->secrets);
        buffer_done(&output->pending);
        free(output->log_path);
        free(output);
        return NULL;
}

const char *output_log_path(const Output *output)
{
        return output->log_path;
}

void output_listen(Output *output, OutputListener listener, void *userdata)
{
        output->listener = listener;
        output->userdata = userdata;
}

OutputListener output_listener(const Output *output, void **ret_userdata)
{
        *ret_userdata = output->userdata;
        return output->listener;
}

int output_hide(Output *output, const char *secret)
{
        size_t length = strlen(secret);

        if (length < SECRET_MIN_BYTES)
                return 0;
        if (length > output->longest_secret)
                output->longest_secret = length;
        return strv_append(&output->secrets, secret);
}

static void end_line(Output *output)
{
        output->line[output->line_length] = '\0';
        char **slot = &output->tail[output->n_tail % OUTPUT_TAIL_LINES];
        free(*slot);
        *slot = strdup(output->line); /* without memory the line is missing from the tail, no more */
        output->n_tail++;
        output->line_length = 0;
        if (output->listener)
                output->listener(output->line, output->userdata);
}

/* Splits into lines; "\r" starts a line over, as on a terminal. */
static void split_lines(Output *output, const char *data, size_t size_bytes)
{
        for (size_t i = 0; i < size_bytes; i++) {
                unsigned char c = (unsigned char) data[i];
                if (c == '\n') {
                        end_line(output);
                } else if (c == '\r') {
                        if (i + 1 < size_bytes && data[i + 1] != '\n')
                                output->line_length = 0;
                } else if (output->line_length < LINE_MAX_BYTES) {
                        output->line[output->line_length++] = (char) (c == '\t' ? ' ' : c < 0x20 || c == 0x7f ? '?' : c);
                }
        }
}

static int emit(Output *output, const char *data, size_t size_bytes)
{
        split_lines(output, data, size_bytes);
        return output->log_fd < 0 ? 0 : write_all(output->log_fd, data, size_bytes);
}

/* The first secret at or after `data`; NULL when there is none. */
static const char *find_secret(const Output *output, const char *data, size_t size_bytes, size_t *ret_length)
{
        const char *first = NULL;

        for (char **secret = output->secrets; secret && *secret; secret++) {
                size_t length = strlen(*secret);
                const char *found = memmem(data, size_bytes, *secret, length);
                if (found && (!first || found < first)) {
                        first = found;
                        *ret_length = length;
                }
        }
        return first;
}

/* Emits what is pending, with secrets replaced, but for the last `keep_bytes`. */
static int flush_pending(Output *output, size_t keep_bytes)
{
        const char *data = output->pending.data;
        size_t left = output->pending.length, length = 0;
        const char *secret;
        int r;

        while ((secret = find_secret(output, data, left, &length))) {
                r = emit(output, data, (size_t) (secret - data));
                if (r == 0)
                        r = emit(output, "***", 3);
                if (r < 0)
                        return r;
                left -= (size_t) (secret - data) + length;
                data = secret + length;
        }
        if (left > keep_bytes) {
                r = emit(output, data, left - keep_bytes);
                if (r < 0)
                        return r;
                data += left - keep_bytes;
                left = keep_bytes;
        }
        if (left > 0)
                memmove(output->pending.data, data, left);
        output->pending.length = left;
        return 0;
}

int output_feed(Output *output, const void *data, size_t size_bytes)
{
        if (!output->secrets)
                return emit(output, data, size_bytes);
        int r = buffer_append(&output->pending, data, size_bytes);
        return r < 0 ? r : flush_pending(output, output->longest_secret - 1);
}

int output_printf(Output *output, const char *format, ...)
{
        _cleanup_free_ char *text = NULL;
        va_list arguments;

        va_start(arguments, format);
        int length = vasprintf(&text, format, arguments);
        va_end(arguments);
        if (length < 0) {
                text = NULL;
                return -ENOMEM;
        }
        return output_feed(output, text, (size_t) length);
}

int output_end(Output *output)
{
        int r = output->pending.length > 0 ? flush_pending(output, 0) : 0;

        if (output->line_length > 0)
                end_line(output);
        return r;
}

void output_clear_tail(Output *output)
{
        for (size_t i = 0; i < OUTPUT_TAIL_LINES; i++) {
                free(output->tail[i]);
                output->tail[i] = NULL;
        }
        output->n_tail = 0;
}

char *output_tail(const Output *output)
{
        _cleanup_buffer_ Buffer buffer = BUFFER_INIT;
        size_t first = output->n_tail > OUTPUT_TAIL_LINES ? output->n_tail - OUTPUT_TAIL_LINES : 0;

        for (size_t i = first; i < output->n_tail; i++) {
                const char *line = output->tail[i % OUTPUT_TAIL_LINES];
                if (line && buffer_printf(&buffer, "%s%s", buffer.length > 0 ? "\n" : "", line) < 0)
                        return NULL;
        }
        return buffer_take(&buffer);
}
