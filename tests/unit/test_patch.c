/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "packages_fixture.h"

#include "base/digest.h"
#include "packages/deb_tree.h"
#include "packages/patch.h"

static const char good_patch[] = "--- a/DEBIAN/postinst\n"
                                 "+++ b/DEBIAN/postinst\n"
                                 "@@ -1,3 +1,3 @@\n"
                                 " #!/bin/sh\n"
                                 " set -e\n"
                                 "-mknod /dev/x c 1 3\n"
                                 "+[ -e /dev/x ] || true\n"
                                 "--- /dev/null\n"
                                 "+++ b/DEBIAN/prerm\n"
                                 "@@ -0,0 +1,2 @@\n"
                                 "+#!/bin/sh\n"
                                 "+exit 0\n"
                                 "--- a/usr/share/tt/data\n"
                                 "+++ b/usr/share/tt/data\n"
                                 "@@ -1,3 +1,3 @@\n"
                                 " one\n"
                                 "-two\n"
                                 "+TWO\n"
                                 " three\n";

/* What a shell command prints. */
static _printf_(1, 2) char *shell(const char *format, ...)
{
        _cleanup_free_ char *script = NULL;
        _cleanup_buffer_ Buffer text = BUFFER_INIT;
        va_list arguments;

        va_start(arguments, format);
        assert_true(vasprintf(&script, format, arguments) > 0);
        va_end(arguments);
        const char *const argv[] = { "sh", "-ec", script, NULL };
        ProcessCommand command = { .argv = argv, .stdin_fd = -1, .output = fixture.output, .ret_stdout = &text };
        assert_ok(process_run(&command, &fixture.error));
        return buffer_take(&text);
}

static char *make_package(const char *name, const char *version)
{
        _cleanup_free_ char *directory = fixture_path("debs"), *file = NULL;

        fixture_script("make-deb.sh", directory, name, version, "--script", "postinst=mknod /dev/x c 1 3", "--file",
                       "usr/share/tt/data=one\ntwo\nthree", "--file", "usr/share/tt/b c=x", "--conffile", "etc/tt.conf=setting",
                       "--field", "Depends: libc6", "--date", "1709208000", NULL);
        const char *colon = strchr(version, ':');
        assert_true(asprintf(&file, "debs/%s_%s_all.deb", name, colon ? colon + 1 : version) > 0);
        return fixture_path(file);
}

static int patch_text(const char *deb, const char *text, const char *suffix, char **ret_path, char **ret_version)
{
        _cleanup_free_ char *path = fixture_path("tt.patch"), *work = fixture_path("work");

        assert_ok(write_file_atomic(AT_FDCWD, path, text, strlen(text), 0600, &fixture.error));
        assert_ok(make_directories(work, 0755, &fixture.error));
        DebPatch patch = { deb, path, suffix, work };
        error_done(&fixture.error);
        return deb_patch(fixture.sandbox, &patch, fixture.output, ret_path, ret_version, &fixture.error);
}

static void need_patch(void)
{
        need_sandbox();
        if (access("/usr/bin/patch", X_OK) < 0) {
                print_message("no patch(1) on this machine\n");
                skip();
        }
}

static void test_patch(void **state)
{
        (void) state;
        _cleanup_free_ char *deb = NULL, *path = NULL, *version = NULL, *second = NULL, *again = NULL, *expected = NULL;
        char digest[SHA256_HEX_SIZE], digest_again[SHA256_HEX_SIZE];

        need_patch();
        deb = make_package("tt-p", "1:1.0-1");
        assert_ok(patch_text(deb, good_patch, "+templar1", &path, &version));
        assert_string_equal(version, "1:1.0-1+templar1");
        expected = fixture_path("work/tt-p_1%3a1.0-1+templar1_all.deb");
        assert_string_equal(path, expected);
        _cleanup_free_ char *control = shell("dpkg-deb -f '%s'", path);
        assert_string_equal(control, "Package: tt-p\nVersion: 1:1.0-1+templar1\nArchitecture: all\n"
                                     "Maintainer: Nobody <nobody@example.invalid>\nSection: misc\nDepends: libc6\n"
                                     "Priority: optional\nInstalled-Size: 10\n"
                                     "Description: package tt-p of the tests\n It has no use.\n");
        _cleanup_free_ char *scripts = shell("dpkg-deb -I '%s' postinst prerm", path);
        assert_string_equal(scripts, "#!/bin/sh\nset -e\n[ -e /dev/x ] || true\n#!/bin/sh\nexit 0\n");
        _cleanup_free_ char *data = shell("dpkg-deb --fsys-tarfile '%s' | tar -xO ./usr/share/tt/data", path);
        assert_string_equal(data, "one\nTWO\nthree\n");
        _cleanup_free_ char *changelog =
                shell("dpkg-deb --fsys-tarfile '%s' | tar -xO ./usr/share/doc/tt-p/changelog.Debian.gz "
                      "| gzip -dc | head -8",
                      path);
        assert_string_equal(changelog,
                            "tt-p (1:1.0-1+templar1) unstable; urgency=medium\n\n  * Patched with tt.patch.\n\n"
                            " -- templar <templar@localhost>  Thu, 29 Feb 2024 12:00:00 +0000\n\n"
                            "tt-p (1:1.0-1) unstable; urgency=medium\n\n");
        _cleanup_free_ char *sums =
                shell("cd '%s' && rm -rf x && dpkg-deb -R '%s' x && cd x && md5sum -c --quiet DEBIAN/md5sums "
                      "&& cut -c35- DEBIAN/md5sums && cd .. && rm -r x",
                      fixture.directory, path);
        assert_string_equal(sums, "usr/share/doc/tt-p/changelog.Debian.gz\nusr/share/tt/b c\nusr/share/tt/data\n");

        /* the same bytes at another time, and nothing but the package is left */
        assert_ok(digest_file(AT_FDCWD, path, NULL, digest, &fixture.error));
        sleep(1);
        assert_ok(patch_text(deb, good_patch, "+templar1", &second, &again));
        assert_ok(digest_file(AT_FDCWD, second, NULL, digest_again, &fixture.error));
        assert_string_equal(digest, digest_again);
        _cleanup_free_ char *left = shell("ls '%s'/work", fixture.directory);
        assert_string_equal(left, "tt-p_1%3a1.0-1+templar1_all.deb\n");
}

static void test_refused(void **state)
{
        (void) state;
        static const char data[] = "--- a/usr/share/tt/data\n+++ b/usr/share/tt/data\n@@ -1,3 +1,3 @@\n";
        static const struct {
                const char *head, *body, *message, *detail;
        } cases[] = {
                { data, " one\n-zwei\n+TWO\n three\n", "The patch tt.patch does not apply to tt-r 1.0",
                  "@@ -1,3 +1,3 @@\n one\n-zwei\n+TWO\n three\n" },
                /* patch(1) would take this one with a fuzz of 1 */
                { data, " uno\n-two\n+TWO\n three\n", "The patch tt.patch does not apply to tt-r 1.0",
                  "FAILED at 1" },
                { data, " one\n-TWO\n+two\n three\n", "The patch tt.patch does not apply to tt-r 1.0",
                  "FAILED at 1" },
                { "--- a/usr/none\n+++ b/usr/none\n@@ -1,1 +1,1 @@\n", "-a\n+b\n",
                  "The patch tt.patch does not apply to tt-r 1.0", "|+++ b/usr/none" },
                { "--- a/../../evil\n+++ b/../../evil\n@@ -0,0 +1,1 @@\n", "+x\n",
                  "The patch tt.patch does not apply to tt-r 1.0", "evil" },
                { "rubbish\n", "", "The patch tt.patch can't be applied to tt-r 1.0 (patch exited with status 2)",
                  "garbage" },
                { "--- a/DEBIAN/control\n+++ b/DEBIAN/control\n@@ -1,1 +1,1 @@\n", "-Package: tt-r\n+Package: ../x\n",
                  "The package's control file has no proper Package, Version and Architecture", NULL },
        };
        _cleanup_free_ char *deb = NULL;

        need_patch();
        deb = make_package("tt-r", "1.0");
        for (size_t i = 0; i < ELEMENTS(cases); i++) {
                _cleanup_free_ char *text = NULL, *path = NULL, *version = NULL;
                assert_true(asprintf(&text, "%s%s", cases[i].head, cases[i].body) > 0);
                assert_fails(patch_text(deb, text, "+t1", &path, &version), cases[i].message, NULL);
                if (cases[i].detail && !strstr(fixture.error.detail, cases[i].detail))
                        assert_string_equal(fixture.error.detail, cases[i].detail);
                assert_null(path);
        }
        static const char *const suffixes[] = { "", "-1", "+a b", "../x", "+a/b" };
        for (size_t i = 0; i < ELEMENTS(suffixes); i++) {
                char *path = NULL, *version = NULL;
                assert_int_equal(patch_text(deb, good_patch, suffixes[i], &path, &version), -EINVAL);
                assert_int_equal(fixture.error.kind, ERROR_USAGE);
        }
        _cleanup_free_ char *left = shell("ls '%s'/work | grep tt-r || :", fixture.directory);
        assert_string_equal(left, "");
}

/* Owners and modes stay; links of the package lead nowhere outside. */
static void test_odd_packages(void **state)
{
        (void) state;
        static const char data_patch[] =
                "--- a/usr/share/tt/data\n+++ b/usr/share/tt/data\n@@ -1,3 +1,3 @@\n one\n-two\n+2\n three\n";
        static const char passwd_patch[] =
                "--- a/usr/share/link/passwd\n+++ b/usr/share/link/passwd\n@@ -1,1 +1,1 @@\n-x\n+y\n";
        _cleanup_free_ char *deb = NULL, *odd = NULL, *path = NULL, *version = NULL;

        need_patch();
        if (geteuid() != 0) {
                print_message("only root can give files other owners\n");
                skip();
        }
        deb = make_package("tt-o", "1.0");
        odd = fixture_path("odd.deb");
        _cleanup_free_ char *made =
                shell("cd '%s' && rm -rf x && dpkg-deb -R '%s' x && cd x && rm -r usr/share/doc/tt-o && "
                      "ln -s /etc usr/share/doc/tt-o && ln -s /etc usr/share/link && "
                      "ln usr/share/tt/data usr/share/tt/again && cp usr/share/tt/data usr/share/tt/suid && "
                      "chown 0:8 usr/share/tt/suid && chmod 4755 usr/share/tt/suid && cd .. && "
                      "dpkg-deb -Zgzip -b x '%s' >/dev/null && rm -r x",
                      fixture.directory, deb, odd);
        assert_string_equal(made, "");
        assert_ok(patch_text(odd, data_patch, "+t1", &path, &version));
        _cleanup_free_ char *list = shell("dpkg-deb -c '%s' | grep -o -e '^-.*suid$' -e 'doc/tt-o.*' -e 'link ->.*' | "
                                          "sed 's/ root.*:[0-9][0-9]//' | sort", path);
        assert_string_equal(list, "-rwsr-xr-x ./usr/share/tt/suid\ndoc/tt-o -> /etc\nlink -> /etc\n");
        _cleanup_free_ char *owner =
                shell("dpkg-deb --fsys-tarfile '%s' | tar --numeric-owner -tv | awk '/suid$/ {print $2}'", path);
        assert_string_equal(owner, "0/8\n");
        char *none = NULL;
        assert_fails(patch_text(odd, passwd_patch, "+t1", &none, &none),
                     "The patch tt.patch does not apply to tt-o 1.0", NULL);
}

static void test_control_edit(void **state)
{
        (void) state;
        static const struct {
                const char *text, *expected;
        } cases[] = {
                { "Package: a\nversion: 1\nDescription: x\n Version: no\nInstalled-Size: 3\n",
                  "Package: a\nVersion: 2+t\nDescription: x\n Version: no\nInstalled-Size: 77\n" },
                { "Version: 1", "Version: 2+t\n" },
                { "Package: a\nX-Version: 1\n", "Package: a\nX-Version: 1\n" },
        };

        for (size_t i = 0; i < ELEMENTS(cases); i++) {
                _cleanup_buffer_ Buffer text = BUFFER_INIT;
                assert_int_equal(deb_control_edit(cases[i].text, "2+t", 77, &text), 0);
                assert_string_equal(text.data, cases[i].expected);
        }
}

int main(int argc, char **argv)
{
        sandbox_init_hook(argc, argv);
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_patch),
                cmocka_unit_test(test_refused),
                cmocka_unit_test(test_odd_packages),
                cmocka_unit_test(test_control_edit),
        };
        return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
