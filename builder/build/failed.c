/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "build/failed.h"

#include "base/file.h"
#include "build/job.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>

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
        _cleanup_json_ json_t *json = json_pack("{s:s, s:I, s:s, s:O}", "recipe", recipe_path(job->recipe), "stage",
                                                (json_int_t) index + 1, "kind",
                                                job->stages[index].kind->schema->name, "lowers", lowers);
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

void job_keep_failed(Job *job, size_t index, LayerDraft *draft)
{
        _cleanup_error_ Error error = ERROR_INIT;
        _cleanup_free_ char *folder = job_failed_directory(job);

        if (!folder) {
                layer_abandon(draft);
                return;
        }
        if (keep(job, index, draft, folder, &error) < 0)
                report_warning(job->options->report, "What the failed stage left could not be kept: %s", error.message);
        else if (job->options->keep_failed)
                report_note(job->options->report, "What the failed stage changed is kept in %s/" FAILED_DRAFT "%zu/tree",
                            folder, index + 1);
}

void job_forget_failed(Job *job)
{
        _cleanup_free_ char *path = job_failed_directory(job);

        /* one that somebody looks at stays until the next time */
        if (path && remove_unused(job->sandbox, path, NULL) < 0)
                return;
}
