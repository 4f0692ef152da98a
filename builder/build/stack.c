/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "build/stack.h"

#include "base/strings.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void stack_done(Stack *stack)
{
        for (size_t i = stack->n; i-- > 0;) {
                layer_release(stack->layers[i]);
                layer_abandon(stack->drafts[i]);
        }
        free(stack->layers);
        free(stack->drafts);
        strv_free(stack->lowers);
        buffer_done(&stack->links);
        *stack = (Stack){ 0 };
}

void stack_reset(Stack *stack, const char *key)
{
        stack_done(stack);
        snprintf(stack->key, sizeof stack->key, "%s", key);
}

const char *stack_top(const Stack *stack)
{
        return stack->lowers ? stack->lowers[0] : NULL;
}

char **stack_with(const Stack *stack, const char *upper)
{
        _cleanup_strv_ char **all = NULL;

        if (strv_append(&all, upper) < 0 || strv_extend(&all, stack->lowers) < 0)
                return NULL;
        return TAKE_PTR(all);
}

/* A file's names are all in the layer that has the file, so what that one says of it comes before what those below do. */
static int add_links(Stack *stack, const Buffer *links)
{
        _cleanup_buffer_ Buffer all = BUFFER_INIT;

        if (buffer_append(&all, links->data, links->length) < 0 ||
            buffer_append(&all, stack->links.data, stack->links.length) < 0)
                return -ENOMEM;
        buffer_done(&stack->links);
        stack->links = TAKE_BUFFER(all);
        return 0;
}

static int push(Stack *stack, Layer *layer, LayerDraft *draft, const char *tree_path, const Buffer *links)
{
        char **lowers = stack_with(stack, tree_path);
        Layer **layers = reallocarray(stack->layers, stack->n + 1, sizeof(Layer *));
        if (layers)
                stack->layers = layers;
        LayerDraft **drafts = reallocarray(stack->drafts, stack->n + 1, sizeof(LayerDraft *));
        if (drafts)
                stack->drafts = drafts;
        if (!lowers || !layers || !drafts || add_links(stack, links) < 0) {
                strv_free(lowers);
                return -ENOMEM;
        }
        strv_free(stack->lowers);
        stack->lowers = lowers;
        layers[stack->n] = layer;
        drafts[stack->n++] = draft;
        return 0;
}

int stack_push_layer(Stack *stack, Layer *layer)
{
        int r = push(stack, layer, NULL, layer_tree_path(layer), layer_links(layer));

        if (r < 0) {
                layer_release(layer);
                return r;
        }
        memcpy(stack->key, layer_key(layer), sizeof stack->key);
        return 0;
}

int stack_push_draft(Stack *stack, LayerDraft *draft, const char *key)
{
        int r = push(stack, NULL, draft, layer_draft_upper_path(draft), layer_draft_links(draft));

        if (r < 0) {
                layer_abandon(draft);
                return r;
        }
        snprintf(stack->key, sizeof stack->key, "%s", key);
        return 0;
}

int stack_update(Stack *stack, const char *key)
{
        snprintf(stack->key, sizeof stack->key, "%s", key);
        buffer_done(&stack->links);
        return add_links(stack, layer_draft_links(stack->drafts[0]));
}

LayerDraft *stack_pop_draft(Stack *stack)
{
        free(stack->lowers[0]);
        memmove(stack->lowers, stack->lowers + 1, stack->n * sizeof *stack->lowers);
        stack->n--;
        if (stack->n == 0)
                free(TAKE_PTR(stack->lowers));
        return TAKE_PTR(stack->drafts[stack->n]);
}
