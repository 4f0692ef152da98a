/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/error.h"
#include "base/strings.h"

#include <stdbool.h>
#include <stddef.h>

/* A package repository as a recipe describes it, apart from where it is written down. */

typedef struct Repository {
        char **types; /* "deb", "deb-src" */
        char **uris;
        char **suites;
        char **components;
        char **architectures; /* NULL: the image's */
        char *keyring;        /* path on the host; NULL: the default of the distribution (repository_default_keyring) */
        char *inline_key;     /* an armored key block as in a deb822 Signed-By, or NULL */
        bool trusted;         /* Trusted=yes: signatures are not asked for */
        bool check_valid_until;
} Repository;

typedef struct RepositoryList {
        Repository *items; /* owned */
        size_t n_items;
} RepositoryList;

void repository_done(Repository *repository);
void repository_list_done(RepositoryList *list);
#define _cleanup_repository_list_ _cleanup_(repository_list_done)
/* Moves `repository` to the end of the list. */
int repository_list_take(RepositoryList *list, Repository *repository) _must_check_;
int repository_list_copy(const RepositoryList *from, RepositoryList *ret) _must_check_;

/* Reads stanzas in deb822 form (sources.list(5)), or one-line entries ("deb [options] uri suite component...");
 * which of the two is told by the text itself. Relative Signed-By paths are resolved against `directory`; stanzas with
 * Enabled: no are left out. Errors name the line. */
int repository_parse(const char *text, const char *name, const char *directory, RepositoryList *ret, Error *error)
        _must_check_;

/* The keyring that the host has for the suite's distribution (Debian's or Ubuntu's), or NULL. */
const char *repository_default_keyring(const char *suite);

/* deb822 text, one stanza a repository, for the host's apt or for the image; `keyring_paths[i]` is written as Signed-By
 * (NULL: none). One-line form with `one_line` (for apt before 1.1). */
int repository_format(const RepositoryList *list, char *const *keyring_paths, bool one_line, Buffer *ret) _must_check_;

/* True for a URI with user or password before the host. */
bool uri_has_credentials(const char *uri);
