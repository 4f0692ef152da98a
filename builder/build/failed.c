/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "build/failed.h"

#include "base/file.h"
#include "build/job.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>

#define INFO_LIMIT_BYTES ((uint64_t) 8 << 20)

/* The drafts belong to the sandbox's ids, the folder to us. */
static int remove_folder(Sandbox *sandbox, const char *path, Error *error)
{
        static const char *const parts[] = { "tree", "work" };
        _cleanup_closedir_ DIR *directory = opendir(path);

        if (!directory && errno != ENOENT)
                return error_set_errno(error, errno, "Can't read %s", path);
        for (struct dirent *entry; directory && (entry = directory_next(directory));) {
                for (size_t i = 0; string_starts_with(entry->d_name, FAILED_DRAFT) && i < ELEMENTS(parts); i++) {
                        _cleanup_free_ char *part = NULL;
                        if (asprintf(&part, "%s/%s/%s", path, entry->d_name, parts[i]) < 0) {
                                part = NULL;
                                return error_out_of_memory(error);
                        }
                        int r = sandbox_remove_tree(sandbox, part, error);
                        if (r < 0)
                                return r;
                }
        }
        return remove_tree(AT_FDCWD, path, error);
}

/* Whoever looks inside holds a shared lock. */
static int remove_unused(Sandbox *sandbox, const char *path, Error *error)
{
        _cleanup_close_ int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

        if (fd < 0)
                return errno == ENOENT ? 0 : error_set_errno(error, errno, "Can't open %s", path);
        if (flock(fd, LOCK_EX | LOCK_NB) < 0)
                return error_set_errno(error, errno, "Somebody works in %s", path);
        return remove_folder(sandbox, path, error);
}

static int move_draft(LayerDraft *draft, const char *folder, size_t number, json_t *lowers, Error *error)
{
        _cleanup_free_ char *name = NULL, *path = NULL;

        if (asprintf(&name, FAILED_DRAFT "%zu", number) < 0)
                name = NULL;
        path = name ? path_join(folder, name) : NULL;
        if (!path || json_array_append_new(lowers, json_pack("{s:s}", "draft", name)) < 0) {
                layer_abandon(draft);
                return error_out_of_memory(error);
        }
        return layer_draft_move(draft, path, error);
}

/* The topmost first. Drafts below the failed one, of stages that are never stored, come along. */
static int move_trees(Job *job, size_t index, LayerDraft *draft, const char *folder, json_t *lowers, Error *error)
{
        int r = move_draft(draft, folder, index + 1, lowers, error);

        for (size_t i = job->stack.n; r == 0 && i-- > 0;) {
                if (job->stack.drafts[i])
                        r = move_draft(TAKE_PTR(job->stack.drafts[i]), folder, i + 1, lowers, error);
                else if (json_array_append_new(lowers, json_pack("{s:s}", "layer", layer_key(job->stack.layers[i]))) < 0)
                        r = error_out_of_memory(error);
        }
        return r;
}

static int describe(Job *job, size_t index, const char *folder, json_t *lowers, Error *error)
{
        _cleanup_json_ json_t *environment = json_array();

        for (char *const *text = job->stages[index].level->environment; environment && text && *text; text++)
                json_array_append_new(environment, json_string(*text));
        _cleanup_json_ json_t *json = json_pack("{s:s, s:I, s:s, s:O*, s:O}", "recipe", recipe_path(job->recipe), "stage",
                                                (json_int_t) index + 1, "kind",
                                                job->stages[index].kind->schema->name, "environment", environment,
                                                "lowers", lowers);
        _cleanup_free_ char *text = json ? json_dumps(json, JSON_SORT_KEYS | JSON_INDENT(1)) : NULL;
        _cleanup_free_ char *path = path_join(folder, FAILED_INFO);

        if (!text || !path)
                return error_out_of_memory(error);
        return write_file_atomic(AT_FDCWD, path, text, strlen(text), 0600, error);
}

/* Takes the draft. The description comes last: a folder without it is not whole, and the next failure's in its place. */
static int keep(Job *job, size_t index, LayerDraft *draft, const char *folder, Error *error)
{
        _cleanup_layer_draft_ LayerDraft *owned = draft;
        _cleanup_free_ char *parent = path_join(job->options->cache_directory, FAILED_DIRECTORY);
        _cleanup_json_ json_t *lowers = json_array();

        if (!parent || !lowers)
                return error_out_of_memory(error);
        int r = make_directories(parent, 0700, error);
        if (r == 0)
                r = remove_unused(job->sandbox, folder, error);
        if (r == 0 && mkdir(folder, 0700) < 0)
                r = error_set_errno(error, errno, "Can't make %s", folder);
        if (r == 0)
                r = move_trees(job, index, TAKE_PTR(owned), folder, lowers, error);
        return r < 0 ? r : describe(job, index, folder, lowers, error);
}

char *job_failed_directory(const Job *job)
{
        char *path = NULL;

        return asprintf(&path, "%s/" FAILED_DIRECTORY "/%s", job->options->cache_directory, job->stem) < 0 ? NULL : path;
}

bool job_keep_failed(Job *job, size_t index, LayerDraft *draft)
{
        _cleanup_error_ Error error = ERROR_INIT;
        _cleanup_free_ char *folder = job->options->trial ? NULL : job_failed_directory(job);

        if (!folder) {
                layer_abandon(draft);
                return false;
        }
        if (keep(job, index, draft, folder, &error) < 0) {
                report_warning(job->options->report, "What the failed stage left could not be kept: %s", error.message);
                return false;
        }
        if (job->options->keep_failed)
                report_note(job->options->report, "What the failed stage changed is kept in %s/" FAILED_DRAFT "%zu/tree",
                            folder, index + 1);
        return true;
}

void job_forget_failed(Job *job)
{
        _cleanup_free_ char *path = job_failed_directory(job);

        /* one that somebody looks at stays until the next time */
        if (path && remove_unused(job->sandbox, path, NULL) < 0)
                return;
}

/* ------------------------------------------------------------------------------------------------ looking at it */

void failed_tree_done(FailedTree *failed)
{
        if (failed->lock_fd >= 0)
                close(failed->lock_fd);
        free(failed->kind);
        strv_free(failed->lowers);
        strv_free(failed->environment);
        *failed = FAILED_TREE_INIT;
}

/* -ENOENT: there is nothing, or it is just being removed. */
static int lock_shared(const char *folder)
{
        _cleanup_close_ int fd = open(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

        if (fd < 0)
                return -errno;
        if (flock(fd, LOCK_SH | LOCK_NB) < 0)
                return errno == EWOULDBLOCK ? -ENOENT : -errno;
        return TAKE_FD(fd);
}

static int read_environment(const json_t *info, FailedTree *failed)
{
        const json_t *list = json_object_get(info, "environment");

        for (size_t i = 0; i < json_array_size(list); i++) {
                const char *text = json_string_value(json_array_get(list, i));
                if (text && strv_append(&failed->environment, text) < 0)
                        return -ENOMEM;
        }
        return 0;
}

static int use_layer(Job *job, const char *key, Error *error)
{
        Layer *layer = NULL;
        int r = layer_find(job->store, key, &layer, error);

        if (r < 0)
                return r;
        if (!layer) {
                error_set(error, -ENOENT, "What the failed stage left can't be shown: a layer below it is no longer in the store");
                return error_hint(error, "Build the recipe again: layers that are missing are made again");
        }
        return stack_push_layer(&job->stack, layer) < 0 ? error_out_of_memory(error) : 0;
}

/* Layers lie below drafts, always: above a draft nothing is stored. */
static int stack_trees(Job *job, const json_t *lowers, const char *folder, FailedTree *failed, Error *error)
{
        stack_reset(&job->stack, job->empty_key);
        for (size_t i = json_array_size(lowers); i-- > 0;) {
                const char *key = json_string_value(json_object_get(json_array_get(lowers, i), "layer"));
                int r = key ? use_layer(job, key, error) : 0;
                if (r < 0)
                        return r;
        }
        for (size_t i = 0; i < json_array_size(lowers); i++) {
                const char *draft = json_string_value(json_object_get(json_array_get(lowers, i), "draft"));
                if (draft && strv_appendf(&failed->lowers, "%s/%s/tree", folder, draft) < 0)
                        return error_out_of_memory(error);
        }
        return strv_extend(&failed->lowers, job->stack.lowers) < 0 ? error_out_of_memory(error) : 0;
}

int job_open_failed(Job *job, FailedTree *ret, bool *ret_found, Error *error)
{
        _cleanup_failed_tree_ FailedTree failed = FAILED_TREE_INIT;
        _cleanup_free_ char *folder = job_failed_directory(job);
        _cleanup_buffer_ Buffer text = BUFFER_INIT;

        *ret_found = false;
        if (!folder)
                return error_out_of_memory(error);
        failed.lock_fd = lock_shared(folder);
        if (failed.lock_fd == -ENOENT)
                return 0;
        if (failed.lock_fd < 0)
                return error_set_errno(error, -failed.lock_fd, "Can't open %s", folder);
        if (read_file(failed.lock_fd, FAILED_INFO, INFO_LIMIT_BYTES, &text, NULL) < 0)
                return 0;
        _cleanup_json_ json_t *info = json_loadb(text.data, text.length, JSON_REJECT_DUPLICATES, NULL);
        const char *kind = json_string_value(json_object_get(info, "kind"));
        failed.stage = (size_t) json_integer_value(json_object_get(info, "stage"));
        if (!kind || failed.stage == 0)
                return 0;
        failed.kind = strdup(kind);
        if (!failed.kind || read_environment(info, &failed) < 0)
                return error_out_of_memory(error);
        int r = stack_trees(job, json_object_get(info, "lowers"), folder, &failed, error);
        if (r < 0)
                return r;
        *ret = failed;
        failed = FAILED_TREE_INIT;
        *ret_found = true;
        return 0;
}
