/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "build/job.h"

#include <time.h>

/* A stage on its way: what it needs, and the key that follows from it. Private to this room. */
typedef struct Step {
        size_t index;
        const RecipeSection *section;
        const StageKind *kind;
        char *description, *note;
        bool in_place; /* the stage works in the tree of the one before it: without layers */
        LayerDraft *failed; /* what the stage left when it failed */
        time_t started_sec;
} Step;

int step_open(const Job *job, size_t index, Step *ret, Error *error) _must_check_;
void step_done(Step *step);

/* Whether the stage's result is one for later builds, too. */
bool step_is_cacheable(const Step *step);
/* False above a draft that is never stored: it is known by the keys below it, but not by its content. */
bool step_tree_is_stored(const Stack *stack);

/* Fills in inputs and key of the stage, on top of job->stack; apt is asked where it has to be. */
int step_find_key(Job *job, Step *step, Error *error) _must_check_;
/* What was remembered may name files that are gone: right before the stage runs. */
int step_resolve_to_run(Job *job, Step *step, Error *error) _must_check_;
