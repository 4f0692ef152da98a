/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "packages/apt_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/digest.h"
#include "base/file.h"

#define KEYRING_LIMIT_BYTES ((uint64_t) 8 << 20)
/* Part of the key of the cached indexes; to be raised when their meaning changes. */
#define SOURCES_VERSION "3"

char *apt_public_uri(const char *uri)
{
        char *text;

        if (!string_starts_with(uri, "copy:"))
                return strdup(uri);
        return asprintf(&text, "file:%s", uri + strlen("copy:")) < 0 ? NULL : text;
}

static int no_keyring_error(const Repository *repository, Error *error)
{
        const char *suite = repository->suites && *repository->suites ? *repository->suites : "";

        error_set(error, -ENOKEY, "No keyring is known for the repository %s %s", repository->uris[0], suite);
        return error_hint(error, "Name one with SignedBy= (or Keyring=), or install debian-archive-keyring "
                                 "or ubuntu-archive-keyring");
}

/* The bytes of the keyring that signs the repository. */
static int read_keyring(const Repository *repository, Buffer *ret, Error *error)
{
        const char *path = repository->keyring;

        if (repository->inline_key)
                return buffer_printf(ret, "%s\n", repository->inline_key) < 0 ? error_out_of_memory(error) : 0;
        if (!path && repository->suites && *repository->suites)
                path = repository_default_keyring(*repository->suites);
        if (!path)
                return no_keyring_error(repository, error);
        int r = read_file(AT_FDCWD, path, KEYRING_LIMIT_BYTES, ret, error);
        if (r < 0)
                return error_wrap(error, "The keyring of the repository %s", repository->uris[0]);
        if (ret->length > 12 && memcmp(ret->data + 8, "KBXf", 4) == 0) {
                error_set(error, -EINVAL, "The keyring %s is a keybox, which apt can't read", path);
                return error_hint(
                        error, "Export the keys: gpg --no-default-keyring --keyring %s --export > keyring.gpg", path);
        }
        return 0;
}

/* Copies the keyring to keys/DIGEST.gpg (or .asc: apt goes by the name); *ret_path as it is inside. */
static int take_keyring(Apt *apt, const Repository *repository, char ret_digest[static SHA256_HEX_SIZE],
                        char **ret_path, Error *error)
{
        _cleanup_buffer_ Buffer keyring = BUFFER_INIT;
        _cleanup_free_ char *name = NULL, *inside = NULL;
        int r = read_keyring(repository, &keyring, error);

        if (r < 0)
                return r;
        if (digest_buffer(keyring.data, keyring.length, ret_digest) < 0)
                return error_out_of_memory(error);
        bool armored = memmem(keyring.data, keyring.length, "-----BEGIN PGP", strlen("-----BEGIN PGP")) != NULL;
        if (asprintf(&name, "keys/%s.%s", ret_digest, armored ? "asc" : "gpg") < 0) {
                name = NULL;
                return error_out_of_memory(error);
        }
        inside = path_join(APT_INSIDE, name);
        if (!inside)
                return error_out_of_memory(error);
        r = apt_write(apt, name, keyring.data, keyring.length, error);
        if (r == 0)
                *ret_path = TAKE_PTR(inside);
        return r;
}

static int add_fields(Digest *digest, char *const *words)
{
        for (; words && *words; words++) {
                int r = digest_add_field(digest, *words);
                if (r < 0)
                        return r;
        }
        return digest_add_field(digest, "");
}

static int add_repository(Digest *digest, const Repository *repository, const char *keyring_digest)
{
        int r = add_fields(digest, repository->uris);

        if (r == 0)
                r = add_fields(digest, repository->suites);
        if (r == 0)
                r = add_fields(digest, repository->components);
        if (r == 0)
                r = add_fields(digest, repository->architectures);
        if (r == 0)
                r = digest_add_field(digest, repository->trusted ? "trusted" : keyring_digest);
        return r == 0 ? digest_add_field(digest, repository->check_valid_until ? "valid-until" : "") : r;
}

static int copies_not_links(Repository *repository)
{
        for (char **uri = repository->uris; uri && *uri; uri++) {
                char *changed;
                if (!string_starts_with(*uri, "file:"))
                        continue;
                if (asprintf(&changed, "copy:%s", *uri + strlen("file:")) < 0)
                        return -ENOMEM;
                free(*uri);
                *uri = changed;
        }
        return 0;
}

/* The repository as the tools' apt gets it. */
static int prepare(const Repository *from, RepositoryList *list)
{
        _cleanup_repository_list_ RepositoryList one = { 0 };
        const RepositoryList source = { (Repository *) from, 1 };
        _cleanup_strv_ char **types = NULL;
        int r = repository_list_copy(&source, &one);

        if (r == 0)
                r = strv_append(&types, "deb");
        if (r == 0)
                r = copies_not_links(&one.items[0]);
        if (r < 0)
                return r;
        strv_free(one.items[0].types);
        one.items[0].types = TAKE_PTR(types);
        return repository_list_take(list, &one.items[0]);
}

static int take_one(Apt *apt, const Repository *repository, RepositoryList *list, char **keyring_path, Digest *digest,
                    Error *error)
{
        char keyring_digest[SHA256_HEX_SIZE] = "";
        int r = repository->trusted ? 0 : take_keyring(apt, repository, keyring_digest, keyring_path, error);

        if (r < 0)
                return r;
        if (add_repository(digest, repository, keyring_digest) < 0 || prepare(repository, list) < 0)
                return error_out_of_memory(error);
        return 0;
}

static int write_sources(Apt *apt, const RepositoryList *repositories, char **keyring_paths, Digest *digest,
                         Error *error)
{
        _cleanup_repository_list_ RepositoryList list = { 0 };
        _cleanup_buffer_ Buffer text = BUFFER_INIT;

        for (size_t i = 0; i < repositories->n_items; i++) {
                const Repository *repository = &repositories->items[i];
                if (!strv_contains(repository->types, "deb"))
                        continue;
                int r = take_one(apt, repository, &list, &keyring_paths[list.n_items], digest, error);
                if (r < 0)
                        return r;
        }
        if (repository_format(&list, keyring_paths, false, &text) < 0)
                return error_out_of_memory(error);
        int r = apt_write_configuration(apt, repositories, error);
        return r < 0 ? r : apt_write_text(apt, "sources/templar.sources", text.data ? text.data : "", error);
}

int apt_write_sources(Apt *apt, const RepositoryList *repositories, char **ret_key, Error *error)
{
        _cleanup_digest_ Digest *digest = NULL;
        char key[SHA256_HEX_SIZE];
        char **keyring_paths = calloc(repositories->n_items + 1, sizeof *keyring_paths);

        if (!keyring_paths)
                return error_out_of_memory(error);
        int r = digest_new(&digest);
        if (r == 0)
                r = digest_add_field(digest, SOURCES_VERSION);
        if (r == 0)
                r = digest_add_field(digest, apt->architecture);
        r = r < 0 ? error_out_of_memory(error) : write_sources(apt, repositories, keyring_paths, digest, error);
        for (size_t i = 0; i < repositories->n_items; i++)
                free(keyring_paths[i]);
        free(keyring_paths);
        if (r < 0 || !ret_key)
                return r;
        if (digest_finish(digest, key) < 0 || !(*ret_key = strdup(key)))
                return error_out_of_memory(error);
        return 0;
}
