/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/digest.h"
#include "base/mapping.h"
#include "packages/apt_internal.h"
#include "packages/deb822.h"

/* Which source packages they come from is in the indexes alone; apt tells it of one at a time. */

#define HASH_LENGTH (SHA256_HEX_SIZE - 1)

typedef struct Search {
        AptPackage **wanted; /* sorted by hash */
        size_t n_wanted, n_left;
} Search;

static int compare_hashes(const void *a, const void *b)
{
        const AptPackage *const *x = a, *const *y = b;

        return strcmp((*x)->sha256, (*y)->sha256);
}

static int compare_with_hash(const void *hash, const void *item)
{
        const AptPackage *const *package = item;

        return memcmp(hash, (*package)->sha256, HASH_LENGTH);
}

/* "Source: NAME" or "Source: NAME (VERSION)"; missing: the package's own. */
int apt_set_source(AptPackage *package, const char *source)
{
        const char *open = source ? strstr(source, " (") : NULL;
        size_t name_length = source ? strcspn(source, " (") : 0;

        package->source = name_length > 0 ? strndup(source, name_length) : strdup(package->name);
        package->source_version = open ? strndup(open + 2, strcspn(open + 2, ")")) : strdup(package->version);
        return package->source && package->source_version ? 0 : -ENOMEM;
}

static bool is_stanza_of(const AptPackage *package, const char *stanza)
{
        _cleanup_free_ char *name = deb822_get(stanza, "Package"), *version = deb822_get(stanza, "Version");

        return string_equal(name, package->name) && string_equal(version, package->version);
}

/* The stanza around `hash`, copied: the text ends where the file does. */
static char *copy_stanza(const char *text, size_t size, const char *hash)
{
        const char *start = hash, *end = memmem(hash, size - (size_t) (hash - text), "\n\n", 2);

        while (start > text && !(start[-1] == '\n' && (start - 1 == text || start[-2] == '\n')))
                start--;
        if (!end)
                end = text + size;
        return strndup(start, (size_t) (end - start));
}

static int take_hash(Search *search, const char *text, size_t size, const char *hash)
{
        AptPackage **found = bsearch(hash, search->wanted, search->n_wanted, sizeof *search->wanted, compare_with_hash);

        if (!found)
                return 0;
        _cleanup_free_ char *stanza = copy_stanza(text, size, hash);
        if (!stanza)
                return -ENOMEM;
        for (; found > search->wanted && strcmp(found[-1]->sha256, (*found)->sha256) == 0;)
                found--;
        for (; found < search->wanted + search->n_wanted && memcmp((*found)->sha256, hash, HASH_LENGTH) == 0; found++) {
                if ((*found)->source || !is_stanza_of(*found, stanza))
                        continue;
                _cleanup_free_ char *source = deb822_get(stanza, "Source");
                if (!(*found)->uri)
                        (*found)->uri = deb822_get(stanza, "Filename");
                if (apt_set_source(*found, source) < 0)
                        return -ENOMEM;
                search->n_left--;
        }
        return 0;
}

static int search_text(Search *search, const char *text, size_t size)
{
        static const char field[] = "\nSHA256: ";
        const char *end = text + size;

        for (const char *at = text; search->n_left > 0 && (at = memmem(at, (size_t) (end - at), field, strlen(field)));) {
                at += strlen(field);
                if ((size_t) (end - at) < HASH_LENGTH)
                        return 0;
                int r = take_hash(search, text, size, at);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int search_index(Search *search, int directory_fd, const char *name)
{
        _cleanup_mapping_ Mapping text = MAPPING_INIT;
        int r = mapping_open(directory_fd, name, &text);

        return r == 0 ? search_text(search, text.data, text.length) : r;
}

static int search_lists(Search *search, const char *lists, Error *error)
{
        _cleanup_closedir_ DIR *directory = opendir(lists);

        if (!directory)
                return error_set_errno(error, errno, "Can't read %s", lists);
        for (struct dirent *entry; search->n_left > 0 && (entry = readdir(directory));) {
                if (!string_ends_with(entry->d_name, "_Packages"))
                        continue;
                int r = search_index(search, dirfd(directory), entry->d_name);
                if (r < 0)
                        return error_set_errno(error, -r, "Can't read the index %s", entry->d_name);
        }
        return 0;
}

/* Of a .deb of the recipe: what its control data says. */
static int ask_local(Apt *apt, AptPackage *package, Error *error)
{
        static const char *const argv[] = { "dpkg-deb", "--show", "--showformat=${source:Package} (${source:Version})",
                                            APT_INSIDE_DEBS "/0.deb", NULL };
        char *const paths[] = { package->local_path, NULL };
        _cleanup_buffer_ Buffer text = BUFFER_INIT, log = BUFFER_INIT;
        AptRun run = { .argv = argv, .deb_paths = paths, .ret_stdout = &text, .ret_log = &log };
        int status = 0, r = apt_run(apt, &run, &status, error);

        if (r < 0)
                return r;
        return apt_set_source(package, status == 0 ? text.data : NULL) < 0 ? error_out_of_memory(error) : 0;
}

static int ask_locals(Apt *apt, AptTransaction *transaction, Error *error)
{
        int r = 0;

        for (size_t i = 0; r == 0 && i < transaction->n_packages; i++)
                if (transaction->packages[i].local_path && !transaction->packages[i].source)
                        r = ask_local(apt, &transaction->packages[i], error);
        return r;
}

int apt_find_sources_in(Apt *apt, const char *lists, AptTransaction *transaction, Error *error)
{
        _cleanup_free_ AptPackage **wanted = calloc(transaction->n_packages + 1, sizeof *wanted);
        Search search = { .wanted = wanted };

        if (!wanted)
                return error_out_of_memory(error);
        int r = ask_locals(apt, transaction, error);
        if (r < 0)
                return r;
        for (size_t i = 0; i < transaction->n_packages; i++)
                if (!transaction->packages[i].source && transaction->packages[i].sha256)
                        wanted[search.n_wanted++] = &transaction->packages[i];
        search.n_left = search.n_wanted;
        if (search.n_wanted == 0)
                return 0;
        qsort(wanted, search.n_wanted, sizeof *wanted, compare_hashes);
        r = search_lists(&search, lists, error);
        /* what no index names has at least itself */
        for (size_t i = 0; r == 0 && i < search.n_wanted; i++)
                if (!wanted[i]->source && apt_set_source(wanted[i], NULL) < 0)
                        r = error_out_of_memory(error);
        return r;
}

int apt_find_sources(Apt *apt, AptTransaction *transaction, Error *error)
{
        int r = apt_set_fill(apt, apt->current, error);

        return r == 0 ? apt_find_sources_in(apt, apt->current->lists, transaction, error) : r;
}

/* ------------------------------------------------------------------------------------------------ found again */

static int find_local(AptPackage *package, char *const *paths, Error *error)
{
        for (; paths && *paths; paths++) {
                char hex[SHA256_HEX_SIZE];
                int r = digest_file(AT_FDCWD, *paths, NULL, hex, error);
                if (r < 0)
                        return r;
                if (strcmp(hex, package->sha256) != 0)
                        continue;
                package->local_path = strdup(*paths);
                return package->local_path ? 0 : error_out_of_memory(error);
        }
        error_set(error, -EBADMSG, "The recipe has no .deb of %s %s with the SHA-256 %s", package->name, package->version,
                  package->sha256);
        return error_hint(error, "It is another file than the one that was locked; templar lock --update takes it");
}

int apt_find_locals(Apt *apt, char *const *deb_paths, AptTransaction *transaction, Error *error)
{
        _cleanup_strv_ char **paths = NULL;
        int r = apt_take_debs(apt, deb_paths, &paths, error);

        for (size_t i = 0; r == 0 && i < transaction->n_packages; i++)
                if (string_empty(transaction->packages[i].uri))
                        r = find_local(&transaction->packages[i], paths, error);
        return r;
}
