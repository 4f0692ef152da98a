/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/cancel.h"
#include "base/file.h"
#include "layers/internal.h"
#include "layers/links.h"
#include "layers/measure.h"
#include "layers/upper.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>

#define WAIT_NSEC 50000000
#define FOLDER_ATTEMPTS 16

struct LayerDraft {
        LayerStore *store;
        char key[LAYER_KEY_SIZE];
        char *path, *upper_path, *work_path;
        int folder_lock_fd; /* exclusive: nobody collects the folder */
        int key_lock_fd;    /* exclusive: nobody else builds the key */
        int upper_fd;
        Buffer taken, links;
        struct timespec start; /* by the clock of the file system, which is not quite time(2)'s */
};

/* flock(2) that can be interrupted: a wait for another build may be long. */
static int lock_patiently(int fd, void (*waiting)(void *userdata), void *userdata, Error *error)
{
        while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
                if (errno != EWOULDBLOCK && errno != EINTR)
                        return error_set_errno(error, errno, "Can't lock a layer");
                if (cancel_signal())
                        return error_cancelled(error);
                if (waiting)
                        waiting(userdata);
                waiting = NULL;
                nanosleep(&(struct timespec){ .tv_nsec = WAIT_NSEC }, NULL);
        }
        return 0;
}

/* Whoever holds the lock removes its file in the end; who waited for that one starts again with the next. */
static int lock_key(LayerStore *store, LayerDraft *draft, void (*waiting)(void *userdata), void *userdata, Error *error)
{
        _cleanup_free_ char *path = path_join(store->locks, draft->key);

        if (!path)
                return error_out_of_memory(error);
        for (;;) {
                struct stat status;
                _cleanup_close_ int fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
                if (fd < 0)
                        return error_set_errno(error, errno, "Can't make the lock %s", path);
                int r = lock_patiently(fd, waiting, userdata, error);
                if (r < 0)
                        return r;
                if (fstat(fd, &status) < 0)
                        return error_set_errno(error, errno, "Can't look at the lock %s", path);
                if (status.st_nlink > 0) {
                        draft->key_lock_fd = TAKE_FD(fd);
                        return 0;
                }
                waiting = NULL;
        }
}

static void unlock_key(LayerDraft *draft)
{
        _cleanup_free_ char *path = draft->key_lock_fd >= 0 ? path_join(draft->store->locks, draft->key) : NULL;

        if (path)
                unlink(path);
}

/* With the key's lock in hand: the layer, or room for it. A folder that is no layer goes; one that is locked at this
 * moment, by somebody who lists or verifies the store, is looked at again. */
static int find_or_clear(LayerStore *store, const char *key, Layer **ret, Error *error)
{
        _cleanup_free_ char *path = path_join(store->directory, key);

        if (!path)
                return error_out_of_memory(error);
        for (;;) {
                int r = layer_find(store, key, ret, error);
                if (r < 0 || *ret || access(path, F_OK) < 0)
                        return r;
                r = layer_remove_unused(store, key, error);
                if (r < 0)
                        return r;
                if (cancel_signal())
                        return error_cancelled(error);
                if (r == 0)
                        nanosleep(&(struct timespec){ .tv_nsec = WAIT_NSEC }, NULL);
        }
}

static int make_room(LayerStore *store, Error *error)
{
        int r = store->measured ? 0 : layer_store_size(store, &store->size_bytes, error);
        StorePruned pruned;

        if (r < 0)
                return r;
        store->measured = true;
        if (store->size_bytes <= store->limit_bytes)
                return 0;
        r = layer_store_prune(store, store->limit_bytes, &pruned, error);
        if (r == 0)
                store->size_bytes -= pruned.freed_bytes < store->size_bytes ? pruned.freed_bytes : store->size_bytes;
        return r;
}

int layer_store_trim(LayerStore *store, Error *error)
{
        store->measured = false;
        return make_room(store, error);
}

/* Another process collects what is not locked, also in the instant between the two steps here. */
static int make_folder(LayerDraft *draft, Error *error)
{
        for (unsigned attempt = 0; attempt < FOLDER_ATTEMPTS; attempt++) {
                struct stat status;
                free(TAKE_PTR(draft->path));
                int r = make_temporary_directory(draft->store->directory, LAYER_DRAFT_PREFIX, &draft->path, error);
                if (r < 0)
                        return r;
                draft->folder_lock_fd = layer_lock_folder(draft->path, LOCK_EX | LOCK_NB);
                if (draft->folder_lock_fd >= 0 && stat(draft->path, &status) == 0)
                        return 0;
                if (draft->folder_lock_fd >= 0)
                        close(TAKE_FD(draft->folder_lock_fd));
        }
        return error_set(error, -EBUSY, "Can't lock %s", draft->path);
}

static int make_parts(LayerDraft *draft, Error *error)
{
        Sandbox *sandbox = draft->store->sandbox;
        struct stat status;

        draft->upper_path = path_join(draft->path, "tree");
        draft->work_path = path_join(draft->path, "work");
        if (!draft->upper_path || !draft->work_path)
                return error_out_of_memory(error);
        int r = sandbox_make_directory(sandbox, draft->path, "tree", error);
        if (r == 0)
                r = sandbox_make_directory(sandbox, draft->path, "work", error);
        if (r < 0)
                return r;
        draft->upper_fd = openat(draft->folder_lock_fd, "tree", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (draft->upper_fd < 0 || fstat(draft->upper_fd, &status) < 0)
                return error_set_errno(error, errno, "Can't open %s", draft->upper_path);
        draft->start = status.st_ctim;
        return 0;
}

static int make_draft(LayerDraft *draft, const char *below, Error *error)
{
        int r = make_room(draft->store, error);

        if (r == 0)
                r = make_folder(draft, error);
        if (r == 0)
                r = make_parts(draft, error);
        return r == 0 && below ? upper_inherit_root(draft->store->sandbox, below, draft->upper_fd, error) : r;
}

static LayerDraft *new_draft(LayerStore *store, const char *key)
{
        LayerDraft *draft = calloc(1, sizeof *draft);

        if (!draft)
                return NULL;
        *draft = (LayerDraft){ .store = store, .folder_lock_fd = -1, .key_lock_fd = -1, .upper_fd = -1 };
        snprintf(draft->key, sizeof draft->key, "%s", key);
        return draft;
}

int layer_begin(LayerStore *store, const char *key, const char *below, void (*waiting)(void *userdata), void *userdata,
                Layer **ret_layer, LayerDraft **ret_draft, Error *error)
{
        _cleanup_layer_draft_ LayerDraft *draft = new_draft(store, key);

        if (!draft)
                return error_out_of_memory(error);
        *ret_layer = NULL;
        *ret_draft = NULL;
        int r = lock_key(store, draft, waiting, userdata, error);
        if (r == 0)
                r = find_or_clear(store, key, ret_layer, error);
        if (r < 0 || *ret_layer)
                return r;
        r = make_draft(draft, below, error);
        if (r < 0)
                return r;
        *ret_draft = TAKE_PTR(draft);
        return 0;
}

int layer_scratch(LayerStore *store, const char *below, LayerDraft **ret, Error *error)
{
        _cleanup_layer_draft_ LayerDraft *draft = new_draft(store, "");

        if (!draft)
                return error_out_of_memory(error);
        int r = make_draft(draft, below, error);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(draft);
        return 0;
}

const char *layer_draft_upper_path(const LayerDraft *draft)
{
        return draft->upper_path;
}

const char *layer_draft_work_path(const LayerDraft *draft)
{
        return draft->work_path;
}

int layer_draft_upper_fd(const LayerDraft *draft)
{
        return draft->upper_fd;
}

int layer_draft_prepare(LayerDraft *draft, char *const *lowers, const Buffer *links, Error *error)
{
        SandboxTree tree = {
                .directory_fd = draft->upper_fd, .lowers = lowers, .upper = draft->upper_path, .work = draft->work_path
        };

        buffer_done(&draft->taken);
        return lowers ? links_take(draft->store->sandbox, &tree, links, &draft->taken, error) : 0;
}

int layer_draft_seal(LayerDraft *draft, int64_t epoch_sec, Error *error)
{
        Sandbox *sandbox = draft->store->sandbox;
        int r = links_leave(sandbox, draft->upper_fd, &draft->taken, error);

        buffer_done(&draft->taken);
        buffer_done(&draft->links);
        if (r == 0)
                r = links_collect(sandbox, draft->upper_fd, &draft->links, error);
        return r == 0 ? upper_seal(sandbox, draft->upper_fd, draft->start, epoch_sec, error) : r;
}

const Buffer *layer_draft_links(const LayerDraft *draft)
{
        return &draft->links;
}

int layer_draft_move(LayerDraft *draft, const char *path, Error *error)
{
        _cleanup_layer_draft_ LayerDraft *owned = draft;

        if (rename(owned->path, path) < 0)
                return error_set_errno(error, errno, "Can't move %s to %s", owned->path, path);
        free(TAKE_PTR(owned->path)); /* nothing left to remove */
        return 0;
}

LayerDraft *layer_abandon(LayerDraft *draft)
{
        if (!draft)
                return NULL;
        if (draft->path) {
                int r = layer_remove_folder(draft->store, draft->path, NULL);
                (void) r;
        }
        unlock_key(draft);
        int fds[] = { draft->upper_fd, draft->folder_lock_fd, draft->key_lock_fd };
        for (size_t i = 0; i < ELEMENTS(fds); i++)
                if (fds[i] >= 0)
                        close(fds[i]);
        buffer_done(&draft->taken);
        buffer_done(&draft->links);
        free(draft->path);
        free(draft->upper_path);
        free(draft->work_path);
        free(draft);
        return NULL;
}

/* info.json, with what the tree measures. */
static int write_info(LayerDraft *draft, const json_t *info, Error *error)
{
        LayerMeasure measure;
        int r = layer_measure(draft->store->sandbox, draft->upper_fd, &measure, error);

        if (r < 0)
                return r;
        _cleanup_json_ json_t *measured = json_pack("{s:I, s:I, s:s}", "size_bytes", (json_int_t) measure.size_bytes,
                                                    "entries", (json_int_t) measure.n_entries, "tree_digest",
                                                    measure.digest);
        if (!measured || json_object_update_missing(measured, (json_t *) info) < 0)
                return error_out_of_memory(error);
        _cleanup_free_ char *text = json_dumps(measured, JSON_SORT_KEYS | JSON_INDENT(1));
        if (!text)
                return error_out_of_memory(error);
        r = write_file_atomic(draft->folder_lock_fd, LAYER_LINKS, draft->links.data ? draft->links.data : "",
                              draft->links.length, 0600, error);
        return r < 0 ? r : write_file_atomic(draft->folder_lock_fd, LAYER_INFO, text, strlen(text), 0600, error);
}

/* One sync of the file system, one rename: programs inside wrote without any (overlay's volatile, see sandbox/). */
static int sync_and_rename(LayerDraft *draft, Error *error)
{
        _cleanup_free_ char *path = path_join(draft->store->directory, draft->key);

        if (!path)
                return error_out_of_memory(error);
        int r = sandbox_remove_tree(draft->store->sandbox, draft->work_path, error);
        if (r < 0)
                return r;
        if (syncfs(draft->folder_lock_fd) < 0)
                return error_set_errno(error, errno, "Can't sync the file system of %s", draft->path);
        if (rename(draft->path, path) < 0)
                return error_set_errno(error, errno, "Can't move a layer to %s", path);
        free(TAKE_PTR(draft->path));
        return 0;
}

int layer_commit(LayerDraft *draft, const json_t *info, Layer **ret, Error *error)
{
        _cleanup_layer_draft_ LayerDraft *owned = draft;
        int r = write_info(owned, info, error);

        if (r == 0)
                r = sync_and_rename(owned, error);
        if (r < 0)
                return r;
        if (flock(owned->folder_lock_fd, LOCK_SH) < 0)
                return error_set_errno(error, errno, "Can't keep the layer %s", owned->key);
        r = layer_find(owned->store, owned->key, ret, error);
        if (r < 0)
                return r;
        if (!*ret)
                return error_set(error, -EIO, "The layer %s was damaged while it was stored", owned->key);
        owned->store->size_bytes += (uint64_t) json_integer_value(json_object_get(layer_info(*ret), "size_bytes"));
        return 0;
}
