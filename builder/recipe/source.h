/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/digest.h"

#include <stdbool.h>
#include <stddef.h>

/* A text that a recipe was read from, kept as long as the recipe lives: errors of later phases show its lines. */

typedef struct Source {
        const char *name; /* as people know it; "--set" for the command line. The pointer identifies the source. */
        const char *text; /* ends with a NUL that `length` doesn't count; may contain others */
        size_t length;
        unsigned order;  /* errors are shown in the order in which sources were read */
        bool is_setting; /* one --set; its lines have no numbers for people */
        char sha256[SHA256_HEX_SIZE]; /* of the file as it is, with its byte order mark */
} Source;

/* A stretch of one line. */
typedef struct Span {
        unsigned line;   /* from 1; 0: the source as a whole, nothing to show */
        unsigned column; /* from 1, in bytes */
        size_t length;   /* in bytes; what reaches beyond the line is not shown */
} Span;

/* Line `number` without its end; false when there is no such line. */
bool source_line(const Source *source, unsigned number, const char **ret_text, size_t *ret_length);
