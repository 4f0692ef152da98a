/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/cleanup.h"

#include <stdbool.h>
#include <stddef.h>

/* The text format of control files, dpkg's status, Packages and Release files and .sources files (deb822(5)): stanzas
 * of "Name: value" with continuation lines, parted by blank lines. Nothing is copied: fields point into the text,
 * which must be closed by a NUL and stay. Comment lines ("#") are left out. */

typedef struct Deb822 {
        const char *next; /* where the next line starts */
        unsigned line;    /* its number, from 1 */
        bool started;     /* a stanza was reached */
} Deb822;

typedef struct Deb822Field {
        const char *name; /* not closed by a NUL */
        size_t name_length;
        const char *value; /* from the first byte after the white space behind ":" to before the last newline */
        size_t value_length;
        unsigned line; /* of the name */
} Deb822Field;

#define DEB822_INIT(text) ((Deb822){ .next = (text), .line = 1 })

/* Goes to the start of the next stanza; whatever is left of the current one is skipped. False at the end. */
bool deb822_next_stanza(Deb822 *reader);

/* 1: a field of the current stanza is in *ret; 0: the stanza is over; -EINVAL: the line at reader->line is no
 * field, and it is not passed over. */
int deb822_next_field(Deb822 *reader, Deb822Field *ret) _must_check_;

/* Names are compared without regard to case. */
bool deb822_is(const Deb822Field *field, const char *name);

/* The value as one string: a continuation line loses its leading blank, "." alone is an empty line. The caller frees;
 * NULL when memory is short. */
char *deb822_value(const Deb822Field *field);

/* Of a stanza that starts at `stanza`: the value of the field, or NULL when it is missing or memory is short. */
char *deb822_get(const char *stanza, const char *name);
