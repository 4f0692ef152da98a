/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/digest.h"
#include "base/error.h"
#include "base/json.h"
#include "layers/blocks.h"
#include "packages/package_store.h"
#include "sandbox/sandbox.h"

#include <stdbool.h>
#include <stdint.h>

/* The content-addressed store of layers: what each stage changed, under a key made from everything that went into it.
 *
 *     CACHE/layers/KEY/tree/       the overlay's upper directory, owned by the sandbox's ids
 *     CACHE/layers/KEY/info.json   what it is; its modification time says when it was last used
 *     CACHE/layers/KEY/links       the names of files that have several, see links.h
 *     CACHE/layers/.new-XXXXXX/    a layer in the making; locked, and collected once its lock is free
 *     CACHE/layers/.locks/KEY      held exclusively by whoever builds KEY; others wait for it
 *
 * A layer appears by one rename after one syncfs(2): whole or not at all. A used layer is locked (shared) for as long as
 * its handle lives, and never collected meanwhile. The store holds no state that can't be deleted. */

typedef struct LayerStore LayerStore;
typedef struct Layer Layer; /* a finished layer, in use */
typedef struct LayerDraft LayerDraft;

#define LAYER_KEY_SIZE SHA256_HEX_SIZE
#define LAYER_STORE_DEFAULT_LIMIT_BYTES ((uint64_t) 20 << 30)

/* Makes the store where it is missing and removes what killed builds left in it. The sandbox is borrowed. */
int layer_store_open(Sandbox *sandbox, const char *cache_directory, uint64_t limit_bytes, LayerStore **ret,
                     Error *error) _must_check_;
LayerStore *layer_store_close(LayerStore *store);
static inline void layer_store_close_ptr(LayerStore **store)
{
        layer_store_close(*store);
}
#define _cleanup_layer_store_ _cleanup_(layer_store_close_ptr)
/* The compressed blocks beside the layers; borrowed. */
BlockStore *layer_store_blocks(const LayerStore *store);
/* The packages, which the store bounds as well; borrowed. */
PackageStore *layer_store_packages(const LayerStore *store);

/* The layer, in use from now on; *ret == NULL when it isn't there (or is not fit for use). Touches its time of use. */
int layer_find(LayerStore *store, const char *key, Layer **ret, Error *error) _must_check_;
Layer *layer_release(Layer *layer);
static inline void layer_release_ptr(Layer **layer)
{
        layer_release(*layer);
}
#define _cleanup_layer_ _cleanup_(layer_release_ptr)

const char *layer_key(const Layer *layer);
/* The upper directory: its absolute path, for SandboxTree.lowers, and a descriptor (O_PATH). Borrowed. */
const char *layer_tree_path(const Layer *layer);
int layer_tree_fd(const Layer *layer);
/* The groups of hard links in it, see links.h; borrowed. */
const Buffer *layer_links(const Layer *layer);
/* What layer_commit() was given, with "size_bytes", "entries" and "tree_digest"; borrowed. */
const json_t *layer_info(const Layer *layer);

/* Takes the right to build `key` on top of the tree at `below` (NULL: on nothing). When somebody else builds it, waits
 * (`waiting` is called once, may be NULL); when it has come into being, *ret_layer is set and *ret_draft is NULL. Room is
 * made in the store first. */
int layer_begin(LayerStore *store, const char *key, const char *below, void (*waiting)(void *userdata), void *userdata,
                Layer **ret_layer, LayerDraft **ret_draft, Error *error) _must_check_;
/* A draft without a key, which nobody else sees: it is used as a tree, and never committed. */
int layer_scratch(LayerStore *store, const char *below, LayerDraft **ret, Error *error) _must_check_;
/* Upper and work directory for the overlay, absolute; the upper one also as O_PATH. Borrowed. */
const char *layer_draft_upper_path(const LayerDraft *draft);
const char *layer_draft_work_path(const LayerDraft *draft);
int layer_draft_upper_fd(const LayerDraft *draft);
/* Before the stage: files with several names (`links`, of all layers below, see links.h) are copied into the draft, to be
 * changed under all of them. `lowers` as in SandboxTree. */
int layer_draft_prepare(LayerDraft *draft, char *const *lowers, const Buffer *links, Error *error) _must_check_;
/* After the stage: what it left alone of those goes again, and the files that it made get the date of whatever build packs
 * them, see base/clamp.h. To be called before layer_commit(), and for scratch drafts, too; again when another stage ran
 * in the same draft. */
int layer_draft_seal(LayerDraft *draft, int64_t epoch_sec, Error *error) _must_check_;
/* The groups of hard links in it once it is sealed; borrowed. */
const Buffer *layer_draft_links(const LayerDraft *draft);
/* Stores the draft, with `info` (an object, borrowed) beside it, and hands it over as a layer in use. The draft is gone
 * afterwards in any case. */
int layer_commit(LayerDraft *draft, const json_t *info, Layer **ret, Error *error) _must_check_;
/* Moves the draft's folder (with tree/ and work/) to `path`, out of the store: a failed stage that is to be looked at.
 * The draft is gone afterwards in any case. */
int layer_draft_move(LayerDraft *draft, const char *path, Error *error) _must_check_;
/* Gives up. NULL is fine. */
LayerDraft *layer_abandon(LayerDraft *draft);
static inline void layer_abandon_ptr(LayerDraft **draft)
{
        layer_abandon(*draft);
}
#define _cleanup_layer_draft_ _cleanup_(layer_abandon_ptr)

typedef struct LayerEntry {
        char key[LAYER_KEY_SIZE];
        uint64_t size_bytes;
        int64_t used_sec;
        bool in_use;
        json_t *info;
} LayerEntry;

/* All layers, least recently used first. */
int layer_list(LayerStore *store, LayerEntry **ret, size_t *ret_n_entries, Error *error) _must_check_;
void layer_entries_free(LayerEntry *entries, size_t n_entries);

/* Reads a whole layer again and compares it with what was committed: *ret_damage is NULL, or says what differs (caller
 * frees). A damaged layer that nobody uses is removed. */
int layer_verify(LayerStore *store, const char *key, char **ret_damage, Error *error) _must_check_;

typedef struct StorePruned {
        uint64_t freed_bytes;
        size_t n_layers, n_blocks, n_packages;
} StorePruned;

/* Removes layers and packages that nobody uses, and blocks, least recently used first, until at most `limit_bytes` of all are
 * left. `ret` may be NULL. */
int layer_store_prune(LayerStore *store, uint64_t limit_bytes, StorePruned *ret, Error *error) _must_check_;
/* The same with the store's own limit, after something was added to the blocks. */
int layer_store_trim(LayerStore *store, Error *error) _must_check_;
