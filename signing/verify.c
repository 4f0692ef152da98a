/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "signing/verify.h"

#include "base/file.h"
#include "signing/attest.h"
#include "signing/check.h"
#include "signing/names.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

void verify_result_done(VerifyResult *result)
{
        for (size_t i = 0; i < result->n_files; i++) {
                free(result->files[i].name);
                free(result->files[i].sha256);
        }
        free(result->files);
        free(result->fingerprint);
        free(result->user_id);
        *result = (VerifyResult){ 0 };
}

/* Everything that a verification holds while it runs. */
typedef struct Work {
        int directory_fd;
        Verifier *verifier;
        Checker checker;
        SumsLine *lines; /* the list that the result follows */
        size_t n_lines;
        Signature signature;
} Work;

#define WORK_INIT ((Work){ .directory_fd = -1 })

static void work_done(Work *work)
{
        sums_free(work->lines, work->n_lines);
        signature_done(&work->signature);
        checker_done(&work->checker);
        verifier_close(work->verifier);
        cleanup_close(&work->directory_fd);
}
#define _cleanup_work_ _cleanup_(work_done)

static int work_open(Work *work, const char *directory, const char *keyring_path, Error *error)
{
        work->directory_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (work->directory_fd < 0)
                return error_set_errno(error, errno, "Can't open the directory %s", directory);
        int r = verifier_open_file(keyring_path, &work->verifier, error);
        if (r < 0)
                return r;
        work->checker = (Checker){ .directory_fd = work->directory_fd,
                                   .directory = directory,
                                   .verifier = work->verifier };
        return 0;
}

/* The files of the list, in its order, and who signed it. */
static int fill_result(Work *work, VerifyResult *ret, Error *error)
{
        _cleanup_verify_result_ VerifyResult result = { 0 };

        result.files = calloc(work->n_lines + 1, sizeof *result.files);
        if (!result.files)
                return error_out_of_memory(error);
        for (size_t i = 0; i < work->n_lines; i++) {
                const VerifyFile *known = NULL;
                if (string_starts_with(work->lines[i].name, SUMS_BEST_BEFORE))
                        continue;
                int r = checker_digest(&work->checker, work->lines[i].name, &known, error);
                if (r < 0)
                        return r;
                VerifyFile *file = &result.files[result.n_files++];
                *file = (VerifyFile){ strdup(known->name), known->size_bytes, strdup(known->sha256) };
                if (!file->name || !file->sha256)
                        return error_out_of_memory(error);
        }
        result.fingerprint = TAKE_PTR(work->signature.fingerprint);
        result.user_id = TAKE_PTR(work->signature.user_id);
        result.signed_sec = work->signature.signed_sec;
        *ret = result;
        result = (VerifyResult){ 0 };
        return 0;
}

static int check_lines(Checker *checker, const SumsLine *lines, size_t n_lines, Error *error)
{
        for (size_t i = 0; i < n_lines; i++) {
                int r = checker_line(checker, &lines[i], error);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* --- a directory
 * ----------------------------------------------------------------------------------------------- */

/* Sub-directories and hidden names are no part of a release: hosts can't ask for them. */
static int refuse_unlisted(const Work *work, Error *error)
{
        _cleanup_closedir_ DIR *listing = NULL;
        int fd = openat(work->directory_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        if (fd < 0 || !(listing = fdopendir(fd)))
                return error_set_errno(error, errno, "Can't read the directory %s", work->checker.directory);
        for (struct dirent *entry; (entry = directory_next(listing));) {
                struct stat status;
                if (entry->d_name[0] == '.' || names_is_index(entry->d_name) ||
                    sums_find(work->lines, work->n_lines, entry->d_name))
                        continue;
                if (fstatat(work->directory_fd, entry->d_name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
                    S_ISDIR(status.st_mode))
                        continue;
                error_set(error, -EBADMSG, "%s is in %s, but %s does not list it", entry->d_name,
                          work->checker.directory, SUMS_FILE);
                return error_hint(error, "Nobody vouches for it: take it away");
        }
        return errno ? error_set_errno(error, errno, "Can't read the directory %s", work->checker.directory)
                     : 0;
}

static int check_image_pair(Work *work, const char *image, Error *error)
{
        _cleanup_signature_ Signature signature = { 0 };
        _cleanup_free_ char *pair_name = NULL;
        SumsLine *lines = NULL;
        size_t n_lines = 0;

        if (asprintf(&pair_name, "%s%s", image, NAMES_PAIR_SUFFIX) < 0)
                return error_out_of_memory(error);
        int r = checker_pair(&work->checker, image, &lines, &n_lines, &signature, error);
        if (r == 0)
                r = check_lines(&work->checker, lines, n_lines, error);
        if (r == 0)
                r = checker_settings(&work->checker, image, lines, n_lines, pair_name, error);
        sums_free(lines, n_lines);
        return r;
}

/* Each half of a pair belongs to an image that is listed and has the other half. */
static int check_pairs(Work *work, Error *error)
{
        for (size_t i = 0; i < work->n_lines; i++) {
                const char *name = work->lines[i].name;
                const char *suffix = string_ends_with(name, NAMES_PAIR_SIGNATURE_SUFFIX)
                                             ? NAMES_PAIR_SIGNATURE_SUFFIX
                                     : string_ends_with(name, NAMES_PAIR_SUFFIX) ? NAMES_PAIR_SUFFIX
                                                                                 : NULL;
                if (!suffix)
                        continue;
                _cleanup_free_ char *image = strndup(name, strlen(name) - strlen(suffix));
                if (!image)
                        return error_out_of_memory(error);
                int r = check_image_pair(work, image, error);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int check_provenance(Work *work, Error *error)
{
        int r = 0;

        for (size_t i = 0; r == 0 && i < work->n_lines; i++)
                if (string_ends_with(work->lines[i].name, NAMES_PROVENANCE_SUFFIX))
                        r = attest_check(&work->checker, work->lines[i].name, work->lines, work->n_lines, true, error);
        return r;
}

static int check_directory(Work *work, Error *error)
{
        int r = checker_sums(&work->checker, &work->lines, &work->n_lines, &work->signature, error);

        if (r == 0)
                r = refuse_unlisted(work, error);
        if (r == 0)
                r = check_lines(&work->checker, work->lines, work->n_lines, error);
        if (r == 0)
                r = check_pairs(work, error);
        if (r == 0)
                r = check_provenance(work, error);
        if (r < 0 && faccessat(work->directory_fd, NAMES_JOURNAL, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
                return error_hint(
                        error,
                        "A publication is under way here, or was cut short: the next build puts it right");
        return r;
}

int verify_directory(const char *directory, const char *keyring_path, VerifyResult *ret, Error *error)
{
        _cleanup_work_ Work work = WORK_INIT;
        int r = work_open(&work, directory, keyring_path, error);

        if (r == 0)
                r = check_directory(&work, error);
        return r < 0 ? r : fill_result(&work, ret, error);
}

/* --- one image
 * ------------------------------------------------------------------------------------------------- */

static bool is_there(const Work *work, const char *image, const char *suffix)
{
        _cleanup_free_ char *name = NULL;

        if (asprintf(&name, "%s%s", image, suffix) < 0) {
                name = NULL;
                return false;
        }
        return faccessat(work->directory_fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* Keeps the lines for the image and its settings: the rest of the directory is not asked about. */
static int keep_image_lines(Work *work, const char *image, Error *error)
{
        char *settings[NAMES_SETTINGS_MAX];
        int n_settings = names_settings(image, settings);
        size_t n_kept = 0;

        if (n_settings == 0)
                return error_out_of_memory(error);
        for (size_t i = 0; i < work->n_lines; i++) {
                SumsLine *line = &work->lines[i];
                bool keep = strcmp(line->name, image) == 0;
                for (int j = 0; names_is_image(image) && j < n_settings; j++)
                        keep = keep || strcmp(line->name, settings[j]) == 0;
                /* a list that is past vouches for nothing */
                keep = keep || string_starts_with(line->name, SUMS_BEST_BEFORE);
                if (keep)
                        work->lines[n_kept++] = *line;
                else
                        free(line->name);
        }
        work->n_lines = n_kept;
        for (int i = 0; i < n_settings; i++)
                free(settings[i]);
        return 0;
}

/* Where it was fetched with the image, it has to be right. */
static int check_image_provenance(Work *work, const char *image, Error *error)
{
        char *settings[NAMES_SETTINGS_MAX];
        int n_settings = names_settings(image, settings), r = 0;
        _cleanup_free_ char *name = NULL;

        if (n_settings == 0)
                return error_out_of_memory(error);
        /* BASE.nspawn is the first of them */
        size_t length = strlen(settings[0]) - strlen(NAMES_SETTINGS_SUFFIX);
        if (asprintf(&name, "%.*s%s", (int) length, settings[0], NAMES_PROVENANCE_SUFFIX) < 0) {
                name = NULL;
                r = error_out_of_memory(error);
        }
        for (int i = 0; i < n_settings; i++)
                free(settings[i]);
        if (r < 0 || faccessat(work->directory_fd, name, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
                return r;
        return attest_check(&work->checker, name, work->lines, work->n_lines, false, error);
}

static int check_image(Work *work, const char *image, Error *error)
{
        bool paired = is_there(work, image, NAMES_PAIR_SUFFIX) ||
                      is_there(work, image, NAMES_PAIR_SIGNATURE_SUFFIX);
        const char *sums_name = paired ? "its .sha256" : SUMS_FILE;
        int r;

        if (paired)
                r = checker_pair(&work->checker, image, &work->lines, &work->n_lines, &work->signature,
                                 error);
        else
                r = checker_sums(&work->checker, &work->lines, &work->n_lines, &work->signature, error);
        if (r < 0)
                return r;
        if (!sums_find(work->lines, work->n_lines, image))
                return error_set(error, -EBADMSG, "%s does not list %s", SUMS_FILE, image);
        if (names_is_image(image))
                r = checker_settings(&work->checker, image, work->lines, work->n_lines, sums_name, error);
        if (r == 0 && !paired)
                r = keep_image_lines(work, image, error);
        if (r == 0)
                r = check_lines(&work->checker, work->lines, work->n_lines, error);
        return r == 0 && names_is_image(image) ? check_image_provenance(work, image, error) : r;
}

int verify_image(const char *path, const char *keyring_path, VerifyResult *ret, Error *error)
{
        const char *slash = strrchr(path, '/');
        const char *name = slash ? slash + 1 : path;
        _cleanup_free_ char *directory = slash == path ? strdup("/")
                                         : slash       ? strndup(path, (size_t) (slash - path))
                                                       : strdup(".");
        _cleanup_work_ Work work = WORK_INIT;

        if (!directory)
                return error_out_of_memory(error);
        if (!*name)
                return error_set_usage(error, -EISDIR, "%s is a directory, not an image", path);
        if (access(path, F_OK) < 0)
                return error_set_errno(error, errno, "Can't open the image %s", path);
        int r = work_open(&work, directory, keyring_path, error);
        if (r == 0)
                r = check_image(&work, name, error);
        return r < 0 ? r : fill_result(&work, ret, error);
}
