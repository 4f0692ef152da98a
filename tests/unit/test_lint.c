/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/lint.h"

#include "tar_fixture.h"

#include <openssl/evp.h>

#define BODY "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7\n"
#define KEY "-----BEGIN PRIVATE KEY-----\n" BODY "-----END PRIVATE KEY-----\n"

/* The findings as "NAME PATH TEXT", a line each. */
static char *lint_files(const File *files, LintAllows *allows, const LintWord *words, size_t n_words, LintReport *ret)
{
        _cleanup_error_ Error error = ERROR_INIT;
        _cleanup_close_ int fd = archive_file(files);
        Buffer lines = BUFFER_INIT;

        if (lint_image(fd, &(LintOptions){ allows, words, n_words }, ret, &error) < 0)
                fail_msg("%s", error.message);
        for (size_t i = 0; i < ret->n_items; i++)
                assert_int_equal(buffer_printf(&lines, "%s%s %s %s\n", ret->items[i].allow ? "allowed " : "",
                                               lint_checks[ret->items[i].id].name, ret->items[i].path,
                                               ret->items[i].text),
                                 0);
        return buffer_take(&lines);
}

#define FILES_MAX 5
typedef struct Case {
        const char *expected; /* NULL: none */
        File files[FILES_MAX];
} Case;

static const Case cases[] = {
        { "ssh-host-key /etc/ssh/ssh_host_rsa_key is an SSH host key\n",
          { { .path = "etc/ssh/ssh_host_rsa_key", .content = "x" },
            { .path = "etc/ssh/ssh_host_rsa_key.pub", .content = "x" } } },
        { NULL, { { .path = "etc/ssh/ssh_host_rsa_key" } } },
        { "machine-id /etc/machine-id is not empty\n",
          { { .path = "etc/machine-id", .content = "0123456789abcdef\n" } } },
        { NULL, { { .path = "etc/machine-id", .content = "uninitialized\n" } } },
        { NULL, { { .path = "etc/machine-id" }, { .path = "var/lib/dbus/machine-id", .link = "/etc/machine-id" } } },
        { "machine-id /var/lib/dbus/machine-id is not empty\n",
          { { .path = "var/lib/dbus/machine-id", .content = "01" } } },
        { "random-seed /var/lib/systemd/random-seed is a random seed\n",
          { { .path = "var/lib/systemd/random-seed", .content = "x\0y", .size_bytes = 3 } } },
        /* keys */
        { "private-key /etc/ssl/private/a.key holds a private key (line 3)\n",
          { { .path = "etc/ssl/private/a.key", .content = "Bag\n\n" KEY } } },
        { "private-key /a holds a private key (line 1)\n",
          { { .path = "a", .content = "-----BEGIN OPENSSH PRIVATE KEY-----\r\nb3BlbnNzaC1rZXktdjEAAAAA\r\n" } } },
        { "private-key /a holds a private key (line 1)\n",
          { { .path = "a", .content = "-----BEGIN PGP PRIVATE KEY BLOCK-----\nVersion: GnuPG\n\nxyz" } } },
        { "private-key /a holds a private key (line 1)\n",
          { { .path = "a", .content = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n" } } },
        { "private-key /a.json holds a private key (line 1)\n",
          { { .path = "a.json",
              .content = "{\"k\": \"-----BEGIN PRIVATE KEY-----\\nMIIEvQIBADANBgkqhkiG9w0BAQ\\n\"}" } } },
        { NULL,
          { { .path = "a", .content = "-----BEGIN PRIVATE KEY-----\n...\n" },
            { .path = "b", .content = "BEGIN PRIVATE KEY-----\n" BODY },
            { .path = "c", .content = "if (\"-----BEGIN RSA PRIVATE KEY-----\") return;" },
            { .path = "d", .content = "-----BEGIN PUBLIC KEY-----\n" BODY } } },
        { "private-key /a holds a private key of age (line 1)\n",
          { { .path = "a", .content = "AGE-SECRET-KEY-1QQPQZQ\n" } } },
        { "private-key /root/.gnupg/private-keys-v1.d/AB.key is a private key of GnuPG\n",
          { { .path = "root/.gnupg/private-keys-v1.d/AB.key", .content = "(21:protected-private-key" } } },
        { "private-key /a.gpg is a secret key of OpenPGP\n",
          { { .path = "a.gpg", .content = "\x95\x01\x02\x04\0\0\0\0\0", .size_bytes = 9 },
            { .path = "b.gpg", .content = "\x99\x01\x02\x04\0\0\0\0\0", .size_bytes = 9 } } },
        { "private-key /a.der is a private key\n",
          { { .path = "a.der",
              .content = "\x30\x82\x04\xbd\x02\x01\x00\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d",
              .size_bytes = 17 },
            { .path = "b.der",
              .content = "\x30\x82\x04\xbd\x30\x82\x03\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d",
              .size_bytes = 17 } } },
        { "private-key /etc/systemd/network/wg.netdev holds a key of WireGuard (line 2)\n",
          { { .path = "etc/systemd/network/wg.netdev", .content = "[WireGuard]\nPrivateKey = abc=\n" },
            { .path = "etc/systemd/network/x.netdev",
              .content = "[WireGuard]\nPrivateKeyFile=/run/key\n#PrivateKey=a\n" } } },
        /* logins */
        { "credentials /root/.netrc holds logins\n", { { .path = "root/.netrc", .content = "machine x" } } },
        { "credentials /root/.docker/config.json holds a login (line 1)\n",
          { { .path = "root/.docker/config.json", .content = "{\"auths\":{\"x\":{\"auth\":\"abc\"}}}" } } },
        { "apt-credentials /etc/apt/auth.conf.d/x.conf holds a login (line 2)\n",
          { { .path = "etc/apt/auth.conf.d/x.conf", .content = "# no login\nmachine x login y password z\n" } } },
        { "apt-credentials /etc/apt/sources.list.d/x.sources has an address with a login in it (line 2)\n",
          { { .path = "etc/apt/sources.list", .content = "# deb http://u:p@h/ x main\ndeb http://h/@/ x main\n" },
            { .path = "etc/apt/sources.list.d/x.sources", .content = "Types: deb\nURIs: https://u:p@h/debian\n" } } },
        { "proxy /etc/apt/apt.conf.d/a sets a proxy for apt (line 2)\nproxy /etc/apt/apt.conf.d/b sets a proxy for "
          "apt (line 1)\n",
          { { .path = "etc/apt/apt.conf.d/a",
              .content = "// Acquire::http::Proxy \"x\";\nAcquire::http::Proxy \"http://h:1\";\n" },
            { .path = "etc/apt/apt.conf.d/b", .content = "Acquire { http { Proxy \"http://h:1\"; }; };\n" },
            { .path = "etc/apt/apt.conf.d/c",
              .content = "Acquire::http::Proxy::deb.debian.org \"DIRECT\";\nAcquire::http::Proxy \"\";\n" },
            { .path = "etc/apt/apt.conf.d/d",
              .content = "/*\nAcquire::http::Proxy \"http://h:1\";\n*/\nAcquire::http::Proxy-Auto-Detect "
                         "\"/usr/bin/x\";\n" } } },
        { "proxy /etc/environment sets a proxy (line 1)\nproxy /etc/profile.d/p.sh sets a proxy (line 1)\n",
          { { .path = "etc/environment", .content = "HTTPS_PROXY=\"http://h:1\"\n" },
            { .path = "etc/profile.d/p.sh", .content = "export http_proxy=http://h:1\n" },
            { .path = "etc/profile.d/q.sh", .content = "unset http_proxy\nexport no_proxy=x ftp_proxy=\n" },
            { .path = "etc/wgetrc", .content = "#https_proxy = http://h:1\n" } } },
        /* users */
        { "password-empty /etc/shadow lets root in without a password\npassword-plain /etc/shadow has something for b "
          "that is no hash\n"
          "password-weak /etc/shadow has a hash of MD5 for c\npassword-weak /etc/shadow has a hash of DES for d\n",
          { { .path = "etc/shadow",
              .content = "root::1::::::\na:*:1\nb:secret:1\nc:$1$x$y:1\nd:abcdefghijklm:1\ne:!$6$x$y:1\nf:$y$j9T$a$b:"
                         "1\n" } } },
        { "password-empty /etc/passwd lets a in without a password\npassword-plain /etc/passwd has the password hash "
          "of b, where "
          "every program can read it\nsecond-root /etc/passwd gives c the number 0\n",
          { { .path = "etc/passwd",
              .content = "root:x:0:0::/root:/bin/sh\na::1:1:::\nb:$6$x$y:2:2:::\nc:x:0:3:::\n+::::::\n" } } },
        { "authorized-keys /root/.ssh/authorized_keys lets in whoever has a certain key\n",
          { { .path = "home/a/.ssh/authorized_keys", .content = "# none\n\n" },
            { .path = "root/.ssh/authorized_keys", .content = "ssh-ed25519 AAAA x\n" } } },
        { "world-writable /a has mode 0666: everybody may write to it\n"
          "world-writable /b has mode 0777: everybody may write there and remove what others wrote\n",
          { { .path = "a", .mode = 0666 },
            { .path = "b/", .mode = 0777 },
            { .path = "c/", .mode = 01777 },
            { .path = "d", .link = "a" } } },
        /* the machine that built */
        { "hostname /etc/hostname names the machine \"builder7\"\n",
          { { .path = "etc/hostname", .content = "builder7\n" } } },
        { NULL, { { .path = "etc/hostname", .content = "# x\nlocalhost\n" } } },
        { "resolv-conf /etc/resolv.conf has a nameserver (line 2)\n",
          { { .path = "etc/resolv.conf", .content = "nameserver 127.0.0.53\nnameserver 10.0.0.1\n" } } },
        { "resolv-conf /etc/resolv.conf has a search (line 1)\n",
          { { .path = "etc/resolv.conf", .content = "search corp.example\n" } } },
        { NULL,
          { { .path = "etc/resolv.conf", .content = "# x\nnameserver 127.0.0.53\noptions edns0\nsearch .\n" } } },
        { "build-leftover /usr/sbin/policy-rc.d keeps services from being started\n",
          { { .path = "usr/sbin/policy-rc.d" } } },
        { "build-leftover /usr/sbin/initctl is the stub that stands in for a program during a build (line 2)\n"
          "build-leftover /usr/sbin/initctl.templar-saved is a program that a stub stood in for\n",
          { { .path = "usr/sbin/initctl",
              .content = "#!/bin/sh\necho \"initctl: no service starts while an image is built\" >&2\n" },
            { .path = "usr/sbin/initctl.templar-saved" } } },
        { "build-leftover /usr/bin/ischroot is the stub that stands in for a program during a build (line 1)\n",
          { { .path = "usr/bin/ischroot",
              .content = "#!/bin/sh\n# while an image is built, no init runs that packages could reach\nexit 0\n" } } },
        { "dpkg-leftover /etc/x.dpkg-dist is the distribution's version of a file\n",
          { { .path = "etc/x.dpkg-dist" } } },
        { "package-state /var/lib/dpkg/status says of b: install ok half-configured\n",
          { { .path = "var/lib/dpkg/status",
              .content = "Package: a\nStatus: install ok installed\n\nPackage: b\nStatus: install ok "
                         "half-configured\n" } } },
        { "history /root/.bash_history is a history\n", { { .path = "root/.bash_history", .content = "ls" } } },
        { "core-dump /core is a core dump\n",
          { { .path = "core", .content = "\177ELF\2\1\1\0\0\0\0\0\0\0\0\0\4\0\76\0", .size_bytes = 20 },
            { .path = "usr/core", .content = "\177ELF\2\1\1\0\0\0\0\0\0\0\0\0\3\0\76\0", .size_bytes = 20 } } },
        { "volatile /tmp/a/b lies where files are temporary\n", { { .path = "tmp/a/b" } } },
        { "tar-owners ./a has an owner above 65535\n", { { .path = "a", .uid = 65536 } } },
};

static void test_cases(void **state _unused_)
{
        for (size_t i = 0; i < ELEMENTS(cases); i++) {
                _cleanup_lint_report_ LintReport report = { 0 };
                _cleanup_free_ char *found = lint_files(cases[i].files, NULL, NULL, 0, &report);
                if (strcmp(found, cases[i].expected ?: "") != 0)
                        fail_msg("case %zu: expected\n%sgot\n%s", i, cases[i].expected ?: "nothing\n", found);
        }
}

/* Each check is found by some case, but those of the rules, which have tests of their own, and those that need words.
 */
static void test_all_checks_have_a_case(void **state _unused_)
{
        for (unsigned id = LINT_SSH_HOST_KEY; id < LINT_N_CHECKS; id++) {
                bool found =
                        id == LINT_SECRET || id == LINT_BUILD_PATH || id == LINT_BUILD_HOST || id == LINT_PACKAGED_KEY;
                for (size_t i = 0; i < ELEMENTS(cases); i++)
                        found = found || (cases[i].expected && strstr(cases[i].expected, lint_checks[id].name));
                if (!found)
                        fail_msg("no case finds %s", lint_checks[id].name);
        }
}

static void test_words(void **state _unused_)
{
        static const LintWord words[] = { { LINT_SECRET, "s3cr3t-word" }, { LINT_BUILD_PATH, "/srv/build" },
                                          { LINT_BUILD_HOST, "builder7" }, { LINT_PROXY, "proxy.example:3128" } };
        static const File files[] = {
                { .path = "a", .content = "x\nys3cr3t-wordy\n" },
                { .path = "b", .content = "/srv/builder /srv/build-2\n/srv/build/x" },
                { .path = "c", .content = "mybuilder7 builder7b x.builder7\nroot@builder7\n" },
                { .path = "d", .content = "via http://proxy.example:3128/" },
                { .path = "e", .content = "\0s3cr3t-word", .size_bytes = 12 },
                { 0 },
        };
        _cleanup_lint_report_ LintReport report = { 0 };
        _cleanup_free_ char *found = lint_files(files, NULL, words, ELEMENTS(words), &report);

        assert_string_equal(found, "secret /a holds a secret that the build was given (line 2)\n"
                                   "proxy /d names the proxy of the machine that built (line 1)\n"
                                   "build-path /b names a folder of the machine that built: /srv/build (line 2)\n"
                                   "build-host /c holds the name of the machine that built: builder7 (line 2)\n");
        assert_int_equal(report.n_errors, 3);
        assert_int_equal(report.n_warnings, 1);
}

/* Of a long text all of it is looked at, and the line is right. */
static void test_long_text(void **state _unused_)
{
        static const size_t places[] = { 0, ((size_t) 8 << 20) - 10, (size_t) 20 << 20 };
        size_t size_bytes = (size_t) 21 << 20;
        _cleanup_free_ char *text = malloc(size_bytes);

        assert_non_null(text);
        for (size_t i = 0; i < ELEMENTS(places); i++) {
                char expected[100];
                memset(text, '\n', size_bytes);
                memcpy(text + places[i], KEY, strlen(KEY));
                const File files[] = { { .path = "a", .content = text, .size_bytes = size_bytes }, { 0 } };
                _cleanup_lint_report_ LintReport report = { 0 };
                _cleanup_free_ char *found = lint_files(files, NULL, NULL, 0, &report);
                snprintf(expected, sizeof expected, "private-key /a holds a private key (line %zu)\n", places[i] + 1);
                assert_string_equal(found, expected);
        }
}

static void md5_line(const char *content, const char *path, char ret_line[static 200])
{
        unsigned char md5[EVP_MAX_MD_SIZE];
        unsigned size = 0;
        char hex[33];

        assert_int_equal(EVP_Digest(content, strlen(content), md5, &size, EVP_md5(), NULL), 1);
        hex_encode(md5, size, hex);
        snprintf(ret_line, 200, "%s  %s\n", hex, path);
}

static void test_packaged(void **state _unused_)
{
        char library[200], example[200], changed[200], conffile[300], line[200];
        md5_line(KEY, "usr/lib/a.pem", library);
        md5_line(KEY, "usr/share/doc/a/b.pem", example);
        md5_line("other", "usr/lib/c.pem", changed);
        md5_line("/srv/build\n", "", line);
        snprintf(conffile, sizeof conffile,
                 "Package: a\nStatus: install ok installed\nConffiles:\n /etc/a.conf %.32s\n", line);
        const LintWord words[] = { { LINT_BUILD_PATH, "/srv/build" } };
        const File sorted[] = {
                { .path = "etc/a.conf", .content = "/srv/build\n" },
                { .path = "etc/b.conf", .content = "/srv/build\n" },
                { .path = "usr/lib/a.pem", .content = KEY },
                { .path = "usr/lib/c.pem", .content = KEY },
                { .path = "usr/share/doc/a/b.pem", .content = KEY },
                { .path = "var/lib/dpkg/info/a.md5sums", .content = library },
                { .path = "var/lib/dpkg/info/b.md5sums", .content = example },
                { .path = "var/lib/dpkg/info/c.md5sums", .content = changed },
                { .path = "var/lib/dpkg/status", .content = conffile },
                { 0 },
        };
        /* dpkg's lists first: they are read again */
        const File turned[] = { sorted[5], sorted[6], sorted[7], sorted[8], sorted[0], sorted[1], sorted[2], sorted[3],
                                sorted[4], { 0 } };
        static const char expected[] =
                "private-key /usr/lib/c.pem holds a private key (line 1)\n"
                "packaged-key /usr/lib/a.pem holds a private key (line 1)\n"
                "build-path /etc/b.conf names a folder of the machine that built: /srv/build (line 1)\n";

        for (int i = 0; i < 2; i++) {
                _cleanup_lint_report_ LintReport report = { 0 };
                _cleanup_free_ char *found = lint_files(i == 0 ? sorted : turned, NULL, words, 1, &report);
                assert_string_equal(found, expected);
        }
}

static void allow(LintAllows *allows, const char *text)
{
        _cleanup_error_ Error error = ERROR_INIT;

        if (lint_allow_add(allows, text, true, &error) < 0)
                fail_msg("%s: %s", text, error.message);
}

static void test_allowed(void **state _unused_)
{
        static const File files[] = {
                { .path = "a", .content = KEY },
                { .path = "b/c", .content = KEY },
                { .path = "d", .mode = 0666 },
                { 0 },
        };
        _cleanup_lint_allows_ LintAllows allows = { 0 };
        _cleanup_lint_report_ LintReport report = { 0 };
        allow(&allows, "private-key:/b/* it is the key of a test");
        allow(&allows, "hostname never there");
        allow(&allows, "world-writable  all of them ");
        _cleanup_free_ char *found = lint_files(files, &allows, NULL, 0, &report);

        assert_string_equal(found, "private-key /a holds a private key (line 1)\n"
                                   "allowed private-key /b/c holds a private key (line 1)\n"
                                   "allowed world-writable /d has mode 0666: everybody may write to it\n");
        assert_string_equal(report.items[1].allow->reason, "it is the key of a test");
        assert_int_equal(report.n_errors, 1);
        assert_int_equal(report.n_allowed, 2);
        assert_int_equal(allows.items[0].n_used, 1);
        assert_int_equal(allows.items[1].n_used, 0);
}

static void test_allow_errors(void **state _unused_)
{
        static const struct {
                const char *text, *message, *hint;
        } wrong[] = {
                { "private-kei x", "there is no check \"private-kei\"", "did you mean \"private-key\"?" },
                { "zzzzzzzzzzzz x", "there is no check \"zzzzzzzzzzzz\"", "all checks: templar help lint" },
                { "private-key", "it takes a reason why \"private-key\" is right here",
                  "as in: private-key:/path the machines of this image are thrown away after each test" },
                { "private-key:/a", "it takes a reason why \"private-key\" is right here", NULL },
                { "private-key:a b",
                  "what follows \"private-key:\" is a path in the image; expected one that starts with \"/\"", NULL },
                { "private-key: b",
                  "what follows \"private-key:\" is a path in the image; expected one that starts with \"/\"", NULL },
                { "tar-devices x", "\"tar-devices\" can't be allowed: hosts would refuse the image", NULL },
        };

        for (size_t i = 0; i < ELEMENTS(wrong); i++) {
                _cleanup_lint_allows_ LintAllows allows = { 0 };
                _cleanup_error_ Error error = ERROR_INIT;
                assert_int_equal(lint_allow_add(&allows, wrong[i].text, true, &error), -EINVAL);
                assert_int_equal(error.kind, ERROR_USAGE);
                assert_string_equal(error.message, wrong[i].message);
                if (wrong[i].hint)
                        assert_string_equal(error.hint, wrong[i].hint);
        }
        _cleanup_lint_allows_ LintAllows allows = { 0 };
        assert_int_equal(lint_allow_add(&allows, "private-key", false, NULL), 0);
        assert_string_equal(allows.items[0].reason, "");
}

static void test_error(void **state _unused_)
{
        File files[61] = { { 0 } };
        char names[60][20];
        _cleanup_error_ Error error = ERROR_INIT;
        _cleanup_lint_report_ LintReport report = { 0 };

        for (size_t i = 0; i < ELEMENTS(names); i++) {
                snprintf(names[i], sizeof names[i], "f%02zu\n", i);
                files[i] = (File){ .path = names[i], .mode = 0666 };
        }
        free(lint_files(files, NULL, NULL, 0, &report));
        assert_int_equal(report.n_items, LINT_LISTED);
        assert_int_equal(report.n_found[LINT_WORLD_WRITABLE], 60);
        assert_int_equal(lint_report_error(&report, &error), -EBADMSG);
        assert_string_equal(error.message, "The image is not fit to be given away: 60 findings");
        assert_true(string_starts_with(error.detail,
                                       "world-writable: /f00\\x0a has mode 0666: everybody may write to it\n"));
        assert_true(string_ends_with(error.detail, "\n... and 40 more"));
        assert_string_equal(error.hint,
                            "Every user and every service may change it. chmod o-w, or for directories chmod +t. "
                            "Where it is right, say why in the recipe: [Image] "
                            "Allow=world-writable:/f00\\x0a REASON");
        lint_report_done(&report);
        assert_int_equal(lint_report_error(&report, NULL), 0);
}

static void test_damaged(void **state _unused_)
{
        _cleanup_error_ Error error = ERROR_INIT;
        _cleanup_lint_report_ LintReport report = { 0 };
        _cleanup_close_ int fd = memory_file();

        assert_int_equal(write_all(fd, "no archive", 10), 0);
        assert_int_equal(lint_image(fd, &(LintOptions){ 0 }, &report, &error), -EBADMSG);
        assert_true(string_starts_with(error.message, "It is no archive that libarchive can read"));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_cases),        cmocka_unit_test(test_all_checks_have_a_case),
                cmocka_unit_test(test_words),        cmocka_unit_test(test_long_text),
                cmocka_unit_test(test_packaged),     cmocka_unit_test(test_allowed),
                cmocka_unit_test(test_allow_errors), cmocka_unit_test(test_error),
                cmocka_unit_test(test_damaged),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
