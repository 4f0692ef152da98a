/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "build/resolved.h"

#include "base/digest.h"
#include "base/file.h"
#include "packages/transaction.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#define DIRECTORY_NAME "resolved"
#define LIMIT_BYTES ((uint64_t) 32 << 20)
#define DAY_SEC 86400

static int add_strings(Digest *digest, char *const *strings)
{
        char count[24];

        snprintf(count, sizeof count, "%zu", strv_length(strings));
        int r = digest_add_field(digest, count);
        for (; r == 0 && strings && *strings; strings++)
                r = digest_add_field(digest, *strings);
        return r;
}

static int add_repositories(Digest *digest, const RepositoryList *repositories)
{
        _cleanup_free_ char **keyrings = calloc(repositories->n_items + 1, sizeof *keyrings);
        _cleanup_buffer_ Buffer text = BUFFER_INIT;

        if (!keyrings)
                return -ENOMEM;
        for (size_t i = 0; i < repositories->n_items; i++)
                keyrings[i] = repositories->items[i].keyring;
        int r = repository_format(repositories, keyrings, false, &text);
        return r < 0 ? r : digest_add_field(digest, text.data ? text.data : "");
}

/* Local packages are found by path again, so the paths count, too. */
static int memo_key(const ResolveJob *job, const AptRequest *request, char ret_key[static SHA256_HEX_SIZE], Error *error)
{
        _cleanup_digest_ Digest *digest = NULL;

        if (digest_new(&digest) < 0)
                return error_out_of_memory(error);
        int r = stage_digest(job->section, digest, error);
        if (r < 0)
                return r;
        r = digest_add_field(digest, job->tree_key);
        if (r == 0)
                r = add_repositories(digest, job->repositories);
        if (r == 0)
                r = add_strings(digest, job->identities);
        if (r == 0)
                r = add_strings(digest, job->pins);
        if (r == 0)
                r = add_strings(digest, request->deb_paths);
        if (r == 0)
                r = digest_finish(digest, ret_key);
        return r < 0 ? error_out_of_memory(error) : 0;
}

static char *memo_path(const char *cache_directory, const char *key)
{
        char *path = NULL;

        return asprintf(&path, "%s/" DIRECTORY_NAME "/%s.json", cache_directory, key) < 0 ? NULL : path;
}

/* A damaged file is as good as none. */
static bool recall(const char *path, AptTransaction *ret)
{
        _cleanup_buffer_ Buffer text = BUFFER_INIT;

        if (read_file(AT_FDCWD, path, LIMIT_BYTES, &text, NULL) < 0)
                return false;
        _cleanup_json_ json_t *json = json_loadb(text.data, text.length, JSON_REJECT_DUPLICATES, NULL);
        if (!json || apt_transaction_from_json(json, ret) < 0)
                return false;
        (void) !utimensat(AT_FDCWD, path, NULL, 0); /* the last use */
        return true;
}

static int remember(const ResolveJob *job, const char *path, const AptTransaction *transaction, Error *error)
{
        _cleanup_json_ json_t *json = apt_transaction_to_json(transaction);
        _cleanup_free_ char *text = json ? json_dumps(json, JSON_SORT_KEYS | JSON_COMPACT) : NULL;
        _cleanup_free_ char *directory = path_join(job->cache_directory, DIRECTORY_NAME);

        if (!text || !directory)
                return error_out_of_memory(error);
        int r = make_directories(directory, 0700, error);
        return r < 0 ? r : write_file_atomic(AT_FDCWD, path, text, strlen(text), 0600, error);
}

int stage_resolve(const ResolveJob *job, bool *ret_asks, AptTransaction *ret, Error *error)
{
        const StageKind *kind = stage_kind_of(job->section);
        StageRequest request = { 0 };
        char key[SHA256_HEX_SIZE];

        *ret_asks = kind->request && kind->request(job->section, &request);
        if (!*ret_asks)
                return 0;
        int r = memo_key(job, &request.apt, key, error);
        if (r == 0)
                r = apt_select(job->apt, job->repositories, job->pins, error);
        if (r < 0)
                return r;
        _cleanup_free_ char *path = memo_path(job->cache_directory, key);
        if (!path)
                return error_out_of_memory(error);
        if (*job->tree_key && !job->again && recall(path, ret))
                return 0;
        report_live(job->report, "resolving dependencies");
        double start_sec = report_stage_seconds(job->report);
        r = apt_resolve(job->apt, job->tree, &request.apt, ret, error);
        report_phase(job->report, "resolve", report_stage_seconds(job->report) - start_sec);
        if (r == 0 && *job->tree_key)
                r = remember(job, path, ret, error);
        return r;
}

bool transaction_can_run(const AptTransaction *transaction)
{
        for (size_t i = 0; i < transaction->n_packages; i++)
                if (transaction->packages[i].local_path && access(transaction->packages[i].local_path, R_OK) < 0)
                        return false;
        return true;
}

void resolved_prune(const char *cache_directory)
{
        _cleanup_free_ char *path = path_join(cache_directory, DIRECTORY_NAME);
        _cleanup_closedir_ DIR *directory = path ? opendir(path) : NULL;
        time_t oldest = time(NULL) - (time_t) RESOLVED_DAYS * DAY_SEC;

        for (struct dirent *entry; directory && (entry = directory_next(directory));) {
                struct stat status;
                if (fstatat(dirfd(directory), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
                    S_ISREG(status.st_mode) && status.st_mtim.tv_sec < oldest)
                        unlinkat(dirfd(directory), entry->d_name, 0);
        }
}
