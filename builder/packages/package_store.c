/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "packages/package_store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>

#include "base/file.h"

#define DIRECTORY_NAME "packages"
#define PARTIAL_NAME ".partial"
#define SUFFIX ".deb"
#define PREFIX_LENGTH 2
#define CLAIM_ATTEMPTS 16
#define DAY_SEC 86400

/* "ab/SHA256.deb" */
typedef struct StoreName {
        char text[PREFIX_LENGTH + 1 + SHA256_HEX_SIZE + sizeof SUFFIX];
} StoreName;

struct PackageStore {
        char *directory;
        int fd, partial_fd;
};

static StoreName name_of(const char *sha256)
{
        StoreName name;

        snprintf(name.text, sizeof name.text, "%.*s/%s" SUFFIX, PREFIX_LENGTH, sha256, sha256);
        return name;
}

static bool is_hash(const char *text, size_t length)
{
        return length == SHA256_HEX_SIZE - 1 && strspn(text, "0123456789abcdef") >= length;
}

/* ------------------------------------------------------------------------------------------------ opening */

/* For all to read, whatever the umask: the sandbox's ids are others than ours. */
static int open_directory(const char *path, int *ret_fd, Error *error)
{
        int r = make_directories(path, 0755, error);

        if (r < 0)
                return r;
        _cleanup_close_ int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0 || fchmod(fd, 0755) < 0)
                return error_set_errno(error, errno, "Can't open %s", path);
        *ret_fd = TAKE_FD(fd);
        return 0;
}

static void drop_old_partial(int directory_fd, const char *name)
{
        struct stat status;
        _cleanup_close_ int fd = openat(directory_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

        if (fd < 0 || fstat(fd, &status) < 0 || time(NULL) - status.st_mtime < PACKAGE_PARTIAL_DAYS * DAY_SEC)
                return;
        if (flock(fd, LOCK_EX | LOCK_NB) == 0)
                unlinkat(directory_fd, name, 0);
}

static DIR *open_listing(int directory_fd, const char *path)
{
        int fd = openat(directory_fd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        DIR *listing = fd < 0 ? NULL : fdopendir(fd);

        if (fd >= 0 && !listing)
                close(fd);
        return listing;
}

static void drop_old_partials(const PackageStore *store)
{
        _cleanup_closedir_ DIR *listing = open_listing(store->partial_fd, ".");

        for (struct dirent *entry; listing && (entry = readdir(listing));)
                if (entry->d_name[0] != '.')
                        drop_old_partial(store->partial_fd, entry->d_name);
}

int package_store_open(const char *cache_directory, PackageStore **ret, Error *error)
{
        _cleanup_package_store_ PackageStore *store = calloc(1, sizeof *store);

        if (!store)
                return error_out_of_memory(error);
        store->fd = store->partial_fd = -1;
        store->directory = path_join(cache_directory, DIRECTORY_NAME);
        _cleanup_free_ char *partial = store->directory ? path_join(store->directory, PARTIAL_NAME) : NULL;
        if (!partial)
                return error_out_of_memory(error);
        int r = open_directory(store->directory, &store->fd, error);
        if (r == 0)
                r = open_directory(partial, &store->partial_fd, error);
        if (r < 0)
                return r;
        drop_old_partials(store);
        *ret = TAKE_PTR(store);
        return 0;
}

void package_store_close(PackageStore *store)
{
        if (!store)
                return;
        cleanup_close(&store->fd);
        cleanup_close(&store->partial_fd);
        free(store->directory);
        free(store);
}

char *package_store_path(const PackageStore *store, const char *sha256)
{
        return path_join(store->directory, name_of(sha256).text);
}

bool package_store_has(const PackageStore *store, const char *sha256, uint64_t size_bytes)
{
        struct stat status;

        return fstatat(store->fd, name_of(sha256).text, &status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(status.st_mode) &&
               (uint64_t) status.st_size == size_bytes;
}

/* ------------------------------------------------------------------------------------------------ use */

/* 1: it is the package; 0: it is not. */
static int compare(int fd, const char *sha256, uint64_t size_bytes, char ret_found[static SHA256_HEX_SIZE])
{
        uint64_t read_bytes = 0;
        struct stat status;

        ret_found[0] = '\0';
        if (fstat(fd, &status) < 0 || lseek(fd, 0, SEEK_SET) < 0)
                return -errno;
        if (!S_ISREG(status.st_mode) || (uint64_t) status.st_size != size_bytes)
                return 0;
        int r = digest_descriptor(fd, &read_bytes, ret_found);
        return r < 0 ? r : read_bytes == size_bytes && strcmp(ret_found, sha256) == 0;
}

/* A pin that another package of the same build left is the same file. */
static int link_pin(const PackageStore *store, const char *sha256, const char *directory, Error *error)
{
        _cleanup_free_ char *path = NULL;

        if (asprintf(&path, "%s/%s" SUFFIX, directory, sha256) < 0) {
                path = NULL;
                return error_out_of_memory(error);
        }
        if (linkat(store->fd, name_of(sha256).text, AT_FDCWD, path, 0) == 0)
                return 1;
        if (errno == EEXIST && unlink(path) == 0 && linkat(store->fd, name_of(sha256).text, AT_FDCWD, path, 0) == 0)
                return 1;
        /* it was collected in this instant */
        return errno == ENOENT ? 0 : error_set_errno(error, errno, "Can't take hold of a package as %s", path);
}

int package_store_pin(PackageStore *store, const char *sha256, uint64_t size_bytes, const char *directory, Error *error)
{
        StoreName name = name_of(sha256);
        char found[SHA256_HEX_SIZE];
        int r = link_pin(store, sha256, directory, error);

        if (r <= 0)
                return r;
        _cleanup_close_ int fd = openat(store->fd, name.text, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        if (fd < 0)
                return errno == ENOENT ? 0 : error_set_errno(error, errno, "Can't open %s/%s", store->directory, name.text);
        r = compare(fd, sha256, size_bytes, found);
        if (r < 0)
                return error_set_errno(error, -r, "Can't read %s/%s", store->directory, name.text);
        if (r == 0 && unlinkat(store->fd, name.text, 0) < 0 && errno != ENOENT)
                return error_set_errno(error, errno, "Can't remove the damaged %s/%s", store->directory, name.text);
        if (r == 1)
                futimens(fd, NULL);
        return r;
}

/* ------------------------------------------------------------------------------------------------ adding */

/* It may have been renamed or removed since it was opened. */
static bool is_still_there(const PackageStore *store, const char *sha256, int fd)
{
        struct stat opened, there;

        return fstat(fd, &opened) == 0 && fstatat(store->partial_fd, sha256, &there, AT_SYMLINK_NOFOLLOW) == 0 &&
               opened.st_ino == there.st_ino && opened.st_dev == there.st_dev;
}

int package_store_claim(PackageStore *store, const char *sha256, int *ret_fd, Error *error)
{
        for (unsigned attempt = 0; attempt < CLAIM_ATTEMPTS; attempt++) {
                _cleanup_close_ int fd =
                        openat(store->partial_fd, sha256, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
                if (fd < 0)
                        return error_set_errno(error, errno, "Can't write into %s/" PARTIAL_NAME, store->directory);
                if (flock(fd, LOCK_EX | LOCK_NB) < 0)
                        return errno == EWOULDBLOCK
                                       ? 0
                                       : error_set_errno(error, errno, "Can't lock a download in %s", store->directory);
                if (!is_still_there(store, sha256, fd))
                        continue;
                *ret_fd = TAKE_FD(fd);
                return 1;
        }
        return 0;
}

static int make_prefix(const PackageStore *store, const char *sha256)
{
        const char prefix[PREFIX_LENGTH + 1] = { sha256[0], sha256[1], '\0' };

        return mkdirat(store->fd, prefix, 0755) < 0 && errno != EEXIST ? -errno : fchmodat(store->fd, prefix, 0755, 0) < 0 ? -errno : 0;
}

int package_store_commit(PackageStore *store, const char *sha256, uint64_t size_bytes, int fd,
                         char ret_found[static SHA256_HEX_SIZE], Error *error)
{
        struct stat status;
        int r = compare(fd, sha256, size_bytes, ret_found);

        if (r < 0)
                return error_set_errno(error, -r, "Can't read a download in %s", store->directory);
        if (r == 0) {
                if (fstat(fd, &status) == 0 && (uint64_t) status.st_size >= size_bytes)
                        unlinkat(store->partial_fd, sha256, 0);
                return 0;
        }
        r = make_prefix(store, sha256);
        if (r == 0 && fchmod(fd, 0644) < 0)
                r = -errno;
        if (r == 0 && renameat(store->partial_fd, sha256, store->fd, name_of(sha256).text) < 0)
                r = -errno;
        return r < 0 ? error_set_errno(error, -r, "Can't store a package in %s", store->directory) : 1;
}

void package_store_drop(PackageStore *store, const char *sha256)
{
        unlinkat(store->partial_fd, sha256, 0);
}

int package_store_add(PackageStore *store, const char *sha256, uint64_t size_bytes, int from_fd, Error *error)
{
        _cleanup_close_ int fd = -1;
        char found[SHA256_HEX_SIZE];
        int r = package_store_claim(store, sha256, &fd, error);

        /* who is at it brings the same bytes */
        if (r <= 0)
                return r;
        r = ftruncate(fd, 0) < 0 || lseek(from_fd, 0, SEEK_SET) < 0 ? -errno : copy_bytes(from_fd, fd);
        if (r < 0) {
                package_store_drop(store, sha256);
                return error_set_errno(error, -r, "Can't copy a package into %s", store->directory);
        }
        r = package_store_commit(store, sha256, size_bytes, fd, found, error);
        if (r != 0)
                return r < 0 ? r : 0;
        package_store_drop(store, sha256);
        return error_set(error, -EBADMSG, "it is not the package that was wanted (SHA-256 %s instead of %s)",
                         *found ? found : "of another size", sha256);
}

/* ------------------------------------------------------------------------------------------------ the whole */

typedef struct Entries {
        PackageEntry *items;
        size_t n_items, allocated;
} Entries;

static void entries_done(Entries *entries)
{
        free(entries->items);
}

static int add_entry(Entries *entries, int directory_fd, const char *name)
{
        struct stat status;

        if (!string_ends_with(name, SUFFIX) || !is_hash(name, strlen(name) - strlen(SUFFIX)) ||
            fstatat(directory_fd, name, &status, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(status.st_mode))
                return 0;
        if (entries->n_items == entries->allocated) {
                size_t allocated = entries->allocated ? 2 * entries->allocated : 256;
                PackageEntry *grown = reallocarray(entries->items, allocated, sizeof *grown);
                if (!grown)
                        return -ENOMEM;
                entries->items = grown;
                entries->allocated = allocated;
        }
        PackageEntry *entry = &entries->items[entries->n_items++];
        *entry = (PackageEntry){ .size_bytes = (uint64_t) status.st_size, .used_sec = status.st_mtim.tv_sec,
                                 .in_use = status.st_nlink > 1 };
        snprintf(entry->sha256, sizeof entry->sha256, "%.*s", SHA256_HEX_SIZE - 1, name);
        return 0;
}

static int list_prefix(const PackageStore *store, const char *prefix, Entries *entries)
{
        _cleanup_closedir_ DIR *listing = open_listing(store->fd, prefix);
        int r = 0;

        for (struct dirent *entry; r == 0 && listing && (entry = readdir(listing));)
                r = add_entry(entries, dirfd(listing), entry->d_name);
        return r;
}

int package_store_list(PackageStore *store, PackageEntry **ret, size_t *ret_n_entries, Error *error)
{
        _cleanup_(entries_done) Entries entries = { 0 };
        _cleanup_closedir_ DIR *listing = open_listing(store->fd, ".");

        if (!listing)
                return error_set_errno(error, errno, "Can't read %s", store->directory);
        for (struct dirent *entry; (entry = readdir(listing));)
                if (strlen(entry->d_name) == PREFIX_LENGTH && entry->d_name[0] != '.' &&
                    list_prefix(store, entry->d_name, &entries) < 0)
                        return error_out_of_memory(error);
        *ret = TAKE_PTR(entries.items);
        *ret_n_entries = entries.n_items;
        return 0;
}

int package_store_remove(PackageStore *store, const char *sha256, Error *error)
{
        StoreName name = name_of(sha256);
        struct stat status;

        if (fstatat(store->fd, name.text, &status, AT_SYMLINK_NOFOLLOW) < 0 || status.st_nlink > 1)
                return 0;
        if (unlinkat(store->fd, name.text, 0) < 0)
                return errno == ENOENT ? 0 : error_set_errno(error, errno, "Can't remove %s/%s", store->directory, name.text);
        return 1;
}

int package_store_verify(PackageStore *store, const char *sha256, Error *error)
{
        StoreName name = name_of(sha256);
        char found[SHA256_HEX_SIZE];
        _cleanup_close_ int fd = openat(store->fd, name.text, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

        if (fd < 0 && errno == ENOENT)
                return 0;
        int r = fd < 0 ? -errno : digest_descriptor(fd, NULL, found);
        if (r == 0 && strcmp(found, sha256) == 0)
                return 0;
        if (unlinkat(store->fd, name.text, 0) < 0 && errno != ENOENT)
                return error_set_errno(error, errno, "Can't remove the damaged %s/%s", store->directory, name.text);
        return 1;
}
