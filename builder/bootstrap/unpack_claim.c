/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bootstrap/unpack_internal.h"

#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

/* ------------------------------------------------------------------------------------------------ errors */

static const Package *package_of(const Unpack *unpack, size_t number)
{
        return &unpack->job->packages->items[number];
}

static int conflict(Worker *worker, const Claim *claim, const char *path, Error *error)
{
        const AptPackage *other = claim->owner == CLAIM_NOBODY ? NULL : package_of(worker->unpack, claim->owner)->origin;
        int r = error_set(error, -EEXIST, "it has %s, and so has %s %s", path, other ? other->name : "the tree",
                          other ? other->version : "already");

        return error_hint(error, "The packages can't be installed together: neither of them says that it replaces files "
                                 "of the other") < 0
                       ? r : -EEXIST;
}

/* What depends on the order is done again in that order; then it has come about as it must. */
static int order_matters(Worker *worker, const char *path, Error *error)
{
        return worker->unpack->job->one_by_one
                       ? 0 : error_set(error, -EAGAIN, "what becomes of %s depends on the order of packages", path);
}

/* ------------------------------------------------------------------------------------------------ directories */

static bool is_directory(int root_fd, const char *path)
{
        _cleanup_close_ int fd = open_in_root(root_fd, path, O_PATH | O_DIRECTORY, 0);

        return fd >= 0;
}

static int wait_written(Worker *worker, const Claim *claim)
{
        while (claim->writing && !worker->unpack->stopped)
                pthread_cond_wait(&worker->unpack->written, &worker->unpack->lock);
        return claim->writing ? -ECANCELED : 0;
}

/* Whether the claim's owner is unpacked before this package, or would be by dpkg. */
static bool comes_later(const Worker *worker, const Claim *claim)
{
        return claim->settled || claim->owner < worker->number;
}

/* Whether the package may go through the link. */
static int check_link(Worker *worker, const Claim *claim, const char *path, Error *error)
{
        if (claim->owner == worker->number)
                return error_set(error, -EBADMSG, "it has files behind a symbolic link of its own: /%s", path);
        return comes_later(worker, claim) ? 0 : order_matters(worker, path, error);
}

static Claim *add_directory(Worker *worker, const Directory *directory, const char *name, const char *path, size_t owner,
                            bool settled)
{
        Claim *claim = claims_add(&worker->unpack->claims, directory->inode, name, path, CLAIM_DIRECTORY, owner);

        if (claim)
                claim->settled = settled;
        return claim;
}

static int enter_locked(Worker *worker, const Directory *directory, const char *name, const char *path, int problem,
                        Error *error)
{
        Claim *claim = claims_find(&worker->unpack->claims, directory->inode, name);

        if (claim && claim->type == CLAIM_LINK) {
                int r = wait_written(worker, claim);
                return r < 0 ? r : check_link(worker, claim, path, error);
        }
        if (claim || problem != -ENOENT)
                return 0;
        /* no package that was unpacked so far has it, this one only something in it */
        _cleanup_free_ char *absolute = NULL;
        if (asprintf(&absolute, "/%s", path) < 0) {
                absolute = NULL;
                return error_out_of_memory(error);
        }
        if (mkdirat(directory->fd, name, 0755) < 0)
                return errno == EEXIST ? 0 : error_set_errno(error, errno, "can't make the directory /%s", path);
        claim = add_directory(worker, directory, name, absolute, CLAIM_NOBODY, false);
        return claim ? 0 : error_out_of_memory(error);
}

int unpack_enter(const Directory *directory, const char *name, const char *path, int problem, void *userdata,
                 Error *error)
{
        Worker *worker = userdata;

        pthread_mutex_lock(&worker->unpack->lock);
        int r = enter_locked(worker, directory, name, path, problem, error);
        pthread_mutex_unlock(&worker->unpack->lock);
        return r;
}

static int new_directory(Worker *worker, const Directory *directory, const char *name, const Member *member, Error *error)
{
        struct stat status;
        bool made = mkdirat(directory->fd, name, 0755) == 0;

        if (!made && errno != EEXIST)
                return error_set_errno(error, errno, "can't make the directory %s", member->path);
        if (!made && fstatat(directory->fd, name, &status, AT_SYMLINK_NOFOLLOW) < 0)
                return error_set_errno(error, errno, "can't look at %s of the tree", member->path);
        if (!made && !S_ISDIR(status.st_mode)) {
                if (is_directory(worker->unpack->root_fd, member->path))
                        return 0;
                return error_set(error, -ENOTDIR, "it has a directory %s, and the tree has something else there",
                                 member->path);
        }
        Claim *claim = add_directory(worker, directory, name, member->path, worker->number, !made);
        if (!claim)
                return error_out_of_memory(error);
        claim->attributes = member->attributes;
        return 0;
}

static int known_directory(Worker *worker, Claim *claim, const Member *member, Error *error)
{
        int r;

        switch (claim->type) {
        case CLAIM_DIRECTORY:
                if (!claim->settled && worker->number < claim->owner) {
                        claim->owner = worker->number;
                        claim->attributes = member->attributes;
                }
                return 0;
        case CLAIM_LINK:
                r = wait_written(worker, claim);
                if (r == 0)
                        r = check_link(worker, claim, member->path + 1, error);
                if (r == 0 && !is_directory(worker->unpack->root_fd, member->path))
                        r = conflict(worker, claim, member->path, error);
                return r;
        default:
                return conflict(worker, claim, member->path, error);
        }
}

int unpack_directory(Worker *worker, const Directory *directory, const char *name, const Member *member, Error *error)
{
        pthread_mutex_lock(&worker->unpack->lock);
        Claim *claim = claims_find(&worker->unpack->claims, directory->inode, name);
        int r = claim ? known_directory(worker, claim, member, error)
                      : new_directory(worker, directory, name, member, error);
        pthread_mutex_unlock(&worker->unpack->lock);
        return r;
}

static int dress(Unpack *unpack, const Claim *claim, Error *error)
{
        const Attributes *wanted = &claim->attributes;
        const struct timespec times[] = { { .tv_nsec = UTIME_OMIT },
                                          { .tv_sec = wanted->mtime_sec, .tv_nsec = wanted->mtime_nsec } };
        _cleanup_close_ int fd = open_in_root(unpack->root_fd, claim->path, O_RDONLY | O_DIRECTORY, 0);

        if (fd < 0)
                return error_set_errno(error, -fd, "Can't open %s of the tree", claim->path);
        if (((wanted->uid > 0 || wanted->gid > 0) && fchown(fd, wanted->uid, wanted->gid) < 0) ||
            (wanted->mode != 0755 && fchmod(fd, wanted->mode) < 0) || futimens(fd, times) < 0)
                return error_set_errno(error, errno, "Can't set owner, mode and time of %s", claim->path);
        return 0;
}

int unpack_finish_directories(Unpack *unpack, Error *error)
{
        int r = 0;

        for (size_t i = 0; r == 0 && i < unpack->claims.allocated; i++) {
                const Claim *claim = unpack->claims.items[i];
                if (claim && claim->type == CLAIM_DIRECTORY && !claim->settled && claim->owner != CLAIM_NOBODY)
                        r = dress(unpack, claim, error);
        }
        return r;
}

/* ------------------------------------------------------------------------------------------------ files */

static int take_over(Worker *worker, Claim *claim, const Member *member, Error *error)
{
        Unpack *unpack = worker->unpack;
        Lost *grown = reallocarray(unpack->lost, unpack->n_lost + 1, sizeof *grown);
        char *path = strdup(member->path);

        if (grown)
                unpack->lost = grown;
        if (!grown || !path) {
                free(path);
                return error_out_of_memory(error);
        }
        /* dpkg doesn't see that /bin/x and /usr/bin/x are one: then both keep it in their lists */
        if (strcmp(path, claim->path) == 0)
                unpack->lost[unpack->n_lost++] = (Lost){ claim->owner, TAKE_PTR(claim->path) };
        free(claim->path);
        claim->path = path;
        claim->owner = worker->number;
        claim->type = member->type;
        claim->writing = true;
        claim->settled = false;
        return 0;
}

/* Two packages have it: what would be there, had the one with the lower number been unpacked first? */
static int contend(Worker *worker, Claim *claim, const Member *member, Verdict *ret_verdict, Error *error)
{
        const Unpack *unpack = worker->unpack;
        bool later = comes_later(worker, claim);
        const Package *mine = worker->package, *other = package_of(unpack, claim->owner);
        const Package *first = later ? other : mine, *second = later ? mine : other;
        bool same_name = strcmp(claim->path, member->path) == 0, second_wins = !same_name || package_replaces(second, first);

        if (!second_wins && !package_replaces(first, second))
                return conflict(worker, claim, member->path, error);
        if (second_wins != later) {
                *ret_verdict = same_name ? VERDICT_LOST : VERDICT_KEEP;
                return 0;
        }
        *ret_verdict = VERDICT_REPLACE;
        return take_over(worker, claim, member, error);
}

static int beside_directory(Worker *worker, const Claim *claim, const Member *member, Error *error)
{
        if (member->type != CLAIM_LINK || claim->owner == worker->number)
                return conflict(worker, claim, member->path, error);
        return comes_later(worker, claim) ? 0 : order_matters(worker, member->path, error);
}

static int claim_locked(Worker *worker, const Directory *directory, const char *name, const Member *member, Claim **ret,
                        Verdict *ret_verdict, Error *error)
{
        Claims *claims = &worker->unpack->claims;
        Claim *claim = claims_find(claims, directory->inode, name);

        *ret_verdict = VERDICT_PLACE;
        if (!claim) {
                *ret = claims_add(claims, directory->inode, name, member->path, member->type, worker->number);
                if (!*ret)
                        return error_out_of_memory(error);
                (*ret)->writing = true;
                return 0;
        }
        *ret = claim;
        if (claim->type == CLAIM_DIRECTORY) {
                *ret_verdict = VERDICT_KEEP;
                return beside_directory(worker, claim, member, error);
        }
        int r = wait_written(worker, claim);
        if (r == 0 && claim->owner != worker->number)
                return contend(worker, claim, member, ret_verdict, error);
        claim->writing = r == 0;
        claim->type = member->type;
        return r;
}

int unpack_claim(Worker *worker, const Directory *directory, const char *name, const Member *member, Claim **ret,
                 Verdict *ret_verdict, Error *error)
{
        pthread_mutex_lock(&worker->unpack->lock);
        int r = claim_locked(worker, directory, name, member, ret, ret_verdict, error);
        pthread_mutex_unlock(&worker->unpack->lock);
        return r;
}

void unpack_written(Worker *worker, Claim *claim)
{
        pthread_mutex_lock(&worker->unpack->lock);
        claim->writing = false;
        pthread_cond_broadcast(&worker->unpack->written);
        pthread_mutex_unlock(&worker->unpack->lock);
}

bool unpack_owns(Worker *worker, const Directory *directory, const char *name)
{
        pthread_mutex_lock(&worker->unpack->lock);
        const Claim *claim = claims_find(&worker->unpack->claims, directory->inode, name);
        bool owns = claim && claim->type == CLAIM_FILE && claim->owner == worker->number;
        pthread_mutex_unlock(&worker->unpack->lock);
        return owns;
}

/* ------------------------------------------------------------------------------------------------ before and after */

/* A directory that is gone since then: what was in it is gone, too. */
static int enter_nothing(const Directory *directory _unused_, const char *name _unused_, const char *path _unused_,
                         int problem, void *userdata, Error *error _unused_)
{
        *(bool *) userdata = problem == -ENOENT;
        return problem == -ENOENT ? -ENOENT : 0;
}

static int recall_path(Unpack *unpack, size_t number, Directories *directories, const char *path, PathType type,
                       const bool *gone, Error *error)
{
        static const ClaimType types[] = { [PATH_DIRECTORY] = CLAIM_DIRECTORY, [PATH_LINK] = CLAIM_LINK, [PATH_FILE] = CLAIM_FILE };
        const char *real = type == PATH_DIRECTORY ? path
                                                  : diversions_apply(&unpack->diversions, path,
                                                                     package_of(unpack, number)->origin->name);
        const Directory *directory;
        const char *name;

        if (strcmp(path, "/.") == 0)
                return 0;
        int r = directories_find(directories, real + 1, &directory, &name, error);
        if (r < 0)
                return *gone ? 0 : r;
        if (claims_find(&unpack->claims, directory->inode, name))
                return 0;
        Claim *claim = claims_add(&unpack->claims, directory->inode, name, path, types[type], number);
        if (!claim)
                return error_out_of_memory(error);
        claim->settled = true;
        return 0;
}

int unpack_recall(Unpack *unpack, Error *error)
{
        _cleanup_directories_ Directories directories = { 0 };
        bool gone = false;
        int r = directories_open(&directories, unpack->root_fd, enter_nothing, &gone, error);

        for (size_t i = 0; r == 0 && i < unpack->job->packages->n_items; i++) {
                const Buffer *paths = &package_of(unpack, i)->paths;
                const char *path;
                PathType type;
                if (!unpack->job->unpacked[i])
                        continue;
                for (size_t at = 0; r == 0 && (path = paths_next(paths, &at, &type));) {
                        gone = false;
                        r = recall_path(unpack, i, &directories, path, type, &gone, error);
                }
        }
        return r;
}

static int drop_path(Buffer *paths, const char *lost)
{
        _cleanup_buffer_ Buffer kept = BUFFER_INIT;
        const char *path;
        PathType type;

        for (size_t at = 0; (path = paths_next(paths, &at, &type));)
                if (strcmp(path, lost) != 0 && paths_append(&kept, type, path) < 0)
                        return -ENOMEM;
        buffer_done(paths);
        *paths = TAKE_BUFFER(kept);
        return 0;
}

/* A path that went to a package under the same name; under another name both keep it. */
int unpack_drop_lost(Unpack *unpack, Error *error)
{
        for (size_t i = 0; i < unpack->n_lost; i++) {
                Package *package = &unpack->job->packages->items[unpack->lost[i].owner];
                if (drop_path(&package->paths, unpack->lost[i].path) < 0)
                        return error_out_of_memory(error);
                package->paths_changed = true;
        }
        return 0;
}
