/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/cleanup.h"

#include <stdbool.h>
#include <stddef.h>

/* Fields like Depends, see deb-control(5): "a (>= 1) | b:any, c". Architecture and profile lists, which binary packages
 * don't have, are passed over. */

typedef enum RelationOperator { RELATION_ANY, RELATION_LT, RELATION_LE, RELATION_EQ, RELATION_GE, RELATION_GT } RelationOperator;

typedef struct Relation {
        char *name; /* without ":any" */
        RelationOperator operator;
        char *version;    /* NULL with RELATION_ANY */
        bool alternative; /* to the one before it */
} Relation;

typedef struct Relations {
        Relation *items; /* owned */
        size_t n_items;
} Relations;

void relations_done(Relations *relations);

/* NULL is an empty field. -EINVAL: not a list of relations; -ENOMEM. */
int relations_parse(const char *text, Relations *ret) _must_check_;

/* Whether a package of that version (NULL: of none, as a virtual one) is meant. */
bool relation_matches(const Relation *relation, const char *name, const char *version);
