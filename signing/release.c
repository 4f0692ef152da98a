/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "signing/release.h"

#include "base/cancel.h"
#include "base/file.h"
#include "signing/journal.h"
#include "signing/names.h"
#include "signing/staging.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/file.h>

/* How often a wait for another build's lock is tried again. */
#define LOCK_WAIT_MSEC 100
/* Room in a file name for the longest suffix. */
#define BASE_NAME_MAX (NAME_MAX - 40)
#define DIGITS "0123456789"
#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

/* --- lists of files
 * -------------------------------------------------------------------------------------------- */

void release_files_free(ReleaseFile *files, size_t n_files)
{
        for (size_t i = 0; i < n_files; i++) {
                free(files[i].name);
                free(files[i].sha256);
        }
        free(files);
}

void file_list_done(FileList *list)
{
        release_files_free(list->items, list->n);
        *list = FILE_LIST_INIT;
}

int file_list_add(FileList *list, const char *name, const char *sha256, uint64_t size_bytes, Error *error)
{
        ReleaseFile *grown = reallocarray(list->items, list->n + 1, sizeof *grown);

        if (!grown)
                return error_out_of_memory(error);
        list->items = grown;
        grown[list->n++] = (ReleaseFile){ strdup(name), strdup(sha256), size_bytes };
        return grown[list->n - 1].name && grown[list->n - 1].sha256 ? 0 : error_out_of_memory(error);
}

const ReleaseFile *file_list_find(const FileList *list, const char *name)
{
        for (size_t i = 0; i < list->n; i++)
                if (strcmp(list->items[i].name, name) == 0)
                        return &list->items[i];
        return NULL;
}

static int compare_files(const void *a, const void *b)
{
        return strcmp(((const ReleaseFile *) a)->name, ((const ReleaseFile *) b)->name);
}

void file_list_sort(FileList *list)
{
        if (list->n > 1)
                qsort(list->items, list->n, sizeof *list->items, compare_files);
}

/* --- opening
 * --------------------------------------------------------------------------------------------------- */

/* New directories are 0755 under any umask: a web server reads them. */
static int make_public_directories(const char *path, Error *error)
{
        struct stat status;

        if (stat(path, &status) == 0)
                return S_ISDIR(status.st_mode) ? 0
                                               : error_set(error, -ENOTDIR, "%s is not a directory", path);
        _cleanup_free_ char *parent = path_parent(path);
        if (!parent)
                return error_out_of_memory(error);
        int r = make_public_directories(parent, error);
        if (r < 0)
                return r;
        if (mkdir(path, 0755) < 0)
                return errno == EEXIST ? 0
                                       : error_set_errno(error, errno, "Can't make the directory %s", path);
        return chmod(path, 0755) < 0 ? error_set_errno(error, errno, "Can't open up the directory %s", path)
                                     : 0;
}

/* Another build of this image may run: wait for it, but listen to signals. */
static int lock_directory(Release *release, Error *error)
{
        release->lock_fd =
                openat(release->directory_fd, NAMES_LOCK, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
        if (release->lock_fd < 0)
                return error_set_errno(error, errno, "Can't open %s/%s", release->directory, NAMES_LOCK);
        while (flock(release->lock_fd, LOCK_EX | LOCK_NB) < 0) {
                struct pollfd cancel = { .fd = cancel_fd(), .events = POLLIN };
                if (errno != EWOULDBLOCK && errno != EINTR)
                        return error_set_errno(error, errno, "Can't lock %s/%s", release->directory,
                                               NAMES_LOCK);
                if (poll(&cancel, 1, LOCK_WAIT_MSEC) > 0)
                        return error_cancelled(error);
        }
        return 0;
}

/* We hold the lock, so nobody works in these. */
static int remove_leftover_staging(const Release *release, Error *error)
{
        _cleanup_closedir_ DIR *listing = opendir(release->directory);

        if (!listing)
                return error_set_errno(error, errno, "Can't read the directory %s", release->directory);
        for (struct dirent *entry; (entry = directory_next(listing));) {
                if (!string_starts_with(entry->d_name, NAMES_STAGING_PREFIX))
                        continue;
                int r = remove_tree(release->directory_fd, entry->d_name, error);
                if (r < 0)
                        return error_wrap(error, "Clearing up after a killed build in %s",
                                          release->directory);
        }
        return 0;
}

static int make_staging(Release *release, Error *error)
{
        int r = make_temporary_directory(release->directory, NAMES_STAGING_PREFIX, &release->staging, error);

        if (r < 0)
                return r;
        release->staging_fd = open(release->staging, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (release->staging_fd < 0)
                return error_set_errno(error, errno, "Can't open %s", release->staging);
        return 0;
}

static int check_base_name(const char *base_name, Error *error)
{
        size_t length = strlen(base_name);

        if (length == 0 || length > BASE_NAME_MAX || strspn(base_name, LOWER UPPER DIGITS) == 0 ||
            strspn(base_name, LOWER UPPER DIGITS ".-") != length) {
                error_set_usage(error, -EINVAL, "\"%s\" can't be the name of a release", base_name);
                return error_hint(
                        error,
                        "It starts with a letter or a digit; letters, digits, \".\" and \"-\" follow, "
                        "at most %d in all",
                        BASE_NAME_MAX);
        }
        return 0;
}

int release_open(const char *directory, const char *base_name, Release **ret, Error *error)
{
        int r = check_base_name(base_name, error);

        if (r < 0)
                return r;
        _cleanup_release_ Release *release = calloc(1, sizeof *release);
        if (!release)
                return error_out_of_memory(error);
        release->directory_fd = release->staging_fd = release->lock_fd = -1;
        release->directory = strdup(directory);
        release->base_name = strdup(base_name);
        if (!release->directory || !release->base_name)
                return error_out_of_memory(error);
        r = make_public_directories(directory, error);
        if (r < 0)
                return r;
        release->directory_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (release->directory_fd < 0)
                return error_set_errno(error, errno, "Can't open the directory %s", directory);
        r = lock_directory(release, error);
        if (r == 0)
                r = journal_recover(release->directory_fd, directory, error);
        if (r == 0)
                r = remove_leftover_staging(release, error);
        if (r == 0)
                r = make_staging(release, error);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(release);
        return 0;
}

Release *release_close(Release *release)
{
        if (!release)
                return NULL;
        cleanup_close(&release->staging_fd);
        /* remove_and_free(): a folder that can't be removed goes with the next release_open() */
        remove_and_free(&release->staging);
        cleanup_close(&release->directory_fd);
        cleanup_close(&release->lock_fd);
        strv_free(release->suffixes);
        free(release->directory);
        free(release->base_name);
        free(release);
        return NULL;
}

/* --- staging
 * --------------------------------------------------------------------------------------------------- */

const char *release_staging_directory(const Release *release)
{
        return release->staging;
}

char *staging_name(const Release *release, const char *suffix)
{
        char *name = NULL;

        return asprintf(&name, "%s.%s", release->base_name, suffix) < 0 ? NULL : name;
}

static int create_file(const Release *release, const char *name, int *ret_fd, Error *error)
{
        _cleanup_close_ int fd =
                openat(release->staging_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

        if (fd < 0 || fchmod(fd, 0644) < 0)
                return error_set_errno(error, errno, "Can't make %s/%s", release->staging, name);
        *ret_fd = TAKE_FD(fd);
        return 0;
}

int staging_write(const Release *release, const char *name, const void *data, size_t size_bytes, Error *error)
{
        int fd = -1;
        int r = create_file(release, name, &fd, error);

        if (r < 0)
                return r;
        r = write_all(fd, data, size_bytes);
        if (close(fd) < 0 && r == 0)
                r = -errno;
        return r < 0 ? error_set_errno(error, -r, "Can't write %s/%s", release->staging, name) : 0;
}

/* A letter first, so that BASE.1.tar.xz is never a file of BASE: it belongs to the version after it. */
static int check_suffix(const char *suffix, Error *error)
{
        if (strspn(suffix, LOWER) > 0 && strspn(suffix, LOWER UPPER DIGITS "._-") == strlen(suffix))
                return 0;
        return error_set(error, -EINVAL, "\"%s\" can't be the suffix of a release's file", suffix);
}

int release_create_file(Release *release, const char *suffix, int *ret_fd, Error *error)
{
        int r = check_suffix(suffix, error);

        if (r < 0)
                return r;
        _cleanup_free_ char *name = staging_name(release, suffix);
        if (!name)
                return error_out_of_memory(error);
        _cleanup_close_ int fd = -1;
        r = create_file(release, name, &fd, error);
        if (r < 0)
                return r;
        if (strv_append(&release->suffixes, suffix) < 0)
                return error_out_of_memory(error);
        *ret_fd = TAKE_FD(fd);
        return 0;
}

int release_write_file(Release *release, const char *suffix, const void *data, size_t size_bytes,
                       Error *error)
{
        int fd = -1;
        int r = release_create_file(release, suffix, &fd, error);

        if (r < 0)
                return r;
        r = write_all(fd, data, size_bytes);
        if (close(fd) < 0 && r == 0)
                r = -errno;
        return r < 0 ? error_set_errno(error, -r, "Can't write %s.%s", release->base_name, suffix) : 0;
}

int release_set_base_name(Release *release, const char *base_name, Error *error)
{
        int r = check_base_name(base_name, error);

        if (r < 0 || strcmp(base_name, release->base_name) == 0)
                return r;
        _cleanup_free_ char *copy = strdup(base_name);
        if (!copy)
                return error_out_of_memory(error);
        for (char **suffix = release->suffixes; suffix && *suffix; suffix++) {
                _cleanup_free_ char *from = staging_name(release, *suffix), *to = NULL;
                if (!from || asprintf(&to, "%s.%s", base_name, *suffix) < 0)
                        return error_out_of_memory(error);
                if (renameat(release->staging_fd, from, release->staging_fd, to) < 0)
                        return error_set_errno(error, errno, "Can't rename %s to %s", from, to);
        }
        free(release->base_name);
        release->base_name = TAKE_PTR(copy);
        return 0;
}
