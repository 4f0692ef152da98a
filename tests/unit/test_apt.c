/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "packages_fixture.h"

#include "base/digest.h"
#include "packages/apt_internal.h"

static void test_list_name(void **state)
{
        (void) state;
        static const struct {
                const char *uri, *name;
        } cases[] = {
                { "http://deb.debian.org/debian/dists/bookworm/", "deb.debian.org_debian_dists_bookworm_" },
                { "http://127.0.0.1:80/a_b/x~y/", "127.0.0.1:80_a%5fb_x%7ey_" },
                { "copy:///srv/archive/./", "_srv_archive_._" },
                { "file:/srv/archive/dists/a/", "_srv_archive_dists_a_" },
                { "http://a/x%20y", "a_x%2520y" },
        };

        for (size_t i = 0; i < ELEMENTS(cases); i++) {
                _cleanup_free_ char *name = apt_list_name(cases[i].uri);
                assert_string_equal(name, cases[i].name);
        }
}

static void test_parse_date(void **state)
{
        (void) state;
        static const struct {
                const char *text;
                int64_t sec; /* -1: refused */
        } cases[] = {
                { "Mon, 23 Nov 2026 20:30:13 UTC", 1795465813 },
                { "Thu, 01 Jan 1970 00:00:00 GMT", 0 },
                { "Thu, 29 Feb 2024 23:59:59 +0000", 1709251199 },
                { "Sat, 9 Mar 2024 01:02:03 UTC", 1709946123 },
                { "Mon, 23 Nov 2026 20:30:13 CET", -1 },
                { "Mon, 23 anF 2026 20:30:13 UTC", -1 },
                { "Mon, 32 Nov 2026 20:30:13 UTC", -1 },
                { "2026-11-23", -1 },
                { "", -1 },
        };

        for (size_t i = 0; i < ELEMENTS(cases); i++) {
                int64_t sec = -1;
                assert_int_equal(apt_parse_date(cases[i].text, &sec), cases[i].sec < 0 ? -EINVAL : 0);
                assert_int_equal(sec, cases[i].sec);
        }
}

static void test_parse_changes(void **state)
{
        (void) state;
        static const char text[] = "\rReading package lists... 0%\r\rReading package lists... Done\n"
                                   "Note, selecting 'exim4' instead of 'mail-transport-agent'\n"
                                   "  Inst ruction\n"
                                   "Remv nvi [1.81.6-17] [less:amd64 ]\n"
                                   "Purg nano [7.2-1]\n"
                                   "Inst libc6 [2.36-9] (2.36-9+deb12u9 Debian:12.9/stable, "
                                   "Debian-Security:12/stable-security [amd64]) []\n"
                                   "Inst exim4:i386 (1:4.96-15 Debian:12.9/stable [i386])\n"
                                   "Conf libc6 (2.36-9+deb12u9 Debian:12.9/stable [amd64])\n";
        static const struct {
                AptAction action;
                const char *name, *version, *architecture;
                bool is_new;
        } expected[] = {
                { APT_REMOVE, "nvi", NULL, NULL, false },
                { APT_PURGE, "nano", NULL, NULL, false },
                { APT_UNPACK, "libc6", "2.36-9+deb12u9", "amd64", false },
                { APT_UNPACK, "exim4:i386", "1:4.96-15", "i386", true },
                { APT_CONFIGURE, "libc6", NULL, NULL, false },
        };
        _cleanup_changes_ AptChanges changes = { 0 };

        assert_int_equal(apt_parse_changes(text, &changes, NULL), 0);
        assert_int_equal(changes.n_items, ELEMENTS(expected));
        for (size_t i = 0; i < ELEMENTS(expected); i++) {
                const AptChange *change = &changes.items[i];
                assert_int_equal(change->action, expected[i].action);
                assert_string_equal(change->name, expected[i].name);
                assert_int_equal(change->is_new, expected[i].is_new);
                assert_true(string_equal(change->version, expected[i].version));
                assert_true(string_equal(change->architecture, expected[i].architecture));
        }
        assert_int_equal(strv_length(changes.selected), 1);
        assert_string_equal(changes.selected[0], "exim4");
        _cleanup_changes_ AptChanges none = { 0 };
        assert_int_equal(apt_parse_changes("Inst broken\n", &none, NULL), -EINVAL);
}

static void test_parse_uris(void **state)
{
        (void) state;
        static const char hex[] = "afe83b58e006250ef2594521b1e0308a1ff2f30845f20144988e817ed20dbf2f";
        _cleanup_free_ char *text = NULL;
        _cleanup_apt_packages_ AptPackages packages = { 0 };

        assert_true(asprintf(&text,
                             "Need to get 2 B\n'copy:/a/b_1.0-2_all.deb' b_1%%3a1.0-2_all.deb 934 SHA256:%s\n"
                             "'http://a/c_1_all.deb' c_1_all.deb 7 SHA512:00\n'file:/d.deb' d_1_all.deb 930 \n",
                             hex) > 0);
        assert_int_equal(apt_parse_uris(text, &packages, NULL), 0);
        assert_int_equal(packages.n_items, 3);
        assert_string_equal(packages.items[0].uri, "file:/a/b_1.0-2_all.deb");
        assert_string_equal(packages.items[0].file_name, "b_1%3a1.0-2_all.deb");
        assert_int_equal(packages.items[0].size_bytes, 934);
        assert_string_equal(packages.items[0].sha256, hex);
        assert_null(packages.items[1].sha256);
        assert_null(packages.items[2].sha256);

        static const char *const wrong[] = { "'http://a/x.deb' ../x.deb 3 SHA256:\n", "'http://a/x.deb' x.deb\n",
                                             "'http://a/x.deb' x.deb minus\n", "'\n", "'x' .deb 3\n" };
        for (size_t i = 0; i < ELEMENTS(wrong); i++) {
                _cleanup_apt_packages_ AptPackages none = { 0 };
                assert_int_equal(apt_parse_uris(wrong[i], &none, NULL), -EINVAL);
        }
        _cleanup_free_ char *name = apt_file_name("a", "1:2_3~x", "amd64");
        assert_string_equal(name, "a_1%3a2%5f3~x_amd64.deb");
}

/* apt's own words, of 2.6 unless it is said. */
static void test_update_errors(void **state)
{
        (void) state;
        static const struct {
                const char *log, *message, *hint;
        } cases[] = {
                { "Get:1 copy:/srv/a stable InRelease [1116 B]\nReading package lists...\n", NULL, NULL },
                { "W: Target Packages is configured multiple times\n", NULL, NULL },
                { "E: The repository 'http://a.example/debian nosuite Release' does not have a Release file.\n",
                  "The repository http://a.example/debian nosuite does not exist: there is no Release file",
                  "Check the suite's name and the address" },
                { "W: Skipping acquire of configured file 'contrib/binary-amd64/Packages' as repository 'copy:/srv/a "
                  "stable InRelease' doesn't have the component 'contrib' (component misspelt in sources.list?)\n",
                  "The repository file:/srv/a stable has no component \"contrib\"", NULL },
                { "W: GPG error: copy:/srv/a stable InRelease: The following signatures couldn't be verified because "
                  "the public key is not available: NO_PUBKEY BF8CB8DBD509A4CC NO_PUBKEY 00\n"
                  "E: The repository 'copy:/srv/a stable InRelease' is not signed.\n",
                  "The repository file:/srv/a stable is signed by a key that is not in its keyring "
                  "(BF8CB8DBD509A4CC)",
                  "Name the right keyring with SignedBy= (or Keyring=)" },
                /* apt 3.0 with sqv */
                { "W: OpenPGP signature verification failed: http://a.example/debian nosuite InRelease: Sub-process "
                  "/usr/bin/sqv returned an error code (1), error message is: Missing key "
                  "4D64FEC119C2029067D6E791F8D2585B8783D481, which is needed to verify signature.\n",
                  "The repository http://a.example/debian nosuite is signed by a key that is not in its keyring "
                  "(4D64FEC119C2029067D6E791F8D2585B8783D481)",
                  NULL },
                { "W: GPG error: copy:/srv/a stable InRelease: The following signatures were invalid: BADSIG BF8C "
                  "X\n",
                  "The repository file:/srv/a stable has a wrong signature: its Release file was changed", NULL },
                { "W: GPG error: copy:/srv/a stable InRelease: The following signatures were invalid: EXPKEYSIG BF8C "
                  "X\n",
                  "The repository file:/srv/a stable is signed by an expired key", NULL },
                { "E: The repository 'copy:/srv/a stable Release' is not signed.\n",
                  "The repository file:/srv/a stable is not signed", "Trusted=yes accepts that, at your own risk" },
                { "E: Failed to fetch http://a.example/debian/dists/nosuite/InRelease  Could not resolve "
                  "'a.example'\n"
                  "E: Some index files failed to download. They have been ignored, or old ones used instead.\n",
                  "The repository http://a.example/debian nosuite can't be reached: Could not resolve 'a.example'",
                  "Check its address, the network and http_proxy" },
                { "W: Failed to fetch http://a.example/debian/dists/nosuite/InRelease  Could not connect to "
                  "a.example:80 "
                  "(192.0.2.1). - connect (111: Connection refused)\n",
                  "The repository http://a.example/debian nosuite can't be reached: Could not connect to "
                  "a.example:80 "
                  "(192.0.2.1). - connect (111: Connection refused)",
                  NULL },
                { "E: Release file for copy:/srv/a/dists/stable/InRelease is expired (invalid since 1050d 20h 31min "
                  "55s)."
                  " Updates for this repository will not be applied.\n",
                  "The Release file of the repository file:/srv/a stable has expired (invalid since 1050d 20h 31min "
                  "55s)",
                  "CheckValidUntil=no accepts it, for suites that are no longer updated" },
                { "E: Release file for copy:/srv/a/dists/stable/InRelease is not valid yet (invalid for another "
                  "2595d)."
                  " Updates for this repository will not be applied.\n",
                  "The Release file of the repository file:/srv/a stable is from the future",
                  "Check this machine's clock" },
                { "E: Failed to fetch copy:/srv/a/dists/stable/main/binary-amd64/Packages  Hash Sum mismatch\n",
                  "An index of the repository file:/srv/a stable does not match its Release file", NULL },
                { "E: Failed to fetch http://a.example/debian/dists/nosuite/InRelease  503  Service Unavailable\n",
                  "The repository http://a.example/debian nosuite can't be fetched: 503  Service Unavailable", NULL },
                { "E: Conflicting values set for option Signed-By regarding source http://a.example/debian/ nosuite: "
                  "/a != /b\n",
                  "Two repositories with the same address and suite have different keyrings or settings", NULL },
                { "E: Something new\n", "apt can't update the indexes: Something new", NULL },
        };
        _cleanup_repository_list_ RepositoryList list = { 0 };

        assert_int_equal(
                repository_parse("deb file:///srv/a stable main contrib\ndeb http://a.example/debian/ nosuite main",
                                 "x", "/", &list, NULL),
                0);
        for (size_t i = 0; i < ELEMENTS(cases); i++) {
                _cleanup_error_ Error error = ERROR_INIT;
                int r = apt_update_error(cases[i].log, &list, &error);
                if (!cases[i].message) {
                        assert_int_equal(r, 0);
                        assert_null(error.message);
                        continue;
                }
                assert_true(r < 0);
                assert_string_equal(error.message, cases[i].message);
                if (cases[i].hint)
                        assert_string_equal(error.hint, cases[i].hint);
        }
}

static void test_resolve_errors(void **state)
{
        (void) state;
        char *names[] = { (char *) "nginx", (char *) "nginx-light", (char *) "vim", NULL };
        static const struct {
                const char *log, *stdout_text, *message, *detail, *hint;
        } cases[] = {
                { "E: Unable to locate package ngnix\n", "", "The package ngnix is in none of the repositories", NULL,
                  "Did you mean nginx?" },
                { "E: Package 'foo' has no installation candidate\n", "Package foo is not available\n",
                  "The package foo is in none of the repositories", NULL, NULL },
                { "E: Package 'mta' has no installation candidate\n",
                  "Package mta is a virtual package provided by:\n  postfix 3.7\n  exim4 4.96\nYou should explicitly\n",
                  "The package mta is a virtual one, which several packages provide", "postfix 3.7\nexim4 4.96",
                  "Name the one that it shall be" },
                { "E: Version '9' for 'tt-a' was not found\n", "",
                  "The package tt-a has no version \"9\" in the repositories", NULL, NULL },
                { "E: Release 'foo' for 'tt-a' was not found\n", "",
                  "The package tt-a has no suite \"foo\" in the repositories", NULL, NULL },
                { "E: Unable to correct problems, you have held broken packages.\n",
                  "Some packages could not be installed.\nThe following packages have unmet dependencies:\n"
                  " tt-d : Depends: tt-none but it is not installable\n        Depends: x\n",
                  "The packages can't be installed together: unmet dependencies",
                  " tt-d : Depends: tt-none but it is not installable\n        Depends: x", NULL },
                { "E: Held packages were changed and -y was used without --allow-change-held-packages.\n",
                  "The following held packages will be changed:\n  tt-a tt-b\n  tt-c\n1 upgraded\n",
                  "Held packages would be changed", "tt-a tt-b tt-c", NULL },
                { "E: Essential packages were removed and -y was used without --allow-remove-essential.\n", "",
                  "Essential packages would be removed", NULL, NULL },
                { "E: New words\n", "", "apt can't work out what to install: New words", NULL, NULL },
        };

        for (size_t i = 0; i < ELEMENTS(cases); i++) {
                _cleanup_error_ Error error = ERROR_INIT;
                assert_true(apt_resolve_error(cases[i].log, cases[i].stdout_text, names, &error) < 0);
                assert_string_equal(error.message, cases[i].message);
                if (cases[i].detail)
                        assert_string_equal(error.detail, cases[i].detail);
                if (cases[i].hint)
                        assert_string_equal(error.hint, cases[i].hint);
        }
}

/* The archive of the tests below. */
static const char *archive, *keyring;

static void make_archive(void)
{
        _cleanup_free_ char *pool = fixture_path("archive/pool/main"), *other = fixture_path("archive/pool/contrib");

        if (archive)
                return;
        archive = fixture_path("archive");
        keyring = fixture_path("archive/keyring.gpg");
        fixture_script("make-deb.sh", pool, "tt-a", "1.0", "--field", "Depends: tt-b (>= 1)", "--field",
                       "Recommends: tt-rec", NULL);
        fixture_script("make-deb.sh", pool, "tt-a", "2.0", "--field", "Depends: tt-b (>= 1)", "--field",
                       "Recommends: tt-rec", NULL);
        fixture_script("make-deb.sh", pool, "tt-b", "1:1.0-2", NULL);
        fixture_script("make-deb.sh", pool, "tt-rec", "1", "--field", "Provides: tt-virtual", NULL);
        fixture_script("make-deb.sh", pool, "tt-broken", "1", "--field", "Depends: tt-none", NULL);
        fixture_script("make-deb.sh", pool, "tt-enemy", "1", "--field", "Conflicts: tt-essential", NULL);
        fixture_script("make-deb.sh", pool, "tt-essential", "1", "--field", "Essential: yes", NULL);
        /* apt takes one of two equal providers, by the order in which the index mentions them */
        fixture_script("make-deb.sh", pool, "tt-mentions", "1", "--field", "Suggests: tt-provider-2", NULL);
        fixture_script("make-deb.sh", pool, "tt-needs", "1", "--field", "Depends: tt-choice", NULL);
        fixture_script("make-deb.sh", pool, "tt-provider-1", "1", "--field", "Provides: tt-choice", NULL);
        fixture_script("make-deb.sh", pool, "tt-provider-2", "1", "--field", "Provides: tt-choice", NULL);
        fixture_script("make-deb.sh", other, "tt-contrib", "1", NULL);
        fixture_script("make-archive.sh", archive, "stable", "--components", "main contrib", "--date",
                       "2024-02-29 12:00 UTC", NULL);
        fixture_script("make-archive.sh", archive, "expired", "--date", "2024-01-01", "--valid-until", "2024-01-08",
                       NULL);
        fixture_script("make-archive.sh", archive, "unsigned", "--unsigned", NULL);
}

static Apt *open_apt(const char *work)
{
        _cleanup_free_ char *cache = fixture_path("cache"), *work_path = fixture_path(work);
        Apt *apt = NULL;

        need_sandbox();
        make_archive();
        assert_ok(make_directories(cache, 0755, &fixture.error));
        assert_ok(make_directories(work_path, 0755, &fixture.error));
        AptOptions options = { fixture.sandbox, "amd64", cache, work_path, fixture.output, false, NULL };
        assert_ok(apt_open(&options, &apt, &fixture.error));
        return apt;
}

/* One repository of the archive. */
static RepositoryList repository(const char *suite, const char *components, const char *more)
{
        _cleanup_free_ char *text = NULL;
        RepositoryList list = { 0 };

        assert_true(asprintf(&text, "Types: deb\nURIs: file://%s\nSuites: %s\nComponents: %s\n%s%s%s", archive, suite,
                             components, more ? more : "Signed-By: ", more ? "" : keyring, "\n") > 0);
        assert_ok(repository_parse(text, "test", "/", &list, &fixture.error));
        return list;
}

static Apt *open_selected(const char *work, const char *suite, const char *components)
{
        _cleanup_apt_ Apt *apt = open_apt(work);
        _cleanup_repository_list_ RepositoryList list = repository(suite, components, NULL);

        assert_ok(apt_update(apt, &list, NULL, &fixture.error));
        assert_ok(apt_select(apt, &list, NULL, &fixture.error));
        return TAKE_PTR(apt);
}

static void test_update(void **state)
{
        (void) state;
        _cleanup_apt_ Apt *apt = open_apt("work-update");
        _cleanup_repository_list_ RepositoryList list = repository("stable", "main contrib", NULL);
        _cleanup_(apt_releases_done) AptReleases releases = { 0 }, again = { 0 };
        _cleanup_free_ char *in_release = fixture_path("archive/dists/stable/InRelease"), *uri = NULL;
        char digest[SHA256_HEX_SIZE];

        assert_true(asprintf(&uri, "file://%s", archive) > 0);
        assert_ok(digest_file(AT_FDCWD, in_release, NULL, digest, &fixture.error));
        assert_ok(apt_update(apt, &list, &releases, &fixture.error));
        assert_int_equal(releases.n_items, 1);
        assert_string_equal(releases.items[0].uri, uri);
        assert_string_equal(releases.items[0].suite, "stable");
        assert_string_equal(releases.items[0].sha256, digest);
        assert_int_equal(releases.items[0].date_sec, 1709208000);
        assert_int_equal(releases.newest_sec, 1709208000);
        assert_ok(apt_update(apt, &list, &again, &fixture.error));
        assert_string_equal(again.items[0].sha256, digest);
}

static void test_update_refuses(void **state)
{
        (void) state;
        _cleanup_apt_ Apt *apt = open_apt("work-refuses");
        static const struct {
                const char *suite, *components, *more, *message, *hint;
        } cases[] = {
                { "nosuite", "main", NULL,
                  "The repository file://%s nosuite does not exist: there is no Release file", NULL },
                { "stable", "main extra", NULL, "The repository file://%s stable has no component \"extra\"", NULL },
                { "expired", "main", NULL, "The Release file of the repository file://%s expired has expired (",
                  NULL },
                { "unsigned", "main", NULL, "The repository file://%s unsigned is not signed",
                  "Trusted=yes accepts that, at your own risk" },
                { "stable", "main", "Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg",
                  "The repository file://%s stable is signed by a key that is not in its keyring (", NULL },
                { "stable", "main", "Signed-By: /nowhere/keyring.gpg",
                  "The keyring of the repository file://%s: Can't open /nowhere/keyring.gpg: No such file or "
                  "directory",
                  NULL },
        };

        for (size_t i = 0; i < ELEMENTS(cases); i++) {
                _cleanup_repository_list_ RepositoryList list =
                        repository(cases[i].suite, cases[i].components, cases[i].more);
                _cleanup_error_ Error error = ERROR_INIT;
                _cleanup_buffer_ Buffer expected = BUFFER_INIT;
                const char *rest = strstr(cases[i].message, "%s");
                assert_int_equal(buffer_printf(&expected, "%.*s%s%s", (int) (rest - cases[i].message), cases[i].message,
                                               archive, rest + 2), 0);
                assert_true(apt_update(apt, &list, NULL, &error) < 0);
                assert_non_null(error.message);
                /* apt writes file:/dir for file:///dir */
                _cleanup_free_ char *said = strdup(error.message);
                char *slashes = strstr(said, "file:///"), *wanted = strstr(expected.data, "file:///");
                if (slashes)
                        memmove(slashes + 5, slashes + 7, strlen(slashes + 7) + 1);
                memmove(wanted + 5, wanted + 7, strlen(wanted + 7) + 1);
                if (strncmp(said, expected.data, strlen(expected.data)) != 0)
                        assert_string_equal(said, expected.data);
                if (cases[i].hint)
                        assert_string_equal(error.hint, cases[i].hint);
        }
}

static void test_update_accepts(void **state)
{
        (void) state;
        _cleanup_apt_ Apt *apt = open_apt("work-accepts");
        _cleanup_free_ char *dated = NULL;

        assert_true(asprintf(&dated, "Signed-By: %s\nCheck-Valid-Until: no", keyring) > 0);
        _cleanup_repository_list_ RepositoryList expired = repository("expired", "main", dated);
        _cleanup_repository_list_ RepositoryList trusted = repository("unsigned", "main", "Trusted: yes");
        _cleanup_repository_list_ RepositoryList suspicious = repository("unsigned", "main", NULL);
        assert_ok(apt_update(apt, &expired, NULL, &fixture.error));
        assert_ok(apt_update(apt, &trusted, NULL, &fixture.error));
        /* what was fetched without a signature does not serve one who asks for it */
        assert_true(apt_update(apt, &suspicious, NULL, NULL) < 0);
        assert_true(apt_select(apt, &suspicious, NULL, NULL) < 0);
}

/* A new index in the archive is seen by a build that starts now, not by one that runs. */
static void test_update_is_private(void **state)
{
        (void) state;
        _cleanup_free_ char *pool = NULL, *other = NULL;
        AptRequest request = { .verb = APT_INSTALL, .packages = (char *[]){ (char *) "tt-late", NULL } };
        _cleanup_transaction_ AptTransaction transaction = { 0 }, none = { 0 };

        _cleanup_apt_ Apt *apt = open_apt("work-private");
        pool = fixture_path("archive/pool/late");
        other = fixture_path("tree-private");
        fixture_script("make-archive.sh", archive, "late", "--components", "late", NULL);
        _cleanup_repository_list_ RepositoryList list = repository("late", "late", NULL);
        assert_ok(apt_update(apt, &list, NULL, &fixture.error));
        assert_ok(apt_select(apt, &list, NULL, &fixture.error));
        fixture_script("make-deb.sh", pool, "tt-late", "1", NULL);
        fixture_script("make-archive.sh", archive, "late", "--components", "late", "--date", "now + 1 second", NULL);
        assert_ok(sandbox_make_directory(fixture.sandbox, fixture.directory, "tree-private", &fixture.error));
        _cleanup_close_ int fd = open(other, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        SandboxTree tree = { .directory_fd = fd };
        _cleanup_apt_ Apt *second = NULL;
        sleep(2); /* a Release file from the future would be refused */
        second = open_selected("work-private-2", "late", "late");
        assert_ok(apt_resolve(second, &tree, &request, &transaction, &fixture.error));
        assert_int_equal(transaction.n_packages, 1);
        assert_fails(apt_resolve(apt, &tree, &request, &none, &fixture.error),
                     "The package tt-late is in none of the repositories", NULL);
        assert_ok(sandbox_remove_tree(fixture.sandbox, other, &fixture.error));
}

/* A tree of which only dpkg's status matters. */
static int write_status(int root_fd, void *userdata, Buffer *reply, Error *error)
{
        (void) reply;
        int r = make_directories_in_root(root_fd, "/var/lib/dpkg", 0755);
        if (r == 0)
                r = unlinkat(root_fd, "var/lib/dpkg/status", 0) < 0 && errno != ENOENT ? -errno : 0;
        if (r < 0)
                return error_set_errno(error, -r, "Can't prepare the tree");
        return write_file_atomic(root_fd, "var/lib/dpkg/status", userdata, strlen(userdata), 0644, error);
}

#define STANZA(name, state, version, more)                                                                   \
        "Package: " name "\nStatus: " state "\nArchitecture: all\nVersion: " version "\n" more                  \
        "Maintainer: x <x@example.invalid>\nInstalled-Size: 8\nDescription: x\n\n"

static int resolve(Apt *apt, const char *status, const AptRequest *request, AptTransaction *ret)
{
        _cleanup_free_ char *path = fixture_path("tree-status");
        struct stat there;

        if (stat(path, &there) < 0)
                assert_ok(sandbox_make_directory(fixture.sandbox, fixture.directory, "tree-status", &fixture.error));
        _cleanup_close_ int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        SandboxTree tree = { .directory_fd = fd };
        assert_ok(sandbox_call(fixture.sandbox, &tree, write_status, (void *) status, NULL, &fixture.error));
        return apt_resolve(apt, &tree, request, ret, &fixture.error);
}

static char *describe(const AptTransaction *transaction)
{
        static const char *const actions[] = { "unpack", "configure", "remove", "purge" };
        _cleanup_buffer_ Buffer text = BUFFER_INIT;
        int r = 0;

        for (size_t i = 0; i < transaction->n_steps; i++)
                r |= buffer_printf(&text, "%s %s\n", actions[transaction->steps[i].action],
                                   transaction->steps[i].package);
        for (size_t i = 0; i < transaction->n_packages; i++)
                r |= buffer_printf(&text, "%s %s %s %s\n", transaction->packages[i].name,
                                   transaction->packages[i].version, transaction->packages[i].architecture,
                                   transaction->packages[i].file_name);
        _cleanup_free_ char *automatic = strv_join(transaction->automatic, " ");
        _cleanup_free_ char *manual = strv_join(transaction->manual, " ");
        r |= buffer_printf(&text, "automatic: %s\nmanual: %s\n", automatic, manual);
        assert_int_equal(r, 0);
        return buffer_take(&text);
}

static void test_resolve(void **state)
{
        (void) state;
        static const char b_installed[] = STANZA("tt-b", "install ok installed", "1:1.0-2", "");
        static const char a_installed[] = STANZA("tt-b", "install ok installed", "1:1.0-2", "")
                STANZA("tt-a", "install ok installed", "1.0", "Depends: tt-b\n");
        static const struct {
                const char *status;
                AptRequest request;
                char *packages[3];
                const char *expected;
        } cases[] = {
                { "",
                  { .verb = APT_INSTALL },
                  { (char *) "tt-a" },
                  "unpack tt-b\nunpack tt-a\nconfigure tt-b\nconfigure tt-a\n"
                  "tt-b 1:1.0-2 all tt-b_1%3a1.0-2_all.deb\ntt-a 2.0 all tt-a_2.0_all.deb\n"
                  "automatic: tt-b\nmanual: tt-a\n" },
                { b_installed,
                  { .verb = APT_INSTALL, .recommends = true },
                  { (char *) "tt-a=1.0" },
                  "unpack tt-a\nunpack tt-rec\nconfigure tt-a\nconfigure tt-rec\n"
                  "tt-a 1.0 all tt-a_1.0_all.deb\ntt-rec 1 all tt-rec_1_all.deb\n"
                  "automatic: tt-rec\nmanual: tt-a\n" },
                { b_installed,
                  { .verb = APT_INSTALL },
                  { (char *) "tt-a/stable", (char *) "tt-b" },
                  "unpack tt-a\nconfigure tt-a\ntt-a 2.0 all tt-a_2.0_all.deb\nautomatic: \nmanual: tt-a tt-b\n" },
                { "",
                  { .verb = APT_INSTALL },
                  { (char *) "tt-virtual" },
                  "unpack tt-rec\nconfigure tt-rec\ntt-rec 1 all tt-rec_1_all.deb\n"
                  "automatic: \nmanual: tt-rec tt-virtual\n" },
                { "",
                  { .verb = APT_INSTALL },
                  { (char *) "tt-needs" },
                  "unpack tt-provider-1\nunpack tt-needs\nconfigure tt-provider-1\nconfigure tt-needs\n"
                  "tt-provider-1 1 all tt-provider-1_1_all.deb\ntt-needs 1 all tt-needs_1_all.deb\n"
                  "automatic: tt-provider-1\nmanual: tt-needs\n" },
                { a_installed,
                  { .verb = APT_REMOVE_PACKAGES },
                  { (char *) "tt-b" },
                  "remove tt-a\nremove tt-b\nautomatic: \nmanual: \n" },
                { a_installed,
                  { .verb = APT_REMOVE_PACKAGES, .purge = true },
                  { (char *) "tt-a" },
                  "purge tt-a\nautomatic: \nmanual: \n" },
                { STANZA("tt-b", "install ok installed", "1:0.9", "")
                          STANZA("tt-essential", "install ok installed", "1", "Essential: yes\n"),
                  { .verb = APT_DIST_UPGRADE },
                  { NULL },
                  "unpack tt-b\nconfigure tt-b\ntt-b 1:1.0-2 all tt-b_1%3a1.0-2_all.deb\nautomatic: \nmanual: \n" },
                { STANZA("tt-b", "install ok installed", "1:2.0", "")
                          STANZA("tt-a", "install ok installed", "3.0", "Depends: tt-b\n"),
                  { .verb = APT_INSTALL },
                  { (char *) "tt-a=1.0" },
                  "unpack tt-a\nconfigure tt-a\ntt-a 1.0 all tt-a_1.0_all.deb\nautomatic: \nmanual: tt-a\n" },
        };

        _cleanup_apt_ Apt *apt = open_selected("work-resolve", "stable", "main");
        for (size_t i = 0; i < ELEMENTS(cases); i++) {
                _cleanup_transaction_ AptTransaction transaction = { 0 };
                AptRequest request = cases[i].request;
                request.packages = cases[i].packages;
                assert_ok(resolve(apt, cases[i].status, &request, &transaction));
                _cleanup_free_ char *text = describe(&transaction);
                assert_string_equal(text, cases[i].expected);
                for (size_t j = 0; j < transaction.n_packages; j++)
                        assert_int_equal(strlen(transaction.packages[j].sha256), 64);
        }
}

static void test_resolve_refuses(void **state)
{
        (void) state;
        static const char held[] = STANZA("tt-b", "install ok installed", "1:1.0-2", "")
                STANZA("tt-a", "hold ok installed", "1.0", "Depends: tt-b\n");
        static const char essential[] = STANZA("tt-essential", "install ok installed", "1", "Essential: yes\n");
        static const struct {
                const char *status;
                AptRequest request;
                const char *package, *message, *hint;
        } cases[] = {
                { "",
                  { .verb = APT_INSTALL },
                  "tt-esential",
                  "The package tt-esential is in none of the repositories",
                  "Did you mean tt-essential?" },
                { "",
                  { .verb = APT_INSTALL },
                  "tt-a=9",
                  "The package tt-a has no version \"9\" in the repositories",
                  NULL },
                { "",
                  { .verb = APT_INSTALL },
                  "tt-a/sid",
                  "The package tt-a has no suite \"sid\" in the repositories",
                  NULL },
                { "",
                  { .verb = APT_INSTALL },
                  "tt-broken",
                  "The packages can't be installed together: unmet dependencies",
                  NULL },
                { "",
                  { .verb = APT_INSTALL },
                  "tt-contrib",
                  "The package tt-contrib is in none of the repositories",
                  NULL },
                { "",
                  { .verb = APT_INSTALL },
                  "tt-a-",
                  "\"tt-a-\" can't be a package: write NAME, NAME=VERSION or NAME/SUITE",
                  NULL },
                { "",
                  { .verb = APT_INSTALL },
                  "-oDir=x",
                  "\"-oDir=x\" can't be a package: write NAME, NAME=VERSION or NAME/SUITE",
                  NULL },
                { "",
                  { .verb = APT_INSTALL },
                  "^tt.*",
                  "\"^tt.*\" can't be a package: write NAME, NAME=VERSION or NAME/SUITE",
                  NULL },
                { "",
                  { .verb = APT_INSTALL },
                  "/etc/passwd",
                  "\"/etc/passwd\" can't be a package: write NAME, NAME=VERSION or NAME/SUITE",
                  NULL },
                { held, { .verb = APT_INSTALL }, "tt-a", "Held packages would be changed", NULL },
                { held,
                  { .verb = APT_REMOVE_PACKAGES },
                  "tt-z",
                  "The package tt-z can't be removed: it is not installed",
                  "Did you mean tt-a?" },
                { essential,
                  { .verb = APT_REMOVE_PACKAGES },
                  "tt-essential",
                  "Essential packages would be removed",
                  NULL },
        };

        _cleanup_apt_ Apt *apt = open_selected("work-refused", "stable", "main");
        for (size_t i = 0; i < ELEMENTS(cases); i++) {
                _cleanup_transaction_ AptTransaction transaction = { 0 };
                AptRequest request = cases[i].request;
                char *packages[] = { (char *) cases[i].package, NULL };
                request.packages = packages;
                assert_fails(resolve(apt, cases[i].status, &request, &transaction), cases[i].message, cases[i].hint);
        }
}

static void test_pins(void **state)
{
        (void) state;
        _cleanup_apt_ Apt *apt = open_selected("work-pins", "stable", "main");
        _cleanup_repository_list_ RepositoryList list = repository("stable", "main", NULL);
        _cleanup_transaction_ AptTransaction transaction = { 0 };
        char *good[] = { (char *) "tt-a version 1.* 1001", NULL };
        char *packages[] = { (char *) "tt-a", NULL };
        AptRequest request = { .verb = APT_INSTALL, .packages = packages };

        assert_ok(apt_select(apt, &list, good, &fixture.error));
        assert_ok(resolve(apt, "", &request, &transaction));
        assert_string_equal(transaction.packages[transaction.n_packages - 1].version, "1.0");
        static const char *const wrong[] = { "tt-a", "tt-a version 1.*", "tt-a suite x 100", "* release a=x\nPin: y 3",
                                             "* release a=stable high" };
        for (size_t i = 0; i < ELEMENTS(wrong); i++) {
                char *pins[] = { (char *) wrong[i], NULL };
                assert_true(apt_select(apt, &list, pins, NULL) < 0);
        }
        assert_fails(resolve(apt, "", &request, &transaction), "No repositories are selected", NULL);
}

typedef struct Progress {
        uint64_t done_bytes, total_bytes;
        unsigned n_calls;
} Progress;

static void on_progress(uint64_t done_bytes, uint64_t total_bytes, void *userdata)
{
        Progress *progress = userdata;

        *progress = (Progress){ done_bytes, total_bytes, progress->n_calls + 1 };
}

static void check_archives(const Apt *apt, const AptTransaction *transaction)
{
        for (size_t i = 0; i < transaction->n_packages; i++) {
                _cleanup_close_ int fd = -1;
                char digest[SHA256_HEX_SIZE];
                uint64_t size_bytes = 0;
                assert_ok(apt_open_package(apt, &transaction->packages[i], &fd, &fixture.error));
                assert_int_equal(digest_descriptor(fd, &size_bytes, digest), 0);
                assert_string_equal(digest, transaction->packages[i].sha256);
                assert_int_equal(size_bytes, transaction->packages[i].size_bytes);
        }
}

static void damage(const Apt *apt, const AptPackage *package)
{
        _cleanup_free_ char *path = apt_package_path(apt, package);
        _cleanup_close_ int fd = open(path, O_WRONLY | O_CLOEXEC);

        assert_int_equal(pwrite(fd, "x", 1, 100), 1);
}

static void test_download(void **state)
{
        (void) state;
        _cleanup_apt_ Apt *apt = open_selected("work-download", "stable", "main");
        _cleanup_transaction_ AptTransaction transaction = { 0 }, again = { 0 };
        char *packages[] = { (char *) "tt-a", NULL };
        AptRequest request = { .verb = APT_INSTALL, .packages = packages };
        Progress progress = { 0 };

        assert_ok(resolve(apt, "", &request, &transaction));
        assert_int_equal(transaction.download_bytes,
                         transaction.packages[0].size_bytes + transaction.packages[1].size_bytes);
        assert_ok(apt_download(apt, &transaction, on_progress, &progress, &fixture.error));
        check_archives(apt, &transaction);
        assert_true(progress.n_calls > 0);
        assert_int_equal(progress.done_bytes, progress.total_bytes);
        assert_int_equal(progress.total_bytes, transaction.download_bytes);
        assert_ok(resolve(apt, "", &request, &again));
        assert_int_equal(again.download_bytes, 0);

        /* one of them is another file now, of the same size */
        _cleanup_close_ int fd = -1;
        damage(apt, &transaction.packages[0]);
        assert_int_equal(apt_open_package(apt, &transaction.packages[0], &fd, &fixture.error), -EBADMSG);
        assert_non_null(strstr(fixture.error.message, transaction.packages[0].name));
        error_done(&fixture.error);
        assert_ok(apt_download(apt, &transaction, NULL, NULL, &fixture.error));
        check_archives(apt, &transaction);
}

static void test_download_refuses(void **state)
{
        (void) state;
        _cleanup_apt_ Apt *apt = open_selected("work-forged", "stable", "main");
        _cleanup_free_ char *file = fixture_path("archive/pool/main/tt-rec_1_all.deb"), *message = NULL;
        char digest[SHA256_HEX_SIZE];
        _cleanup_transaction_ AptTransaction transaction = { 0 };
        char *packages[] = { (char *) "tt-rec", NULL };
        AptRequest request = { .verb = APT_INSTALL, .packages = packages };
        _cleanup_close_ int fd = open(file, O_RDWR | O_CLOEXEC);
        char byte;

        assert_ok(resolve(apt, "", &request, &transaction));
        assert_int_equal(pread(fd, &byte, 1, 300), 1);
        byte ^= 1;
        assert_int_equal(pwrite(fd, &byte, 1, 300), 1);
        assert_ok(digest_file(AT_FDCWD, file, NULL, digest, &fixture.error));
        assert_true(asprintf(&message, "%s is not the package tt-rec 1 that was wanted: its SHA-256 is %s instead of %s",
                             file, digest, transaction.packages[0].sha256) > 0);
        assert_fails(apt_download(apt, &transaction, NULL, NULL, &fixture.error), message, NULL);
        byte ^= 1;
        assert_int_equal(pwrite(fd, &byte, 1, 300), 1);
        assert_ok(apt_download(apt, &transaction, NULL, NULL, &fixture.error));
        check_archives(apt, &transaction);
}

static void test_local_debs(void **state)
{
        (void) state;
        _cleanup_apt_ Apt *apt = open_selected("work-local", "stable", "main");
        _cleanup_free_ char *directory = fixture_path("local"), *path = fixture_path("local/tt-local_1.5~x_all.deb");
        _cleanup_transaction_ AptTransaction transaction = { 0 };
        char *paths[] = { path, NULL };
        AptRequest request = { .verb = APT_INSTALL, .deb_paths = paths };
        char digest[SHA256_HEX_SIZE];

        fixture_script("make-deb.sh", directory, "tt-local", "1:1.5~x", "--field", "Depends: tt-b", NULL);
        assert_ok(digest_file(AT_FDCWD, path, NULL, digest, &fixture.error));
        assert_ok(resolve(apt, "", &request, &transaction));
        _cleanup_free_ char *text = describe(&transaction);
        assert_string_equal(text, "unpack tt-b\nunpack tt-local\nconfigure tt-b\nconfigure tt-local\n"
                                  "tt-b 1:1.0-2 all tt-b_1%3a1.0-2_all.deb\n"
                                  "tt-local 1:1.5~x all tt-local_1%3a1.5~x_all.deb\n"
                                  "automatic: tt-b\nmanual: tt-local\n");
        assert_null(transaction.packages[0].local_path);
        assert_string_equal(transaction.packages[1].local_path, path);
        assert_string_equal(transaction.packages[1].sha256, digest);

        /* one that only we can read */
        _cleanup_transaction_ AptTransaction again = { 0 };
        char copied[SHA256_HEX_SIZE];
        struct stat status;
        assert_int_equal(chmod(path, 0600), 0);
        assert_ok(resolve(apt, "", &request, &again));
        assert_string_equal(again.packages[1].sha256, digest);
        assert_ok(digest_file(AT_FDCWD, again.packages[1].local_path, NULL, copied, &fixture.error));
        assert_string_equal(copied, digest);
        assert_int_equal(stat(again.packages[1].local_path, &status), 0);
        assert_int_equal(status.st_mode & 0777, 0644);
}

static void test_fetch_package(void **state)
{
        (void) state;
        _cleanup_apt_ Apt *apt = open_selected("work-fetch", "stable", "main");
        _cleanup_free_ char *path = NULL;
        _cleanup_(apt_package_done) AptPackage package = { 0 }, none = { 0 };
        char digest[SHA256_HEX_SIZE];

        assert_ok(apt_fetch_package(apt, NULL, "tt-a=1.0", &package, &path, &fixture.error));
        assert_string_equal(package.name, "tt-a");
        assert_string_equal(package.version, "1.0");
        assert_string_equal(package.architecture, "all");
        assert_ok(digest_file(AT_FDCWD, path, NULL, digest, &fixture.error));
        assert_string_equal(package.sha256, digest);
        assert_fails(apt_fetch_package(apt, NULL, "tt-zz", &none, &path, &fixture.error),
                     "The package tt-zz is in none of the repositories", NULL);
}

int main(int argc, char **argv)
{
        sandbox_init_hook(argc, argv);
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_list_name),      cmocka_unit_test(test_parse_date),
                cmocka_unit_test(test_parse_changes),  cmocka_unit_test(test_parse_uris),
                cmocka_unit_test(test_update_errors),  cmocka_unit_test(test_resolve_errors),
                cmocka_unit_test(test_update),         cmocka_unit_test(test_update_refuses),
                cmocka_unit_test(test_update_accepts), cmocka_unit_test(test_update_is_private),
                cmocka_unit_test(test_resolve),        cmocka_unit_test(test_resolve_refuses),
                cmocka_unit_test(test_pins),           cmocka_unit_test(test_download),
                cmocka_unit_test(test_download_refuses), cmocka_unit_test(test_local_debs),
                cmocka_unit_test(test_fetch_package),
        };
        return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
