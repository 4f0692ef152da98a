/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "packages/apt_internal.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"

/* A build works on indexes of its own (links to those in the cache), so that another build's update does not change
 * them between its stages. After a successful update they replace those in the cache, under a lock. One directory of
 * the cache belongs to one set of repositories, keyrings and trust settings: apt believes an index that it has
 * verified once, so what was fetched as Trusted=yes must not be found by a build that asks for signatures. */

typedef struct Transfer {
        int from_fd, to_fd;
        bool replace; /* what `from` lacks is removed in `to` */
} Transfer;

static bool is_index(const struct dirent *entry)
{
        return entry->d_name[0] != '.' && strcmp(entry->d_name, "lock") != 0 && strcmp(entry->d_name, "partial") != 0 &&
               strcmp(entry->d_name, "auxfiles") != 0;
}

static int copy_file(int from_fd, int to_fd, const char *name, const char *temporary)
{
        _cleanup_close_ int in = openat(from_fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
        _cleanup_close_ int out = openat(to_fd, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
        struct stat status;

        if (in < 0 || out < 0 || fstat(in, &status) < 0)
                return -errno;
        int r = copy_bytes(in, out);
        if (r < 0)
                return r;
        /* apt asks with If-Modified-Since */
        const struct timespec times[] = { status.st_atim, status.st_mtim };
        return futimens(out, times) < 0 ? -errno : 0;
}

static int transfer_file(const Transfer *transfer, const char *name)
{
        static const char temporary[] = ".new";
        struct stat from, to;

        if (fstatat(transfer->from_fd, name, &from, AT_SYMLINK_NOFOLLOW) < 0)
                return -errno;
        if (!S_ISREG(from.st_mode))
                return 0;
        if (fstatat(transfer->to_fd, name, &to, AT_SYMLINK_NOFOLLOW) == 0 && to.st_ino == from.st_ino &&
            to.st_dev == from.st_dev)
                return 0;
        if (unlinkat(transfer->to_fd, temporary, 0) < 0 && errno != ENOENT)
                return -errno;
        if (linkat(transfer->from_fd, name, transfer->to_fd, temporary, 0) < 0) {
                int r = copy_file(transfer->from_fd, transfer->to_fd, name, temporary);
                if (r < 0)
                        return r;
        }
        return renameat(transfer->to_fd, temporary, transfer->to_fd, name) < 0 ? -errno : 0;
}

static DIR *open_entries(int directory_fd)
{
        int fd = openat(directory_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        DIR *directory = fd < 0 ? NULL : fdopendir(fd);

        if (fd >= 0 && !directory)
                close(fd);
        return directory;
}

static int transfer_all(const Transfer *transfer)
{
        _cleanup_closedir_ DIR *directory = open_entries(transfer->from_fd);

        if (!directory)
                return -errno;
        errno = 0;
        for (struct dirent *entry; (entry = readdir(directory)); errno = 0) {
                int r = is_index(entry) ? transfer_file(transfer, entry->d_name) : 0;
                if (r < 0)
                        return r;
        }
        return -errno;
}

static int remove_superfluous(const Transfer *transfer)
{
        _cleanup_closedir_ DIR *directory = open_entries(transfer->to_fd);

        if (!directory)
                return -errno;
        errno = 0;
        for (struct dirent *entry; (entry = readdir(directory)); errno = 0) {
                struct stat status;
                if (!is_index(entry) || fstatat(transfer->from_fd, entry->d_name, &status, AT_SYMLINK_NOFOLLOW) == 0)
                        continue;
                if (unlinkat(transfer->to_fd, entry->d_name, 0) < 0)
                        return -errno;
        }
        return -errno;
}

static int call_transfer(int root_fd, void *userdata, Buffer *reply, Error *error)
{
        const Transfer *transfer = userdata;
        int r = transfer_all(transfer);

        (void) root_fd;
        (void) reply;
        if (r == 0 && transfer->replace)
                r = remove_superfluous(transfer);
        return r < 0 ? error_set_errno(error, -r, "Can't copy package indexes") : 0;
}

/* From one directory of the sandbox to another. */
static int transfer(Apt *apt, const char *from, const char *to, bool replace, Error *error)
{
        _cleanup_close_ int from_fd = open(from, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        _cleanup_close_ int to_fd = open(to, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        Transfer one = { from_fd, to_fd, replace };
        SandboxTree tree = { .directory_fd = to_fd };

        if (from_fd < 0 || to_fd < 0)
                return error_set_errno(error, errno, "Can't open %s", from_fd < 0 ? from : to);
        return sandbox_call(apt->sandbox, &tree, call_transfer, &one, NULL, error);
}

/* The directory in the cache, and its lock. */
typedef struct Shared {
        char *path, *lock_path;
} Shared;

static void shared_done(Shared *shared)
{
        free(shared->path);
        free(shared->lock_path);
}

static int open_shared(Apt *apt, const char *key, Shared *ret, Error *error)
{
        _cleanup_free_ char *parent = path_join(apt->cache, "lists");

        if (!parent || asprintf(&ret->lock_path, "%s/%s.lock", parent, key) < 0) {
                ret->lock_path = NULL;
                return error_out_of_memory(error);
        }
        return apt_make_sandbox_directory(apt->sandbox, parent, key, &ret->path, error);
}

static int take_from_cache(Apt *apt, const Shared *shared, Error *error)
{
        _cleanup_close_ int lock_fd = -1;
        int r = apt_lock(shared->lock_path, false, &lock_fd, error);

        /* replace: what an earlier update of other repositories left here goes */
        return r < 0 ? r : transfer(apt, shared->path, apt->lists, true, error);
}

static int put_into_cache(Apt *apt, const Shared *shared, Error *error)
{
        _cleanup_close_ int lock_fd = -1;
        int r = apt_lock(shared->lock_path, true, &lock_fd, error);

        return r < 0 ? r : transfer(apt, apt->lists, shared->path, true, error);
}

/* What apt makes of the indexes takes it longer than anything else; it is cached with them. */
static int make_cache(Apt *apt, const RepositoryList *repositories, bool changed, Error *error)
{
        static const char *const argv[] = { "apt-cache", "gencaches", "-q", NULL };
        _cleanup_free_ char *path = path_join(apt->lists, "srcpkgcache.bin");
        AptRun run = { .argv = argv, .repositories = repositories };
        int status = 0;

        if (!path)
                return error_out_of_memory(error);
        if (!changed && access(path, F_OK) == 0)
                return 0;
        int r = apt_run(apt, &run, &status, error);
        return r == 0 && status != 0 ? error_set(error, -EIO, "apt-cache gencaches exited with status %d", status) : r;
}

static int run_update(Apt *apt, const RepositoryList *repositories, Error *error)
{
        static const char *const argv[] = { "apt-get", "update", "-q", "-o", "pkgCacheFile::Generate=false", NULL };
        _cleanup_buffer_ Buffer log = BUFFER_INIT;
        AptRun run = { .argv = argv, .repositories = repositories, .network = true, .ret_log = &log };
        int status = 0;
        int r = apt_run(apt, &run, &status, error);

        if (r < 0)
                return r;
        r = apt_update_error(log.data ? log.data : "", repositories, error);
        if (r == 0 && status != 0) {
                error_set(error, -EIO, "apt-get update exited with status %d", status);
                r = error_detail(error, "%s", log.data ? log.data : "");
        }
        /* unchanged indexes are a "Hit:" */
        bool changed = log.data && (string_starts_with(log.data, "Get:") || strstr(log.data, "\nGet:"));
        return r == 0 ? make_cache(apt, repositories, changed, error) : r;
}

static bool has_binaries(const RepositoryList *repositories)
{
        for (size_t i = 0; i < repositories->n_items; i++)
                if (strv_contains(repositories->items[i].types, "deb"))
                        return true;
        return false;
}

int apt_update(Apt *apt, const RepositoryList *repositories, AptReleases *ret_releases, Error *error)
{
        _cleanup_free_ char *key = NULL;
        _cleanup_(shared_done) Shared shared = { 0 };
        _cleanup_repository_list_ RepositoryList copy = { 0 };

        apt->has_selection = false;
        if (!has_binaries(repositories))
                return error_set_usage(error, -EINVAL, "No repository with binary packages (Types=deb) is configured");
        if (repository_list_copy(repositories, &copy) < 0)
                return error_out_of_memory(error);
        int r = apt_write_sources(apt, repositories, &key, error);
        if (r == 0)
                r = open_shared(apt, key, &shared, error);
        if (r == 0)
                r = take_from_cache(apt, &shared, error);
        if (r == 0)
                r = run_update(apt, repositories, error);
        AptReleases releases = { 0 };
        if (r == 0)
                r = apt_read_releases(apt->lists, repositories, apt->architecture, &releases, error);
        if (r == 0)
                r = put_into_cache(apt, &shared, error);
        if (r < 0) {
                apt_releases_done(&releases);
                return r;
        }
        repository_list_done(&apt->updated);
        apt->updated = copy;
        copy = (RepositoryList){ 0 };
        if (ret_releases)
                *ret_releases = releases;
        else
                apt_releases_done(&releases);
        return 0;
}

static bool same_repository(const Repository *a, const Repository *b)
{
        RepositoryList left = { (Repository *) a, 1 }, right = { (Repository *) b, 1 };
        _cleanup_buffer_ Buffer text_a = BUFFER_INIT, text_b = BUFFER_INIT;
        char *keyring_a[] = { a->keyring }, *keyring_b[] = { b->keyring };

        return repository_format(&left, keyring_a, false, &text_a) == 0 &&
               repository_format(&right, keyring_b, false, &text_b) == 0 && string_equal(text_a.data, text_b.data);
}

static int check_updated(const Apt *apt, const Repository *repository, Error *error)
{
        for (size_t i = 0; i < apt->updated.n_items; i++)
                if (same_repository(&apt->updated.items[i], repository))
                        return 0;
        return error_set(error, -ENOENT, "The indexes of the repository %s were not fetched", repository->uris[0]);
}

/* "PATTERN SPEC PRIORITY" as a stanza of apt_preferences(5). */
static int append_pin(Buffer *text, const char *pin, Error *error)
{
        static const char *const kinds[] = { "release ", "version ", "origin " };
        size_t pattern_length = strcspn(pin, " \t");
        const char *spec = pin + pattern_length + strspn(pin + pattern_length, " \t");
        const char *space = strrchr(spec, ' '), *number = space ? space + 1 : "";
        bool known = false;
        uint64_t priority;

        for (size_t i = 0; i < ELEMENTS(kinds); i++)
                known = known || string_starts_with(spec, kinds[i]);
        if (!known || pattern_length == 0 || strchr(pin, '\n') ||
            parse_unsigned(number + (*number == '-'), 0, INT16_MAX, &priority) < 0) {
                error_set_usage(error, -EINVAL, "The pin \"%s\" is not of the form PATTERN SPEC PRIORITY", pin);
                return error_hint(error, "For example: * release n=bookworm-backports 100");
        }
        if (buffer_printf(text, "%sPackage: %.*s\nPin: %.*s\nPin-Priority: %s\n", text->length > 0 ? "\n" : "",
                          (int) pattern_length, pin, (int) (space - spec), spec, number) < 0)
                return error_out_of_memory(error);
        return 0;
}

int apt_select(Apt *apt, const RepositoryList *repositories, char *const *pins, Error *error)
{
        _cleanup_repository_list_ RepositoryList copy = { 0 };
        _cleanup_buffer_ Buffer preferences = BUFFER_INIT;

        apt->has_selection = false;
        for (size_t i = 0; i < repositories->n_items; i++) {
                int r = check_updated(apt, &repositories->items[i], error);
                if (r < 0)
                        return r;
        }
        for (; pins && *pins; pins++) {
                int r = append_pin(&preferences, *pins, error);
                if (r < 0)
                        return r;
        }
        int r = apt_write_sources(apt, repositories, NULL, error);
        if (r == 0)
                r = apt_write_text(apt, "preferences", preferences.data ? preferences.data : "", error);
        if (r < 0)
                return r;
        if (repository_list_copy(repositories, &copy) < 0)
                return error_out_of_memory(error);
        repository_list_done(&apt->selected);
        apt->selected = copy;
        copy = (RepositoryList){ 0 };
        apt->has_selection = true;
        return 0;
}
