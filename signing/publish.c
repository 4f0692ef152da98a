/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "signing/release.h"

#include "signing/journal.h"
#include "signing/names.h"
#include "signing/prepare.h"
#include "signing/sums.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

/* From the staging folder to the final names, in an order in which every moment is one that hosts can live
 * with: the version's files (nobody lists them yet), keyrings (they only gain keys), SHA256SUMS, its
 * signature. Each step can be undone until the last, in this process by the steps made so far, after a kill
 * by the journal. */

typedef enum StepKind { STEP_NEW, STEP_EXCHANGED, STEP_REPLACED } StepKind;

typedef struct Step {
        const char *name;
        StepKind kind;
} Step;

typedef struct Steps {
        const Release *release;
        Step *made;
        size_t n;
} Steps;

/* Never over a file that is there. */
static int rename_new(const Release *release, const char *name)
{
        int from = release->staging_fd, to = release->directory_fd;

        if (renameat2(from, name, to, name, RENAME_NOREPLACE) == 0)
                return 0;
        if (errno != EINVAL && errno != ENOSYS)
                return -errno;
        /* file systems without RENAME_NOREPLACE */
        if (linkat(from, name, to, name, 0) < 0)
                return -errno;
        return unlinkat(from, name, 0) < 0 ? -errno : 0;
}

/* Puts the staged file in place of the published one, which comes into the staging folder. */
static int exchange(const Release *release, const char *name, StepKind *ret_kind)
{
        int from = release->staging_fd, to = release->directory_fd;

        *ret_kind = STEP_EXCHANGED;
        if (renameat2(from, name, to, name, RENAME_EXCHANGE) == 0)
                return 0;
        if (errno == ENOENT) {
                *ret_kind = STEP_NEW;
                return rename_new(release, name);
        }
        if (errno != EINVAL && errno != ENOSYS)
                return -errno;
        *ret_kind = STEP_REPLACED;
        return renameat(from, name, to, name) < 0 ? -errno : 0;
}

static int step(Steps *steps, const char *name, bool is_new, Error *error)
{
        StepKind kind = STEP_NEW;
        int r = is_new ? rename_new(steps->release, name) : exchange(steps->release, name, &kind);

        if (r == -EEXIST)
                return error_set(error, r, "%s/%s is there already; a published version is never overwritten",
                                 steps->release->directory, name);
        if (r < 0)
                return error_set_errno(error, -r, "Can't rename %s into %s", name, steps->release->directory);
        steps->made[steps->n++] = (Step){ name, kind };
        return 0;
}

/* What can't be undone stays: a later publication reads it all again. */
static void undo(const Steps *steps)
{
        const Release *release = steps->release;

        for (size_t i = steps->n; i-- > 0;) {
                const char *name = steps->made[i].name;
                if (steps->made[i].kind == STEP_NEW)
                        unlinkat(release->directory_fd, name, 0);
                else if (steps->made[i].kind == STEP_EXCHANGED &&
                         renameat2(release->staging_fd, name, release->directory_fd, name, RENAME_EXCHANGE) <
                                 0)
                        return;
        }
        if (journal_remove(release->directory_fd, NULL) < 0)
                return;
}

/* --- durability
 * ------------------------------------------------------------------------------------------------ */

static int sync_files(const Release *release, const FileList *list, Error *error)
{
        for (size_t i = 0; i < list->n; i++) {
                _cleanup_close_ int fd =
                        openat(release->staging_fd, list->items[i].name, O_RDONLY | O_CLOEXEC);
                if (fd < 0 || fsync(fd) < 0)
                        return error_set_errno(error, errno, "Can't write %s to the disk",
                                               list->items[i].name);
        }
        return 0;
}

static int sync_directory(const Release *release, int fd, Error *error)
{
        return fsync(fd) < 0
                       ? error_set_errno(error, errno, "Can't sync the directory %s", release->directory)
                       : 0;
}

static int write_journal(const Release *release, bool is_signed, const FileList *version, Error *error)
{
        _cleanup_strv_ char **names = NULL;

        for (size_t i = 0; i < version->n; i++)
                if (strv_append(&names, version->items[i].name) < 0)
                        return error_out_of_memory(error);
        JournalPlan plan = {
                .directory_fd = release->directory_fd,
                .staging_fd = release->staging_fd,
                .staging_name = strrchr(release->staging, '/') + 1,
                .is_signed = is_signed,
                .names = names,
        };
        return journal_write(&plan, error);
}

static int make_durable(const Release *release, bool is_signed, const FileList *version,
                        const FileList *shared, Error *error)
{
        int r = sync_files(release, version, error);

        if (r == 0)
                r = sync_files(release, shared, error);
        if (r == 0)
                r = sync_directory(release, release->staging_fd, error);
        return r < 0 ? r : write_journal(release, is_signed, version, error);
}

/* --- publication
 * ----------------------------------------------------------------------------------------------- */

/* The point of no return: after it the new list is complete. */
static int put_signature(const Release *release, bool is_signed, Error *error)
{
        if (is_signed && renameat(release->staging_fd, SUMS_SIGNATURE_FILE, release->directory_fd,
                                  SUMS_SIGNATURE_FILE) < 0)
                return error_set_errno(error, errno, "Can't rename %s into %s", SUMS_SIGNATURE_FILE,
                                       release->directory);
        /* it would no longer match */
        if (!is_signed && unlinkat(release->directory_fd, SUMS_SIGNATURE_FILE, 0) < 0 && errno != ENOENT)
                return error_set_errno(error, errno, "Can't remove %s/%s", release->directory,
                                       SUMS_SIGNATURE_FILE);
        return 0;
}

static int put_all(Steps *steps, bool is_signed, const FileList *version, const FileList *shared,
                   Error *error)
{
        const Release *release = steps->release;
        int r = 0;

        for (size_t i = 0; i < version->n && r == 0; i++)
                r = step(steps, version->items[i].name, true, error);
        /* the files are on the disk under their names before a list says so */
        if (r == 0)
                r = sync_directory(release, release->directory_fd, error);
        for (size_t i = 0; i < shared->n && r == 0; i++)
                if (strcmp(shared->items[i].name, SUMS_SIGNATURE_FILE) != 0)
                        r = step(steps, shared->items[i].name, false, error);
        return r < 0 ? r : put_signature(release, is_signed, error);
}

static int publish_staged(Release *release, bool is_signed, const FileList *version, const FileList *shared,
                          Error *error)
{
        _cleanup_free_ Step *made = calloc(version->n + shared->n, sizeof *made);
        Steps steps = { .release = release, .made = made };

        if (!made)
                return error_out_of_memory(error);
        int r = make_durable(release, is_signed, version, shared, error);
        if (r == 0)
                r = put_all(&steps, is_signed, version, shared, error);
        if (r < 0) {
                undo(&steps);
                return r;
        }
        r = sync_directory(release, release->directory_fd, error);
        return r < 0 ? r : journal_remove(release->directory_fd, error);
}

int release_publish(Release *release, Signer *signer, ReleaseFile **ret_files, size_t *ret_n_files,
                    Error *error)
{
        _cleanup_file_list_ FileList version = FILE_LIST_INIT, shared = FILE_LIST_INIT;
        int r = prepare_release(release, signer, &version, &shared, error);

        if (r == 0)
                r = publish_staged(release, signer != NULL, &version, &shared, error);
        for (size_t i = 0; i < shared.n && r == 0; i++)
                r = file_list_add(&version, shared.items[i].name, shared.items[i].sha256,
                                  shared.items[i].size_bytes, error);
        if (r < 0)
                return error_wrap(error, "Publishing %s", release->base_name);
        strv_free(TAKE_PTR(release->suffixes));
        *ret_files = version.items;
        *ret_n_files = version.n;
        version = FILE_LIST_INIT;
        return 0;
}
