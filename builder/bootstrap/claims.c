/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bootstrap/claims.h"

#include <stdlib.h>
#include <string.h>

#define INITIAL 16384 /* a power of two */

static void claim_free(Claim *claim)
{
        if (!claim)
                return;
        free(claim->name);
        free(claim->path);
        free(claim);
}

void claims_done(Claims *claims)
{
        for (size_t i = 0; i < claims->allocated; i++)
                claim_free(claims->items[i]);
        free(claims->items);
        *claims = (Claims){ 0 };
}

/* FNV-1a */
static size_t hash(ino_t directory, const char *name)
{
        uint64_t value = UINT64_C(14695981039346656037) ^ (uint64_t) directory;

        value *= UINT64_C(1099511628211);
        for (; *name; name++)
                value = (value ^ (unsigned char) *name) * UINT64_C(1099511628211);
        return (size_t) (value ^ value >> 32);
}

/* The place where it is, or where it belongs. */
static size_t slot(const Claims *claims, ino_t directory, const char *name)
{
        size_t at = hash(directory, name) & (claims->allocated - 1);

        for (; claims->items[at]; at = (at + 1) & (claims->allocated - 1))
                if (claims->items[at]->directory == directory && strcmp(claims->items[at]->name, name) == 0)
                        break;
        return at;
}

Claim *claims_find(const Claims *claims, ino_t directory, const char *name)
{
        return claims->allocated > 0 ? claims->items[slot(claims, directory, name)] : NULL;
}

static bool grow(Claims *claims)
{
        Claims bigger = { .allocated = claims->allocated ? 2 * claims->allocated : INITIAL, .n_items = claims->n_items };

        bigger.items = calloc(bigger.allocated, sizeof *bigger.items);
        if (!bigger.items)
                return false;
        for (size_t i = 0; i < claims->allocated; i++)
                if (claims->items[i])
                        bigger.items[slot(&bigger, claims->items[i]->directory, claims->items[i]->name)] = claims->items[i];
        free(claims->items);
        *claims = bigger;
        return true;
}

Claim *claims_add(Claims *claims, ino_t directory, const char *name, const char *path, ClaimType type, size_t owner)
{
        if (2 * (claims->n_items + 1) > claims->allocated && !grow(claims))
                return NULL;
        Claim *claim = calloc(1, sizeof *claim);
        if (!claim)
                return NULL;
        *claim = (Claim){ .directory = directory, .owner = owner, .type = type };
        claim->name = strdup(name);
        claim->path = strdup(path);
        if (!claim->name || !claim->path) {
                claim_free(claim);
                return NULL;
        }
        claims->items[slot(claims, directory, name)] = claim;
        claims->n_items++;
        return claim;
}
