/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "layers/blocks.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/strings.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

struct BlockStore {
        char *directory;
        int fd;
};

void block_store_close(BlockStore *store)
{
        if (!store)
                return;
        if (store->fd >= 0)
                close(store->fd);
        free(store->directory);
        free(store);
}

int block_store_fd(const BlockStore *store)
{
        return store->fd;
}

/* A second descriptor with an offset of its own. */
static int open_listing(const BlockStore *store, DIR **ret, Error *error)
{
        int fd = openat(store->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        *ret = fd < 0 ? NULL : fdopendir(fd);
        if (*ret)
                return 0;
        int errnum = errno;
        if (fd >= 0)
                close(fd);
        return error_set_errno(error, errnum, "Can't read %s", store->directory);
}

static void collect_draft(const BlockStore *store, const char *name)
{
        _cleanup_close_ int fd = openat(store->fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

        if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0)
                unlinkat(store->fd, name, 0);
}

static int collect_drafts(const BlockStore *store, Error *error)
{
        _cleanup_closedir_ DIR *directory = NULL;
        int r = open_listing(store, &directory, error);

        for (struct dirent *entry; r == 0 && (entry = directory_next(directory));)
                if (string_starts_with(entry->d_name, BLOCK_DRAFT_PREFIX))
                        collect_draft(store, entry->d_name);
        return r;
}

int block_store_open(const char *cache_directory, BlockStore **ret, Error *error)
{
        _cleanup_block_store_ BlockStore *store = calloc(1, sizeof *store);

        if (!store)
                return error_out_of_memory(error);
        store->fd = -1;
        store->directory = path_join(cache_directory, "blocks");
        if (!store->directory)
                return error_out_of_memory(error);
        int r = make_directories(store->directory, 0700, error);
        if (r < 0)
                return r;
        store->fd = open(store->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (store->fd < 0)
                return error_set_errno(error, errno, "Can't open %s", store->directory);
        r = collect_drafts(store, error);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(store);
        return 0;
}

static bool is_key(const char *name)
{
        return strlen(name) == BLOCK_KEY_SIZE - 1 && strspn(name, "0123456789abcdef") == BLOCK_KEY_SIZE - 1;
}

typedef struct Entries {
        BlockEntry *items;
        size_t n_items, allocated;
} Entries;

static int add_entry(const BlockStore *store, const char *key, Entries *entries)
{
        struct stat status;

        /* others may collect at the same time */
        if (fstatat(store->fd, key, &status, AT_SYMLINK_NOFOLLOW) < 0)
                return errno == ENOENT ? 0 : -errno;
        if (entries->n_items == entries->allocated) {
                size_t allocated = entries->allocated ? 2 * entries->allocated : 64;
                BlockEntry *items = reallocarray(entries->items, allocated, sizeof *items);
                if (!items)
                        return -ENOMEM;
                entries->items = items;
                entries->allocated = allocated;
        }
        BlockEntry *entry = &entries->items[entries->n_items++];
        *entry = (BlockEntry){ .size_bytes = (uint64_t) status.st_size, .used_sec = status.st_mtim.tv_sec };
        memcpy(entry->key, key, sizeof entry->key);
        return 0;
}

int block_store_list(BlockStore *store, BlockEntry **ret, size_t *ret_n_entries, Error *error)
{
        _cleanup_closedir_ DIR *directory = NULL;
        Entries entries = { 0 };
        int r = open_listing(store, &directory, error);

        if (r < 0)
                return r;
        for (struct dirent *entry; r == 0 && (entry = directory_next(directory));)
                r = is_key(entry->d_name) ? add_entry(store, entry->d_name, &entries) : 0;
        if (r == 0)
                r = -errno;
        if (r < 0) {
                free(entries.items);
                return error_set_errno(error, -r, "Can't read %s", store->directory);
        }
        *ret = entries.items;
        *ret_n_entries = entries.n_items;
        return 0;
}

int block_store_remove(BlockStore *store, const char *key, Error *error)
{
        if (unlinkat(store->fd, key, 0) < 0 && errno != ENOENT)
                return error_set_errno(error, errno, "Can't remove %s/%s", store->directory, key);
        return 0;
}

int block_store_verify(BlockStore *store, const char *key, Error *error)
{
        _cleanup_close_ int fd = openat(store->fd, key, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        StoredBlock block = { 0 };

        if (fd < 0)
                return errno == ENOENT ? 0 : error_set_errno(error, errno, "Can't open %s/%s", store->directory, key);
        int r = stored_block_read(fd, key, SIZE_MAX / 2, &block);
        free(block.data);
        if (r == -ENOMEM)
                return error_out_of_memory(error);
        if (r == 0)
                return 0;
        r = block_store_remove(store, key, error);
        return r < 0 ? r : 1;
}
