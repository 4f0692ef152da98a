/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "stages/kinds.h"
#include "stages/stage.h"

#include "stage_fixture.h"

/* What [Image] and the stages accept and refuse, read through the recipe's room. */

static int load(const char *sections, Recipe **ret)
{
        _cleanup_free_ char *path = path_join(fixture.directory, "x.recipe"), *text = NULL;
        RecipeOptions options = { .schema = &stage_recipe_schema, .architecture = "amd64" };

        assert_true(asprintf(&text, "[Image]\nName=x\n%s", sections) > 0);
        assert_int_equal(write_file_atomic(AT_FDCWD, path, text, strlen(text), 0644, &fixture.error), 0);
        error_done(&fixture.error);
        return recipe_load(path, &options, ret, &fixture.error);
}

static void add_file(const char *name, const char *content)
{
        _cleanup_free_ char *path = path_join(fixture.directory, name);

        assert_int_equal(write_file_atomic(AT_FDCWD, path, content, strlen(content), 0644, &fixture.error), 0);
}

#define YESCRYPT "$y$j9T$F5Jx5fExrKuPp53xLKQ..1$X3DX6M94c7o.9agCG9G317fhZg9SqC.5i5rd.RhAtQ7"

static void test_refused(void **state)
{
        static const struct {
                const char *text, *message;
        } cases[] = {
                { "Formats=tar.bz2\n", "tar.bz2" },
                { "Level=9\n", "\"9\" is no level; expected FORMAT:LEVEL, as in tar.zst:19" },
                { "Level=tar.xz:\n", "expected FORMAT:LEVEL" },
                { "Level=tar.xz:6 zst:9\n", "did you mean \"tar.zst:9\"?" },
                { "Level=tar.zts:9\n", "did you mean \"tar.zst:9\"?" },
                { "Level=tar:1\n", "tar has no levels" },
                { "Level=tar.xz:10\n", "there is no level 10 for tar.xz; expected 0 to 9" },
                { "Level=tar.gz:0\n", "expected 1 to 12" },
                { "Level=tar.zst:-3\n", "expected 1 to 19" },
                { "Level=tar.xz:6 tar.gz:6\nLevel=tar.xz:9\n", "Level= gives tar.xz two levels" },
                { "Keep=hostnam\n", "did you mean \"hostname\"" },
                { "[Debootstrap]\n", "[Debootstrap] needs Suite=" },
                { "[Debootstrap]\nSuite=bokworm\n", "Suite= names \"bokworm\"" },
                { "[Debootstrap]\nSuite=bokworm\n", "did you mean \"bookworm\"?" },
                { "[Debootstrap]\nSuite=private\nLikeSuite=bokworm\n", "LikeSuite= names \"bokworm\"" },
                { "[Debootstrap]\nSuite=bookworm\nVariant=fakechroot\n", "minbase, buildd, standard" },
                { "[Debootstrap]\nSuite=bookworm\nInclude=a,b\n", "separated by spaces" },
                { "[Debootstrap]\nSuite=bookworm\nInclude=--no-check-gpg\n", "expected names of packages" },
                { "[Debootstrap]\nSuite=bookworm\nKeyring=missing.gpg\n", "missing.gpg" },
                { "[Repositories]\n", "[Repositories] needs one of File= and URIs=" },
                { "[Repositories]\nFile=a.sources\nURIs=http://x.example/\nSuites=s\n",
                  "needs one of File= and URIs=" },
                { "[Repositories]\nFile=a.sources\nSuites=s\n", "belong to URIs=" },
                { "[Repositories]\nURIs=http://x.example/\n", "URIs= needs Suites=" },
                { "[Repositories]\nURIs=http://u:p@x.example/\nSuites=s\n", "password" },
                { "[Repositories]\nURIs=http://x.example/\nSuites=s\nName=a/b\n", "name of a file" },
                { "[Repositories]\nURIs=http://x.example/\nSuites=s\nName=.a\n", "must not start with" },
                { "[Repositories]\nURIs=http://x.example/\nSuites=s\nTrusted=yes\nSignedBy=a.sources\n",
                  "contradict" },
                { "[Repositories]\nURIs=http://x.example/\nSuites=s\nPin=nginx 500\n", "is not a pin" },
                { "[Repositories]\nURIs=http://x.example/\nSuites=s\nPin=nginx relase n=x 500\n", "is not a pin" },
                { "[Repositories]\nURIs=http://x.example/\nSuites=s\nPin=nginx release n=x five\n", "is not a pin" },
                { "[Install]\n", "[Install] needs Packages=" },
                { "[InstallDeb]\nFiles=a.sources\n", "Files= takes .deb files" },
                { "[Remove]\n", "[Remove] needs Packages= or Paths=" },
                { "[Remove]\nPaths=/etc/\n", "Paths=" },
                { "[Remove]\nPaths=etc\n", "absolute" },
                { "[PatchDeb]\nPackage=makedev\n", "needs Patch=" },
                { "[PatchDeb]\nPackage=makedev\nPatch=a.sources\nSuffix=templar\n", "starts with '+'" },
                { "[PatchDeb]\nPackage=makedev\nPatch=a.sources\nSuffix=+\n", "empty" },
                { "[PatchDeb]\nPackage=makedev\nPatch=a.sources\nSuffix=+a_b\n", "letters, digits" },
                { "[Password]\n", "[Password] needs exactly one of Hash=, PasswordFile= and Locked=yes" },
                { "[Password]\nHash=" YESCRYPT "\nLocked=yes\n", "exactly one" },
                { "[Password]\nHash=hunter2\n", "plain-text password" },
                { "[Password]\nHash=$1$abcdefgh$1hSq0rT0mJdVEuv6UDk3B1\n", "MD5" },
                { "[Password]\nHash=ab1Rv0cx2oWz.\n", "DES" },
                { "[Password]\nHash=$y$j9T$short\n", "not whole" },
                { "[Password]\nHash=$9$x\n", "method" },
                { "[Password]\nUser=a:b\nLocked=yes\n", "can't be a user's name" },
                { "[Password]\nPasswordFile=a.sources\n", "must be an absolute path outside" },
                { "[File]\nContent=x\n", "needs Path=" },
                { "[File]\nPath=/etc/x\n", "exactly one of Content=" },
                { "[File]\nPath=/etc/x\nContent=x\nLink=y\n", "exactly one of Content=" },
                { "[File]\nPath=/etc/x/\nContent=x\n", "Path=" },
                { "[File]\nPath=/etc/x\nLink=y\nMode=0644\n", "a symbolic link has no mode" },
                { "[File]\nPath=/etc/x\nContent=y\nMode=rw\n", "octal" },
                { "[File]\nPath=/etc/x\nContent=y\nOwner=a:b:c\n", "user:group" },
                { "[Script]\n", "[Script] needs one of Script= and File=" },
                { "[Script]\nScript=true\nFile=a.sources\n", "needs one of" },
        };

        (void) state;
        add_file("a.sources", "");
        for (size_t i = 0; i < ELEMENTS(cases); i++) {
                _cleanup_recipe_ Recipe *recipe = NULL;
                int r = load(cases[i].text, &recipe);
                const char *message = fixture.error.message ?: "";
                if (r >= 0 || !strstr(message, cases[i].message))
                        print_error("case %zu, wanted \"%s\":\n%s\n", i, cases[i].message, message);
                assert_true(r < 0);
                assert_int_equal(fixture.error.kind, ERROR_USAGE);
                assert_non_null(strstr(message, cases[i].message));
        }
}

/* What may be a password is not repeated in a message. */
static void test_password_is_not_shown(void **state)
{
        static const char *const values[] = { "hunter2hunter2", "ab1Rv0cx2oWz.", "$1$hunter2" };

        (void) state;
        for (size_t i = 0; i < ELEMENTS(values); i++) {
                _cleanup_recipe_ Recipe *recipe = NULL;
                _cleanup_free_ char *text = NULL;
                assert_true(asprintf(&text, "[Password]\nHash=%s\n", values[i]) > 0);
                assert_true(load(text, &recipe) < 0);
                assert_null(strstr(fixture.error.message, values[i]));
        }
}

static void test_accepted(void **state)
{
        static const char *const cases[] = {
                "Version=1.0\nFormats=tar.gz tar.zst\nKeep=hostname logs\n",
                "Formats=tar.zst\nLevel=tar.zst:19 tar.xz:0\nLevel=tar.gz:12\n",
                "Level=tar.zst:19\nLevel=\nLevel=tar.zst:3\n",
                "[Debootstrap]\nSuite=bookworm\nVariant=standard\nInclude=a "
                "b\nCheckValidUntil=no\nMirror=file:///srv/m\n",
                "[Debootstrap]\nSuite=private\nLikeSuite=xenial\n",
                "[Repositories]\nFile=a.sources\nPin=nginx* release n=bookworm-backports 500\nPin=a version 1.2* "
                "-1\n",
                "[Repositories]\nURIs=http://x.example/a http://y.example/\nSuites=s s-updates\nTypes=deb "
                "deb-src\nTrusted=yes\n",
                "[Upgrade]\n[Install]\nPackages=a b=1 c/s\nRecommends=yes\n",
                "[Remove]\nPackages=a\nPaths=/usr/share/doc /x\n",
                "[PatchDeb]\nPackage=makedev\nPatch=a.sources\nSuffix=~x.1\nBase=2.3.1-93\n",
                "[Password]\nHash=" YESCRYPT "\n",
                "[Password]\nUser=nobody\nLocked=yes\n",
                "[Password]\nPasswordFile=/etc/passwd\n",
                "[File]\nPath=/etc/x\nAppend=a b\nAppend=c\nMode=0600\nOwner=1000:users\n",
                "[File]\nPath=/etc/x\nLink=../y\nOwner=root\n",
                "[Script]\nScript=true\nNetwork=yes\n",
        };

        (void) state;
        add_file("a.sources", "");
        for (size_t i = 0; i < ELEMENTS(cases); i++) {
                _cleanup_recipe_ Recipe *recipe = NULL;
                assert_ok(load(cases[i], &recipe));
        }
}

static void digest_of(const char *section, char hex[static SHA256_HEX_SIZE])
{
        _cleanup_recipe_ Recipe *recipe = NULL;
        _cleanup_digest_ Digest *digest = NULL;

        assert_ok(load(section, &recipe));
        assert_int_equal(digest_new(&digest), 0);
        assert_ok(stage_digest(recipe_stage(recipe, 0), digest, &fixture.error));
        assert_int_equal(digest_finish(digest, hex), 0);
}

static void assert_digests(const char *a, const char *b, bool equal)
{
        char digest_a[SHA256_HEX_SIZE], digest_b[SHA256_HEX_SIZE];

        digest_of(a, digest_a);
        digest_of(b, digest_b);
        if ((strcmp(digest_a, digest_b) == 0) != equal)
                print_error("%s\n%s\n", a, b);
        assert_int_equal(strcmp(digest_a, digest_b) == 0, equal);
}

static void test_digest(void **state)
{
        char before[SHA256_HEX_SIZE], after[SHA256_HEX_SIZE];

        (void) state;
        assert_digests("[Install]\nPackages=a b\n", "[Install]\n# x\nPackages=a\nPackages=b\nRecommends=no\n", true);
        assert_digests("[Install]\nPackages=a b\n", "[Install]\nPackages=b a\n", false);
        assert_digests("[Install]\nPackages=a b\n", "[Install]\nPackages=a b\nRecommends=yes\n", false);
        assert_digests("[Install]\nPackages=a\n", "[Remove]\nPackages=a\n", false);
        assert_digests("[File]\nPath=/x\nAppend=a b\n", "[File]\nPath=/x\nAppend=a\nAppend=b\n", false);
        assert_digests("[File]\nPath=/x\nContent=a\n", "[File]\nPath=/x\nContent=b\n", false);
        assert_digests("[File]\nPath=/x\nContent=a\n", "[File]\nPath=/x\nLink=a\n", false);

        add_file("source", "one");
        digest_of("[File]\nPath=/x\nSource=source\n", before);
        add_file("source", "two");
        digest_of("[File]\nPath=/x\nSource=source\n", after);
        assert_string_not_equal(before, after);
}

static void test_digest_hides_the_password(void **state)
{
        _cleanup_free_ char *path = path_join(fixture.directory, "secret"), *section = NULL;
        char one[SHA256_HEX_SIZE], other[SHA256_HEX_SIZE], again[SHA256_HEX_SIZE];

        (void) state;
        assert_true(asprintf(&section, "[Password]\nPasswordFile=%s\n", path) > 0);
        add_file("secret", "one\n");
        assert_int_equal(chmod(path, 0600), 0);
        digest_of(section, one);
        digest_of(section, again);
        add_file("secret", "other\n");
        assert_int_equal(chmod(path, 0600), 0);
        digest_of(section, other);
        assert_string_equal(one, again);
        assert_string_not_equal(one, other);
}

static void test_describe(void **state)
{
        static const struct {
                const char *section, *text;
        } cases[] = {
                { "[Debootstrap]\nSuite=bookworm\n", "Debootstrap bookworm (minbase)" },
                { "[Repositories]\nFile=a.sources\n", "Repositories a.sources" },
                { "[Repositories]\nURIs=http://x.example/\nSuites=a b\n", "Repositories a b" },
                { "[Upgrade]\n", "Upgrade" },
                { "[Install]\nPackages=dbus systemd-sysv\n", "Install dbus systemd-sysv" },
                { "[Install]\nPackages=aaaaaaaaaaaaaaa bbbbbbbbbbbbbbbb cccccccccccccccccc dddddddddddddddddd e f\n",
                  "Install aaaaaaaaaaaaaaa bbbbbbbbbbbbbbbb cccccccccccccccccc and 3 more" },
                { "[Remove]\nPackages=a\nPaths=/b\n", "Remove a /b" },
                { "[PatchDeb]\nPackage=makedev\nPatch=a.sources\n", "Patch makedev" },
                { "[Password]\nLocked=yes\n", "Lock the password of root" },
                { "[File]\nPath=/etc/x\nAppend=a\n", "Append to /etc/x" },
                { "[File]\nPath=/etc/x\nLink=a\n", "Link /etc/x" },
                { "[Script]\nFile=a.sources\n", "Script a.sources" },
                { "[Script]\nScript=#!/bin/sh\n  set -e\n\n  # a comment\n  useradd x\n  true\n", "Script: useradd x" },
        };

        (void) state;
        add_file("a.sources", "");
        for (size_t i = 0; i < ELEMENTS(cases); i++) {
                _cleanup_recipe_ Recipe *recipe = NULL;
                assert_ok(load(cases[i].section, &recipe));
                const RecipeSection *section = recipe_stage(recipe, 0);
                _cleanup_free_ char *text = stage_kind_of(section)->describe(section);
                assert_string_equal(text, cases[i].text);
        }
}

static void test_registry(void **state)
{
        size_t n = 0;

        (void) state;
        for (; stage_kinds[n]; n++) {
                assert_ptr_equal(stage_kinds[n]->schema, stage_recipe_schema.stages[n]);
                assert_non_null(stage_kinds[n]->run);
                assert_non_null(stage_kinds[n]->describe);
                assert_true(stage_kinds[n]->version > 0);
                for (const KeySchema *key = stage_kinds[n]->schema->keys; key->name; key++)
                        assert_true(string_ends_with(key->help, "."));
        }
        assert_int_equal(n, 10);
        assert_null(stage_recipe_schema.stages[n]);
}

int main(int argc, char **argv)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_registry),
                cmocka_unit_test_setup_teardown(test_refused, fixture_setup, fixture_teardown),
                cmocka_unit_test_setup_teardown(test_password_is_not_shown, fixture_setup, fixture_teardown),
                cmocka_unit_test_setup_teardown(test_accepted, fixture_setup, fixture_teardown),
                cmocka_unit_test_setup_teardown(test_digest, fixture_setup, fixture_teardown),
                cmocka_unit_test_setup_teardown(test_digest_hides_the_password, fixture_setup, fixture_teardown),
                cmocka_unit_test_setup_teardown(test_describe, fixture_setup, fixture_teardown),
        };

        sandbox_init_hook(argc, argv);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
