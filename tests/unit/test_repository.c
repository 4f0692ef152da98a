/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "packages/repository.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "packages/deb822.h"

#define KEY "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nmQ\n=x\n-----END PGP PUBLIC KEY BLOCK-----"

static const char stanzas[] = "# the main archive\n"
                              "\n"
                              "Types: deb deb-src\n"
                              "URIs: http://a.example/debian\n"
                              "  http://b.example/debian\n"
                              "Suites: bookworm\n"
                              "# between the lines\n"
                              " bookworm-updates\n"
                              "components: main contrib\n"
                              "Signed-By: keys/a.gpg\n"
                              "X-Repolib-Name: a\n"
                              "\n"
                              "Enabled: no\n"
                              "Types: rubbish\n"
                              "\n"
                              "Types: deb\n"
                              "URIs: file:/srv/archive\n"
                              "Suites: ./\n"
                              "Architectures: amd64 i386\n"
                              "Trusted: yes\n"
                              "Check-Valid-Until: no\n"
                              "\n"
                              "Types: deb\n"
                              "URIs: http://c.example/\n"
                              "Suites: x\n"
                              "Components: y\n"
                              "Signed-By:\n"
                              " -----BEGIN PGP PUBLIC KEY BLOCK-----\n"
                              " .\n"
                              " mQ\n"
                              " =x\n"
                              " -----END PGP PUBLIC KEY BLOCK-----";

static void test_parse_stanzas(void **state)
{
        (void) state;
        _cleanup_repository_list_ RepositoryList list = { 0 };

        assert_int_equal(repository_parse(stanzas, "x.sources", "/recipes", &list, NULL), 0);
        assert_int_equal(list.n_items, 3);
        const Repository *first = &list.items[0], *flat = &list.items[1], *keyed = &list.items[2];
        assert_int_equal(strv_length(first->types), 2);
        assert_int_equal(strv_length(first->uris), 2);
        assert_string_equal(first->uris[1], "http://b.example/debian");
        assert_int_equal(strv_length(first->suites), 2);
        assert_string_equal(first->suites[1], "bookworm-updates");
        assert_string_equal(first->components[1], "contrib");
        assert_string_equal(first->keyring, "/recipes/keys/a.gpg");
        assert_null(first->architectures);
        assert_false(first->trusted);
        assert_true(first->check_valid_until);
        assert_null(flat->components);
        assert_string_equal(flat->architectures[1], "i386");
        assert_true(flat->trusted);
        assert_false(flat->check_valid_until);
        assert_null(flat->keyring);
        assert_string_equal(keyed->inline_key, KEY);
}

static void test_parse_lines(void **state)
{
        (void) state;
        static const char text[] = "# sources.list\n\n"
                                   "deb http://a.example/debian bookworm main contrib # a comment\n"
                                   "deb [ arch=amd64,i386 signed-by=/k.asc trusted=yes ] file:/srv ./\n"
                                   "deb-src [check-valid-until=no lang=none] http://b.example/ sid main\n";
        _cleanup_repository_list_ RepositoryList list = { 0 };

        assert_int_equal(repository_parse(text, "sources.list", "/", &list, NULL), 0);
        assert_int_equal(list.n_items, 3);
        assert_string_equal(list.items[0].types[0], "deb");
        assert_int_equal(strv_length(list.items[0].components), 2);
        assert_string_equal(list.items[0].components[1], "contrib");
        assert_int_equal(strv_length(list.items[1].architectures), 2);
        assert_string_equal(list.items[1].keyring, "/k.asc");
        assert_true(list.items[1].trusted);
        assert_null(list.items[1].components);
        assert_string_equal(list.items[2].types[0], "deb-src");
        assert_false(list.items[2].check_valid_until);
}

static void test_parse_nothing(void **state)
{
        (void) state;
        static const char *const texts[] = { "", "\n\n", "# only a comment\n", " \n#x" };

        for (size_t i = 0; i < ELEMENTS(texts); i++) {
                _cleanup_repository_list_ RepositoryList list = { 0 };
                assert_int_equal(repository_parse(texts[i], "x", "/", &list, NULL), 0);
                assert_int_equal(list.n_items, 0);
        }
}

static void test_parse_errors(void **state)
{
        (void) state;
        static const struct {
                const char *text, *message, *hint;
        } cases[] = {
                { "Types: deb\nURIs: http://a/\nSuites: s\nComponent: m\n",
                  "x:4: The field \"Component\" is not supported", "Did you mean Components?" },
                { "Types: deb\nURIs: http://a/\nSuites: s\n", "x:1: The suite \"s\" needs Components", NULL },
                { "\n\nTypes: deb\nURIs: http://a/\nComponents: m\n", "x:3: The repository has no Suites", NULL },
                { "URIs: http://a/\nSuites: s\nComponents: m\n", "x:1: The repository has no Types", NULL },
                { "Types: rpm\nURIs: http://a/\nSuites: s\nComponents: m\n",
                  "x:1: Unknown type \"rpm\"; deb and deb-src are known", NULL },
                { "Types: deb\nURIs: a.example\nSuites: s\nComponents: m\n",
                  "x:1: \"a.example\" is no URI; one looks like http://host/path", NULL },
                { "Types: deb\nrubbish\n", "x:2: Expected \"Name: value\"", NULL },
                { "Types: deb\nTrusted: perhaps\n", "x:2: Trusted is \"perhaps\", but must be yes or no", NULL },
                { "Types: deb\nAllow-Insecure: yes\n", "x:2: The field \"Allow-Insecure\" is not supported", NULL },
                { "Types: deb\nSigned-By: 6ED0E7B82643E131\n",
                  "x:2: Signed-By is a fingerprint, but must be a path to a keyring",
                  "Export the key: gpg --export 6ED0E7B82643E131 > keyring.gpg" },
                { "Types: deb\nSigned-By: /a.gpg, /b.gpg\n",
                  "x:2: Signed-By must be one path to a keyring, or an armored key", NULL },
                { "Types: deb\nURIs: http://a/\nSuites: ./\nComponents: m\n",
                  "x:1: The suite \"./\" is a directory and can't have Components", NULL },
                { "deb http://a/ s m\ndeb http://a/\n", "x:2: Expected: deb [options] URI SUITE COMPONENT...", NULL },
                { "deb [arch=amd64 http://a/ s m\n", "x:1: \"[\" without \"]\"", NULL },
                { "deb [arch] http://a/ s m\n", "x:1: Expected option=value instead of \"arch\"", NULL },
                { "deb [arch+=x] http://a/ s m\n", "x:1: \"arch+=x\": += and -= are not supported", NULL },
                { "deb [trust=yes] http://a/ s m\n", "x:1: The option \"trust\" is not supported",
                  "Did you mean trusted?" },
                { "rpm http://a/ s m\n", "x:1: Unknown type \"rpm\"; deb and deb-src are known", NULL },
        };

        for (size_t i = 0; i < ELEMENTS(cases); i++) {
                _cleanup_repository_list_ RepositoryList list = { 0 };
                _cleanup_error_ Error error = ERROR_INIT;
                assert_int_equal(repository_parse(cases[i].text, "x", "/", &list, &error), -EINVAL);
                assert_int_equal(error.kind, ERROR_USAGE);
                assert_string_equal(error.message, cases[i].message);
                if (cases[i].hint)
                        assert_string_equal(error.hint, cases[i].hint);
                assert_int_equal(list.n_items, 0);
        }
}

static void test_format(void **state)
{
        (void) state;
        static const char expected[] = "Types: deb deb-src\n"
                                       "URIs: http://a.example/debian http://b.example/debian\n"
                                       "Suites: bookworm bookworm-updates\n"
                                       "Components: main contrib\n"
                                       "Signed-By: /etc/apt/keyrings/a.gpg\n"
                                       "\n"
                                       "Types: deb\n"
                                       "URIs: file:/srv/archive\n"
                                       "Suites: ./\n"
                                       "Architectures: amd64 i386\n"
                                       "Trusted: yes\n"
                                       "Check-Valid-Until: no\n"
                                       "\n"
                                       "Types: deb\n"
                                       "URIs: http://c.example/\n"
                                       "Suites: x\n"
                                       "Components: y\n"
                                       "Signed-By:\n"
                                       " -----BEGIN PGP PUBLIC KEY BLOCK-----\n"
                                       " .\n"
                                       " mQ\n"
                                       " =x\n"
                                       " -----END PGP PUBLIC KEY BLOCK-----\n";
        static const char lines[] =
                "deb [signed-by=/etc/apt/keyrings/a.gpg] http://a.example/debian bookworm main contrib\n"
                "deb-src [signed-by=/etc/apt/keyrings/a.gpg] http://a.example/debian bookworm main contrib\n"
                "deb [signed-by=/etc/apt/keyrings/a.gpg] http://a.example/debian bookworm-updates main contrib\n"
                "deb-src [signed-by=/etc/apt/keyrings/a.gpg] http://a.example/debian bookworm-updates main contrib\n"
                "deb [signed-by=/etc/apt/keyrings/a.gpg] http://b.example/debian bookworm main contrib\n"
                "deb-src [signed-by=/etc/apt/keyrings/a.gpg] http://b.example/debian bookworm main contrib\n"
                "deb [signed-by=/etc/apt/keyrings/a.gpg] http://b.example/debian bookworm-updates main contrib\n"
                "deb-src [signed-by=/etc/apt/keyrings/a.gpg] http://b.example/debian bookworm-updates main contrib\n"
                "deb [arch=amd64,i386 trusted=yes check-valid-until=no] file:/srv/archive ./\n"
                "deb http://c.example/ x y\n";
        _cleanup_repository_list_ RepositoryList list = { 0 }, copy = { 0 }, again = { 0 };
        _cleanup_buffer_ Buffer text = BUFFER_INIT, one_line = BUFFER_INIT, second = BUFFER_INIT;
        char *keyrings[] = { (char *) "/etc/apt/keyrings/a.gpg", NULL, NULL };

        assert_int_equal(repository_parse(stanzas, "x", "/", &list, NULL), 0);
        assert_int_equal(repository_list_copy(&list, &copy), 0);
        assert_int_equal(repository_format(&copy, keyrings, false, &text), 0);
        assert_string_equal(text.data, expected);
        assert_int_equal(repository_format(&copy, keyrings, true, &one_line), 0);
        assert_string_equal(one_line.data, lines);
        /* what is written can be read, and says the same */
        assert_int_equal(repository_parse(text.data, "x", "/", &again, NULL), 0);
        assert_int_equal(repository_format(&again, keyrings, false, &second), 0);
        assert_string_equal(second.data, expected);
}

static void test_credentials(void **state)
{
        (void) state;
        static const struct {
                const char *uri;
                bool has;
        } cases[] = {
                { "http://a.example/debian", false },     { "http://user:word@a.example/debian", true },
                { "https://user@a.example", true },       { "http://a.example/x@y", false },
                { "http://a.example?x@y", false },        { "file:/srv/a@b", false },
                { "file:///srv/a@b", false },             { "", false },
        };

        for (size_t i = 0; i < ELEMENTS(cases); i++)
                assert_int_equal(uri_has_credentials(cases[i].uri), cases[i].has);
}

static void test_default_keyring(void **state)
{
        (void) state;
        static const char debian[] = "/usr/share/keyrings/debian-archive-keyring.gpg";

        assert_null(repository_default_keyring("no-such-suite"));
        assert_null(repository_default_keyring(""));
        assert_null(repository_default_keyring("../x"));
        if (access(debian, R_OK) < 0) {
                print_message("the host has no %s\n", debian);
                skip();
        }
        static const char *const suites[] = { "bookworm",          "bookworm-updates",       "bookworm-security",
                                              "buster/updates",    "bookworm-backports",     "sid",
                                              "trixie-backports-sloppy", "bookworm-proposed-updates" };
        for (size_t i = 0; i < ELEMENTS(suites); i++)
                assert_string_equal(repository_default_keyring(suites[i]), debian);
}

static void test_deb822(void **state)
{
        (void) state;
        static const char text[] = "Package: a\nDescription: one\n two\n .\n  three\nEmpty:\n\n\nPackage: b";
        Deb822 reader = DEB822_INIT(text);
        Deb822Field field;

        assert_true(deb822_next_stanza(&reader));
        _cleanup_free_ char *description = deb822_get(reader.next, "description");
        assert_string_equal(description, "one\ntwo\n\n three");
        _cleanup_free_ char *empty = deb822_get(reader.next, "Empty"), *none = deb822_get(reader.next, "None");
        assert_string_equal(empty, "");
        assert_null(none);
        /* nothing of the first stanza was read, and the next one is found all the same */
        assert_true(deb822_next_stanza(&reader));
        assert_int_equal(reader.line, 9);
        assert_int_equal(deb822_next_field(&reader, &field), 1);
        assert_true(deb822_is(&field, "PACKAGE"));
        assert_int_equal(field.value_length, 1);
        assert_int_equal(deb822_next_field(&reader, &field), 0);
        assert_false(deb822_next_stanza(&reader));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_parse_stanzas), cmocka_unit_test(test_parse_lines),
                cmocka_unit_test(test_parse_nothing), cmocka_unit_test(test_parse_errors),
                cmocka_unit_test(test_format),        cmocka_unit_test(test_credentials),
                cmocka_unit_test(test_default_keyring), cmocka_unit_test(test_deb822),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
