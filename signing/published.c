/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "signing/published.h"

#include "base/digest.h"
#include "base/file.h"
#include "signing/check.h"
#include "signing/names.h"
#include "signing/scratch.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

/* The list that is there. */
typedef struct Known {
        SumsLine *lines;
        size_t n_lines;
        bool is_trusted;
        struct timespec written; /* ctime */
} Known;

static void known_done(Known *known)
{
        sums_free(known->lines, known->n_lines);
}
#define _cleanup_known_ _cleanup_(known_done)

static bool is_there(int directory_fd, const char *name)
{
        return faccessat(directory_fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static int read_keyring(int directory_fd, const char *directory, const char *name, Buffer *ret, Error *error)
{
        if (!is_there(directory_fd, name))
                return 0;
        int r = read_file(directory_fd, name, KEYRING_LIMIT_BYTES, ret, error);
        return r < 0 ? error_wrap(error, "In %s", directory) : 0;
}

int published_keyring(int directory_fd, const char *directory, Buffer *ret, Error *error)
{
        _cleanup_buffer_ Buffer keyring = BUFFER_INIT, old = BUFFER_INIT;
        int r = read_keyring(directory_fd, directory, NAMES_KEYRING, &keyring, error);

        if (r == 0)
                r = read_keyring(directory_fd, directory, NAMES_KEYRING_OLD, &old, error);
        if (r < 0)
                return r;
        if (keyring.length > 0 && old.length > 0 &&
            (keyring.length != old.length || memcmp(keyring.data, old.data, old.length) != 0)) {
                error_set(error, -EBADMSG, "In %s, %s and %s differ", directory, NAMES_KEYRING_OLD,
                          NAMES_KEYRING);
                return error_hint(error, "Remove the one that is wrong; the next release writes both");
        }
        *ret = keyring.length > 0 ? TAKE_BUFFER(keyring) : TAKE_BUFFER(old);
        return 0;
}

/* Whether the list is signed by a key of the directory's own keyring. */
static bool has_good_signature(int directory_fd, const char *directory)
{
        _cleanup_buffer_ Buffer keyring = BUFFER_INIT;
        _cleanup_verifier_ Verifier *verifier = NULL;
        _cleanup_signature_ Signature signature = { 0 };
        SumsLine *lines = NULL;
        size_t n_lines = 0;

        if (published_keyring(directory_fd, directory, &keyring, NULL) < 0 || keyring.length == 0 ||
            verifier_open(&keyring, directory, &verifier, NULL) < 0)
                return false;
        Checker checker = { .directory_fd = directory_fd, .directory = directory, .verifier = verifier };
        int r = checker_sums(&checker, &lines, &n_lines, &signature, NULL);
        sums_free(lines, n_lines);
        return r == 0;
}

static int read_known(int directory_fd, const char *directory, bool is_signed, Known *ret, Error *error)
{
        _cleanup_buffer_ Buffer text = BUFFER_INIT;
        struct stat status;

        if (!is_there(directory_fd, SUMS_FILE))
                return 0;
        int r = read_file(directory_fd, SUMS_FILE, SUMS_LIMIT_BYTES, &text, error);
        if (r == 0)
                r = sums_parse(text.data, text.length, &ret->lines, &ret->n_lines, error);
        if (r < 0) {
                error_wrap(error, "%s/%s", directory, SUMS_FILE);
                return error_hint(error,
                                  "Restore the list of the last release, or publish into a new directory");
        }
        if (fstatat(directory_fd, SUMS_FILE, &status, 0) < 0)
                return error_set_errno(error, errno, "Can't look at %s/%s", directory, SUMS_FILE);
        ret->written = status.st_ctim;
        if (!is_signed && !is_there(directory_fd, SUMS_SIGNATURE_FILE))
                ret->is_trusted = true;
        else
                ret->is_trusted = has_good_signature(directory_fd, directory);
        return 0;
}

static bool is_later(const struct timespec *a, const struct timespec *b)
{
        return a->tv_sec != b->tv_sec ? a->tv_sec > b->tv_sec : a->tv_nsec > b->tv_nsec;
}

static int add_file(int directory_fd, const char *directory, const char *name, const struct stat *status,
                    const Known *known, FileList *list, Error *error)
{
        const SumsLine *line = sums_find(known->lines, known->n_lines, name);
        uint64_t size_bytes = (uint64_t) status->st_size;
        char sha256[SHA256_HEX_SIZE];

        if (!line && names_is_release_file(name)) {
                error_set(error, -EBADMSG, "%s is in %s, but no %s lists it: it was not published here", name,
                          directory, SUMS_FILE);
                return error_hint(error,
                                  "Move it away; files of releases come into the directory by a build only");
        }
        if (line && known->is_trusted && !is_later(&status->st_ctim, &known->written))
                return file_list_add(list, name, line->sha256, size_bytes, error);
        int r = digest_file(directory_fd, name, &size_bytes, sha256, error);
        if (r < 0)
                return error_wrap(error, "In %s", directory);
        if (line && names_is_release_file(name) && strcmp(line->sha256, sha256) != 0) {
                error_set(error, -EBADMSG, "%s in %s has changed since it was published", name, directory);
                error_detail(error, "listed  %s\nfound   %s", line->sha256, sha256);
                return error_hint(error, "Restore it, or take the whole version away");
        }
        return file_list_add(list, name, sha256, size_bytes, error);
}

static bool is_skipped(const char *name, bool is_signed)
{
        return name[0] == '.' || names_is_index(name) || (is_signed && names_is_keyring(name));
}

static int list_files(int directory_fd, const char *directory, bool is_signed, const Known *known,
                      FileList *list, Error *error)
{
        _cleanup_closedir_ DIR *listing = opendir(directory);

        if (!listing)
                return error_set_errno(error, errno, "Can't read the directory %s", directory);
        for (struct dirent *entry; (entry = directory_next(listing));) {
                struct stat status;
                if (is_skipped(entry->d_name, is_signed))
                        continue;
                if (fstatat(directory_fd, entry->d_name, &status, 0) < 0)
                        return error_set_errno(error, errno, "Can't look at %s/%s", directory, entry->d_name);
                if (S_ISDIR(status.st_mode))
                        continue;
                int r = add_file(directory_fd, directory, entry->d_name, &status, known, list, error);
                if (r < 0)
                        return r;
        }
        return errno ? error_set_errno(error, errno, "Can't read the directory %s", directory) : 0;
}

int published_list(int directory_fd, const char *directory, bool is_signed, FileList *ret, Error *error)
{
        _cleanup_known_ Known known = { 0 };
        _cleanup_file_list_ FileList list = FILE_LIST_INIT;
        int r = read_known(directory_fd, directory, is_signed, &known, error);

        if (r == 0)
                r = list_files(directory_fd, directory, is_signed, &known, &list, error);
        if (r < 0)
                return r;
        file_list_sort(&list);
        *ret = list;
        list = FILE_LIST_INIT;
        return 0;
}
