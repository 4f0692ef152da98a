/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "signing/sums.h"
#include "signing/verify.h"
#include "tests/unit/signing_fixture.h"

/* Shared by the tests of releases: where to publish, and what a release directory must look like. */

/* A directory to publish into, a home with a key, and the path of the keyring that is published. */
typedef struct Place {
        char *directory, *home, *key, *keyring;
} Place;

static inline void place_done(Place *place)
{
        free(place->directory);
        free(place->home);
        free(place->key);
        free(place->keyring);
}
#define _cleanup_place_ _cleanup_(place_done)

static inline Place place_new(void **state)
{
        Place place = { .directory = fixture_path(state, "out/web/amd64"),
                        .home = fixture_home(state, "home") };

        place.key = fixture_key(place.home, "Builder");
        place.keyring = path_join(place.directory, "import-pubring.gpg");
        return place;
}

static inline void assert_verifies(const Place *place, size_t n_files)
{
        _cleanup_verify_result_ VerifyResult result = { 0 };

        assert_done(verify_directory(place->directory, place->keyring, &result, &error));
        assert_int_equal(result.n_files, n_files);
}

static inline void assert_text(const char *directory, const char *name, const char *text)
{
        _cleanup_free_ char *path = path_join(directory, name);
        _cleanup_buffer_ Buffer found = fixture_read(path);

        assert_string_equal(found.data, text);
}

static inline void replace_file(const char *directory, const char *name, const char *text)
{
        _cleanup_free_ char *path = path_join(directory, name);

        fixture_write(path, text, strlen(text));
}

static inline void assert_listed(const char *directory, const char *const *names)
{
        _cleanup_free_ char *path = path_join(directory, "SHA256SUMS");
        _cleanup_buffer_ Buffer text = fixture_read(path);
        SumsLine *lines = NULL;
        size_t n_lines = 0;

        assert_done(sums_parse(text.data, text.length, &lines, &n_lines, &error));
        for (size_t i = 0; names[i]; i++) {
                assert_true(i < n_lines);
                assert_string_equal(lines[i].name, names[i]);
        }
        assert_int_equal(n_lines, strv_length((char *const *) names));
        sums_free(lines, n_lines);
}

/* Nothing but final names: no staging folder, no journal. */
static inline void assert_tidy(const char *directory)
{
        assert_int_equal(fixture_count(directory, ".staging-"), 0);
        assert_false(fixture_there(directory, ".publishing"));
}

static inline size_t count_public_keys(void **state, const char *keyring)
{
        _cleanup_free_ char *home = fixture_home(state, "count");
        _cleanup_buffer_ Buffer listing = BUFFER_INIT;
        size_t n = 0;

        assert_int_equal(fixture_run(ARGV("gpg", "--homedir", home, "--with-colons", "--show-keys", keyring),
                                     -1, &listing),
                         0);
        for (const char *line = listing.data; line; line = strchr(line, '\n')) {
                line += *line == '\n';
                n += string_starts_with(line, "pub:");
                if (!*line)
                        break;
        }
        return n;
}
