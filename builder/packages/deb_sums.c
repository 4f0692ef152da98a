/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "packages/deb_tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"

#define DEPTH_MAX 64
#define MD5_BYTES 16
#define CONFFILES_LIMIT_BYTES ((uint64_t) 4 << 20)

typedef struct Inode {
        dev_t device;
        ino_t number;
} Inode;

typedef struct Walk {
        char **files; /* paths of regular files, without a leading slash */
        size_t n_files, allocated;
        Inode *seen; /* files with several names, counted once */
        size_t n_seen;
        uint64_t installed_kib;
} Walk;

static void walk_done(Walk *walk)
{
        for (size_t i = 0; i < walk->n_files; i++)
                free(walk->files[i]);
        free(walk->files);
        free(walk->seen);
}

static int add_file(Walk *walk, const char *path)
{
        if (walk->n_files == walk->allocated) {
                size_t size = walk->allocated ? 2 * walk->allocated : 256;
                char **grown = reallocarray(walk->files, size, sizeof *grown);
                if (!grown)
                        return -ENOMEM;
                walk->files = grown;
                walk->allocated = size;
        }
        char *copy = strdup(path);
        if (!copy)
                return -ENOMEM;
        walk->files[walk->n_files++] = copy;
        return 0;
}

/* 1: it was counted before. */
static int remember(Walk *walk, const struct stat *status)
{
        if (status->st_nlink < 2)
                return 0;
        for (size_t i = 0; i < walk->n_seen; i++)
                if (walk->seen[i].number == status->st_ino && walk->seen[i].device == status->st_dev)
                        return 1;
        Inode *grown = reallocarray(walk->seen, walk->n_seen + 1, sizeof *grown);
        if (!grown)
                return -ENOMEM;
        walk->seen = grown;
        grown[walk->n_seen++] = (Inode){ status->st_dev, status->st_ino };
        return 0;
}

/* dpkg-gencontrol(1): files and links by their size in whole KiB, everything else as 1 KiB. */
static int count(Walk *walk, const struct stat *status)
{
        if (!S_ISREG(status->st_mode) && !S_ISLNK(status->st_mode)) {
                walk->installed_kib++;
                return 0;
        }
        int r = S_ISREG(status->st_mode) ? remember(walk, status) : 0;
        if (r == 0)
                walk->installed_kib += ((uint64_t) status->st_size + 1023) / 1024;
        return r < 0 ? r : 0;
}

static int walk_directory(Walk *walk, int fd, const char *prefix, unsigned depth);

static int walk_entry(Walk *walk, int parent_fd, const char *prefix, const char *name, unsigned depth)
{
        _cleanup_free_ char *path = NULL;
        struct stat status;

        if (asprintf(&path, "%s%s%s", prefix, *prefix ? "/" : "", name) < 0) {
                path = NULL;
                return -ENOMEM;
        }
        if (fstatat(parent_fd, name, &status, AT_SYMLINK_NOFOLLOW) < 0)
                return -errno;
        int r = count(walk, &status);
        /* a name with a line break can't be written down */
        if (r == 0 && S_ISREG(status.st_mode) && !strchr(path, '\n'))
                r = add_file(walk, path);
        if (r < 0 || !S_ISDIR(status.st_mode))
                return r;
        int fd = openat(parent_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        return fd < 0 ? -errno : walk_directory(walk, fd, path, depth + 1);
}

/* Takes `fd`. */
static int walk_directory(Walk *walk, int fd, const char *prefix, unsigned depth)
{
        _cleanup_closedir_ DIR *directory = fdopendir(fd);

        if (!directory) {
                int r = -errno;
                close(fd);
                return r;
        }
        if (depth > DEPTH_MAX)
                return -ELOOP;
        for (struct dirent *entry; (entry = directory_next(directory));) {
                if (depth == 0 && strcmp(entry->d_name, "DEBIAN") == 0)
                        continue;
                int r = walk_entry(walk, dirfd(directory), prefix, entry->d_name, depth);
                if (r < 0)
                        return r;
        }
        return -errno;
}

/* Paths as in md5sums; a line may start with a flag ("remove-on-upgrade /path"). */
static int read_conffiles(int root_fd, char ***ret)
{
        _cleanup_close_ int fd = open_in_root(root_fd, "DEBIAN/conffiles", O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0);
        _cleanup_buffer_ Buffer text = BUFFER_INIT;
        _cleanup_strv_ char **paths = NULL;

        if (fd == -ENOENT)
                return 0;
        int r = fd < 0 ? fd : read_descriptor(fd, CONFFILES_LIMIT_BYTES, &text);
        _cleanup_strv_ char **lines = r == 0 ? strv_split(text.data, "\n") : NULL;
        if (r == 0 && !lines)
                r = -ENOMEM;
        for (char **line = lines; r == 0 && *line; line++) {
                const char *slash = strchr(*line, '/');
                r = slash ? strv_append(&paths, slash + 1) : 0;
        }
        if (r == 0)
                *ret = TAKE_PTR(paths);
        return r;
}

static int hash_descriptor(int fd, char ret_hex[static 2 * MD5_BYTES + 1])
{
        unsigned char chunk[32768], digest[EVP_MAX_MD_SIZE];
        EVP_MD_CTX *context = EVP_MD_CTX_new();
        unsigned length = 0;
        int r = context && EVP_DigestInit_ex(context, EVP_md5(), NULL) == 1 ? 0 : -ENOTSUP;

        while (r == 0) {
                ssize_t n = read(fd, chunk, sizeof chunk);
                if (n == 0)
                        break;
                if (n < 0 && errno != EINTR)
                        r = -errno;
                else if (n > 0 && EVP_DigestUpdate(context, chunk, (size_t) n) != 1)
                        r = -EIO;
        }
        if (r == 0 && (EVP_DigestFinal_ex(context, digest, &length) != 1 || length != MD5_BYTES))
                r = -EIO;
        EVP_MD_CTX_free(context);
        if (r == 0)
                hex_encode(digest, MD5_BYTES, ret_hex);
        return r;
}

static int append_sum(int root_fd, const char *path, Buffer *text)
{
        _cleanup_close_ int fd = open_in_root(root_fd, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0);
        char hex[2 * MD5_BYTES + 1];
        int r = fd < 0 ? fd : hash_descriptor(fd, hex);

        return r < 0 ? r : buffer_printf(text, "%s  %s\n", hex, path);
}

static int compare_paths(const void *a, const void *b)
{
        return strcmp(*(char *const *) a, *(char *const *) b);
}

static int collect_sums(int root_fd, Walk *walk, Buffer *text)
{
        _cleanup_strv_ char **conffiles = NULL;
        int fd = open_in_root(root_fd, "/", O_RDONLY | O_DIRECTORY, 0);
        int r = fd < 0 ? fd : walk_directory(walk, fd, "", 0);

        if (r == 0)
                r = read_conffiles(root_fd, &conffiles);
        if (r == 0 && walk->n_files > 1)
                qsort(walk->files, walk->n_files, sizeof *walk->files, compare_paths);
        for (size_t i = 0; r == 0 && i < walk->n_files; i++)
                if (!strv_contains(conffiles, walk->files[i]))
                        r = append_sum(root_fd, walk->files[i], text);
        return r;
}

int deb_tree_write_sums(int root_fd, uint64_t *ret_installed_kib, Error *error)
{
        _cleanup_(walk_done) Walk walk = { 0 };
        _cleanup_buffer_ Buffer text = BUFFER_INIT;
        _cleanup_close_ int directory_fd = open_in_root(root_fd, "DEBIAN", O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
        int r = directory_fd < 0 ? directory_fd : collect_sums(root_fd, &walk, &text);

        if (r < 0)
                return error_set_errno(error, -r, "Can't make the MD5 sums of the package");
        r = write_file_atomic(directory_fd, "md5sums", text.data ? text.data : "", text.length, 0644, error);
        if (r == 0)
                *ret_installed_kib = walk.installed_kib;
        return r;
}
