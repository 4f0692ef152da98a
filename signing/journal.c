/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "signing/journal.h"

#include "base/digest.h"
#include "base/file.h"
#include "signing/names.h"
#include "signing/sums.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#define HEADER "templar-publication 1"
#define WORD_SIGNED "signed"
#define WORD_UNSIGNED "unsigned"

/* The lines of a journal. */
enum { LINE_HEADER, LINE_SIGNED, LINE_STAGING, LINE_NAMES };

int journal_write(const JournalPlan *plan, Error *error)
{
        _cleanup_buffer_ Buffer text = BUFFER_INIT;

        if (buffer_printf(&text, "%s\n%s\n%s\n", HEADER, plan->is_signed ? WORD_SIGNED : WORD_UNSIGNED,
                          plan->staging_name) < 0)
                return error_out_of_memory(error);
        for (char *const *name = plan->names; *name; name++)
                if (buffer_printf(&text, "%s\n", *name) < 0)
                        return error_out_of_memory(error);
        /* by way of the staging folder, where a killed process leaves nothing for long */
        int r = write_file_atomic(plan->staging_fd, NAMES_JOURNAL, text.data, text.length, 0644, error);
        if (r < 0)
                return r;
        if (renameat(plan->staging_fd, NAMES_JOURNAL, plan->directory_fd, NAMES_JOURNAL) < 0)
                return error_set_errno(error, errno, "Can't write %s", NAMES_JOURNAL);
        return fsync(plan->directory_fd) < 0
                       ? error_set_errno(error, errno, "Can't sync the release directory")
                       : 0;
}

int journal_remove(int directory_fd, Error *error)
{
        if (unlinkat(directory_fd, NAMES_JOURNAL, 0) < 0 && errno != ENOENT)
                return error_set_errno(error, errno, "Can't remove %s", NAMES_JOURNAL);
        return fsync(directory_fd) < 0 ? error_set_errno(error, errno, "Can't sync the release directory")
                                       : 0;
}

/* A bare name that a publication can have made; anything else in a journal is not ours to act upon. */
static bool is_plain_name(const char *name)
{
        return *name && name[0] != '.' && !strchr(name, '/') && !names_is_index(name) &&
               !names_is_keyring(name);
}

static bool is_sound(char *const *lines)
{
        if (strv_length(lines) < LINE_NAMES || strcmp(lines[LINE_HEADER], HEADER) != 0)
                return false;
        if (strcmp(lines[LINE_SIGNED], WORD_SIGNED) != 0 && strcmp(lines[LINE_SIGNED], WORD_UNSIGNED) != 0)
                return false;
        if (!string_starts_with(lines[LINE_STAGING], NAMES_STAGING_PREFIX) ||
            strchr(lines[LINE_STAGING], '/'))
                return false;
        for (char *const *name = lines + LINE_NAMES; *name; name++)
                if (!is_plain_name(*name))
                        return false;
        return true;
}

/* *ret_lines is NULL when there is no journal. */
static int read_journal(int directory_fd, const char *directory, char ***ret_lines, Error *error)
{
        _cleanup_buffer_ Buffer text = BUFFER_INIT;
        _cleanup_strv_ char **lines = NULL;

        *ret_lines = NULL;
        if (faccessat(directory_fd, NAMES_JOURNAL, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
                return errno == ENOENT ? 0 : error_set_errno(error, errno, "Can't look into %s", directory);
        int r = read_file(directory_fd, NAMES_JOURNAL, SUMS_LIMIT_BYTES, &text, error);
        if (r < 0)
                return error_wrap(error, "In %s", directory);
        lines = strv_split(text.data, "\n");
        if (!lines)
                return error_out_of_memory(error);
        if (strlen(text.data) != text.length || !is_sound(lines)) {
                error_set(error, -EBADMSG, "%s/%s is not a journal of templar", directory, NAMES_JOURNAL);
                return error_hint(error, "Look at the files that it names, then remove it by hand");
        }
        *ret_lines = TAKE_PTR(lines);
        return 0;
}

/* An unreadable list counts as none: what is listed in it can't be relied upon. */
static void read_sums(int directory_fd, SumsLine **ret, size_t *ret_n)
{
        _cleanup_buffer_ Buffer text = BUFFER_INIT;

        *ret = NULL;
        *ret_n = 0;
        if (read_file(directory_fd, SUMS_FILE, SUMS_LIMIT_BYTES, &text, NULL) == 0 &&
            sums_parse(text.data, text.length, ret, ret_n, NULL) < 0)
                *ret = NULL;
}

static int finish(int directory_fd, int staging_fd, bool is_signed, Error *error)
{
        if (is_signed && staging_fd >= 0 &&
            renameat(staging_fd, SUMS_SIGNATURE_FILE, directory_fd, SUMS_SIGNATURE_FILE) < 0 &&
            errno != ENOENT)
                return error_set_errno(error, errno, "Can't rename %s", SUMS_SIGNATURE_FILE);
        if (!is_signed && unlinkat(directory_fd, SUMS_SIGNATURE_FILE, 0) < 0 && errno != ENOENT)
                return error_set_errno(error, errno, "Can't remove %s", SUMS_SIGNATURE_FILE);
        return 0;
}

/* The old keyring was exchanged into the staging folder: it is the one that SHA256SUMS still lists. */
static int restore_keyring(int directory_fd, int staging_fd, const SumsLine *listed, Error *error)
{
        char sha256[SHA256_HEX_SIZE];

        if (!listed || staging_fd < 0 || digest_file(staging_fd, listed->name, NULL, sha256, NULL) < 0 ||
            strcmp(sha256, listed->sha256) != 0)
                return 0;
        if (renameat(staging_fd, listed->name, directory_fd, listed->name) < 0)
                return error_set_errno(error, errno, "Can't rename %s", listed->name);
        return 0;
}

static int undo(int directory_fd, int staging_fd, char *const *names, const SumsLine *lines, size_t n_lines,
                Error *error)
{
        for (; *names; names++)
                if (unlinkat(directory_fd, *names, 0) < 0 && errno != ENOENT)
                        return error_set_errno(error, errno, "Can't remove %s", *names);
        int r = restore_keyring(directory_fd, staging_fd, sums_find(lines, n_lines, NAMES_KEYRING), error);
        return r < 0 ? r
                     : restore_keyring(directory_fd, staging_fd, sums_find(lines, n_lines, NAMES_KEYRING_OLD),
                                       error);
}

int journal_recover(int directory_fd, const char *directory, Error *error)
{
        _cleanup_strv_ char **journal = NULL;
        SumsLine *lines = NULL;
        size_t n_lines = 0;
        int r = read_journal(directory_fd, directory, &journal, error);

        if (r < 0 || !journal)
                return r;
        _cleanup_close_ int staging_fd =
                openat(directory_fd, journal[LINE_STAGING], O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        read_sums(directory_fd, &lines, &n_lines);
        bool listed = journal[LINE_NAMES] != NULL;
        for (char **name = journal + LINE_NAMES; *name; name++)
                listed = listed && sums_find(lines, n_lines, *name);
        if (listed)
                r = finish(directory_fd, staging_fd, strcmp(journal[LINE_SIGNED], WORD_SIGNED) == 0, error);
        else
                r = undo(directory_fd, staging_fd, journal + LINE_NAMES, lines, n_lines, error);
        sums_free(lines, n_lines);
        if (r < 0)
                return error_wrap(error, "Clearing up after a killed publication in %s", directory);
        return journal_remove(directory_fd, error);
}
