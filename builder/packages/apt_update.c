/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "packages/apt_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"

static int run_update(Apt *apt, const RepositoryList *repositories, Error *error)
{
        static const char *const argv[] = { "apt-get", "update", "-q", "-o", "pkgCacheFile::Generate=false", NULL };
        _cleanup_buffer_ Buffer log = BUFFER_INIT;
        AptRun run = { .argv = argv, .repositories = repositories, .network = true, .ret_log = &log };
        int status = 0;
        int r = apt_run(apt, &run, &status, error);

        if (r < 0)
                return r;
        r = apt_update_error(log.data ? log.data : "", repositories, error);
        if (r < 0 || status == 0)
                return r;
        error_set(error, -EIO, "apt-get update exited with status %d", status);
        return error_detail(error, "%s", log.data ? log.data : "");
}

static bool has_binaries(const RepositoryList *repositories)
{
        for (size_t i = 0; i < repositories->n_items; i++)
                if (strv_contains(repositories->items[i].types, "deb"))
                        return true;
        return false;
}

static bool is_local(const RepositoryList *repositories)
{
        for (size_t i = 0; i < repositories->n_items; i++)
                for (char **uri = repositories->items[i].uris; uri && *uri; uri++)
                        if (!apt_local_path(*uri))
                                return false;
        return true;
}

static int not_there_error(const RepositoryList *repositories, Error *error)
{
        const Repository *first = &repositories->items[0];
        const char *suite = first->suites && *first->suites ? *first->suites : "";
        const char *more = repositories->n_items > 1 ? " and the repositories with it" : "";

        error_set(error, -ENOENT,
                  "The package lists of %s %s%s are not in the cache, and nothing is to be fetched (offline)",
                  first->uris[0], suite, more);
        return error_hint(error,
                          "Build it once with the network, then offline with the same repositories and keyrings");
}

/* *ret: whether what the cache has will do. */
static int try_cache(Apt *apt, AptSet *set, bool *ret, Error *error)
{
        *ret = false;
        if (apt->offline && !is_local(&set->repositories)) {
                *ret = set->generation;
                return *ret ? 0 : not_there_error(&set->repositories, error);
        }
        int r = apt_set_is_fresh(apt, set, ret, error);
        if (r < 0 || !*ret)
                return r;
        apt_set_found_fresh(set);
        return apt->output && output_printf(apt->output, "The package lists are unchanged\n") < 0
                       ? error_out_of_memory(error) : 0;
}

static int update_set(Apt *apt, AptSet *set, AptReleases *ret_releases, Error *error)
{
        bool cached = false;
        int r = try_cache(apt, set, &cached, error);

        if (r == 0 && !cached)
                r = apt_set_fill(apt, set, error);
        if (r == 0 && !cached)
                r = run_update(apt, &set->repositories, error);
        if (r == 0)
                r = apt_read_releases(cached ? set->generation : set->lists, &set->repositories, apt->architecture,
                                      ret_releases, error);
        if (r == 0 && !cached)
                r = apt_set_publish(apt, set, error);
        if (r == 0)
                ret_releases->fresh_sec = apt_set_time(set, "fresh");
        return r;
}

/* In place of an earlier one for the same repositories. */
static int keep_set(Apt *apt, AptSet *set)
{
        for (size_t i = 0; i < apt->n_sets; i++)
                if (strcmp(apt->sets[i]->key, set->key) == 0) {
                        apt_set_free(apt, apt->sets[i]);
                        apt->sets[i] = set;
                        return 0;
                }
        AptSet **grown = reallocarray(apt->sets, apt->n_sets + 1, sizeof(AptSet *));
        if (!grown)
                return -ENOMEM;
        apt->sets = grown;
        grown[apt->n_sets++] = set;
        return 0;
}

int apt_update(Apt *apt, const RepositoryList *repositories, AptReleases *ret_releases, Error *error)
{
        _cleanup_(apt_releases_done) AptReleases releases = { 0 };
        _cleanup_free_ char *key = NULL;
        AptSet *set = NULL;

        apt->has_selection = false;
        apt->current = NULL;
        if (!has_binaries(repositories))
                return error_set_usage(error, -EINVAL, "No repository with binary packages (Types=deb) is configured");
        int r = apt_write_sources(apt, repositories, &key, error);
        if (r == 0)
                r = apt_set_new(apt, key, repositories, &set, error);
        if (r < 0)
                return r;
        apt->current = set;
        r = update_set(apt, set, &releases, error);
        if (r == 0 && keep_set(apt, set) < 0)
                r = error_out_of_memory(error);
        if (r < 0) {
                apt->current = NULL;
                apt_set_free(apt, set);
                return r;
        }
        if (ret_releases) {
                *ret_releases = releases;
                releases = (AptReleases){ 0 };
        }
        return 0;
}

static bool same_repository(const Repository *a, const Repository *b)
{
        RepositoryList left = { (Repository *) a, 1 }, right = { (Repository *) b, 1 };
        _cleanup_buffer_ Buffer text_a = BUFFER_INIT, text_b = BUFFER_INIT;
        char *keyring_a[] = { a->keyring }, *keyring_b[] = { b->keyring };

        return repository_format(&left, keyring_a, false, &text_a) == 0 &&
               repository_format(&right, keyring_b, false, &text_b) == 0 && string_equal(text_a.data, text_b.data);
}

static bool has_repository(const AptSet *set, const Repository *repository)
{
        for (size_t i = 0; i < set->repositories.n_items; i++)
                if (same_repository(&set->repositories.items[i], repository))
                        return true;
        return false;
}

/* The smallest set that has them all: there is least to read. */
static int find_set(const Apt *apt, const RepositoryList *repositories, AptSet **ret, Error *error)
{
        const Repository *missing = &repositories->items[0];
        AptSet *best = NULL;

        for (size_t i = 0; i < apt->n_sets; i++) {
                AptSet *set = apt->sets[i];
                bool all = true;
                for (size_t j = 0; all && j < repositories->n_items; j++)
                        if (!has_repository(set, &repositories->items[j])) {
                                missing = &repositories->items[j];
                                all = false;
                        }
                if (all && (!best || set->repositories.n_items < best->repositories.n_items))
                        best = set;
        }
        if (!best)
                return error_set(error, -ENOENT, "The indexes of the repository %s were not fetched", missing->uris[0]);
        *ret = best;
        return 0;
}

/* "PATTERN SPEC PRIORITY" as a stanza of apt_preferences(5). */
static int append_pin(Buffer *text, const char *pin, Error *error)
{
        static const char *const kinds[] = { "release ", "version ", "origin " };
        size_t pattern_length = strcspn(pin, " \t");
        const char *spec = pin + pattern_length + strspn(pin + pattern_length, " \t");
        const char *space = strrchr(spec, ' '), *number = space ? space + 1 : "";
        bool known = false;
        uint64_t priority;

        for (size_t i = 0; i < ELEMENTS(kinds); i++)
                known = known || string_starts_with(spec, kinds[i]);
        if (!known || pattern_length == 0 || strchr(pin, '\n') ||
            parse_unsigned(number + (*number == '-'), 0, INT16_MAX, &priority) < 0) {
                error_set_usage(error, -EINVAL, "The pin \"%s\" is not of the form PATTERN SPEC PRIORITY", pin);
                return error_hint(error, "For example: * release n=bookworm-backports 100");
        }
        if (buffer_printf(text, "%sPackage: %.*s\nPin: %.*s\nPin-Priority: %s\n", text->length > 0 ? "\n" : "",
                          (int) pattern_length, pin, (int) (space - spec), spec, number) < 0)
                return error_out_of_memory(error);
        return 0;
}

int apt_select(Apt *apt, const RepositoryList *repositories, char *const *pins, Error *error)
{
        _cleanup_repository_list_ RepositoryList copy = { 0 };
        _cleanup_buffer_ Buffer preferences = BUFFER_INIT;

        apt->has_selection = false;
        if (repositories->n_items == 0)
                return error_set(error, -EINVAL, "No repositories are selected");
        int r = find_set(apt, repositories, &apt->current, error);
        for (; r == 0 && pins && *pins; pins++)
                r = append_pin(&preferences, *pins, error);
        if (r == 0)
                r = apt_write_sources(apt, repositories, NULL, error);
        if (r == 0)
                r = apt_write_text(apt, "preferences", preferences.data ? preferences.data : "", error);
        if (r < 0)
                return r;
        if (repository_list_copy(repositories, &copy) < 0)
                return error_out_of_memory(error);
        repository_list_done(&apt->selected);
        apt->selected = copy;
        copy = (RepositoryList){ 0 };
        apt->has_selection = true;
        return 0;
}
