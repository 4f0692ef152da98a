/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "packages/repository.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DEBIAN_KEYRING "/usr/share/keyrings/debian-archive-keyring.gpg"
#define DEBIAN_REMOVED_KEYRING "/usr/share/keyrings/debian-archive-removed-keys.gpg"
#define UBUNTU_KEYRING "/usr/share/keyrings/ubuntu-archive-keyring.gpg"

void repository_done(Repository *repository)
{
        strv_free(repository->types);
        strv_free(repository->uris);
        strv_free(repository->suites);
        strv_free(repository->components);
        strv_free(repository->architectures);
        free(repository->keyring);
        free(repository->inline_key);
        *repository = (Repository){ 0 };
}

void repository_list_done(RepositoryList *list)
{
        for (size_t i = 0; i < list->n_items; i++)
                repository_done(&list->items[i]);
        free(list->items);
        *list = (RepositoryList){ 0 };
}

int repository_list_take(RepositoryList *list, Repository *repository)
{
        Repository *grown = reallocarray(list->items, list->n_items + 1, sizeof *grown);

        if (!grown)
                return -ENOMEM;
        grown[list->n_items++] = *repository;
        list->items = grown;
        *repository = (Repository){ 0 };
        return 0;
}

/* NULL stays NULL: for architectures it has a meaning of its own. */
static int copy_vector(char *const *from, char ***ret)
{
        *ret = from ? strv_copy(from) : NULL;
        return from && !*ret ? -ENOMEM : 0;
}

static int copy_string(const char *from, char **ret)
{
        *ret = from ? strdup(from) : NULL;
        return from && !*ret ? -ENOMEM : 0;
}

static int copy_repository(const Repository *from, Repository *to)
{
        if (copy_vector(from->types, &to->types) < 0 || copy_vector(from->uris, &to->uris) < 0 ||
            copy_vector(from->suites, &to->suites) < 0 || copy_vector(from->components, &to->components) < 0 ||
            copy_vector(from->architectures, &to->architectures) < 0 ||
            copy_string(from->keyring, &to->keyring) < 0 || copy_string(from->inline_key, &to->inline_key) < 0)
                return -ENOMEM;
        to->trusted = from->trusted;
        to->check_valid_until = from->check_valid_until;
        return 0;
}

int repository_list_copy(const RepositoryList *from, RepositoryList *ret)
{
        _cleanup_repository_list_ RepositoryList copy = { 0 };

        for (size_t i = 0; i < from->n_items; i++) {
                Repository one = { 0 };
                int r = copy_repository(&from->items[i], &one);
                if (r == 0)
                        r = repository_list_take(&copy, &one);
                if (r < 0) {
                        repository_done(&one);
                        return r;
                }
        }
        *ret = copy;
        copy = (RepositoryList){ 0 };
        return 0;
}

/* debootstrap has a script for every suite that it knows, and the link behind the name tells the family. */
static const char *keyring_by_debootstrap(const char *release)
{
        char path[256], target[64];

        if (strchr(release, '/') ||
            snprintf(path, sizeof path, "/usr/share/debootstrap/scripts/%s", release) >= (int) sizeof path)
                return NULL;
        ssize_t length = readlink(path, target, sizeof target - 1);
        if (length < 0)
                return NULL;
        target[length] = '\0';
        return strcmp(target, "sid") == 0 ? DEBIAN_KEYRING : strcmp(target, "gutsy") == 0 ? UBUNTU_KEYRING : NULL;
}

static const char *keyring_of_release(const char *release)
{
        static const char *const debian_old[] = { "potato", "woody", "sarge", "etch", "lenny", "squeeze", NULL };
        static const char *const debian[] = { "wheezy",   "jessie",       "stretch",  "buster",       "bullseye",
                                              "bookworm", "trixie",       "forky",    "duke",         "sid",
                                              "stable",   "oldstable",    "testing",  "oldoldstable", "unstable",
                                              "rc-buggy", "experimental", NULL };
        static const char *const ubuntu[] = { "precise", "trusty",   "utopic",  "vivid",   "wily",   "xenial",
                                              "yakkety", "zesty",    "artful",  "bionic",  "cosmic", "disco",
                                              "eoan",    "focal",    "groovy",  "hirsute", "impish", "jammy",
                                              "kinetic", "lunar",    "mantic",  "noble",   "oracular", "plucky",
                                              "questing", "resolute", "devel",  NULL };

        if (strv_contains((char *const *) debian, release))
                return DEBIAN_KEYRING;
        if (strv_contains((char *const *) ubuntu, release))
                return UBUNTU_KEYRING;
        if (strv_contains((char *const *) debian_old, release))
                return DEBIAN_REMOVED_KEYRING;
        return keyring_by_debootstrap(release);
}

const char *repository_default_keyring(const char *suite)
{
        static const char *const pockets[] = { "-proposed-updates", "-updates", "-security", "-backports",
                                               "-backports-sloppy", "-proposed", "-lts", "/updates", "" };
        size_t length = strlen(suite);

        /* the longest match is not what counts: "" is last, so a suite with no known pocket is taken as it is */
        for (size_t i = 0; i < ELEMENTS(pockets); i++) {
                if (!string_ends_with(suite, pockets[i]))
                        continue;
                _cleanup_free_ char *release = strndup(suite, length - strlen(pockets[i]));
                const char *keyring = release ? keyring_of_release(release) : NULL;
                if (keyring)
                        return access(keyring, R_OK) == 0 ? keyring : NULL;
        }
        return NULL;
}

bool uri_has_credentials(const char *uri)
{
        const char *authority = strstr(uri, "://");

        if (!authority)
                return false;
        authority += 3;
        return memchr(authority, '@', strcspn(authority, "/?#")) != NULL;
}

static int append_field(Buffer *buffer, const char *name, char *const *words)
{
        _cleanup_free_ char *text = strv_join(words, " ");

        if (!text)
                return -ENOMEM;
        return *text ? buffer_printf(buffer, "%s: %s\n", name, text) : 0;
}

/* An armored key inside a stanza: each line indented, the empty one as ".". */
static int append_inline_key(Buffer *buffer, const char *key)
{
        int r = buffer_append_string(buffer, "Signed-By:\n");

        while (r == 0 && *key) {
                size_t length = strcspn(key, "\n");
                r = length > 0 ? buffer_printf(buffer, " %.*s\n", (int) length, key)
                               : buffer_append_string(buffer, " .\n");
                key += length + (key[length] == '\n');
        }
        return r;
}

static int append_stanza(Buffer *buffer, const Repository *repository, const char *keyring_path)
{
        int r = append_field(buffer, "Types", repository->types);

        if (r == 0)
                r = append_field(buffer, "URIs", repository->uris);
        if (r == 0)
                r = append_field(buffer, "Suites", repository->suites);
        if (r == 0)
                r = append_field(buffer, "Components", repository->components);
        if (r == 0)
                r = append_field(buffer, "Architectures", repository->architectures);
        if (r == 0 && keyring_path)
                r = buffer_printf(buffer, "Signed-By: %s\n", keyring_path);
        else if (r == 0 && repository->inline_key && !repository->trusted)
                r = append_inline_key(buffer, repository->inline_key);
        if (r == 0 && repository->trusted)
                r = buffer_append_string(buffer, "Trusted: yes\n");
        if (r == 0 && !repository->check_valid_until)
                r = buffer_append_string(buffer, "Check-Valid-Until: no\n");
        return r;
}

static int append_options(Buffer *buffer, const Repository *repository, const char *keyring_path)
{
        _cleanup_strv_ char **options = NULL;
        _cleanup_free_ char *architectures = strv_join(repository->architectures, ",");
        int r = architectures ? 0 : -ENOMEM;

        if (r == 0 && *architectures)
                r = strv_appendf(&options, "arch=%s", architectures);
        if (r == 0 && keyring_path)
                r = strv_appendf(&options, "signed-by=%s", keyring_path);
        if (r == 0 && repository->trusted)
                r = strv_append(&options, "trusted=yes");
        if (r == 0 && !repository->check_valid_until)
                r = strv_append(&options, "check-valid-until=no");
        if (r < 0 || !options)
                return r;
        _cleanup_free_ char *text = strv_join(options, " ");
        return text ? buffer_printf(buffer, " [%s]", text) : -ENOMEM;
}

static int append_line(Buffer *buffer, const Repository *repository, const char *type, const char *uri,
                       const char *suite, const char *keyring_path)
{
        int r = buffer_append_string(buffer, type);

        if (r == 0)
                r = append_options(buffer, repository, keyring_path);
        if (r == 0)
                r = buffer_printf(buffer, " %s %s", uri, suite);
        for (char **component = repository->components; r == 0 && component && *component; component++)
                r = buffer_printf(buffer, " %s", *component);
        return r == 0 ? buffer_append(buffer, "\n", 1) : r;
}

static int append_lines(Buffer *buffer, const Repository *repository, const char *keyring_path)
{
        for (char **uri = repository->uris; uri && *uri; uri++)
                for (char **suite = repository->suites; suite && *suite; suite++)
                        for (char **type = repository->types; type && *type; type++) {
                                int r = append_line(buffer, repository, *type, *uri, *suite, keyring_path);
                                if (r < 0)
                                        return r;
                        }
        return 0;
}

int repository_format(const RepositoryList *list, char *const *keyring_paths, bool one_line, Buffer *ret)
{
        _cleanup_buffer_ Buffer buffer = BUFFER_INIT;

        for (size_t i = 0; i < list->n_items; i++) {
                const char *keyring_path = keyring_paths ? keyring_paths[i] : NULL;
                int r = !one_line && i > 0 ? buffer_append(&buffer, "\n", 1) : 0;
                if (r == 0)
                        r = one_line ? append_lines(&buffer, &list->items[i], keyring_path)
                                     : append_stanza(&buffer, &list->items[i], keyring_path);
                if (r < 0)
                        return r;
        }
        *ret = TAKE_BUFFER(buffer);
        return 0;
}
