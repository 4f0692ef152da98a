/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "build/archive.h"

#include "base/file.h"
#include "bootstrap/package.h"
#include "build/archive_index.h"
#include "build/locked.h"
#include "packages/pool.h"
#include "signing/sign.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <string.h>

typedef struct Archive {
        Job *job;
        const char *directory; /* as it is made */
        AptTransaction transaction; /* packages of the lock, in its order */
        ArchiveEntry *entries;      /* the same */
        const char *suite;
        char **architectures;
} Archive;

void archive_result_done(ArchiveResult *result)
{
        free(result->suite);
        *result = (ArchiveResult){ 0 };
}

static void archive_done(Archive *archive)
{
        for (size_t i = 0; archive->entries && i < archive->transaction.n_packages; i++)
                free(archive->entries[i].path);
        free(archive->entries);
        apt_transaction_done(&archive->transaction);
        strv_free(archive->architectures);
}

/* ------------------------------------------------------------------------------------------------ packages */

static int collect_locals(const Job *job, char ***ret)
{
        for (size_t i = 0; i < job->n_stages; i++) {
                StageRequest request = { 0 };
                const JobStage *stage = &job->stages[i];
                if (stage->kind->request && stage->kind->request(stage->section, &request) &&
                    strv_extend(ret, request.apt.deb_paths) < 0)
                        return -ENOMEM;
        }
        return 0;
}

static int collect_packages(Archive *archive, Error *error)
{
        const Lock *lock = archive->job->options->lock;
        AptTransaction *transaction = &archive->transaction;
        _cleanup_strv_ char **local_paths = NULL;

        transaction->packages = calloc(lock->n_packages + 1, sizeof *transaction->packages);
        archive->entries = calloc(lock->n_packages + 1, sizeof *archive->entries);
        if (!transaction->packages || !archive->entries || collect_locals(archive->job, &local_paths) < 0)
                return error_out_of_memory(error);
        for (size_t i = 0; i < lock->n_packages; i++) {
                if (lock_package_copy(&lock->packages[i], &transaction->packages[i]) < 0)
                        return error_out_of_memory(error);
                transaction->n_packages++;
        }
        return apt_find_locals(archive->job->apt, local_paths, transaction, error);
}

static bool is_taken(const Archive *archive, size_t n, const char *path)
{
        for (size_t i = 0; i < n; i++)
                if (strcmp(archive->entries[i].path, path) == 0)
                        return true;
        return false;
}

static int choose_paths(Archive *archive, Error *error)
{
        for (size_t i = 0; i < archive->transaction.n_packages; i++) {
                const AptPackage *package = &archive->transaction.packages[i];
                ArchiveEntry *entry = &archive->entries[i];
                entry->package = package;
                entry->path = pool_path(package);
                if (entry->path && is_taken(archive, i, entry->path)) {
                        free(entry->path);
                        entry->path = pool_path_by_hash(package);
                }
                if (!entry->path)
                        return error_out_of_memory(error);
                if (strcmp(package->architecture, "all") != 0 &&
                    !strv_contains(archive->architectures, package->architecture) &&
                    strv_append(&archive->architectures, package->architecture) < 0)
                        return error_out_of_memory(error);
        }
        strv_sort(archive->architectures);
        return 0;
}

static void show_download(uint64_t done_bytes, uint64_t total_bytes, void *userdata)
{
        char done[SIZE_TEXT_MAX], total[SIZE_TEXT_MAX];

        report_live(userdata, "collecting %s of %s", size_text(done_bytes, done), size_text(total_bytes, total));
}

/* ------------------------------------------------------------------------------------------------ files */

static int make_parents(const char *path, Error *error)
{
        _cleanup_free_ char *copy = strdup(path);

        return copy ? make_directories(dirname(copy), 0755, error) : error_out_of_memory(error);
}

static int write_text(const Archive *archive, const char *name, const void *data, size_t size_bytes, Error *error)
{
        _cleanup_free_ char *path = path_join(archive->directory, name);

        if (!path)
                return error_out_of_memory(error);
        int r = make_parents(path, error);
        return r < 0 ? r : write_file_atomic(AT_FDCWD, path, data, size_bytes, 0644, error);
}

static int copy_package(const Archive *archive, const ArchiveEntry *entry, Error *error)
{
        _cleanup_free_ char *path = path_join(archive->directory, entry->path);
        _cleanup_close_ int from_fd = -1, to_fd = -1;

        if (!path)
                return error_out_of_memory(error);
        int r = make_parents(path, error);
        if (r == 0)
                r = apt_open_package(archive->job->apt, entry->package, &from_fd, error);
        if (r < 0)
                return r;
        to_fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
        r = to_fd < 0 ? -errno : copy_bytes(from_fd, to_fd);
        if (r == 0 && fchmod(to_fd, 0644) < 0)
                r = -errno;
        return r < 0 ? error_set_errno(error, -r, "Can't write %s", path) : 0;
}

static int copy_packages(const Archive *archive, Error *error)
{
        int r = 0;

        for (size_t i = 0; r == 0 && i < archive->transaction.n_packages; i++)
                r = copy_package(archive, &archive->entries[i], error);
        return r;
}

static int write_indexes(const Archive *archive, char **ret_release, Error *error)
{
        const Job *job = archive->job;
        ArchiveIndex index = {
                .entries = archive->entries,
                .n_entries = archive->transaction.n_packages,
                .suite = archive->suite,
                .image = recipe_name(job->recipe),
                .version = job_version(job),
                .architectures = archive->architectures,
                .date_sec = job_epoch_sec(job),
        };
        _cleanup_buffer_ Buffer release = BUFFER_INIT;
        int r = archive_release_start(&index, &release, error);

        for (char **one = archive->architectures; r == 0 && one && *one; one++) {
                _cleanup_buffer_ Buffer packages = BUFFER_INIT;
                _cleanup_free_ char *name = NULL;
                if (asprintf(&name, "dists/%s/main/binary-%s/Packages", archive->suite, *one) < 0) {
                        name = NULL;
                        return error_out_of_memory(error);
                }
                r = archive_packages(&index, *one, &packages, error);
                if (r == 0)
                        r = write_text(archive, name, packages.data ? packages.data : "", packages.length, error);
                if (r == 0)
                        r = archive_release_add(*one, &packages, &release, error);
        }
        if (r == 0)
                *ret_release = buffer_take(&release);
        return r == 0 && !*ret_release ? error_out_of_memory(error) : r;
}

static int sign_as(const Archive *archive, Signer *signer, SignatureForm form, const char *release, const char *name,
                   Error *error)
{
        _cleanup_buffer_ Buffer signature = BUFFER_INIT;
        _cleanup_free_ char *path = NULL;

        if (asprintf(&path, "dists/%s/%s", archive->suite, name) < 0) {
                path = NULL;
                return error_out_of_memory(error);
        }
        int r = signer_sign(signer, form, release, strlen(release), &signature, error);
        return r < 0 ? r : write_text(archive, path, signature.data, signature.length, error);
}

static int sign(const Archive *archive, const char *release, Error *error)
{
        _cleanup_signer_ Signer *signer = NULL;
        _cleanup_buffer_ Buffer keyring = BUFFER_INIT;
        int r = job_open_signer(archive->job, &signer, error);

        if (r < 0 || !signer)
                return r;
        r = sign_as(archive, signer, SIGNATURE_CLEAR, release, "InRelease", error);
        if (r == 0)
                r = sign_as(archive, signer, SIGNATURE_DETACHED_ARMORED, release, "Release.gpg", error);
        if (r == 0)
                r = signer_export(signer, &keyring, error);
        return r < 0 ? r : write_text(archive, "keyring.gpg", keyring.data, keyring.length, error);
}

static int write_lock(const Archive *archive, Error *error)
{
        _cleanup_free_ char *text = NULL, *name = NULL;
        int r = lock_format(archive->job->options->lock, &text, error);

        if (r < 0)
                return r;
        if (asprintf(&name, "%s.lock", recipe_name(archive->job->recipe)) < 0) {
                name = NULL;
                return error_out_of_memory(error);
        }
        return write_text(archive, name, text, strlen(text), error);
}

static int write_all_files(const Archive *archive, Error *error)
{
        _cleanup_free_ char *release = NULL, *path = NULL;
        int r = copy_packages(archive, error);

        if (r == 0)
                r = write_indexes(archive, &release, error);
        if (r < 0)
                return r;
        if (asprintf(&path, "dists/%s/Release", archive->suite) < 0) {
                path = NULL;
                return error_out_of_memory(error);
        }
        r = write_text(archive, path, release, strlen(release), error);
        if (r == 0)
                r = sign(archive, release, error);
        return r == 0 ? write_lock(archive, error) : r;
}

/* ------------------------------------------------------------------------------------------------ all of it */

static int fill(Archive *archive, Error *error)
{
        Job *job = archive->job;
        SandboxTree tree = { .directory_fd = job->workspace.tree_fd };
        _cleanup_packages_ Packages packages = { 0 };
        const Level *level = levels_last(&job->levels);

        archive->suite = string_empty(level->suite) || strchr(level->suite, '/') ? recipe_name(job->recipe) : level->suite;
        int r = collect_packages(archive, error);
        if (r == 0)
                r = choose_paths(archive, error);
        if (r == 0)
                r = apt_download(job->apt, &archive->transaction, show_download, job->options->report, error);
        if (r == 0)
                r = packages_open(job->sandbox, &tree, job->apt, &archive->transaction, &packages, error);
        for (size_t i = 0; r == 0 && i < packages.n_items; i++)
                archive->entries[i].control = package_control(&packages.items[i]);
        return r == 0 ? write_all_files(archive, error) : r;
}

static int fill_result(const Archive *archive, ArchiveResult *ret, Error *error)
{
        *ret = (ArchiveResult){ .n_packages = archive->transaction.n_packages, .suite = strdup(archive->suite) };
        for (size_t i = 0; i < ret->n_packages; i++)
                ret->size_bytes += archive->transaction.packages[i].size_bytes;
        return ret->suite ? 0 : error_out_of_memory(error);
}

/* Beside the place where it goes, so that it gets there by one rename. */
static int make_staging(const char *directory, char **ret, Error *error)
{
        _cleanup_free_ char *copy = strdup(directory);

        if (!copy)
                return error_out_of_memory(error);
        const char *parent = dirname(copy);
        int r = make_directories(parent, 0755, error);
        if (r == 0)
                r = make_temporary_directory(parent, ".archive-", ret, error);
        if (r == 0 && chmod(*ret, 0755) < 0)
                r = error_set_errno(error, errno, "Can't make %s readable", *ret);
        return r;
}

static int check_free(const char *directory, Error *error)
{
        _cleanup_closedir_ DIR *listing = opendir(directory);

        if (!listing && errno == ENOENT)
                return 0;
        if (!listing)
                return error_set_errno(error, errno, "Can't look into %s", directory);
        if (!directory_next(listing))
                return 0;
        error_set(error, -EEXIST, "%s is there already, and not empty", directory);
        return error_hint(error, "Name a new directory; an archive is never changed");
}

static int publish(Archive *archive, const char *directory, ArchiveResult *ret, Error *error)
{
        _cleanup_remove_ char *staging = NULL;
        int r = make_staging(directory, &staging, error);

        archive->directory = staging;
        if (r == 0)
                r = fill(archive, error);
        if (r == 0)
                r = fill_result(archive, ret, error);
        if (r < 0)
                return r;
        _cleanup_close_ int fd = open(staging, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0 || syncfs(fd) < 0)
                return error_set_errno(error, errno, "Can't write %s to the disk", staging);
        if (rename(staging, directory) < 0)
                return error_set_errno(error, errno, "Can't rename the finished archive to %s", directory);
        free(TAKE_PTR(staging));
        return 0;
}

int build_archive(Recipe *recipe, const BuildOptions *options, const char *directory, ArchiveResult *ret, Error *error)
{
        _cleanup_job_ Job job = { .workspace = WORKSPACE_INIT };
        _cleanup_(archive_done) Archive archive = { .job = &job };
        int r = check_free(directory, error);

        if (r == 0)
                r = job_open(recipe, options, &job, error);
        if (r == 0)
                r = job_fetch_metadata(&job, error);
        if (r < 0)
                return r;
        report_stage_start(options->report, 0, 0, "archive", "Archive");
        r = publish(&archive, directory, ret, error);
        if (r < 0)
                report_stage_failed(options->report);
        else
                report_stage_end(options->report, NULL);
        return r;
}
