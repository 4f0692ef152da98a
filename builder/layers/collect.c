/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/file.h"
#include "layers/internal.h"
#include "layers/measure.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>

void layer_entries_free(LayerEntry *entries, size_t n_entries)
{
        for (size_t i = 0; i < n_entries; i++)
                json_decref(entries[i].info);
        free(entries);
}

typedef struct LayerEntries {
        LayerEntry *items;
        size_t n_items;
} LayerEntries;

static void entries_done(LayerEntries *entries)
{
        layer_entries_free(entries->items, entries->n_items);
}

static bool is_key(const char *name)
{
        return strlen(name) == LAYER_KEY_SIZE - 1 && strspn(name, "0123456789abcdef") == LAYER_KEY_SIZE - 1;
}

static int add_layer(LayerStore *store, const char *key, LayerEntries *entries)
{
        _cleanup_free_ char *path = path_join(store->directory, key);
        struct stat status;

        if (!path)
                return -ENOMEM;
        _cleanup_close_ int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0)
                return errno == ENOENT ? 0 : -errno;
        LayerEntry *grown = reallocarray(entries->items, entries->n_items + 1, sizeof *grown);
        if (!grown)
                return -ENOMEM;
        entries->items = grown;
        LayerEntry *entry = &grown[entries->n_items++];
        *entry = (LayerEntry){ .info = layer_read_info(fd) };
        snprintf(entry->key, sizeof entry->key, "%s", key);
        if (fstatat(fd, LAYER_INFO, &status, AT_SYMLINK_NOFOLLOW) == 0)
                entry->used_sec = status.st_mtim.tv_sec;
        entry->size_bytes = (uint64_t) json_integer_value(json_object_get(entry->info, "size_bytes"));
        entry->in_use = flock(fd, LOCK_EX | LOCK_NB) < 0;
        return 0;
}

static int least_recently_used_first(const void *a, const void *b)
{
        const LayerEntry *x = a, *y = b;

        if (x->used_sec != y->used_sec)
                return x->used_sec < y->used_sec ? -1 : 1;
        return strcmp(x->key, y->key);
}

int layer_list(LayerStore *store, LayerEntry **ret, size_t *ret_n_entries, Error *error)
{
        _cleanup_(entries_done) LayerEntries entries = { 0 };
        _cleanup_closedir_ DIR *directory = opendir(store->directory);

        if (!directory)
                return error_set_errno(error, errno, "Can't read %s", store->directory);
        for (struct dirent *entry; (entry = directory_next(directory));) {
                int r = is_key(entry->d_name) ? add_layer(store, entry->d_name, &entries) : 0;
                if (r < 0)
                        return error_set_errno(error, -r, "Can't look at the layer %s", entry->d_name);
        }
        if (errno)
                return error_set_errno(error, errno, "Can't read %s", store->directory);
        if (entries.n_items > 1)
                qsort(entries.items, entries.n_items, sizeof *entries.items, least_recently_used_first);
        *ret = TAKE_PTR(entries.items);
        *ret_n_entries = entries.n_items;
        entries.n_items = 0;
        return 0;
}

/* The rename comes first, so that nobody finds half of it. */
int layer_remove_unused(LayerStore *store, const char *key, Error *error)
{
        _cleanup_free_ char *path = path_join(store->directory, key), *doomed = NULL;

        if (!path || asprintf(&doomed, "%s/.new-old-%s", store->directory, key) < 0) {
                doomed = NULL;
                return error_out_of_memory(error);
        }
        _cleanup_close_ int fd = layer_lock_folder(path, LOCK_EX | LOCK_NB);
        if (fd == -EWOULDBLOCK || fd == -ENOENT)
                return 0;
        if (fd < 0)
                return error_set_errno(error, -fd, "Can't lock %s", path);
        if (rename(path, doomed) < 0)
                return error_set_errno(error, errno, "Can't remove %s", path);
        int r = layer_remove_folder(store, doomed, error);
        return r < 0 ? r : 1;
}

/* What differs between a layer as it is and as it was committed; NULL when nothing does. */
static int find_damage(LayerStore *store, const char *key, const char **ret, Error *error)
{
        _cleanup_layer_ Layer *layer = NULL;
        LayerMeasure measure;
        int r = layer_find(store, key, &layer, error);

        if (r < 0)
                return r;
        if (!layer) {
                *ret = "its description can't be read";
                return 0;
        }
        const char *digest = json_string_value(json_object_get(layer_info(layer), "tree_digest"));
        _cleanup_error_ Error measure_error = ERROR_INIT;
        if (layer_measure(store->sandbox, layer_tree_fd(layer), &measure, &measure_error) < 0)
                *ret = "its files can't be read";
        else if (!digest || strcmp(digest, measure.digest) != 0)
                *ret = "its files are not those that were stored";
        return 0;
}

int layer_verify(LayerStore *store, const char *key, char **ret_damage, Error *error)
{
        const char *damage = NULL;
        int r = find_damage(store, key, &damage, error);

        *ret_damage = NULL;
        if (r < 0 || !damage)
                return r;
        *ret_damage = strdup(damage);
        if (!*ret_damage)
                return error_out_of_memory(error);
        r = layer_remove_unused(store, key, error);
        return r < 0 ? r : 0;
}
