/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "layers/store.h"

/* Shared by store.c (find), draft.c (build, commit), collect.c (list, verify, remove) and prune.c. */

#define LAYER_INFO "info.json"
#define LAYER_LINKS "links"
#define LAYER_DRAFT_PREFIX ".new-"

struct LayerStore {
        Sandbox *sandbox; /* borrowed */
        char *directory, *locks;
        BlockStore *blocks;
        PackageStore *packages;
        uint64_t limit_bytes;
        uint64_t size_bytes; /* of all that is kept, as far as is known: looked at once, then added to */
        bool measured;
};

/* Opens a folder and takes its lock (flock(2) operation): descriptor or negative errno. */
int layer_lock_folder(const char *path, int operation) _must_check_;
int layer_remove_folder(LayerStore *store, const char *path, Error *error) _must_check_;
/* Removes a layer that nobody uses: 1 when it is gone, 0 when it is in use or not there. */
int layer_remove_unused(LayerStore *store, const char *key, Error *error) _must_check_;
/* Of layers, blocks and packages together. */
int layer_store_size(LayerStore *store, uint64_t *ret_size_bytes, Error *error) _must_check_;
/* The content of info.json; NULL when it can't be read. The caller owns the reference. */
json_t *layer_read_info(int folder_fd);
