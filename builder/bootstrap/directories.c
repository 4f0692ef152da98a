/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bootstrap/directories.h"

#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int directories_open(Directories *directories, int root_fd, DirectoriesEnter enter, void *userdata, Error *error)
{
        struct stat status;

        *directories = (Directories){ .root_fd = root_fd, .enter = enter, .userdata = userdata };
        if (fstat(root_fd, &status) < 0)
                return error_set_errno(error, errno, "Can't look at the tree");
        directories->path = strdup("");
        if (!directories->path)
                return error_out_of_memory(error);
        directories->stack[0] = (Directory){ .fd = root_fd, .inode = status.st_ino };
        directories->depth = 1;
        return 0;
}

static void pop(Directories *directories)
{
        directories->depth--;
        close(directories->stack[directories->depth].fd);
        directories->path[directories->stack[directories->depth - 1].length] = '\0';
}

void directories_close(Directories *directories)
{
        while (directories->depth > 1)
                pop(directories);
        free(directories->path);
        directories->path = NULL;
}

static int push(Directories *directories, int fd, const char *path, size_t length, Error *error)
{
        _cleanup_close_ int owned = fd;
        struct stat status;

        if (directories->depth == DIRECTORIES_MAX)
                return error_set(error, -ELOOP, "it has a file too many directories deep: %s", path);
        char *copy = strndup(path, length);
        if (!copy)
                return error_out_of_memory(error);
        free(directories->path);
        directories->path = copy;
        if (fstat(owned, &status) < 0)
                return error_set_errno(error, errno, "can't look at /%s", directories->path);
        directories->stack[directories->depth++] = (Directory){ TAKE_FD(owned), status.st_ino, length };
        return 0;
}

static int open_plain(int directory_fd, const char *name)
{
        int fd = openat(directory_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

        return fd < 0 ? -errno : fd;
}

/* `path` up to `end` is one component longer than the last directory. */
static int descend(Directories *directories, const char *path, size_t start, size_t end, Error *error)
{
        const Directory *last = &directories->stack[directories->depth - 1];
        _cleanup_free_ char *name = strndup(path + start, end - start), *whole = strndup(path, end);

        if (!name || !whole)
                return error_out_of_memory(error);
        int fd = open_plain(last->fd, name);
        if (fd == -ENOENT || fd == -ELOOP || fd == -ENOTDIR) {
                int r = directories->enter(last, name, whole, fd, directories->userdata, error);
                if (r < 0)
                        return r;
                fd = open_plain(last->fd, name);
                if (fd == -ELOOP || fd == -ENOTDIR)
                        fd = open_in_root(directories->root_fd, whole, O_RDONLY | O_DIRECTORY, 0);
        }
        if (fd < 0)
                return error_set_errno(error, -fd, "can't open the directory /%s of the tree", whole);
        return push(directories, fd, path, end, error);
}

static bool is_below(const char *path, const Directory *directory, const char *directory_path)
{
        return directory->length == 0 ||
               (strncmp(path, directory_path, directory->length) == 0 && path[directory->length] == '/');
}

int directories_find(Directories *directories, const char *path, const Directory **ret, const char **ret_name,
                     Error *error)
{
        const char *slash = strrchr(path, '/');
        size_t length = slash ? (size_t) (slash - path) : 0;

        while (!is_below(path, &directories->stack[directories->depth - 1], directories->path))
                pop(directories);
        for (size_t at; (at = directories->stack[directories->depth - 1].length) < length;) {
                size_t start = at + (at > 0);
                int r = descend(directories, path, start, start + strcspn(path + start, "/"), error);
                if (r < 0)
                        return r;
        }
        *ret = &directories->stack[directories->depth - 1];
        *ret_name = slash ? slash + 1 : path;
        return 0;
}
