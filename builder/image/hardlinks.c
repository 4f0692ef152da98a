/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/hardlinks.h"

#include "base/hash.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

typedef struct Link {
        dev_t device;
        ino_t inode;
        char *path;         /* NULL: the slot is free */
} Link;

/* Open addressing, never more than half full; a power of two. */
struct HardLinks {
        Link *slots;
        size_t n_slots, n_used;
};

#define FIRST_SLOTS 1024u

HardLinks *hard_links_new(void)
{
        HardLinks *links = calloc(1, sizeof *links);

        if (links)
                links->slots = calloc(FIRST_SLOTS, sizeof *links->slots);
        if (!links || !links->slots) {
                free(links);
                return NULL;
        }
        links->n_slots = FIRST_SLOTS;
        return links;
}

void hard_links_free(HardLinks *links)
{
        if (!links)
                return;
        for (size_t i = 0; i < links->n_slots; i++)
                free(links->slots[i].path);
        free(links->slots);
        free(links);
}

static Link *find_slot(Link *slots, size_t n_slots, dev_t device, ino_t inode)
{
        size_t i = (size_t) hash_bytes(&inode, sizeof inode, device);

        while (slots[i &= n_slots - 1].path && (slots[i].device != device || slots[i].inode != inode))
                i++;
        return &slots[i];
}

static int grow(HardLinks *links)
{
        size_t n_slots = 2 * links->n_slots;
        Link *slots = calloc(n_slots, sizeof *slots);

        if (!slots)
                return -ENOMEM;
        for (size_t i = 0; i < links->n_slots; i++)
                if (links->slots[i].path)
                        *find_slot(slots, n_slots, links->slots[i].device, links->slots[i].inode) = links->slots[i];
        free(links->slots);
        links->slots = slots;
        links->n_slots = n_slots;
        return 0;
}

int hard_links_seen(HardLinks *links, const struct stat *status, const char *path, const char **ret_first)
{
        if (2 * (links->n_used + 1) > links->n_slots && grow(links) < 0)
                return -ENOMEM;
        Link *slot = find_slot(links->slots, links->n_slots, status->st_dev, status->st_ino);
        if (slot->path) {
                *ret_first = slot->path;
                return 0;
        }
        *slot = (Link){ .device = status->st_dev, .inode = status->st_ino, .path = strdup(path) };
        if (!slot->path)
                return -ENOMEM;
        links->n_used++;
        *ret_first = NULL;
        return 0;
}
