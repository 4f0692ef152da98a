/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "layers/measure.h"

#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/xattr.h>

#define XATTR_NAMES_MAX 65536
#define XATTR_VALUE_MAX 65536

typedef struct Walk {
        Digest *digest;
        LayerMeasure measure;
        Buffer path;
} Walk;

static int add_text(Walk *walk, const char *text)
{
        return digest_add_field(walk->digest, text);
}

/* What overlayfs notes for itself, with the inodes of the layer below: another build of the same content has others. */
static bool is_note(const char *name)
{
        static const char *const notes[] = { "origin", "impure", "uuid", "upper", "nlink" };
        static const char *const prefixes[] = { "user.overlay.", "trusted.overlay." };

        for (size_t i = 0; i < ELEMENTS(prefixes); i++)
                for (size_t j = 0; string_starts_with(name, prefixes[i]) && j < ELEMENTS(notes); j++)
                        if (strcmp(name + strlen(prefixes[i]), notes[j]) == 0)
                                return true;
        return false;
}

/* Names and values, in byte order. Attributes that the process may not see don't count. */
static int add_xattrs(Walk *walk, int fd)
{
        char names[XATTR_NAMES_MAX], proc[64];
        _cleanup_strv_ char **sorted = NULL;

        snprintf(proc, sizeof proc, "/proc/self/fd/%d", fd); /* O_PATH has no flistxattr(2) */
        ssize_t length = listxattr(proc, names, sizeof names);
        if (length < 0)
                return errno == ENOTSUP ? 0 : -errno;
        for (ssize_t i = 0; i < length; i += (ssize_t) strlen(names + i) + 1)
                if (!is_note(names + i) && strv_append(&sorted, names + i) < 0)
                        return -ENOMEM;
        strv_sort(sorted);
        for (char **name = sorted; name && *name; name++) {
                char value[XATTR_VALUE_MAX];
                ssize_t size = getxattr(proc, *name, value, sizeof value);
                int r = size < 0 ? -errno : add_text(walk, *name);
                if (r == 0)
                        r = digest_add(walk->digest, value, (size_t) size);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int add_content(Walk *walk, int parent_fd, const char *name, const struct stat *status)
{
        char hex[SHA256_HEX_SIZE], target[4096];

        if (S_ISLNK(status->st_mode)) {
                ssize_t length = readlinkat(parent_fd, name, target, sizeof target - 1);
                if (length < 0)
                        return -errno;
                target[length] = '\0';
                return add_text(walk, target);
        }
        if (!S_ISREG(status->st_mode))
                return 0;
        _cleanup_close_ int fd = openat(parent_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        int r = digest_descriptor(fd, NULL, hex);
        walk->measure.size_bytes += (uint64_t) status->st_size / (uint64_t) status->st_nlink;
        return r < 0 ? r : add_text(walk, hex);
}

static int add_attributes(Walk *walk, const struct stat *status)
{
        char text[160];

        snprintf(text, sizeof text, "%o %u %u %jd %jd.%09ld %jx", status->st_mode, status->st_uid, status->st_gid,
                 S_ISDIR(status->st_mode) ? 0 : (intmax_t) status->st_size, (intmax_t) status->st_mtim.tv_sec,
                 status->st_mtim.tv_nsec, (uintmax_t) status->st_rdev);
        return add_text(walk, text);
}

static int walk_directory(Walk *walk, int fd);

static int add_entry(Walk *walk, int parent_fd, const char *name)
{
        size_t parent_length = walk->path.length;
        _cleanup_close_ int fd = openat(parent_fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
        struct stat status;

        if (fd < 0 || fstat(fd, &status) < 0)
                return -errno;
        int r = buffer_printf(&walk->path, "/%s", name);
        if (r < 0)
                return r;
        r = add_text(walk, walk->path.data);
        if (r == 0)
                r = add_attributes(walk, &status);
        if (r == 0)
                r = add_xattrs(walk, fd);
        if (r == 0)
                r = add_content(walk, parent_fd, name, &status);
        if (r == 0 && S_ISDIR(status.st_mode)) {
                int directory_fd = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
                r = directory_fd < 0 ? -errno : walk_directory(walk, directory_fd);
        }
        if (r < 0)
                return r;
        walk->measure.n_entries++;
        walk->path.length = parent_length;
        walk->path.data[parent_length] = '\0';
        return 0;
}

/* Takes the descriptor. */
static int walk_directory(Walk *walk, int fd)
{
        _cleanup_strv_ char **names = NULL;
        _cleanup_closedir_ DIR *directory = fdopendir(fd);

        if (!directory) {
                int r = -errno;
                close(fd);
                return r;
        }
        for (struct dirent *entry; (entry = directory_next(directory));)
                if (strv_append(&names, entry->d_name) < 0)
                        return -ENOMEM;
        if (errno)
                return -errno;
        strv_sort(names);
        for (char **name = names; name && *name; name++) {
                int r = add_entry(walk, fd, *name);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* Its attributes are those of the merged tree's root. */
static int add_root(Walk *walk, int fd)
{
        struct stat status;

        if (fstat(fd, &status) < 0)
                return -errno;
        int r = add_attributes(walk, &status);
        return r == 0 ? add_xattrs(walk, fd) : r;
}

static int measure_in_sandbox(int root_fd, void *userdata, Buffer *reply, Error *error)
{
        _cleanup_digest_ Digest *digest = NULL;
        _cleanup_buffer_ Buffer path = BUFFER_INIT;

        (void) userdata;
        int directory_fd = openat(root_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (directory_fd < 0)
                return error_set_errno(error, errno, "Can't read the layer");
        if (digest_new(&digest) < 0 || buffer_append(&path, "", 0) < 0) {
                close(directory_fd);
                return error_out_of_memory(error);
        }
        Walk walk = { .digest = digest, .path = path };
        int r = add_root(&walk, directory_fd);
        if (r == 0)
                r = walk_directory(&walk, directory_fd);
        else
                close(directory_fd);
        path = walk.path;
        if (r < 0)
                return error_set_errno(error, -r, "Can't read %s in the layer", path.data);
        if (digest_finish(digest, walk.measure.digest) < 0 ||
            buffer_append(reply, &walk.measure, sizeof walk.measure) < 0)
                return error_out_of_memory(error);
        return 0;
}

int layer_measure(Sandbox *sandbox, int tree_fd, LayerMeasure *ret, Error *error)
{
        _cleanup_buffer_ Buffer reply = BUFFER_INIT;
        SandboxTree tree = { .directory_fd = tree_fd };
        int r = sandbox_call(sandbox, &tree, measure_in_sandbox, NULL, &reply, error);

        if (r < 0)
                return r;
        if (reply.length != sizeof *ret)
                return error_set(error, -EPROTO, "The process that measured a layer gave a wrong answer");
        memcpy(ret, reply.data, sizeof *ret);
        return 0;
}
