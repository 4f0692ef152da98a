/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "packages/apt_internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/file.h"

typedef struct Transfer {
        int from_fd, to_fd;
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
        for (struct dirent *entry; (entry = directory_next(directory));) {
                int r = is_index(entry) ? transfer_file(transfer, entry->d_name) : 0;
                if (r < 0)
                        return r;
        }
        return -errno;
}

static int call_transfer(int root_fd, void *userdata, Buffer *reply, Error *error)
{
        const Transfer *transfer = userdata;
        int r = transfer_all(transfer);

        (void) root_fd;
        (void) reply;
        return r < 0 ? error_set_errno(error, -r, "Can't copy package indexes") : 0;
}

int apt_lists_transfer(Apt *apt, const char *from, const char *to, Error *error)
{
        _cleanup_close_ int from_fd = open(from, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        _cleanup_close_ int to_fd = open(to, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        Transfer one = { from_fd, to_fd };
        SandboxTree tree = { .directory_fd = to_fd };

        if (from_fd < 0 || to_fd < 0)
                return error_set_errno(error, errno, "Can't open %s", from_fd < 0 ? from : to);
        return sandbox_call(apt->sandbox, &tree, call_transfer, &one, NULL, error);
}

/* [size, modification time in ns] */
static int describe_file(int directory_fd, const char *name, json_t *files)
{
        struct stat status;

        if (fstatat(directory_fd, name, &status, AT_SYMLINK_NOFOLLOW) < 0)
                return -errno;
        if (!S_ISREG(status.st_mode))
                return 0;
        json_int_t modified_nsec = (json_int_t) status.st_mtim.tv_sec * 1000000000 + status.st_mtim.tv_nsec;
        json_t *entry = json_pack("[II]", (json_int_t) status.st_size, modified_nsec);
        return json_object_set_new(files, name, entry) < 0 ? -ENOMEM : 0;
}

int apt_lists_describe(int directory_fd, json_t **ret)
{
        _cleanup_closedir_ DIR *directory = open_entries(directory_fd);
        _cleanup_json_ json_t *files = json_object();

        if (!directory)
                return -errno;
        if (!files)
                return -ENOMEM;
        for (struct dirent *entry; (entry = directory_next(directory));) {
                int r = is_index(entry) ? describe_file(directory_fd, entry->d_name, files) : 0;
                if (r < 0)
                        return r;
        }
        if (errno > 0)
                return -errno;
        *ret = TAKE_PTR(files);
        return 0;
}
