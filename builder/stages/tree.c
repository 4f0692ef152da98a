/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "stages/tree.h"

#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/syscall.h>

int tree_open_strict(int root_fd, const char *path, int flags)
{
        struct open_how how = {
                .flags = (uint64_t) (unsigned) flags | O_CLOEXEC,
                .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS,
        };

        for (;;) {
                long fd = syscall(SYS_openat2, root_fd, path, &how, sizeof how);
                if (fd >= 0)
                        return (int) fd;
                if (errno != EINTR && errno != EAGAIN)
                        return -errno;
        }
}

int tree_read(int root_fd, const char *path, Buffer *ret, Error *error)
{
        _cleanup_close_ int fd = open_in_root(root_fd, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
        struct stat status;

        if (fd == -ENOENT)
                return fd;
        if (fd < 0)
                return error_set_errno(error, -fd, "Can't open %s in the tree", path);
        if (fstat(fd, &status) < 0)
                return error_set_errno(error, errno, "Can't look at %s in the tree", path);
        if (!S_ISREG(status.st_mode))
                return error_set(error, -EINVAL, "%s in the tree is not a regular file", path);
        int r = read_descriptor(fd, TREE_FILE_LIMIT_BYTES, ret);
        return r < 0 ? error_set_errno(error, -r, "Can't read %s in the tree", path) : 0;
}

static char *temporary_name(const char *name)
{
        char *temporary = NULL;

        return asprintf(&temporary, ".%.200s.templar", name) < 0 ? NULL : temporary;
}

static int fill_file(int fd, const TreeFile *file)
{
        int r = file->source_fd >= 0 ? copy_bytes(file->source_fd, fd)
                                     : write_all(fd, file->data, file->size_bytes);

        if (r < 0)
                return r;
        /* the owner first: chown takes the set-user-id bit away */
        if (fchown(fd, file->uid, file->gid) < 0 || fchmod(fd, file->mode) < 0)
                return -errno;
        return 0;
}

static int write_below(int parent_fd, const char *name, const TreeFile *file)
{
        _cleanup_free_ char *temporary = temporary_name(name);

        if (!temporary)
                return -ENOMEM;
        if (unlinkat(parent_fd, temporary, 0) < 0 && errno != ENOENT)
                return -errno;
        int fd = openat(parent_fd, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (fd < 0)
                return -errno;
        int r = fill_file(fd, file);
        if (close(fd) < 0 && r == 0)
                r = -errno;
        if (r == 0 && renameat(parent_fd, temporary, parent_fd, name) < 0)
                r = -errno;
        if (r < 0)
                unlinkat(parent_fd, temporary, 0);
        return r;
}

int tree_write(int root_fd, const char *path, const TreeFile *file, Error *error)
{
        _cleanup_free_ char *name = NULL;
        _cleanup_close_ int parent_fd = open_parent_in_root(root_fd, path, true, &name);
        int r = parent_fd < 0 ? parent_fd : write_below(parent_fd, name, file);

        return r < 0 ? error_set_errno(error, -r, "Can't write %s in the tree", path) : 0;
}

static int link_below(int parent_fd, const char *name, const char *target, uid_t uid, gid_t gid)
{
        _cleanup_free_ char *temporary = temporary_name(name);

        if (!temporary)
                return -ENOMEM;
        if (unlinkat(parent_fd, temporary, 0) < 0 && errno != ENOENT)
                return -errno;
        if (symlinkat(target, parent_fd, temporary) < 0)
                return -errno;
        if (fchownat(parent_fd, temporary, uid, gid, AT_SYMLINK_NOFOLLOW) < 0 ||
            renameat(parent_fd, temporary, parent_fd, name) < 0) {
                int r = -errno;
                unlinkat(parent_fd, temporary, 0);
                return r;
        }
        return 0;
}

int tree_link(int root_fd, const char *path, const char *target, uid_t uid, gid_t gid, Error *error)
{
        _cleanup_free_ char *name = NULL;
        _cleanup_close_ int parent_fd = open_parent_in_root(root_fd, path, true, &name);
        int r = parent_fd < 0 ? parent_fd : link_below(parent_fd, name, target, uid, gid);

        return r < 0 ? error_set_errno(error, -r, "Can't make the link %s in the tree", path) : 0;
}

int tree_rewrite(int root_fd, const char *path, const void *data, size_t size_bytes, Error *error)
{
        _cleanup_free_ char *name = NULL;
        _cleanup_close_ int parent_fd = open_parent_in_root(root_fd, path, false, &name);
        struct stat status;

        if (parent_fd < 0)
                return error_set_errno(error, -parent_fd, "Can't open the directory of %s in the tree", path);
        if (fstatat(parent_fd, name, &status, AT_SYMLINK_NOFOLLOW) < 0)
                return error_set_errno(error, errno, "Can't look at %s in the tree", path);
        if (!S_ISREG(status.st_mode))
                return error_set(error, -EINVAL, "%s in the tree is not a regular file", path);
        int r = write_below(parent_fd, name,
                            &(TreeFile){ .data = data, .size_bytes = size_bytes, .source_fd = -1,
                                         .mode = status.st_mode & 07777, .uid = status.st_uid,
                                         .gid = status.st_gid });
        return r < 0 ? error_set_errno(error, -r, "Can't write %s in the tree", path) : 0;
}

int tree_remove(int root_fd, const char *path, bool *ret_found, Error *error)
{
        _cleanup_free_ char *name = NULL;
        _cleanup_close_ int parent_fd = open_parent_in_root(root_fd, path, false, &name);
        struct stat status;

        *ret_found = false;
        if (parent_fd == -ENOENT || parent_fd == -ENOTDIR)
                return 0;
        if (parent_fd < 0)
                return error_set_errno(error, -parent_fd, "Can't open the directory of %s in the tree", path);
        if (fstatat(parent_fd, name, &status, AT_SYMLINK_NOFOLLOW) < 0)
                return errno == ENOENT ? 0 : error_set_errno(error, errno, "Can't look at %s in the tree", path);
        int r = remove_tree(parent_fd, name, error);
        if (r < 0)
                return error_wrap(error, "removing %s from the tree", path);
        *ret_found = true;
        return 0;
}

int tree_empty_directory(int root_fd, const char *path, Error *error)
{
        int fd = tree_open_strict(root_fd, path, O_RDONLY | O_DIRECTORY);
        _cleanup_strv_ char **names = NULL;

        if (fd == -ENOENT || fd == -ELOOP || fd == -ENOTDIR)
                return 0;
        if (fd < 0)
                return error_set_errno(error, -fd, "Can't open %s in the tree", path);
        _cleanup_closedir_ DIR *directory = fdopendir(fd);
        if (!directory) {
                close(fd);
                return error_out_of_memory(error);
        }
        for (struct dirent *entry; (entry = directory_next(directory));) {
                if (strv_append(&names, entry->d_name) < 0)
                        return error_out_of_memory(error);
        }
        if (errno)
                return error_set_errno(error, errno, "Can't read the directory %s in the tree", path);
        for (char **name = names; name && *name; name++)
                if (remove_tree(dirfd(directory), *name, error) < 0)
                        return error_wrap(error, "emptying %s in the tree", path);
        return 0;
}
