/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "layers/internal.h"

#include <string.h>

/* What the cache is bounded by: all kinds of things in it, in one order of last use. */

typedef struct Item {
        const struct Kind *kind;
        char key[LAYER_KEY_SIZE];
        uint64_t size_bytes;
        int64_t used_sec;
} Item;

typedef struct Items {
        Item *all;
        size_t n, allocated;
} Items;

typedef struct Kind {
        int (*list)(LayerStore *store, const struct Kind *kind, Items *items, Error *error);
        /* 1 when it is gone, 0 when it is in use. */
        int (*remove)(LayerStore *store, const char *key, Error *error);
        size_t count; /* where StorePruned counts them */
} Kind;

static void items_done(Items *items)
{
        free(items->all);
}

static int add_item(Items *items, const Item *item, Error *error)
{
        if (items->n == items->allocated) {
                size_t allocated = items->allocated ? 2 * items->allocated : 64;
                Item *all = reallocarray(items->all, allocated, sizeof *all);
                if (!all)
                        return error_out_of_memory(error);
                items->all = all;
                items->allocated = allocated;
        }
        items->all[items->n++] = *item;
        return 0;
}

static int list_layers(LayerStore *store, const Kind *kind, Items *items, Error *error)
{
        LayerEntry *entries = NULL;
        size_t n_entries = 0;
        int r = layer_list(store, &entries, &n_entries, error);

        for (size_t i = 0; r == 0 && i < n_entries; i++) {
                Item item = { .kind = kind, .size_bytes = entries[i].size_bytes, .used_sec = entries[i].used_sec };
                memcpy(item.key, entries[i].key, sizeof item.key);
                r = add_item(items, &item, error);
        }
        layer_entries_free(entries, n_entries);
        return r;
}

static int list_blocks(LayerStore *store, const Kind *kind, Items *items, Error *error)
{
        _cleanup_free_ BlockEntry *entries = NULL;
        size_t n_entries = 0;
        int r = block_store_list(store->blocks, &entries, &n_entries, error);

        for (size_t i = 0; r == 0 && i < n_entries; i++) {
                Item item = { .kind = kind, .size_bytes = entries[i].size_bytes, .used_sec = entries[i].used_sec };
                memcpy(item.key, entries[i].key, sizeof item.key);
                r = add_item(items, &item, error);
        }
        return r;
}

static int remove_block(LayerStore *store, const char *key, Error *error)
{
        int r = block_store_remove(store->blocks, key, error);

        return r < 0 ? r : 1;
}

static int list_packages(LayerStore *store, const Kind *kind, Items *items, Error *error)
{
        _cleanup_free_ PackageEntry *entries = NULL;
        size_t n_entries = 0;
        int r = package_store_list(store->packages, &entries, &n_entries, error);

        for (size_t i = 0; r == 0 && i < n_entries; i++) {
                Item item = { .kind = kind, .size_bytes = entries[i].size_bytes, .used_sec = entries[i].used_sec };
                memcpy(item.key, entries[i].sha256, sizeof item.key);
                r = add_item(items, &item, error);
        }
        return r;
}

static int remove_package(LayerStore *store, const char *key, Error *error)
{
        return package_store_remove(store->packages, key, error);
}

static const Kind kinds[] = {
        { list_blocks, remove_block, offsetof(StorePruned, n_blocks) },
        { list_layers, layer_remove_unused, offsetof(StorePruned, n_layers) },
        { list_packages, remove_package, offsetof(StorePruned, n_packages) },
};

static int least_recently_used_first(const void *a, const void *b)
{
        const Item *x = a, *y = b;

        if (x->used_sec != y->used_sec)
                return x->used_sec < y->used_sec ? -1 : 1;
        /* what is made again the faster goes first */
        if (x->kind != y->kind)
                return x->kind < y->kind ? -1 : 1;
        return strcmp(x->key, y->key);
}

/* All of it, in no order. */
static int list_all(LayerStore *store, Items *items, uint64_t *ret_size_bytes, Error *error)
{
        int r = 0;

        for (size_t i = 0; r == 0 && i < ELEMENTS(kinds); i++)
                r = kinds[i].list(store, &kinds[i], items, error);
        *ret_size_bytes = 0;
        for (size_t i = 0; i < items->n; i++)
                *ret_size_bytes += items->all[i].size_bytes;
        return r;
}

int layer_store_size(LayerStore *store, uint64_t *ret_size_bytes, Error *error)
{
        _cleanup_(items_done) Items items = { 0 };

        return list_all(store, &items, ret_size_bytes, error);
}

int layer_store_prune(LayerStore *store, uint64_t limit_bytes, StorePruned *ret, Error *error)
{
        _cleanup_(items_done) Items items = { 0 };
        StorePruned pruned = { 0 };
        uint64_t size_bytes;
        int r = list_all(store, &items, &size_bytes, error);

        if (r < 0)
                return r;
        if (items.n > 1)
                qsort(items.all, items.n, sizeof *items.all, least_recently_used_first);
        for (size_t i = 0; i < items.n && size_bytes - pruned.freed_bytes > limit_bytes; i++) {
                const Item *item = &items.all[i];
                r = item->kind->remove(store, item->key, error);
                if (r < 0)
                        return r;
                if (r > 0) {
                        pruned.freed_bytes += item->size_bytes;
                        ++*(size_t *) ((char *) &pruned + item->kind->count);
                }
        }
        if (ret)
                *ret = pruned;
        return 0;
}
