/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/pathset.h"

#include "base/hash.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/stat.h>

#define FIRST_SLOTS 4096u
#define SECOND_SEED UINT64_C(0x9e3779b97f4a7c15)

/* The four bits of S_IFMT take the place of four bits of the second hash: an image may have millions of paths. */
#define TYPE_MASK UINT64_C(0xf)
#define TYPE_SHIFT 12

typedef struct Slot {
        uint64_t hash, hash_and_type; /* 0, 0: free */
} Slot;

/* Open addressing, never more than three quarters full; a power of two. */
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

static bool is_free(const Slot *slot)
{
        return (slot->hash_and_type & TYPE_MASK) == 0;
}

/* The slot of that path, or the free one where it would be. */
static Slot *find_slot(Slot *slots, size_t n_slots, const Slot *wanted)
{
        size_t i = (size_t) wanted->hash;

        while (!is_free(&slots[i &= n_slots - 1]) &&
               (slots[i].hash != wanted->hash || (slots[i].hash_and_type ^ wanted->hash_and_type) > TYPE_MASK))
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
                if (!is_free(&set->slots[i]))
                        *find_slot(slots, n_slots, &set->slots[i]) = set->slots[i];
        free(set->slots);
        set->slots = slots;
        set->n_slots = n_slots;
        return 0;
}

static Slot slot_for(const char *path, size_t length, mode_t type)
{
        return (Slot){
                .hash = hash_bytes(path, length, 0),
                .hash_and_type = (hash_bytes(path, length, SECOND_SEED) & ~TYPE_MASK) | ((type & S_IFMT) >> TYPE_SHIFT),
        };
}

int path_set_add(PathSet *set, const char *path, size_t length, mode_t type)
{
        Slot wanted = slot_for(path, length, type);

        if (4 * (set->n_used + 1) > 3 * set->n_slots && grow(set) < 0)
                return -ENOMEM;
        Slot *slot = find_slot(set->slots, set->n_slots, &wanted);
        if (!is_free(slot))
                return -EEXIST;
        *slot = wanted;
        set->n_used++;
        return 0;
}

mode_t path_set_type(const PathSet *set, const char *path, size_t length)
{
        Slot wanted = slot_for(path, length, 0);

        return (mode_t) (find_slot(set->slots, set->n_slots, &wanted)->hash_and_type & TYPE_MASK) << TYPE_SHIFT;
}
