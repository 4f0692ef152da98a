/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "packages/apt_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>

#include "base/cancel.h"
#include "base/digest.h"
#include "base/file.h"
#include "packages/fetch.h"
#include "packages/pool.h"

#define CLAIM_POLL_NSEC (100 * 1000 * 1000)
/* Each has a descriptor while it is brought. */
#define BATCH 100

/* A package that the store lacks. */
typedef struct Wanted {
        const AptPackage *package;
        char **paths, **uris;
        int fd;     /* its partial file while it is ours to bring, else -1 */
        bool there; /* in the store by now */
        char odd_place[512], odd_digest[SHA256_HEX_SIZE]; /* where another file was in its place */
} Wanted;

typedef struct Download {
        Apt *apt;
        Wanted *items;
        size_t n_items;
        uint64_t there_bytes, total_bytes; /* of packages that are in the store; of all */
        AptProgress progress;
        void *userdata;
} Download;

static void download_done(Download *download)
{
        for (size_t i = 0; i < download->n_items; i++) {
                strv_free(download->items[i].paths);
                strv_free(download->items[i].uris);
                cleanup_close(&download->items[i].fd);
        }
        free(download->items);
}

static int pin(Apt *apt, const AptPackage *package, Error *error)
{
        return package_store_pin(apt->packages, package->sha256, package->size_bytes, apt->pins, error);
}

static void show(uint64_t done_bytes, void *userdata)
{
        const Download *download = userdata;

        if (download->progress)
                download->progress(download->there_bytes + done_bytes, download->total_bytes, download->userdata);
}

static bool is_listed(const Download *download, const AptPackage *package)
{
        for (size_t i = 0; i < download->n_items; i++)
                if (strcmp(download->items[i].package->sha256, package->sha256) == 0)
                        return true;
        return false;
}

static int find_missing(Download *download, const AptPackage *packages, size_t n_packages, Error *error)
{
        download->items = calloc(n_packages + 1, sizeof *download->items);
        if (!download->items)
                return error_out_of_memory(error);
        for (size_t i = 0; i < n_packages; i++) {
                const AptPackage *package = &packages[i];
                if (package->local_path || is_listed(download, package))
                        continue;
                int r = pin(download->apt, package, error);
                if (r < 0)
                        return r;
                download->total_bytes += package->size_bytes;
                download->there_bytes += r > 0 ? package->size_bytes : 0;
                if (r > 0)
                        continue;
                Wanted *wanted = &download->items[download->n_items++];
                *wanted = (Wanted){ .package = package, .fd = -1 };
                if (pool_places(download->apt->pools, package, &wanted->paths, &wanted->uris) < 0)
                        return error_out_of_memory(error);
        }
        return 0;
}

/* ------------------------------------------------------------------------------------------------ files of this machine */

/* Without a trace. */
static void release(Download *download, Wanted *wanted)
{
        package_store_drop(download->apt->packages, wanted->package->sha256);
        cleanup_close(&wanted->fd);
        wanted->fd = -1;
}

/* What was brought is the package, or something else that is to be named. */
static int commit(Download *download, Wanted *wanted, const char *place, Error *error)
{
        const AptPackage *package = wanted->package;
        char found[SHA256_HEX_SIZE];
        int r = package_store_commit(download->apt->packages, package->sha256, package->size_bytes, wanted->fd, found,
                                     error);

        if (r < 0)
                return r;
        if (r > 0) {
                wanted->there = true;
                download->there_bytes += package->size_bytes;
                cleanup_close(&wanted->fd);
                wanted->fd = -1;
                return 0;
        }
        if (place) {
                snprintf(wanted->odd_place, sizeof wanted->odd_place, "%s", place);
                snprintf(wanted->odd_digest, sizeof wanted->odd_digest, "%s", found);
        }
        return 0;
}

static int claim(Download *download, Wanted *wanted, Error *error)
{
        if (wanted->fd >= 0)
                return 1;
        return package_store_claim(download->apt->packages, wanted->package->sha256, &wanted->fd, error);
}

/* Somebody else may be bringing it, and then it is there, or they could not. */
static int claim_or_wait(Download *download, Wanted *wanted, Error *error)
{
        const AptPackage *package = wanted->package;
        int r;

        while ((r = claim(download, wanted, error)) == 0) {
                if (cancel_signal())
                        return error_cancelled(error);
                nanosleep(&(struct timespec){ .tv_nsec = CLAIM_POLL_NSEC }, NULL);
        }
        if (r < 0 || !package_store_has(download->apt->packages, package->sha256, package->size_bytes))
                return r < 0 ? r : 0;
        release(download, wanted);
        wanted->there = true;
        download->there_bytes += package->size_bytes;
        return 0;
}

/* A full disk must not be left full. */
static int no_room(Download *download, Wanted *wanted, int errnum, Error *error)
{
        package_store_drop(download->apt->packages, wanted->package->sha256);
        return error_set_errno(error, errnum, "Can't store the package %s %s in %s", wanted->package->name,
                               wanted->package->version, download->apt->cache);
}

static int copy_from(Download *download, Wanted *wanted, const char *path, Error *error)
{
        struct stat status;
        _cleanup_close_ int from_fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);

        if (from_fd < 0 || fstat(from_fd, &status) < 0 || !S_ISREG(status.st_mode))
                return 0;
        int r = claim_or_wait(download, wanted, error);
        if (r < 0 || wanted->there)
                return r;
        r = ftruncate(wanted->fd, 0) < 0 || lseek(wanted->fd, 0, SEEK_SET) < 0 ? -errno
                                                                                   : copy_bytes(from_fd, wanted->fd);
        if (r == -EIO)
                return 0;
        if (r < 0)
                return no_room(download, wanted, -r, error);
        r = commit(download, wanted, path, error);
        /* the next place starts with a new file */
        if (r == 0 && !wanted->there)
                release(download, wanted);
        return r;
}

static int copy_all(Download *download, Error *error)
{
        for (size_t i = 0; i < download->n_items; i++) {
                Wanted *wanted = &download->items[i];
                for (char **path = wanted->paths; !wanted->there && path && *path; path++) {
                        int r = copy_from(download, wanted, *path, error);
                        if (r < 0)
                                return r;
                }
                show(0, download);
        }
        return 0;
}

/* ------------------------------------------------------------------------------------------------ the network */

/* What goes into the process that meets the servers: descriptors to write to, and memory to say how it went. */
typedef struct Batch {
        Download *download;
        Wanted *wanted[BATCH];
        FetchItem items[BATCH];
        size_t n_items;
        FetchResult *results; /* shared */
} Batch;

static void unmap_results(Batch *batch)
{
        if (batch->results)
                munmap(batch->results, BATCH * sizeof *batch->results);
}

static int fetch_in_sandbox(int root_fd, void *userdata, Buffer *reply, Error *error)
{
        Batch *batch = userdata;

        (void) root_fd;
        (void) reply;
        return fetch_files(&fetch_defaults, batch->items, batch->n_items, show, batch->download, batch->results, error);
}

/* Those that nobody else is bringing. */
static int claim_batch(Batch *batch, Error *error)
{
        Download *download = batch->download;

        batch->n_items = 0;
        for (size_t i = 0; i < download->n_items && batch->n_items < BATCH; i++) {
                Wanted *wanted = &download->items[i];
                const AptPackage *package = wanted->package;
                if (wanted->there || !wanted->uris)
                        continue;
                int r = claim(download, wanted, error);
                if (r < 0)
                        return r;
                if (r == 0)
                        continue;
                /* whoever was at it may have brought it */
                wanted->there = package_store_has(download->apt->packages, package->sha256, package->size_bytes);
                if (wanted->there) {
                        release(download, wanted);
                        download->there_bytes += package->size_bytes;
                        continue;
                }
                batch->wanted[batch->n_items] = wanted;
                batch->items[batch->n_items++] = (FetchItem){ wanted->uris, package->sha256, package->size_bytes, wanted->fd };
        }
        return 0;
}

static int fetch_error(const Wanted *wanted, const FetchResult *result, size_t n_more, Error *error)
{
        const AptPackage *package = wanted->package;
        char more[48] = "";

        if (n_more > 0)
                snprintf(more, sizeof more, " (and %zu more package%s)", n_more, n_more == 1 ? "" : "s");
        if (result->code == -EBADMSG) {
                error_set(error, -EBADMSG, "%s is not the package %s %s that its repository's index names: %s%s",
                          result->uri, package->name, package->version, result->text, more);
                return error_hint(error, "Wanted: %llu bytes with the SHA-256 %s",
                                  (unsigned long long) package->size_bytes, package->sha256);
        }
        error_set(error, result->code, "Can't download the package %s %s from %s: %s%s", package->name, package->version,
                  result->uri, result->text, more);
        return result->code == -ENOENT
                       ? error_hint(error, "The repository has changed meanwhile; build again")
                       : error_hint(error, "What has arrived is kept; build again to go on with it");
}

static int judge_batch(Batch *batch, Error *error)
{
        const FetchResult *first = NULL;
        const Wanted *failed = NULL;
        size_t n_failed = 0;
        struct stat status;

        for (size_t i = 0; i < batch->n_items; i++) {
                Wanted *wanted = batch->wanted[i];
                const FetchResult *result = &batch->results[i];
                int r = result->code == 0 ? commit(batch->download, wanted, NULL, error) : 0;
                if (r < 0)
                        return r;
                if (result->code == -ENOSPC || result->code == -EDQUOT)
                        return no_room(batch->download, wanted, -result->code, error);
                if (result->code == 0 && wanted->there)
                        continue;
                if (fstat(wanted->fd, &status) == 0 && status.st_size == 0)
                        release(batch->download, wanted);
                failed = first ? failed : wanted;
                first = first ? first : result;
                n_failed++;
        }
        return n_failed > 0 ? fetch_error(failed, first, n_failed - 1, error) : 0;
}

static int fetch_batch(Batch *batch, Error *error)
{
        Download *download = batch->download;
        int r = sandbox_call(download->apt->sandbox, NULL, fetch_in_sandbox, batch, NULL, error);

        return r < 0 ? r : judge_batch(batch, error);
}

static size_t count_missing(const Download *download)
{
        size_t n = 0;

        for (size_t i = 0; i < download->n_items; i++)
                n += !download->items[i].there;
        return n;
}

/* It is in none of the places. */
static int nowhere(const Download *download, const Wanted *wanted, Error *error)
{
        const AptPackage *package = wanted->package;

        if (*wanted->odd_place) {
                error_set(error, -EBADMSG, "%s is not the package %s %s that was wanted: its SHA-256 is %s instead of %s",
                          wanted->odd_place, package->name, package->version,
                          *wanted->odd_digest ? wanted->odd_digest : "(of another size)", package->sha256);
                return error_hint(error, "It was changed, or is another build of that version");
        }
        if (download->apt->offline && wanted->uris) {
                error_set(error, -ENOENT, "The package %s %s is not in the cache, and nothing is to be fetched (offline)",
                          package->name, package->version);
                return error_hint(error, "Build once with the network, which brings it there, or name a --pool that has it");
        }
        error_set(error, -ENOENT, "The package file %s of %s %s is missing", wanted->paths ? wanted->paths[0] : "?",
                  package->name, package->version);
        return error_hint(error, "The repository has changed meanwhile; build again");
}

static int check_places(const Download *download, Error *error)
{
        for (size_t i = 0; i < download->n_items; i++) {
                const Wanted *wanted = &download->items[i];
                if (!wanted->there && (!wanted->uris || download->apt->offline))
                        return nowhere(download, wanted, error);
        }
        return 0;
}

static int fetch_all(Download *download, Error *error)
{
        _cleanup_(unmap_results) Batch batch = { .download = download };

        batch.results = mmap(NULL, BATCH * sizeof *batch.results, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (batch.results == MAP_FAILED) {
                batch.results = NULL;
                return error_out_of_memory(error);
        }
        while (count_missing(download) > 0) {
                int r = claim_batch(&batch, error);
                if (r == 0 && batch.n_items > 0)
                        r = fetch_batch(&batch, error);
                if (r < 0)
                        return r;
                if (cancel_signal())
                        return error_cancelled(error);
                if (batch.n_items == 0 && count_missing(download) > 0)
                        nanosleep(&(struct timespec){ .tv_nsec = CLAIM_POLL_NSEC }, NULL);
        }
        return 0;
}

/* ------------------------------------------------------------------------------------------------ all of it */

/* Between its arrival and now another build may have collected it. */
static int pin_all(Download *download, Error *error)
{
        for (size_t i = 0; i < download->n_items; i++) {
                const AptPackage *package = download->items[i].package;
                int r = pin(download->apt, package, error);
                if (r < 0)
                        return r;
                if (r == 0)
                        return error_set(error, -ESTALE, "The package %s %s vanished from the cache again", package->name,
                                         package->version);
        }
        return 0;
}

int apt_download_packages(Apt *apt, const AptPackage *packages, size_t n_packages, AptProgress progress, void *userdata,
                          Error *error)
{
        _cleanup_(download_done) Download download = { .apt = apt, .progress = progress, .userdata = userdata };
        int r = find_missing(&download, packages, n_packages, error);

        if (r == 0)
                r = copy_all(&download, error);
        if (r == 0)
                r = check_places(&download, error);
        if (r == 0)
                r = fetch_all(&download, error);
        if (r == 0)
                r = pin_all(&download, error);
        if (r == 0)
                show(0, &download);
        return r;
}

int apt_download(Apt *apt, const AptTransaction *transaction, AptProgress progress, void *userdata, Error *error)
{
        return apt_download_packages(apt, transaction->packages, transaction->n_packages, progress, userdata, error);
}

char *apt_package_path(const Apt *apt, const AptPackage *package)
{
        char *path = NULL;

        if (package->local_path)
                return strdup(package->local_path);
        return asprintf(&path, "%s/%s.deb", apt->pins, package->sha256) < 0 ? NULL : path;
}

int apt_open_package(const Apt *apt, const AptPackage *package, int *ret_fd, Error *error)
{
        _cleanup_free_ char *path = apt_package_path(apt, package);
        char found[SHA256_HEX_SIZE];
        uint64_t size_bytes = 0;

        if (!path)
                return error_out_of_memory(error);
        _cleanup_close_ int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
        if (fd < 0)
                return error_set_errno(error, errno, "Can't open the package %s %s", package->name, package->version);
        int r = digest_descriptor(fd, &size_bytes, found);
        if (r == 0 && lseek(fd, 0, SEEK_SET) < 0)
                r = -errno;
        if (r < 0)
                return error_set_errno(error, -r, "Can't read the package %s %s", package->name, package->version);
        if (size_bytes != package->size_bytes || strcmp(found, package->sha256) != 0)
                return error_set(error, -EBADMSG, "The package %s %s was damaged: its SHA-256 is %s instead of %s",
                                 package->name, package->version, found, package->sha256);
        *ret_fd = TAKE_FD(fd);
        return 0;
}
