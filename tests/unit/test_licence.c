/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "packages/licence.h"

#include "test.h"

#include <errno.h>
#include <string.h>

#define FORMAT "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n"

static void test_ids(void **state _unused_)
{
        static const struct {
                const char *name, *expected;
        } cases[] = {
                { "GPL-2+", "GPL-2.0-or-later" },
                { "gpl-2", "GPL-2.0-only" },
                { "GPL-2.0", "GPL-2.0-only" },
                { "GPL-2.0+", "GPL-2.0-or-later" },
                { "GPL-3.0-or-later", "GPL-3.0-or-later" },
                { "GPL-3-only", "GPL-3.0-only" },
                { "GPL-1+", "GPL-1.0-or-later" },
                { "LGPL-2", "LGPL-2.0-only" },
                { "LGPL-2.1", "LGPL-2.1-only" },
                { "LGPL-2.1+", "LGPL-2.1-or-later" },
                { "AGPL-3+", "AGPL-3.0-or-later" },
                { "GFDL-1.3", "GFDL-1.3-only" },
                { "GFDL-NIV-1.3+", "GFDL-1.3-no-invariants-or-later" },
                { "Expat", "MIT" },
                { "BSD-3-clause", "BSD-3-Clause" },
                { "zlib", "Zlib" },
                { "APACHE-2", "Apache-2.0" },
                { "MPL-1.1+", "MPL-1.1+" },
                { "Artistic", "Artistic-1.0-Perl" },
                { "GPL", NULL },
                { "GPL-4", NULL },
                { "GPL-2.5", NULL },
                { "GPL-21", NULL },
                { "GPL-2.", NULL },
                { "GPL-2++", NULL },
                { "GPL-2-oracle", NULL },
                { "LGPL-1", NULL },
                { "BSD", NULL },
                { "public-domain", NULL },
                { "Perl+", NULL },
                { "+", NULL },
                { "", NULL },
                { "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx+", NULL },
        };
        char buffer[LICENCE_ID_MAX];

        for (size_t i = 0; i < ELEMENTS(cases); i++) {
                const char *id = licence_id(cases[i].name, buffer);
                if (!string_equal(id, cases[i].expected))
                        fail_msg("%s: %s in place of %s", cases[i].name, id ? id : "nothing",
                                 cases[i].expected ? cases[i].expected : "nothing");
        }
}

static char *declared(const char *text, json_t *references)
{
        _cleanup_copyright_ Copyright copyright = { 0 };
        char *expression = NULL;

        assert_int_equal(copyright_parse(text, strlen(text), &copyright), 0);
        assert_int_equal(licence_declared(&copyright, references, &expression), 0);
        return expression;
}

static void test_expressions(void **state _unused_)
{
        static const struct {
                const char *licence, *expected;
        } cases[] = {
                { "GPL-2+", "GPL-2.0-or-later" },
                { "GPL-2+ or MIT", "GPL-2.0-or-later OR MIT" },
                { "MIT OR   GPL-2+", "GPL-2.0-or-later OR MIT" },
                { "GPL-2+ and Expat and MIT", "GPL-2.0-or-later AND MIT" },
                /* "and" binds tighter, a comma looser */
                { "ISC or MIT and Zlib", "(MIT AND Zlib) OR ISC" },
                { "ISC and MIT or Zlib", "(ISC AND MIT) OR Zlib" },
                { "ISC or MIT, and Zlib", "(ISC OR MIT) AND Zlib" },
                { "GPL-1+ or Artistic, and BSD-3-clause", "(GPL-1.0-or-later OR Artistic-1.0-Perl) AND BSD-3-Clause" },
                { "ISC, MIT", "ISC AND MIT" },
                { "ISC and MIT, or Zlib", "(ISC AND MIT) OR Zlib" },
                { "Perl", "Artistic-1.0-Perl OR GPL-1.0-or-later" },
                { "Perl and MIT", "(Artistic-1.0-Perl OR GPL-1.0-or-later) AND MIT" },
                { "Apache-2.0 with LLVM exception", "Apache-2.0 WITH LLVM-exception" },
                { "GPL-2 with Linux-syscall-note exception or MIT", "GPL-2.0-only WITH Linux-syscall-note OR MIT" },
                { "GPL-3+ with Bison exception", "GPL-3.0-or-later WITH Bison-exception-2.2" },
        };

        for (size_t i = 0; i < ELEMENTS(cases); i++) {
                _cleanup_json_ json_t *references = json_object();
                _cleanup_free_ char *text = NULL, *found = NULL;
                assert_true(asprintf(&text, FORMAT "\nFiles: *\nLicense: %s\n", cases[i].licence) > 0);
                found = declared(text, references);
                if (!string_equal(found, cases[i].expected) || json_object_size(references) != 0)
                        fail_msg("%s: %s in place of %s", cases[i].licence, found, cases[i].expected);
        }
}

static void test_several_stanzas(void **state _unused_)
{
        _cleanup_json_ json_t *references = json_object();
        _cleanup_free_ char *found = declared(FORMAT "License: Zlib\n"
                                                     "\nFiles: *\nCopyright: me\nLicense: MIT or ISC\n"
                                                     "\nFiles: debian/*\nLicense: GPL-2+\n"
                                                     "\nFiles: x\nLicense: GPL-2+\n text\n"
                                                     "\nLicense: BSD-3-clause\n explained, but used by no file\n",
                                              references);

        assert_string_equal(found, "(MIT OR ISC) AND GPL-2.0-or-later AND Zlib");
}

/* What no identifier stands for is quoted, and known again by its text. */
static void test_references(void **state _unused_)
{
        static const char with_text[] = FORMAT "\nFiles: *\nLicense: public-domain\n\n"
                                               "License: public-domain\n Do what\n .\n   you want.\n";
        _cleanup_json_ json_t *references = json_object();
        _cleanup_free_ char *first = declared(with_text, references), *again = declared(with_text, references);
        _cleanup_free_ char *other = declared(FORMAT "\nFiles: *\nLicense: public-domain\n Nothing.\n", references);
        _cleanup_free_ char *bare = declared(FORMAT "\nFiles: *\nLicense: me/too & caf\xe9\n", references);

        assert_true(string_starts_with(first, "LicenseRef-public-domain-"));
        assert_string_equal(first, again);
        assert_string_not_equal(first, other);
        assert_true(string_starts_with(bare, "LicenseRef-me-too---caf--"));
        assert_int_equal(json_object_size(references), 3);
        assert_string_equal(json_string_value(json_object_get(json_object_get(references, first), "text")),
                            "Do what\n\n  you want.");
        assert_string_equal(json_string_value(json_object_get(json_object_get(references, bare), "name")),
                            "me/too & caf\xc3\xa9");
}

/* A sentence in place of a name is one licence, not several. */
static void test_not_understood(void **state _unused_)
{
        static const char *const cases[] = { "BSD 3 clause", "MIT and", "or MIT", "GPL-2+ with a pinch of salt",
                                             "MIT with exception",
                                             "MIT, , ISC", "see the file COPYING and be happy" };

        for (size_t i = 0; i < ELEMENTS(cases); i++) {
                _cleanup_json_ json_t *references = json_object();
                _cleanup_free_ char *text = NULL, *found = NULL;
                assert_true(asprintf(&text, FORMAT "\nFiles: *\nLicense: %s\n", cases[i]) > 0);
                found = declared(text, references);
                assert_int_equal(json_object_size(references), 1);
                assert_string_equal(found, json_object_iter_key(json_object_iter(references)));
                assert_string_equal(json_string_value(json_object_get(json_object_get(references, found), "name")),
                                    cases[i]);
        }
}

static void test_nothing_declared(void **state _unused_)
{
        _cleanup_json_ json_t *references = json_object();
        _cleanup_free_ char *found = declared(FORMAT "\nFiles: *\nCopyright: me\n", references);

        assert_string_equal(found, "NOASSERTION");
}

/* More than a person would read: no assertion, and nothing quoted of it. */
static void test_too_many(void **state _unused_)
{
        _cleanup_json_ json_t *references = json_object();
        _cleanup_buffer_ Buffer text = BUFFER_INIT;
        _cleanup_free_ char *found = NULL;

        assert_int_equal(buffer_append_string(&text, FORMAT), 0);
        for (int i = 0; i < COPYRIGHT_LICENCES_MAX; i++)
                assert_int_equal(buffer_printf(&text, "\nFiles: *\nLicense: a%d and b%d\n", i, i), 0);
        found = declared(text.data, references);
        assert_string_equal(found, "NOASSERTION");
        assert_int_equal(json_object_size(references), 0);
}

static void test_not_machine_readable(void **state _unused_)
{
        static const char *const cases[] = {
                "",
                "\n\n",
                "This package was debianized by somebody.\n",
                "Format: something else\n\nFiles: *\nLicense: MIT\n",
                "Files: *\nLicense: MIT\n",
                FORMAT "this is no field\n",
                FORMAT "\nFiles: *\nLicense: MIT\nno field\n",
        };
        _cleanup_buffer_ Buffer many = BUFFER_INIT;
        Copyright copyright = { 0 };

        for (size_t i = 0; i < ELEMENTS(cases); i++)
                assert_int_equal(copyright_parse(cases[i], strlen(cases[i]), &copyright), -EBADMSG);
        /* a NUL ends what is read of it */
        assert_int_equal(copyright_parse(FORMAT "\0\nFiles: *\n", sizeof FORMAT + 10, &copyright), -EBADMSG);
        assert_int_equal(buffer_append_string(&many, FORMAT), 0);
        for (int i = 0; i <= COPYRIGHT_LICENCES_MAX; i++)
                assert_int_equal(buffer_printf(&many, "\nFiles: *\nLicense: a%d\n", i), 0);
        assert_int_equal(copyright_parse(many.data, many.length, &copyright), -EBADMSG);
}

static void test_older_formats(void **state _unused_)
{
        static const char *const formats[] = {
                "Format: http://dep.debian.net/deps/dep5/",
                "Format-Specification: http://svn.debian.org/wsvn/dep/web/deps/dep5.mdwn?op=file&rev=135",
                "\xef\xbb\277Format: http://www.debian.org/doc/packaging-manuals/copyright-format/1.0",
                "# a comment\nUpstream-Name: x\nFORMAT: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/",
        };

        for (size_t i = 0; i < ELEMENTS(formats); i++) {
                _cleanup_json_ json_t *references = json_object();
                _cleanup_free_ char *text = NULL, *found = NULL;
                assert_true(asprintf(&text, "%s\r\n\r\nFiles: *\r\nLicense: \r\n Expat\r\n\nFiles: y\nLicense: ISC",
                                     formats[i]) > 0);
                found = declared(text, references);
                assert_true(string_starts_with(found, "ISC AND LicenseRef-unnamed-"));
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_ids),
                cmocka_unit_test(test_expressions),
                cmocka_unit_test(test_several_stanzas),
                cmocka_unit_test(test_references),
                cmocka_unit_test(test_not_understood),
                cmocka_unit_test(test_nothing_declared),
                cmocka_unit_test(test_too_many),
                cmocka_unit_test(test_not_machine_readable),
                cmocka_unit_test(test_older_formats),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
