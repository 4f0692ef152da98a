/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/error.h"
#include "base/strings.h"

/* What a process in the sandbox tells the process outside, through a pipe. The kind is the last byte, so a
 * message that was cut off by the sender's death has none. The sender may be hostile: nothing in it is
 * believed. */

typedef enum MessageKind {
        MESSAGE_NONE,
        MESSAGE_ERROR = 'E',
        MESSAGE_STATUS = 'S', /* of waitpid(2) */
        MESSAGE_REPLY = 'R',  /* bytes */
} MessageKind;

/* 0 or a negative errno. */
int message_send_error(int fd, const Error *error) _must_check_;
int message_send_status(int fd, int wait_status) _must_check_;
int message_send_reply(int fd, const Buffer *reply) _must_check_;

/* Takes the kind off `message` and leaves the bytes. */
MessageKind message_kind(Buffer *message);
/* Fills `error` from a MESSAGE_ERROR; control characters are replaced. Returns its code, never 0. */
int message_error(const Buffer *message, Error *error) _must_check_;
/* -EBADMSG unless it is one. */
int message_status(const Buffer *message, int *ret_wait_status) _must_check_;
