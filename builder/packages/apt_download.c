/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "packages/apt_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/digest.h"
#include "base/file.h"

/* Files of one run of apt-helper: far below what an argument list can hold. */
#define BATCH 400
#define ATTEMPTS 2

/* What is to be had, and what is still missing of it. */
typedef struct Download {
        const Apt *apt;
        const AptPackage **items;
        size_t n_items;
        int archives_fd;
        uint64_t there_bytes, total_bytes; /* of complete files; of all */
        AptProgress progress;
        void *userdata;
} Download;

/* -EBADMSG: it is another one. */
static int check_descriptor(int fd, const AptPackage *package)
{
        char digest[SHA256_HEX_SIZE];
        struct stat status;
        uint64_t size_bytes = 0;

        if (fstat(fd, &status) < 0)
                return -errno;
        if (!S_ISREG(status.st_mode) || (uint64_t) status.st_size != package->size_bytes)
                return -EBADMSG;
        int r = digest_descriptor(fd, &size_bytes, digest);
        if (r < 0)
                return r;
        return size_bytes == package->size_bytes && strcmp(digest, package->sha256) == 0 ? 0 : -EBADMSG;
}

/* 1: the file is there and right; 0: it is not there; -EBADMSG: it is another one. */
static int check_file(int directory_fd, const char *path, const AptPackage *package)
{
        _cleanup_close_ int fd = openat(directory_fd, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

        if (fd < 0)
                return errno == ENOENT ? 0 : errno == ELOOP ? -EBADMSG : -errno;
        int r = check_descriptor(fd, package);
        return r < 0 ? r : 1;
}

/* Keeps those of the items that are not there yet. */
static int drop_present(Download *download, Error *error)
{
        size_t n_missing = 0;

        for (size_t i = 0; i < download->n_items; i++) {
                const AptPackage *package = download->items[i];
                int r = check_file(download->archives_fd, package->file_name, package);
                if (r == 1)
                        download->there_bytes += package->size_bytes;
                else if (r == 0 || r == -EBADMSG)
                        download->items[n_missing++] = package;
                else
                        return error_set_errno(error, -r, "Can't read %s", package->file_name);
        }
        download->n_items = n_missing;
        return 0;
}

static int find_missing(Download *download, const AptPackage *packages, size_t n_packages, Error *error)
{
        for (size_t i = 0; i < n_packages; i++) {
                if (packages[i].local_path)
                        continue;
                download->total_bytes += packages[i].size_bytes;
                download->items[download->n_items++] = &packages[i];
        }
        return drop_present(download, error);
}

static void report(const Download *download)
{
        uint64_t done_bytes = download->there_bytes;

        if (!download->progress)
                return;
        for (size_t i = 0; i < download->n_items; i++) {
                _cleanup_free_ char *path = path_join("partial", download->items[i]->file_name);
                struct stat status;
                if (path && fstatat(download->archives_fd, path, &status, AT_SYMLINK_NOFOLLOW) == 0)
                        done_bytes += (uint64_t) status.st_size;
        }
        if (done_bytes > download->total_bytes)
                done_bytes = download->total_bytes;
        download->progress(done_bytes, download->total_bytes, download->userdata);
}

static void on_line(void *userdata)
{
        report(userdata);
}

/* file: as copy:, else apt-helper would make a link. */
static int append_item(char ***argv, const AptPackage *package)
{
        bool local = string_starts_with(package->uri, "file:");
        int r = strv_appendf(argv, "%s%s", local ? "copy:" : "", package->uri + (local ? strlen("file:") : 0));

        if (r == 0)
                r = strv_appendf(argv, APT_INSIDE_ARCHIVES "/partial/%s", package->file_name);
        return r == 0 ? strv_appendf(argv, "SHA256:%s", package->sha256) : r;
}

static int fetch_batch(Apt *apt, Download *download, size_t start, Buffer *log, Error *error)
{
        _cleanup_strv_ char **argv = NULL;
        int status = 0, r = strv_append(&argv, "/usr/lib/apt/apt-helper");

        if (r == 0)
                r = strv_append(&argv, "download-file");
        for (size_t i = start; r == 0 && i < download->n_items && i < start + BATCH; i++)
                r = append_item(&argv, download->items[i]);
        if (r < 0)
                return error_out_of_memory(error);
        AptRun run = {
                .argv = (const char *const *) argv,
                .repositories = &apt->selected,
                .network = true,
                .archives = true,
                .ret_log = log,
                .on_line = on_line,
                .userdata = download,
        };
        /* whether it worked is told by the files; some may be complete after a failure, too */
        return apt_run(apt, &run, &status, error);
}

static int call_prepare(int root_fd, void *userdata, Buffer *reply, Error *error)
{
        (void) userdata;
        (void) reply;
        if (mkdirat(root_fd, "partial", 0755) < 0 && errno != EEXIST)
                return error_set_errno(error, errno, "Can't make a directory for downloads");
        return 0;
}

/* As the sandbox's root, to whom the files belong: right ones get their names, wrong ones go. */
static int call_collect(int root_fd, void *userdata, Buffer *reply, Error *error)
{
        const Download *download = userdata;

        (void) reply;
        for (size_t i = 0; i < download->n_items; i++) {
                const AptPackage *package = download->items[i];
                _cleanup_free_ char *path = path_join("partial", package->file_name);
                if (!path)
                        return error_out_of_memory(error);
                int r = check_file(root_fd, path, package);
                if (r == 1)
                        r = renameat(root_fd, path, root_fd, package->file_name) < 0 ? -errno : 0;
                else if (r == -EBADMSG)
                        r = unlinkat(root_fd, path, 0) < 0 ? -errno : 0;
                if (r < 0)
                        return error_set_errno(error, -r, "Can't store %s", package->file_name);
        }
        return 0;
}

static int fetch(Apt *apt, Download *download, Buffer *log, Error *error)
{
        SandboxTree tree = { .directory_fd = download->archives_fd };
        int r = sandbox_call(apt->sandbox, &tree, call_prepare, NULL, NULL, error);

        for (size_t start = 0; r == 0 && start < download->n_items; start += BATCH)
                r = fetch_batch(apt, download, start, log, error);
        return r == 0 ? sandbox_call(apt->sandbox, &tree, call_collect, download, NULL, error) : r;
}

/* apt's first complaint about the package, or about anything. */
static int failed(const Download *download, const char *log, Error *error)
{
        const AptPackage *package = download->items[0];
        const char *line = strstr(log, "E: ");
        const char *more = download->n_items > 1 ? " and others" : "";

        if (!line)
                return error_set(error, -EIO, "Can't download %s%s", package->uri, more);
        line += strlen("E: ");
        _cleanup_free_ char *first = strndup(line, strcspn(line, "\n"));
        if (!first)
                return error_out_of_memory(error);
        if (strstr(first, "Hash Sum mismatch") || strstr(first, "unexpected size"))
                error_set(error, -EBADMSG,
                          "%s%s is not the file that its repository's index names (wrong size or SHA-256)",
                          package->uri, more);
        else
                error_set(error, -EIO, "Can't download %s%s: %s", package->uri, more, first);
        if (strstr(first, "404"))
                error_hint(error, "The repository has changed meanwhile; build again");
        return error_detail(error, "%s", log);
}

/* Of what is missing, only a file: repository can be copied from. */
static int check_offline(const Download *download, Error *error)
{
        for (size_t i = 0; i < download->n_items; i++) {
                const AptPackage *package = download->items[i];
                if (apt_local_path(package->uri))
                        continue;
                error_set(error, -ENOENT, "The package file %s is not in the cache, and nothing is to be fetched (offline)",
                          package->file_name);
                return error_hint(error, "Build once with the network, which brings it there");
        }
        return 0;
}

int apt_download_packages(Apt *apt, const AptPackage *packages, size_t n_packages, AptProgress progress, void *userdata,
                          Error *error)
{
        _cleanup_close_ int archives_fd = open(apt->archives, O_RDONLY | O_DIRECTORY | O_CLOEXEC), lock_fd = -1;
        _cleanup_free_ char *lock_path = path_join(apt->cache, "archives.lock");
        _cleanup_free_ const AptPackage **items = calloc(n_packages + 1, sizeof *items);
        _cleanup_buffer_ Buffer log = BUFFER_INIT;
        Download download = { .apt = apt, .items = items, .archives_fd = archives_fd, .progress = progress,
                              .userdata = userdata };

        if (archives_fd < 0)
                return error_set_errno(error, errno, "Can't open %s", apt->archives);
        if (!items || !lock_path)
                return error_out_of_memory(error);
        int r = find_missing(&download, packages, n_packages, error);
        if (r == 0 && apt->offline)
                r = check_offline(&download, error);
        if (r == 0 && download.n_items > 0)
                r = apt_lock(lock_path, true, &lock_fd, error);
        for (int attempt = 0; r == 0 && attempt < ATTEMPTS && download.n_items > 0; attempt++) {
                buffer_done(&log);
                /* another build may have fetched them while this one waited */
                if (attempt == 0)
                        r = drop_present(&download, error);
                if (r == 0 && download.n_items > 0)
                        r = fetch(apt, &download, &log, error);
                if (r == 0)
                        r = drop_present(&download, error);
        }
        if (r < 0)
                return r;
        report(&download);
        return download.n_items > 0 ? failed(&download, log.data ? log.data : "", error) : 0;
}

int apt_download(Apt *apt, const AptTransaction *transaction, AptProgress progress, void *userdata, Error *error)
{
        return apt_download_packages(apt, transaction->packages, transaction->n_packages, progress, userdata, error);
}

int apt_open_package(const Apt *apt, const AptPackage *package, int *ret_fd, Error *error)
{
        _cleanup_free_ char *path = package->local_path ? strdup(package->local_path)
                                                        : path_join(apt->archives, package->file_name);
        if (!path)
                return error_out_of_memory(error);
        _cleanup_close_ int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        int r = fd < 0 ? -errno : check_descriptor(fd, package);
        if (r == -EBADMSG)
                return error_set(error, r, "%s %s is not the file that its repository's index names (wrong size or SHA-256): "
                                           "%s", package->name, package->version, path);
        if (r < 0)
                return error_set_errno(error, -r, "Can't open the package %s %s: %s", package->name, package->version, path);
        *ret_fd = TAKE_FD(fd);
        return 0;
}
