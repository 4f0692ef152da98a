/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/pathset.h"

#include "image/names.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

#define FIRST_SLOTS 4096u
#define SECOND_SEED UINT64_C(0x9e3779b97f4a7c15)

typedef struct Slot {
        uint64_t hash[2];
        mode_t type; /* 0: free */
} Slot;

/* Open addressing, never more than half full; a power of two. */
struct PathSet {
        Slot *slots;
        size_t n_slots, n_used;
};

PathSet *path_set_new(void)
{
        PathSet *set = calloc(1, sizeof *set);

        if (set)
                set->slots = calloc(FIRST_SLOTS, sizeof *set->slots);
        if (!set || !set->slots) {
                free(set);
                return NULL;
        }
        set->n_slots = FIRST_SLOTS;
        return set;
}

void path_set_free(PathSet *set)
{
        if (!set)
                return;
        free(set->slots);
        free(set);
}

static Slot *find_slot(Slot *slots, size_t n_slots, const uint64_t hash[2])
{
        size_t i = (size_t) hash[0];

        while (slots[i &= n_slots - 1].type && (slots[i].hash[0] != hash[0] || slots[i].hash[1] != hash[1]))
                i++;
        return &slots[i];
}

static int grow(PathSet *set)
{
        size_t n_slots = 2 * set->n_slots;
        Slot *slots = calloc(n_slots, sizeof *slots);

        if (!slots)
                return -ENOMEM;
        for (size_t i = 0; i < set->n_slots; i++)
                if (set->slots[i].type)
                        *find_slot(slots, n_slots, set->slots[i].hash) = set->slots[i];
        free(set->slots);
        set->slots = slots;
        set->n_slots = n_slots;
        return 0;
}

int path_set_add(PathSet *set, const char *path, size_t length, mode_t type)
{
        uint64_t hash[2] = { hash_bytes(path, length, 0), hash_bytes(path, length, SECOND_SEED) };

        if (2 * (set->n_used + 1) > set->n_slots && grow(set) < 0)
                return -ENOMEM;
        Slot *slot = find_slot(set->slots, set->n_slots, hash);
        if (slot->type)
                return -EEXIST;
        *slot = (Slot){ .hash = { hash[0], hash[1] }, .type = type };
        set->n_used++;
        return 0;
}

mode_t path_set_type(const PathSet *set, const char *path, size_t length)
{
        uint64_t hash[2] = { hash_bytes(path, length, 0), hash_bytes(path, length, SECOND_SEED) };

        return find_slot(set->slots, set->n_slots, hash)->type;
}
