/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/error.h"
#include "base/strings.h"
#include "layers/store.h"

#include <stdbool.h>

/* The layers of a build so far. Finished ones stay in use, and drafts that are never stored stay alive, until the stack
 * is reset. */
typedef struct Stack {
        char **lowers; /* tree/ of each, the topmost first; NULL-terminated, NULL while there is none */
        Layer **layers; /* the bottom first; NULL where there is a draft instead */
        LayerDraft **drafts;
        size_t n;
        Buffer links; /* of all of them, the topmost first, see layers/links.h */
        char key[LAYER_KEY_SIZE]; /* what the next stage's key follows from; "" above a tree without one */
} Stack;

/* `key` is that of an empty tree. */
void stack_reset(Stack *stack, const char *key);
void stack_done(Stack *stack);

/* The stack takes the layer, or the draft, also on failure (-ENOMEM). `key` of a draft: see Stack. */
int stack_push_layer(Stack *stack, Layer *layer) _must_check_;
int stack_push_draft(Stack *stack, LayerDraft *draft, const char *key) _must_check_;

/* After another stage has worked in the only draft. */
int stack_update(Stack *stack, const char *key) _must_check_;
/* Takes the topmost draft off again. */
LayerDraft *stack_pop_draft(Stack *stack);

/* The topmost tree's path, or NULL. */
const char *stack_top(const Stack *stack);
/* The lowers with `upper` on top of them; the caller frees. NULL when memory is short. */
char **stack_with(const Stack *stack, const char *upper);
