/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bootstrap/unpack_internal.h"

#include "base/file.h"
#include "bootstrap/md5.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#define FILE_LIMIT_BYTES ((int64_t) 64 << 30)

/* What is made: under the name itself, or, where something is to be replaced, beside it first. */
typedef struct Target {
        int directory_fd;
        const char *name;
} Target;

static int write_failed(const Member *member, int errnum, Error *error)
{
        return error_set_errno(error, errnum, "can't write %s", member->path);
}

/* ------------------------------------------------------------------------------------------------ regular files */

static int write_block(int fd, const void *data, size_t size, int64_t offset)
{
        for (size_t done = 0; done < size;) {
                ssize_t n = pwrite(fd, (const char *) data + done, size - done, offset + (off_t) done);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                done += (size_t) n;
        }
        return 0;
}

/* Of a sparse file the holes count as well. */
static int digest_hole(EVP_MD_CTX *md5, int64_t size)
{
        static const char zeros[4096];

        for (int64_t n; size > 0; size -= n) {
                n = size < (int64_t) sizeof zeros ? size : (int64_t) sizeof zeros;
                if (EVP_DigestUpdate(md5, zeros, (size_t) n) != 1)
                        return -EIO;
        }
        return 0;
}

static int write_blocks(Worker *worker, int fd, const Member *member, EVP_MD_CTX *md5, Error *error)
{
        struct archive *archive = worker->reader.archive;
        int64_t size = archive_entry_size(member->entry), end = 0;
        const void *data;
        size_t length;
        int64_t offset;
        int result;

        if (size < 0 || size > FILE_LIMIT_BYTES)
                return error_set(error, -EFBIG, "it has a file that is too big: %s", member->path);
        while ((result = archive_read_data_block(archive, &data, &length, &offset)) == ARCHIVE_OK) {
                int r = md5 && offset > end ? digest_hole(md5, offset - end) : 0;
                if (r == 0 && md5 && EVP_DigestUpdate(md5, data, length) != 1)
                        r = -EIO;
                if (r == 0)
                        r = write_block(fd, data, length, offset);
                if (r < 0)
                        return write_failed(member, -r, error);
                end = offset + (int64_t) length;
        }
        if (result != ARCHIVE_EOF)
                return deb_reader_error(&worker->reader, error);
        if (end < size && ((md5 && digest_hole(md5, size - end) < 0) || ftruncate(fd, size) < 0))
                return write_failed(member, errno, error);
        return 0;
}

static int set_xattrs(int fd, const Member *member)
{
        const char *name;
        const void *value;
        size_t size;

        if (archive_entry_xattr_reset(member->entry) == 0)
                return 0;
        while (archive_entry_xattr_next(member->entry, &name, &value, &size) == ARCHIVE_OK)
                if (fsetxattr(fd, name, value, size, 0) < 0)
                        return -errno;
        return 0;
}

/* Owner before mode, which would lose its setuid bit; attributes (capabilities) behind both. */
static int dress(int fd, const Member *member)
{
        const Attributes *wanted = &member->attributes;
        const struct timespec times[] = { { .tv_nsec = UTIME_OMIT },
                                          { .tv_sec = wanted->mtime_sec, .tv_nsec = wanted->mtime_nsec } };
        bool owned = wanted->uid > 0 || wanted->gid > 0;

        if ((owned && fchown(fd, wanted->uid, wanted->gid) < 0) ||
            ((owned || wanted->mode & 07000) && fchmod(fd, wanted->mode) < 0))
                return -errno;
        int r = set_xattrs(fd, member);
        return r == 0 && futimens(fd, times) < 0 ? -errno : r;
}

static Conffile *conffile_of(Package *package, const char *path)
{
        for (size_t i = 0; i < package->n_conffiles; i++)
                if (strcmp(package->conffiles[i].path, path) == 0)
                        return &package->conffiles[i];
        return NULL;
}

static int take_digest(Worker *worker, EVP_MD_CTX *md5, Conffile *conffile, const Member *member)
{
        char hex[MD5_HEX_SIZE];
        int r = md5_finish(md5, hex);

        if (r == 0 && conffile)
                memcpy(conffile->md5, hex, sizeof hex);
        return r == 0 && !worker->has_md5sums && !conffile
                       ? buffer_printf(&worker->package->md5sums, "%s  %s\n", hex, member->path + 1) : r;
}

static int make_regular(Worker *worker, const Target *target, const Member *member, bool digest, Error *error)
{
        Conffile *conffile = conffile_of(worker->package, member->path);
        _cleanup_md5_ EVP_MD_CTX *md5 = digest && (conffile || !worker->has_md5sums) ? md5_new() : NULL;
        _cleanup_close_ int fd = openat(target->directory_fd, target->name,
                                        O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                                        member->attributes.mode & 0777);

        if (fd < 0)
                return errno == EEXIST ? -EEXIST : write_failed(member, errno, error);
        if (digest && (conffile || !worker->has_md5sums) && !md5)
                return error_out_of_memory(error);
        int r = write_blocks(worker, fd, member, md5, error);
        if (r < 0)
                return r;
        r = dress(fd, member);
        if (r == 0 && md5)
                r = take_digest(worker, md5, conffile, member);
        return r < 0 ? write_failed(member, -r, error) : 0;
}

/* ------------------------------------------------------------------------------------------------ everything else */

static int dress_link(const Target *target, const Member *member)
{
        const Attributes *wanted = &member->attributes;
        const struct timespec times[] = { { .tv_nsec = UTIME_OMIT },
                                          { .tv_sec = wanted->mtime_sec, .tv_nsec = wanted->mtime_nsec } };

        if ((wanted->uid > 0 || wanted->gid > 0) &&
            fchownat(target->directory_fd, target->name, wanted->uid, wanted->gid, AT_SYMLINK_NOFOLLOW) < 0)
                return -errno;
        return utimensat(target->directory_fd, target->name, times, AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
}

static int make_symlink(const Target *target, const Member *member, Error *error)
{
        const char *content = archive_entry_symlink(member->entry);

        if (string_empty(content))
                return error_set(error, -EBADMSG, "it has a symbolic link that leads nowhere: %s", member->path);
        if (symlinkat(content, target->directory_fd, target->name) < 0)
                return errno == EEXIST ? -EEXIST : write_failed(member, errno, error);
        int r = dress_link(target, member);
        return r < 0 ? write_failed(member, -r, error) : 0;
}

static int make_fifo(const Target *target, const Member *member, Error *error)
{
        const Attributes *wanted = &member->attributes;

        if (mkfifoat(target->directory_fd, target->name, wanted->mode) < 0)
                return errno == EEXIST ? -EEXIST : write_failed(member, errno, error);
        int r = dress_link(target, member);
        if (r == 0 && fchmodat(target->directory_fd, target->name, wanted->mode, 0) < 0)
                r = -errno;
        return r < 0 ? write_failed(member, -r, error) : 0;
}

/* To another name of a file that this package has just brought. */
static int make_hard_link(Worker *worker, const Target *target, const Member *member, Error *error)
{
        const char *content = archive_entry_hardlink(member->entry), *name;
        const Directory *directory;
        size_t length;
        int r = deb_member_name(content, &content, &length, error);

        if (r < 0)
                return r;
        _cleanup_free_ char *absolute = NULL;
        if (asprintf(&absolute, "/%.*s", (int) length, content) < 0) {
                absolute = NULL;
                return error_out_of_memory(error);
        }
        const char *real = diversions_apply(&worker->unpack->diversions, absolute, worker->package->origin->name);
        r = directories_find(&worker->targets, real + 1, &directory, &name, error);
        if (r < 0)
                return r;
        if (!unpack_owns(worker, directory, name))
                return error_set(error, -EBADMSG, "it has a hard link %s to a file that is not its own: %s", member->path,
                                 absolute);
        if (linkat(directory->fd, name, target->directory_fd, target->name, 0) < 0)
                return errno == EEXIST ? -EEXIST : write_failed(member, errno, error);
        return 0;
}

static int make(Worker *worker, const Target *target, const Member *member, bool digest, Error *error)
{
        if (archive_entry_hardlink(member->entry))
                return make_hard_link(worker, target, member, error);
        switch (archive_entry_filetype(member->entry)) {
        case AE_IFREG:
                return make_regular(worker, target, member, digest, error);
        case AE_IFLNK:
                return make_symlink(target, member, error);
        case AE_IFIFO:
                return make_fifo(target, member, error);
        case AE_IFBLK:
        case AE_IFCHR:
                return error_set(error, -EPERM, "it has a device node, which no container may make: %s", member->path);
        default:
                return error_set(error, -EBADMSG, "it has a file of a type that is not known: %s", member->path);
        }
}

/* ------------------------------------------------------------------------------------------------ in place of others */

static int replace(Worker *worker, const Directory *directory, const char *name, const Member *member, Error *error)
{
        char temporary[40];
        Target target = { directory->fd, temporary };

        snprintf(temporary, sizeof temporary, ".templar-%zu", worker->number);
        int r = make(worker, &target, member, true, error);
        if (r == 0 && renameat(directory->fd, temporary, directory->fd, name) < 0)
                r = write_failed(member, errno, error);
        if (r == 0 && archive_entry_hardlink(member->entry))
                unlinkat(directory->fd, temporary, 0); /* rename(2) leaves both names of one file */
        return r == -EEXIST ? write_failed(member, EEXIST, error) : r;
}

/* Something is there that no package has, or that another one had. */
static int write_over(Worker *worker, const Directory *directory, const char *name, const Member *member,
                      Verdict *verdict, Error *error)
{
        struct stat status;

        if (fstatat(directory->fd, name, &status, AT_SYMLINK_NOFOLLOW) < 0)
                return error_set_errno(error, errno, "can't look at %s of the tree", member->path);
        if (S_ISDIR(status.st_mode) && member->type == CLAIM_LINK) {
                *verdict = VERDICT_KEEP;
                return 0;
        }
        if (S_ISDIR(status.st_mode))
                return error_set(error, -EISDIR, "it has a file %s, and the tree has a directory there", member->path);
        if (*verdict == VERDICT_REPLACE || !conffile_of(worker->package, member->path))
                return replace(worker, directory, name, member, error);
        _cleanup_free_ char *beside = NULL;
        if (asprintf(&beside, "%s.dpkg-new", name) < 0) {
                beside = NULL;
                return error_out_of_memory(error);
        }
        Target target = { directory->fd, beside };
        int r = make(worker, &target, member, false, error);
        return r == -EEXIST ? write_failed(member, EEXIST, error) : r;
}

int unpack_write(Worker *worker, const Directory *directory, const char *name, const Member *member,
                 Verdict *verdict, Error *error)
{
        Target target = { directory->fd, name };
        int r = make(worker, &target, member, true, error);

        return r == -EEXIST ? write_over(worker, directory, name, member, verdict, error) : r;
}
