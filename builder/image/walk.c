/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/walk.h"

#include "base/file.h"
#include "base/strings.h"
#include "image/names.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/syscall.h>

typedef struct Walk {
        Buffer path;
        unsigned depth;
        WalkVisitor visit;
        void *userdata;
        Error *error;
        char text[NAME_TEXT_MAX];
} Walk;

static const char *path_text(Walk *walk)
{
        return name_text(walk->path.data, walk->text);
}

static int open_entry(int directory_fd, const char *name, int flags)
{
        struct open_how how = {
                /* O_NONBLOCK: were it replaced by a FIFO, the open must not wait for a writer */
                .flags = (uint64_t) (unsigned) (flags | O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC),
                .resolve = RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV | RESOLVE_BENEATH,
        };

        for (;;) {
                long fd = syscall(SYS_openat2, directory_fd, name, &how, sizeof how);
                if (fd >= 0)
                        return (int) fd;
                if (errno != EINTR && errno != EAGAIN)
                        return -errno;
        }
}

static int compare_names(const void *a, const void *b)
{
        return strcmp(*(char *const *) a, *(char *const *) b);
}

typedef struct Names {
        char **items;
        size_t n_items, allocated;
} Names;

static void names_done(Names *names)
{
        for (size_t i = 0; i < names->n_items; i++)
                free(names->items[i]);
        free(names->items);
}

static int names_add(Names *names, const char *name)
{
        if (names->n_items == names->allocated) {
                size_t allocated = names->allocated ? 2 * names->allocated : 16;
                char **items = reallocarray(names->items, allocated, sizeof *items);
                if (!items)
                        return -ENOMEM;
                names->items = items;
                names->allocated = allocated;
        }
        names->items[names->n_items] = strdup(name);
        return names->items[names->n_items] ? (names->n_items++, 0) : -ENOMEM;
}

static int read_names(DIR *directory, Names *names)
{
        for (struct dirent *entry; (entry = directory_next(directory));) {
                int r = names_add(names, entry->d_name);
                if (r < 0)
                        return r;
        }
        if (errno)
                return -errno;
        if (names->n_items > 1)
                qsort(names->items, names->n_items, sizeof *names->items, compare_names);
        return 0;
}

static int check_entry(Walk *walk, const struct stat *status)
{
        if (S_ISSOCK(status->st_mode) || S_ISBLK(status->st_mode) || S_ISCHR(status->st_mode)) {
                error_set(walk->error, -EINVAL, "%s is a %s, which an image must not hold", path_text(walk),
                          S_ISSOCK(status->st_mode) ? "socket" : "device node");
                return error_hint(walk->error, "Remove it in a [Script] or with [Remove] Paths=");
        }
        if (status->st_uid > WALK_ID_MAX || status->st_gid > WALK_ID_MAX)
                return error_set(walk->error, -ERANGE, "%s belongs to user %u and group %u; an image's ids end at %u",
                                 path_text(walk), status->st_uid, status->st_gid, WALK_ID_MAX);
        if (walk->depth > WALK_DEPTH_MAX)
                return error_set(walk->error, -ELOOP, "%s lies %u levels deep; hosts unpack %u at most",
                                 path_text(walk), walk->depth, WALK_DEPTH_MAX);
        return 0;
}

/* Opens what fstatat() has seen, and makes sure that it still is that. */
static int open_checked(Walk *walk, int directory_fd, const char *name, WalkEntry *entry)
{
        struct stat status;
        int fd = open_entry(directory_fd, name, S_ISDIR(entry->status.st_mode) ? O_DIRECTORY : 0);

        if (fd == -EXDEV) {
                error_set(walk->error, -EXDEV, "Something is mounted on %s", path_text(walk));
                return error_hint(walk->error, "Unmount it: an image holds one file system");
        }
        if (fd < 0)
                return error_set_errno(walk->error, -fd, "Can't open %s", path_text(walk));
        entry->fd = fd;
        if (fstat(fd, &status) < 0)
                return error_set_errno(walk->error, errno, "Can't look at %s", path_text(walk));
        if (status.st_ino != entry->status.st_ino || (status.st_mode & S_IFMT) != (entry->status.st_mode & S_IFMT))
                return error_set(walk->error, -EBUSY, "%s was replaced while it was packed", path_text(walk));
        entry->status = status;
        return 0;
}

static int read_link(Walk *walk, int directory_fd, const char *name, char **ret_target)
{
        _cleanup_free_ char *target = malloc(PATH_MAX);

        if (!target)
                return error_out_of_memory(walk->error);
        ssize_t length = readlinkat(directory_fd, name, target, PATH_MAX);
        if (length < 0)
                return error_set_errno(walk->error, errno, "Can't read the symbolic link %s", path_text(walk));
        if (length >= PATH_MAX)
                return error_set(walk->error, -ENAMETOOLONG, "The target of %s is too long", path_text(walk));
        target[length] = '\0';
        *ret_target = TAKE_PTR(target);
        return 0;
}

static int walk_directory(Walk *walk, int fd, const struct stat *before);

/* `walk->path` ends with the entry's name. */
static int walk_entry(Walk *walk, int directory_fd, const char *name)
{
        _cleanup_free_ char *target = NULL;
        WalkEntry entry = { .path = walk->path.data, .fd = -1 };
        int r;

        if (fstatat(directory_fd, name, &entry.status, AT_SYMLINK_NOFOLLOW) < 0)
                return error_set_errno(walk->error, errno, "Can't look at %s", path_text(walk));
        r = check_entry(walk, &entry.status);
        if (r < 0)
                return r;
        if (S_ISREG(entry.status.st_mode) || S_ISDIR(entry.status.st_mode))
                r = open_checked(walk, directory_fd, name, &entry);
        else if (S_ISLNK(entry.status.st_mode))
                r = read_link(walk, directory_fd, name, &target);
        _cleanup_close_ int fd = entry.fd;
        if (r < 0)
                return r;
        entry.link_target = target;
        r = walk->visit(&entry, walk->userdata, walk->error);
        if (r < 0 || !S_ISDIR(entry.status.st_mode))
                return r;
        return walk_directory(walk, TAKE_FD(fd), &entry.status);
}

static int walk_names(Walk *walk, int fd, const Names *names)
{
        size_t length = walk->path.length;
        int r = 0;

        walk->depth++;
        for (size_t i = 0; i < names->n_items && r == 0; i++) {
                if (buffer_printf(&walk->path, "/%s", names->items[i]) < 0)
                        return error_out_of_memory(walk->error);
                r = walk_entry(walk, fd, names->items[i]);
                walk->path.length = length;
                walk->path.data[length] = '\0';
        }
        walk->depth--;
        return r;
}

/* Takes `fd`. */
static int walk_directory(Walk *walk, int fd, const struct stat *before)
{
        _cleanup_(names_done) Names names = { 0 };
        _cleanup_closedir_ DIR *directory = fdopendir(fd);
        struct stat after;

        if (!directory) {
                int errnum = errno;
                close(fd);
                return error_set_errno(walk->error, errnum, "Can't read the directory %s", path_text(walk));
        }
        int r = read_names(directory, &names);
        if (r < 0)
                return error_set_errno(walk->error, -r, "Can't read the directory %s", path_text(walk));
        r = walk_names(walk, fd, &names);
        if (r < 0)
                return r;
        if (fstat(fd, &after) < 0)
                return error_set_errno(walk->error, errno, "Can't look at %s", path_text(walk));
        if (after.st_mtim.tv_sec != before->st_mtim.tv_sec || after.st_mtim.tv_nsec != before->st_mtim.tv_nsec)
                return error_set(walk->error, -EBUSY, "The directory %s changed while it was packed",
                                 path_text(walk));
        return 0;
}

int walk_tree(int root_fd, WalkVisitor visit, void *userdata, Error *error)
{
        Walk walk = { .visit = visit, .userdata = userdata, .error = error };

        int r = buffer_append_string(&walk.path, ".") < 0 ? error_out_of_memory(error)
                                                          : walk_entry(&walk, root_fd, ".");
        buffer_done(&walk.path);
        return r;
}
