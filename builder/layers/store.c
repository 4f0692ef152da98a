/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "layers/store.h"

#include "base/file.h"
#include "layers/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>

#define INFO_LIMIT_BYTES ((uint64_t) 8 << 20)
#define LINKS_LIMIT_BYTES ((uint64_t) 256 << 20)

struct Layer {
        char key[LAYER_KEY_SIZE];
        int lock_fd; /* of the folder itself, shared */
        char *tree_path;
        int tree_fd;
        json_t *info;
        Buffer links;
};

int layer_remove_folder(LayerStore *store, const char *path, Error *error)
{
        static const char *const owned_by_sandbox[] = { "tree", "work" };

        for (size_t i = 0; i < ELEMENTS(owned_by_sandbox); i++) {
                _cleanup_free_ char *inner = path_join(path, owned_by_sandbox[i]);
                if (!inner)
                        return error_out_of_memory(error);
                int r = sandbox_remove_tree(store->sandbox, inner, error);
                if (r < 0)
                        return r;
        }
        return remove_tree(AT_FDCWD, path, error);
}

/* The lock of a folder is the folder: it goes with it, and a rename keeps it. */
int layer_lock_folder(const char *path, int operation)
{
        _cleanup_close_ int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

        if (fd < 0)
                return -errno;
        return flock(fd, operation) < 0 ? -errno : TAKE_FD(fd);
}

/* What can't be removed now is left to the next build. */
static void collect_drafts(LayerStore *store)
{
        _cleanup_closedir_ DIR *directory = opendir(store->directory);

        for (struct dirent *entry; directory && (entry = directory_next(directory));) {
                if (!string_starts_with(entry->d_name, LAYER_DRAFT_PREFIX))
                        continue;
                _cleanup_free_ char *path = path_join(store->directory, entry->d_name);
                _cleanup_close_ int fd = path ? layer_lock_folder(path, LOCK_EX | LOCK_NB) : -1;
                if (fd >= 0) {
                        int r = layer_remove_folder(store, path, NULL);
                        (void) r;
                }
        }
}

int layer_store_open(Sandbox *sandbox, const char *cache_directory, uint64_t limit_bytes, LayerStore **ret,
                     Error *error)
{
        _cleanup_layer_store_ LayerStore *store = calloc(1, sizeof *store);

        if (!store)
                return error_out_of_memory(error);
        *store = (LayerStore){ .sandbox = sandbox, .limit_bytes = limit_bytes };
        store->directory = path_join(cache_directory, "layers");
        store->locks = store->directory ? path_join(store->directory, ".locks") : NULL;
        if (!store->locks)
                return error_out_of_memory(error);
        int r = make_directories(store->locks, 0700, error);
        if (r < 0)
                return r;
        collect_drafts(store);
        r = block_store_open(cache_directory, &store->blocks, error);
        if (r == 0)
                r = package_store_open(cache_directory, &store->packages, error);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(store);
        return 0;
}

LayerStore *layer_store_close(LayerStore *store)
{
        if (!store)
                return NULL;
        block_store_close(store->blocks);
        package_store_close(store->packages);
        free(store->directory);
        free(store->locks);
        free(store);
        return NULL;
}

BlockStore *layer_store_blocks(const LayerStore *store)
{
        return store->blocks;
}

PackageStore *layer_store_packages(const LayerStore *store)
{
        return store->packages;
}

Layer *layer_release(Layer *layer)
{
        if (!layer)
                return NULL;
        if (layer->tree_fd >= 0)
                close(layer->tree_fd);
        if (layer->lock_fd >= 0)
                close(layer->lock_fd);
        json_decref(layer->info);
        buffer_done(&layer->links);
        free(layer->tree_path);
        free(layer);
        return NULL;
}

const char *layer_key(const Layer *layer)
{
        return layer->key;
}

const char *layer_tree_path(const Layer *layer)
{
        return layer->tree_path;
}

int layer_tree_fd(const Layer *layer)
{
        return layer->tree_fd;
}

const Buffer *layer_links(const Layer *layer)
{
        return &layer->links;
}

const json_t *layer_info(const Layer *layer)
{
        return layer->info;
}

json_t *layer_read_info(int folder_fd)
{
        _cleanup_buffer_ Buffer text = BUFFER_INIT;

        if (read_file(folder_fd, LAYER_INFO, INFO_LIMIT_BYTES, &text, NULL) < 0)
                return NULL;
        return json_loadb(text.data, text.length, JSON_REJECT_DUPLICATES, NULL);
}

/* Fills in what is in the folder; false when it isn't a whole layer. */
static bool load(Layer *layer)
{
        layer->info = layer_read_info(layer->lock_fd);
        layer->tree_fd = openat(layer->lock_fd, "tree", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        return layer->info && layer->tree_fd >= 0 &&
               read_file(layer->lock_fd, LAYER_LINKS, LINKS_LIMIT_BYTES, &layer->links, NULL) == 0;
}

int layer_find(LayerStore *store, const char *key, Layer **ret, Error *error)
{
        _cleanup_layer_ Layer *layer = calloc(1, sizeof *layer);
        _cleanup_free_ char *path = path_join(store->directory, key);

        if (!layer || !path)
                return error_out_of_memory(error);
        *layer = (Layer){ .lock_fd = -1, .tree_fd = -1, .tree_path = path_join(path, "tree") };
        if (!layer->tree_path)
                return error_out_of_memory(error);
        snprintf(layer->key, sizeof layer->key, "%s", key);
        *ret = NULL;
        layer->lock_fd = layer_lock_folder(path, LOCK_SH | LOCK_NB);
        if (layer->lock_fd == -ENOENT || layer->lock_fd == -EWOULDBLOCK)
                return 0; /* not there, or just being removed */
        if (layer->lock_fd < 0)
                return error_set_errno(error, -layer->lock_fd, "Can't open the layer %s", path);
        if (!load(layer))
                return 0;
        /* the last use, for the collection; a cache that can't be written to still serves */
        (void) !utimensat(layer->lock_fd, LAYER_INFO, NULL, 0);
        *ret = TAKE_PTR(layer);
        return 0;
}
