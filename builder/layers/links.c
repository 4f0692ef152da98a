/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "layers/links.h"

#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define TEMPORARY ".templar-link"

/* ------------------------------------------------------------------------------------------------ lists */

/* The names of one group; pointers into the list. */
typedef struct Group {
        const char **names;
        size_t n_names;
} Group;

static void group_done(Group *group)
{
        free(group->names);
        *group = (Group){ 0 };
}

static int group_add(Group *group, const char *name)
{
        const char **grown = reallocarray(group->names, group->n_names + 1, sizeof *grown);

        if (!grown)
                return -ENOMEM;
        group->names = grown;
        grown[group->n_names++] = name;
        return 0;
}

/* From *at on; 1 with a group, 0 at the end. */
static int next_group(const Buffer *list, size_t *at, Group *ret)
{
        group_done(ret);
        if (*at >= list->length)
                return 0;
        for (; *at < list->length && list->data[*at]; *at += strlen(list->data + *at) + 1)
                if (group_add(ret, list->data + *at) < 0)
                        return -ENOMEM;
        (*at)++;
        return 1;
}

static int append_name(Buffer *list, const char *name)
{
        return buffer_append(list, name, strlen(name) + 1);
}

/* ------------------------------------------------------------------------------------------------ names in a tree */

/* No link is followed: through one, a file could have two paths and yet one name. */
static int open_strict(int root_fd, const char *path, int flags)
{
        struct open_how how = {
                .flags = (uint64_t) (unsigned) (flags | O_NOFOLLOW | O_CLOEXEC),
                .resolve = RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH,
        };
        long fd = syscall(SYS_openat2, root_fd, path, &how, sizeof how);

        return fd < 0 ? -errno : (int) fd;
}

/* The directory that a name is in, with its times, which a change of names is not to show in. */
typedef struct Place {
        int fd;
        const char *name; /* the last component */
        struct timespec times[2];
} Place;

static void place_done(Place *place)
{
        if (place->fd >= 0)
                close(place->fd);
}

static int place_open(int root_fd, const char *path, Place *ret)
{
        const char *slash = strrchr(path, '/');
        _cleanup_free_ char *directory = slash ? strndup(path, (size_t) (slash - path)) : strdup(".");
        struct stat status;

        if (!directory)
                return -ENOMEM;
        ret->name = slash ? slash + 1 : path;
        ret->fd = open_strict(root_fd, directory, O_RDONLY | O_DIRECTORY);
        if (ret->fd < 0)
                return ret->fd;
        if (fstat(ret->fd, &status) < 0)
                return -errno;
        ret->times[0] = status.st_atim;
        ret->times[1] = status.st_mtim;
        return 0;
}

static int place_restore(const Place *place)
{
        return futimens(place->fd, place->times) < 0 ? -errno : 0;
}

/* False when there is no such regular file. */
static bool look(int root_fd, const char *path, struct stat *ret)
{
        int fd = open_strict(root_fd, path, O_PATH);
        bool found = fd >= 0 && fstat(fd, ret) == 0 && S_ISREG(ret->st_mode);

        if (fd >= 0)
                close(fd);
        return found;
}

/* ------------------------------------------------------------------------------------------------ taking */

typedef struct Take {
        const Buffer *links;
        ino_t *done; /* inodes that are in the upper directory with all their names */
        size_t n_done;
} Take;

static bool is_done(const Take *take, ino_t inode)
{
        for (size_t i = 0; i < take->n_done; i++)
                if (take->done[i] == inode)
                        return true;
        return false;
}

/* Opening for writing copies a file from below; nothing is written. */
static int copy_up(int root_fd, const char *path)
{
        int fd = open_strict(root_fd, path, O_WRONLY | O_NONBLOCK);

        if (fd < 0)
                return fd;
        close(fd);
        return 0;
}

static int link_over(int root_fd, const char *from, const char *to)
{
        _cleanup_(place_done) Place source = { .fd = -1 }, target = { .fd = -1 };
        int r = place_open(root_fd, from, &source);

        if (r == 0)
                r = place_open(root_fd, to, &target);
        if (r < 0)
                return r;
        if (linkat(source.fd, source.name, target.fd, TEMPORARY, 0) < 0)
                return -errno;
        if (renameat(target.fd, TEMPORARY, target.fd, target.name) < 0) {
                r = -errno;
                unlinkat(target.fd, TEMPORARY, 0);
                return r;
        }
        return place_restore(&target);
}

/* What links_leave() compares: the time of the last change, and what it does not tell in the same tick of the clock. */
static int append_state(Buffer *reply, const struct stat *status)
{
        int r = buffer_printf(reply, "%jd.%09ld %jd.%09ld %o %u %u %jd", (intmax_t) status->st_ctim.tv_sec,
                              status->st_ctim.tv_nsec, (intmax_t) status->st_mtim.tv_sec, status->st_mtim.tv_nsec,
                              status->st_mode, status->st_uid, status->st_gid, (intmax_t) status->st_size);

        return r < 0 ? r : buffer_append(reply, "", 1);
}

static int take_names(Take *take, int root_fd, const Group *names, Buffer *reply)
{
        ino_t *done = reallocarray(take->done, take->n_done + 1, sizeof *done);
        struct stat status;
        int r = done ? copy_up(root_fd, names->names[0]) : -ENOMEM;

        if (done)
                take->done = done;
        for (size_t i = 1; r == 0 && i < names->n_names; i++)
                r = link_over(root_fd, names->names[0], names->names[i]);
        if (r < 0)
                return r;
        if (!look(root_fd, names->names[0], &status))
                return -ESTALE;
        take->done[take->n_done++] = status.st_ino;
        r = append_state(reply, &status);
        for (size_t i = 0; r == 0 && i < names->n_names; i++)
                r = append_name(reply, names->names[i]);
        return r == 0 ? append_name(reply, "") : r;
}

/* Names of one file once may be those of several now. */
static int take_group(Take *take, int root_fd, Group *group, Buffer *reply)
{
        while (group->n_names > 1) {
                _cleanup_(group_done) Group same = { 0 };
                struct stat first, status;
                size_t n_left = 0;
                bool found = look(root_fd, group->names[0], &first);
                int r = found ? group_add(&same, group->names[0]) : 0;
                for (size_t i = 1; r == 0 && i < group->n_names; i++) {
                        bool there = look(root_fd, group->names[i], &status);
                        if (found && there && status.st_ino == first.st_ino && status.st_dev == first.st_dev)
                                r = group_add(&same, group->names[i]);
                        else if (there)
                                group->names[n_left++] = group->names[i];
                }
                group->n_names = n_left;
                if (r == 0 && same.n_names > 1 && !is_done(take, first.st_ino))
                        r = take_names(take, root_fd, &same, reply);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int take_in_sandbox(int root_fd, void *userdata, Buffer *reply, Error *error)
{
        Take take = { .links = userdata };
        _cleanup_(group_done) Group group = { 0 };
        size_t at = 0;
        int r;

        while ((r = next_group(take.links, &at, &group)) > 0) {
                r = take_group(&take, root_fd, &group, reply);
                if (r < 0)
                        break;
        }
        free(take.done);
        return r < 0 ? error_set_errno(error, -r, "Can't copy files with several names from the layers below") : 0;
}

int links_take(Sandbox *sandbox, const SandboxTree *tree, const Buffer *links, Buffer *ret_taken, Error *error)
{
        if (links->length == 0)
                return 0;
        return sandbox_call(sandbox, tree, take_in_sandbox, (void *) links, ret_taken, error);
}

/* ------------------------------------------------------------------------------------------------ leaving */

/* `names[0]` is the state, the names follow. */
static int is_unchanged(int root_fd, const Group *group, bool *ret)
{
        struct stat first = { 0 }, status;

        *ret = false;
        for (size_t i = 1; i < group->n_names; i++) {
                _cleanup_buffer_ Buffer state = BUFFER_INIT;
                if (!look(root_fd, group->names[i], &status))
                        return 0;
                if (i == 1)
                        first = status;
                if (append_state(&state, &status) < 0)
                        return -ENOMEM;
                if (status.st_ino != first.st_ino || strcmp(state.data, group->names[0]) != 0)
                        return 0;
        }
        *ret = true;
        return 0;
}

static int remove_names(int root_fd, const Group *group)
{
        for (size_t i = 1; i < group->n_names; i++) {
                _cleanup_(place_done) Place place = { .fd = -1 };
                int r = place_open(root_fd, group->names[i], &place);
                if (r == 0 && unlinkat(place.fd, place.name, 0) < 0)
                        r = -errno;
                if (r == 0)
                        r = place_restore(&place);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int leave_in_sandbox(int root_fd, void *userdata, Buffer *reply, Error *error)
{
        _cleanup_(group_done) Group group = { 0 };
        size_t at = 0;
        int r;

        (void) reply;
        while ((r = next_group(userdata, &at, &group)) > 0) {
                bool unchanged;
                r = is_unchanged(root_fd, &group, &unchanged);
                if (r == 0 && unchanged)
                        r = remove_names(root_fd, &group);
                if (r < 0)
                        break;
        }
        return r < 0 ? error_set_errno(error, -r, "Can't take unchanged files out of a layer") : 0;
}

int links_leave(Sandbox *sandbox, int upper_fd, const Buffer *taken, Error *error)
{
        SandboxTree tree = { .directory_fd = upper_fd };

        if (taken->length == 0)
                return 0;
        return sandbox_call(sandbox, &tree, leave_in_sandbox, (void *) taken, NULL, error);
}

/* ------------------------------------------------------------------------------------------------ collecting */

typedef struct Found {
        ino_t inode;
        char *path; /* owned */
} Found;

typedef struct Collect {
        Found *items;
        size_t n_items;
        Buffer path;
} Collect;

static int collect_file(Collect *collect, const char *name, ino_t inode)
{
        Found *grown = reallocarray(collect->items, collect->n_items + 1, sizeof *grown);
        char *path = NULL;

        if (!grown)
                return -ENOMEM;
        collect->items = grown;
        if (asprintf(&path, "%s%s", collect->path.data, name) < 0)
                return -ENOMEM;
        grown[collect->n_items++] = (Found){ inode, path };
        return 0;
}

static int collect_directory(Collect *collect, int fd);

static int collect_entry(Collect *collect, int directory_fd, const char *name)
{
        size_t length = collect->path.length;
        struct stat status;

        if (fstatat(directory_fd, name, &status, AT_SYMLINK_NOFOLLOW) < 0)
                return -errno;
        if (S_ISREG(status.st_mode) && status.st_nlink > 1)
                return collect_file(collect, name, status.st_ino);
        if (!S_ISDIR(status.st_mode))
                return 0;
        int fd = openat(directory_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        int r = buffer_printf(&collect->path, "%s/", name);
        if (r < 0) {
                close(fd);
                return r;
        }
        r = collect_directory(collect, fd);
        collect->path.length = length;
        collect->path.data[length] = '\0';
        return r;
}

/* Takes the descriptor. */
static int collect_directory(Collect *collect, int fd)
{
        _cleanup_closedir_ DIR *directory = fdopendir(fd);

        if (!directory) {
                int r = -errno;
                close(fd);
                return r;
        }
        for (struct dirent *entry; (entry = directory_next(directory));) {
                int r = collect_entry(collect, fd, entry->d_name);
                if (r < 0)
                        return r;
        }
        return -errno;
}

static int by_inode(const void *a, const void *b)
{
        const Found *x = a, *y = b;

        if (x->inode != y->inode)
                return x->inode < y->inode ? -1 : 1;
        return strcmp(x->path, y->path);
}

static int write_groups(const Collect *collect, Buffer *reply)
{
        int r = 0;

        for (size_t i = 0; r == 0 && i < collect->n_items; i++) {
                r = append_name(reply, collect->items[i].path);
                if (r == 0 && (i + 1 == collect->n_items || collect->items[i + 1].inode != collect->items[i].inode))
                        r = append_name(reply, "");
        }
        return r;
}

static int collect_in_sandbox(int root_fd, void *userdata, Buffer *reply, Error *error)
{
        Collect collect = { 0 };
        int fd = openat(root_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        int r = fd < 0 ? -errno : buffer_append(&collect.path, "", 0);

        (void) userdata;
        if (r == 0)
                r = collect_directory(&collect, fd);
        else if (fd >= 0)
                close(fd);
        if (r == 0 && collect.n_items > 1)
                qsort(collect.items, collect.n_items, sizeof *collect.items, by_inode);
        if (r == 0)
                r = write_groups(&collect, reply);
        for (size_t i = 0; i < collect.n_items; i++)
                free(collect.items[i].path);
        free(collect.items);
        buffer_done(&collect.path);
        return r < 0 ? error_set_errno(error, -r, "Can't look for files with several names") : 0;
}

int links_collect(Sandbox *sandbox, int upper_fd, Buffer *ret, Error *error)
{
        SandboxTree tree = { .directory_fd = upper_fd };
        _cleanup_buffer_ Buffer found = BUFFER_INIT;
        int r = sandbox_call(sandbox, &tree, collect_in_sandbox, NULL, &found, error);

        if (r < 0)
                return r;
        return buffer_append(ret, found.data, found.length) < 0 ? error_out_of_memory(error) : 0;
}
