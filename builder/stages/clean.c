/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "stages/clean.h"

#include "base/file.h"
#include "stages/clean_rules.h"
#include "stages/python_cache.h"
#include "stages/tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <string.h>

typedef struct CleanJob {
        char *const *keep;
        NormaliseDates dates;
} CleanJob;

static int read_names(DIR *directory, char ***ret)
{
        _cleanup_strv_ char **names = NULL;

        for (struct dirent *entry; (entry = directory_next(directory));) {
                if (strv_append(&names, entry->d_name) < 0)
                        return -ENOMEM;
        }
        if (errno)
                return -errno;
        *ret = TAKE_PTR(names);
        return 0;
}

/* True for a file that a rule which keeps /var/log's login records leaves to another rule. */
static bool kept_by_truncate(const CleanRule *rule, const char *name, unsigned depth)
{
        if (rule->action != CLEAN_FILES || depth > 0)
                return false;
        for (size_t i = 0; i < clean_n_rules; i++)
                if (clean_rules[i].action == CLEAN_TRUNCATE && strcmp(clean_rules[i].directory, rule->directory) == 0 &&
                    fnmatch(clean_rules[i].pattern, name, 0) == 0)
                        return true;
        return false;
}

static int remove_files(const CleanRule *rule, int fd, dev_t device, unsigned depth, Error *error);

static int remove_one_file(const CleanRule *rule, int directory_fd, const char *name, dev_t device, unsigned depth,
                           Error *error)
{
        struct stat status;

        if (fstatat(directory_fd, name, &status, AT_SYMLINK_NOFOLLOW) < 0)
                return errno == ENOENT ? 0 : error_set_errno(error, errno, "Can't look at %s", name);
        if (S_ISDIR(status.st_mode)) {
                /* a pattern that names one file means this directory only */
                if (strcmp(rule->pattern, "*") != 0 || status.st_dev != device)
                        return 0;
                int fd = openat(directory_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
                if (fd < 0)
                        return error_set_errno(error, errno, "Can't open %s", name);
                return remove_files(rule, fd, device, depth + 1, error);
        }
        if (fnmatch(rule->pattern, name, 0) != 0 ||
            (S_ISREG(status.st_mode) && kept_by_truncate(rule, name, depth)))
                return 0;
        /* a named file that is a link (dbus' machine-id, resolv.conf of systemd-resolved) belongs to a package */
        if (S_ISLNK(status.st_mode) && strcmp(rule->pattern, "*") != 0)
                return 0;
        return remove_tree(directory_fd, name, error);
}

/* Takes `fd`. */
static int remove_files(const CleanRule *rule, int fd, dev_t device, unsigned depth, Error *error)
{
        _cleanup_closedir_ DIR *directory = fdopendir(fd);
        _cleanup_strv_ char **names = NULL;

        if (!directory) {
                close(fd);
                return error_out_of_memory(error);
        }
        int r = read_names(directory, &names);
        if (r < 0)
                return error_set_errno(error, -r, "Can't read the directory");
        for (char **name = names; r == 0 && name && *name; name++)
                r = remove_one_file(rule, dirfd(directory), *name, device, depth, error);
        return r;
}

/* Takes `fd`. */
static int remove_matching(const CleanRule *rule, int fd, Error *error)
{
        _cleanup_closedir_ DIR *directory = fdopendir(fd);
        _cleanup_strv_ char **names = NULL;

        if (!directory) {
                close(fd);
                return error_out_of_memory(error);
        }
        int r = read_names(directory, &names);
        if (r < 0)
                return error_set_errno(error, -r, "Can't read the directory");
        for (char **name = names; r == 0 && name && *name; name++)
                if (fnmatch(rule->pattern, *name, 0) == 0)
                        r = remove_tree(dirfd(directory), *name, error);
        return r;
}

static int truncate_file(int directory_fd, const char *name, Error *error)
{
        _cleanup_close_ int fd =
                openat(directory_fd, name, O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
        struct stat status;

        /* a link or a FIFO: not a record, the rule for files removes it */
        if (fd < 0)
                return errno == ENOENT || errno == ELOOP || errno == ENXIO || errno == EISDIR
                               ? 0
                               : error_set_errno(error, errno, "Can't open %s", name);
        if (fstat(fd, &status) < 0 || !S_ISREG(status.st_mode))
                return 0;
        return ftruncate(fd, 0) < 0 ? error_set_errno(error, errno, "Can't empty %s", name) : 0;
}

/* A new empty file in the place of whatever is there; an empty one already is left alone. */
static int make_empty(int root_fd, const CleanRule *rule, Error *error)
{
        _cleanup_free_ char *path = path_join(rule->directory, rule->pattern);
        _cleanup_close_ int fd = tree_open_strict(root_fd, path ?: "/", O_PATH);
        struct stat status;
        bool found;

        if (!path)
                return error_out_of_memory(error);
        if (fd >= 0 && fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && status.st_size == 0)
                return 0;
        int r = tree_remove(root_fd, path, &found, error);
        return r < 0 ? r : tree_write(root_fd, path, &(TreeFile){ .data = "", .source_fd = -1, .mode = 0444 }, error);
}

static int rewrite_file(int root_fd, const CleanRule *rule, const NormaliseDates *dates, Error *error)
{
        _cleanup_free_ char *path = path_join(rule->directory, rule->pattern);
        _cleanup_buffer_ Buffer before = BUFFER_INIT, after = BUFFER_INIT;
        struct stat status;

        if (!path)
                return error_out_of_memory(error);
        _cleanup_close_ int fd = tree_open_strict(root_fd, path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
        /* a link belongs to whoever made it, and so does what it points to */
        if (fd < 0 || fstat(fd, &status) < 0 || !S_ISREG(status.st_mode))
                return 0;
        int r = tree_read(root_fd, path, &before, error);
        if (r < 0)
                return r;
        r = rule->normalise(&before, dates, &after);
        if (r == -EBADMSG)
                return 0;
        if (r < 0)
                return error_set_errno(error, -r, "Can't rewrite %s", path);
        if (after.length == before.length && (after.length == 0 || memcmp(after.data, before.data, after.length) == 0))
                return 0;
        return tree_rewrite(root_fd, path, after.data, after.length, error);
}

/* Takes `fd`. */
static int remove_links(const CleanRule *rule, int fd, Error *error)
{
        _cleanup_closedir_ DIR *directory = fdopendir(fd);
        _cleanup_strv_ char **names = NULL;
        size_t length = strlen(rule->pattern);

        if (!directory) {
                close(fd);
                return error_out_of_memory(error);
        }
        int r = read_names(directory, &names);
        if (r < 0)
                return error_set_errno(error, -r, "Can't read the directory");
        for (char **name = names; r == 0 && name && *name; name++) {
                char target[NAME_MAX + 1];
                ssize_t n = readlinkat(dirfd(directory), *name, target, sizeof target);
                if (n == (ssize_t) length && memcmp(target, rule->pattern, length) == 0)
                        r = remove_tree(dirfd(directory), *name, error);
        }
        return r;
}

static int apply_rule(int root_fd, const CleanRule *rule, const CleanJob *job, Error *error)
{
        _cleanup_close_ int fd = tree_open_strict(root_fd, rule->directory, O_RDONLY | O_DIRECTORY);
        struct stat status;

        if (fd == -ENOENT || fd == -ELOOP || fd == -ENOTDIR)
                return 0;
        if (fd < 0)
                return error_set_errno(error, -fd, "Can't open the directory");
        switch (rule->action) {
        case CLEAN_REMOVE:
                return remove_matching(rule, TAKE_FD(fd), error);
        case CLEAN_FILES:
                if (fstat(fd, &status) < 0)
                        return error_set_errno(error, errno, "Can't look at the directory");
                return remove_files(rule, TAKE_FD(fd), status.st_dev, 0, error);
        case CLEAN_TRUNCATE:
                return truncate_file(fd, rule->pattern, error);
        case CLEAN_EMPTY:
                return make_empty(root_fd, rule, error);
        case CLEAN_LINKS:
                return remove_links(rule, TAKE_FD(fd), error);
        case CLEAN_REWRITE:
                return rewrite_file(root_fd, rule, &job->dates, error);
        case CLEAN_PYTHON:
                return python_cache_clean(root_fd, job->dates.epoch_sec, error);
        }
        return 0;
}

static int clean_tree(int root_fd, void *userdata, Buffer *reply _unused_, Error *error)
{
        const CleanJob *job = userdata;

        for (size_t i = 0; i < clean_n_rules; i++) {
                if (strv_contains(job->keep, clean_rules[i].entry))
                        continue;
                if (apply_rule(root_fd, &clean_rules[i], job, error) < 0)
                        return error_wrap(error, "cleaning %s (%s)", clean_rules[i].directory, clean_rules[i].entry);
        }
        return 0;
}

int clean_run(Sandbox *sandbox, const SandboxTree *tree, char *const *keep, int64_t source_date_epoch_sec,
              int64_t since_sec, Error *error)
{
        CleanJob job = { .keep = keep, .dates = { .epoch_sec = source_date_epoch_sec, .since_sec = since_sec } };

        return sandbox_call(sandbox, tree, clean_tree, &job, NULL, error);
}

/* A file directly in the rule's directory, or below it where the rule goes there. */
static bool rule_covers(const CleanRule *rule, const char *path)
{
        size_t length = strlen(rule->directory);

        if (strncmp(path, rule->directory, length) != 0 || path[length] != '/')
                return false;
        const char *rest = path + length + 1;
        if (strcmp(rule->pattern, "*") == 0)
                return *rest != '\0';
        return !strchr(rest, '/') && fnmatch(rule->pattern, rest, 0) == 0;
}

/* What the others make of a file is still that file. */
static bool removes(const CleanRule *rule)
{
        return rule->action != CLEAN_REWRITE && rule->action != CLEAN_LINKS && rule->action != CLEAN_PYTHON;
}

char *clean_entry_paths(const char *entry)
{
        _cleanup_strv_ char **paths = NULL;

        for (size_t i = 0; i < clean_n_rules; i++) {
                const CleanRule *rule = &clean_rules[i];
                bool anywhere = strcmp(rule->directory, "/") == 0;
                _cleanup_free_ char *path =
                        anywhere ? strdup(rule->pattern) : path_join(rule->directory, rule->pattern);
                if (strcmp(rule->entry, entry) != 0 || (path && strv_contains(paths, path)))
                        continue;
                if (!path || strv_append(&paths, path) < 0)
                        return NULL;
        }
        return strv_join(paths, ", ");
}

const char *clean_entry_of(const char *path)
{
        for (size_t i = 0; i < clean_n_rules; i++)
                if (removes(&clean_rules[i]) && rule_covers(&clean_rules[i], path))
                        return clean_rules[i].entry;
        return NULL;
}
