/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sandbox/message.h"

#include "base/cancel.h"
#include "base/file.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

static int send_message(int fd, const void *data, size_t size_bytes, MessageKind kind)
{
        char last = (char) kind;
        int r = write_all(fd, data, size_bytes);

        return r < 0 ? r : write_all(fd, &last, 1);
}

/* Code and kind as numbers, then three texts, each with its NUL; an empty one stands for none. */
int message_send_error(int fd, const Error *error)
{
        _cleanup_buffer_ Buffer buffer = BUFFER_INIT;
        const char *const texts[] = { error->message, error->detail, error->hint };
        int32_t numbers[] = { error->code ? error->code : -EIO, (int32_t) error->kind };

        if (buffer_append(&buffer, numbers, sizeof numbers) < 0)
                return -ENOMEM;
        for (size_t i = 0; i < ELEMENTS(texts); i++)
                if (buffer_append(&buffer, texts[i] ? texts[i] : "", texts[i] ? strlen(texts[i]) + 1 : 1) < 0)
                        return -ENOMEM;
        return send_message(fd, buffer.data, buffer.length, MESSAGE_ERROR);
}

int message_send_status(int fd, int wait_status)
{
        int32_t number = wait_status;

        return send_message(fd, &number, sizeof number, MESSAGE_STATUS);
}

int message_send_reply(int fd, const Buffer *reply)
{
        return send_message(fd, reply->data, reply->length, MESSAGE_REPLY);
}

MessageKind message_kind(Buffer *message)
{
        if (message->length == 0)
                return MESSAGE_NONE;
        char last = message->data[message->length - 1];
        if (last != MESSAGE_ERROR && last != MESSAGE_STATUS && last != MESSAGE_REPLY)
                return MESSAGE_NONE;
        message->data[--message->length] = '\0';
        return (MessageKind) last;
}

int message_status(const Buffer *message, int *ret_wait_status)
{
        int32_t number;

        if (message->length != sizeof number)
                return -EBADMSG;
        memcpy(&number, message->data, sizeof number);
        *ret_wait_status = number;
        return 0;
}

/* A printable copy of the next text; NULL at the end or when memory is short. */
static char *next_text(const char **position, const char *end)
{
        char *text = strndup(*position, (size_t) (end - *position));

        if (!text)
                return NULL;
        size_t length = strlen(text);
        *position += length < (size_t) (end - *position) ? length + 1 : length;
        for (char *c = text; *c; c++)
                if ((unsigned char) *c < 0x20 && *c != '\n')
                        *c = '?';
        return text;
}

int message_error(const Buffer *message, Error *error)
{
        int32_t numbers[2];

        if (message->length < sizeof numbers)
                return error_set(error, -EBADMSG, "The sandbox sent a broken message");
        memcpy(numbers, message->data, sizeof numbers);
        const char *position = message->data + sizeof numbers, *end = message->data + message->length;
        _cleanup_free_ char *text = next_text(&position, end);
        _cleanup_free_ char *detail = next_text(&position, end);
        _cleanup_free_ char *hint = next_text(&position, end);
        int code = numbers[0] < 0 && numbers[0] > -4096 ? numbers[0] : -EIO;
        error_set(error, code, "%s", text ? text : "");
        if (error && numbers[1] == ERROR_USAGE)
                error->kind = ERROR_USAGE;
        if (error && numbers[1] == ERROR_CANCELLED && cancel_signal() != 0)
                error->kind = ERROR_CANCELLED;
        if (!string_empty(detail))
                error_detail(error, "%s", detail);
        if (!string_empty(hint))
                error_hint(error, "%s", hint);
        return code;
}
