/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "build/workspace.h"

#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>

#define LOCK_NAME "lock"

/* Takes the lock of a work folder without waiting: the descriptor, or a negative errno (-EWOULDBLOCK: in use). */
static int lock_folder(const char *folder)
{
        _cleanup_free_ char *path = path_join(folder, LOCK_NAME);

        if (!path)
                return -ENOMEM;
        _cleanup_close_ int fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (fd < 0)
                return -errno;
        if (flock(fd, LOCK_EX | LOCK_NB) < 0)
                return -errno;
        return TAKE_FD(fd);
}

/* Failures are left to the next build: a folder that can't go must not stop this one. */
static void collect_leftovers(Sandbox *sandbox, const char *work_directory)
{
        _cleanup_closedir_ DIR *directory = opendir(work_directory);

        for (struct dirent *entry; directory && (entry = directory_next(directory));) {
                if (entry->d_name[0] == '.')
                        continue;
                _cleanup_free_ char *folder = path_join(work_directory, entry->d_name);
                _cleanup_close_ int lock_fd = folder ? lock_folder(folder) : -1;
                if (lock_fd >= 0) {
                        int r = sandbox_remove_tree(sandbox, folder, NULL);
                        (void) r;
                }
        }
}

static int newest_first(const void *a, const void *b)
{
        return strcmp(strrchr(*(char *const *) b, '@'), strrchr(*(char *const *) a, '@'));
}

static void prune_logs(const char *logs_directory)
{
        _cleanup_closedir_ DIR *directory = opendir(logs_directory);
        _cleanup_strv_ char **names = NULL;

        for (struct dirent *entry; directory && (entry = directory_next(directory));)
                if (strchr(entry->d_name, '@') && string_ends_with(entry->d_name, ".log") &&
                    strv_append(&names, entry->d_name) < 0)
                        return;
        size_t n = strv_length(names);
        if (n < WORKSPACE_LOGS)
                return;
        qsort(names, n, sizeof(char *), newest_first);
        for (size_t i = WORKSPACE_LOGS - 1; i < n; i++)
                unlinkat(dirfd(directory), names[i], 0);
}

static int choose_log(const char *cache_directory, const char *image_name, char **ret_path, Error *error)
{
        _cleanup_free_ char *logs = path_join(cache_directory, "logs");
        char stamp[32];
        time_t now = time(NULL);
        struct tm utc;

        if (!logs)
                return error_out_of_memory(error);
        int r = make_directories(logs, 0700, error);
        if (r < 0)
                return r;
        prune_logs(logs);
        strftime(stamp, sizeof stamp, "%Y%m%dT%H%M%SZ", gmtime_r(&now, &utc));
        if (asprintf(ret_path, "%s/%s@%s-%d.log", logs, image_name, stamp, (int) getpid()) < 0) {
                *ret_path = NULL;
                return error_out_of_memory(error);
        }
        return 0;
}

/* stage/ belongs to us and lets the sandbox's ids write: both put files there. Its parent is ours alone. */
static int make_stage_directory(Workspace *workspace, Error *error)
{
        if (!workspace->stage_path)
                workspace->stage_path = path_join(workspace->directory, "stage");
        if (!workspace->stage_path)
                return error_out_of_memory(error);
        if (mkdir(workspace->stage_path, 0700) < 0 || chmod(workspace->stage_path, 0777) < 0)
                return error_set_errno(error, errno, "Can't make %s", workspace->stage_path);
        return 0;
}

static int open_tree_directory(Workspace *workspace, Error *error)
{
        int r = sandbox_make_directory(workspace->sandbox, workspace->directory, "tree", error);

        if (r == 0)
                r = sandbox_make_directory(workspace->sandbox, workspace->directory, "work", error);
        if (r < 0)
                return r;
        if (!workspace->tree_path)
                workspace->tree_path = path_join(workspace->directory, "tree");
        if (!workspace->work_path)
                workspace->work_path = path_join(workspace->directory, "work");
        if (!workspace->tree_path || !workspace->work_path)
                return error_out_of_memory(error);
        workspace->tree_fd = open(workspace->tree_path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (workspace->tree_fd < 0)
                return error_set_errno(error, errno, "Can't open %s", workspace->tree_path);
        return 0;
}

static int make_work_folder(Workspace *workspace, const char *work_directory, Error *error)
{
        int r = make_directories(work_directory, 0700, error);

        if (r < 0)
                return r;
        /* nobody collects a folder between its making and its locking */
        _cleanup_close_ int guard_fd = open(work_directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (guard_fd < 0 || flock(guard_fd, LOCK_EX) < 0)
                return error_set_errno(error, errno, "Can't lock %s", work_directory);
        collect_leftovers(workspace->sandbox, work_directory);
        r = make_temporary_directory(work_directory, "BUILD-", &workspace->directory, error);
        if (r < 0)
                return r;
        workspace->lock_fd = lock_folder(workspace->directory);
        if (workspace->lock_fd < 0)
                return error_set_errno(error, -workspace->lock_fd, "Can't lock %s", workspace->directory);
        return 0;
}

int workspace_open(Sandbox *sandbox, const char *cache_directory, const char *image_name, Workspace *ret, Error *error)
{
        _cleanup_workspace_ Workspace workspace = WORKSPACE_INIT;
        _cleanup_free_ char *work = path_join(cache_directory, "work");

        if (!work)
                return error_out_of_memory(error);
        workspace.sandbox = sandbox;
        int r = make_work_folder(&workspace, work, error);
        if (r == 0)
                r = choose_log(cache_directory, image_name, &workspace.log_path, error);
        if (r == 0)
                r = open_tree_directory(&workspace, error);
        if (r == 0)
                r = make_stage_directory(&workspace, error);
        if (r < 0)
                return r;
        *ret = workspace;
        workspace = WORKSPACE_INIT;
        return 0;
}

void workspace_close(Workspace *workspace)
{
        if (workspace->tree_fd >= 0)
                close(workspace->tree_fd);
        if (workspace->directory) {
                int r = sandbox_remove_tree(workspace->sandbox, workspace->directory, NULL);
                (void) r;
        }
        if (workspace->lock_fd >= 0)
                close(workspace->lock_fd);
        free(workspace->directory);
        free(workspace->tree_path);
        free(workspace->work_path);
        free(workspace->stage_path);
        free(workspace->log_path);
        *workspace = WORKSPACE_INIT;
}

int workspace_reset_stage(Workspace *workspace, Error *error)
{
        int r = sandbox_remove_tree(workspace->sandbox, workspace->stage_path, error);

        if (r == 0)
                r = remove_tree(AT_FDCWD, workspace->stage_path, error);
        return r < 0 ? r : make_stage_directory(workspace, error);
}

int workspace_reset_tree(Workspace *workspace, Error *error)
{
        cleanup_close(&workspace->tree_fd);
        workspace->tree_fd = -1;
        int r = sandbox_remove_tree(workspace->sandbox, workspace->tree_path, error);
        if (r == 0)
                r = sandbox_remove_tree(workspace->sandbox, workspace->work_path, error);
        return r < 0 ? r : open_tree_directory(workspace, error);
}

struct timespec workspace_time(const Workspace *workspace)
{
        struct stat status;

        return fstat(workspace->tree_fd, &status) == 0 ? status.st_ctim : (struct timespec){ 0 };
}
