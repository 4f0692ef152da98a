/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "stages/clean.h"

#include "stage_fixture.h"

#include <time.h>

#define EPOCH_SEC (20000 * (int64_t) 86400 + 12345)

/* What a tree holds after a build that did everything, and things beside it that no entry may touch. */
static const TreeEntry built[] = {
        { "/etc/hostname", "builder\n", 0 },
        { "/etc/hosts", "127.0.0.1 localhost\n", 0 },
        { "/etc/machine-id", "0123456789abcdef0123456789abcdef\n", 0 },
        { "/etc/resolv.conf", "nameserver 192.0.2.1\n", 0 },
        { "/etc/passwd", "root:x:0:0::/root:/bin/sh\n", 0 },
        { "/etc/passwd-", "old", 0 },
        { "/etc/group-", "old", 0 },
        { "/etc/shadow-", "old", 0600 },
        { "/etc/gshadow-", "old", 0600 },
        { "/etc/subuid-", "old", 0 },
        { "/etc/subgid-", "old", 0 },
        { "/etc/.pwd.lock", "", 0600 },
        { "/etc/shadow", "root:$y$x:20001:0:99999:7:::\ndaemon:*:19999:0:99999:7:::\nbin:*::0:::::\n", 0640 },
        { "/etc/nvme/hostid", "x", 0 },
        { "/etc/nvme/hostnqn", "x", 0 },
        { "/etc/nvme/discovery.conf", "x", 0 },
        { "/etc/iscsi/initiatorname.iscsi", "# x\nInitiatorName=iqn.1993-08.org.debian:01:0123\n", 0600 },
        { "/etc/popularity-contest.conf", "x", 0 },
        { "/etc/cron.d/popularity-contest", "x", 0 },
        { "/etc/bind/rndc.key", "secret", 0640 },
        { "/etc/bind/named.conf", "x", 0 },
        { "/etc/munge/munge.key", "secret", 0600 },
        { "/etc/ssl/private/ssl-cert-snakeoil.key", "secret", 0640 },
        { "/etc/ssl/private/own.key", "secret", 0640 },
        { "/etc/ssl/certs/ssl-cert-snakeoil.pem", "x", 0 },
        { "/etc/ssl/certs/0123abcd.0", "-> ssl-cert-snakeoil.pem", 0 },
        { "/etc/ssl/certs/4567abcd.0", "-> own.pem", 0 },
        { "/etc/shells", "# shells\n/bin/sh\n/bin/bash\n/bin/sh\n", 0 },
        { "/usr/share/info/dir", "Top\n\n* Menu:\n\nB\n* b: (b).\n  more\n* a: (a).\n\nA\n* c: (c).\n", 0 },
        { "/usr/share/info/dir.old", "x", 0 },
        { "/opt/app/made.py", "x = 1", 0 },
        { "/opt/app/__pycache__/made.cpython-311.pyc", "\xa7\r\r\n....0123456789", 0 },
        { "/opt/app/__pycache__/text.pyc", "none", 0 },
        { "/etc/ssh/ssh_host_rsa_key", "secret", 0600 },
        { "/etc/ssh/ssh_host_rsa_key.pub", "public", 0 },
        { "/etc/ssh/ssh_config", "Host *\n", 0 },
        { "/dev/null", "", 0 },
        { "/dev/fd", "-> /proc/self/fd", 0 },
        { "/root/.cache/pip/x", "x", 0 },
        { "/root/.profile", "x", 0 },
        { "/run/lock/x", "x", 0 },
        { "/tmp/.hidden/x", "x", 0 },
        { "/var/tmp/x", "x", 0 },
        { "/var/backups/dpkg.status.0", "x", 0 },
        { "/var/cache/apt/archives/a_1_amd64.deb", "x", 0 },
        { "/var/cache/apt/archives/lock", "", 0640 },
        { "/var/cache/apt/archives/partial/b.deb", "x", 0 },
        { "/var/cache/apt/pkgcache.bin", "x", 0 },
        { "/var/cache/apt/srcpkgcache.bin", "x", 0 },
        { "/var/cache/debconf/config.dat", "x", 0 },
        { "/var/cache/debconf/config.dat-old", "x", 0 },
        { "/var/cache/fontconfig/x.cache", "x", 0 },
        { "/var/cache/ldconfig/aux-cache", "x", 0600 },
        { "/var/cache/man/de/index.db", "x", 0 },
        { "/var/lib/apt/extended_states", "x", 0 },
        { "/var/lib/apt/lists/x_Packages", "x", 0 },
        { "/var/lib/apt/lists/partial/", "", 0700 },
        { "/var/lib/dbus/machine-id", "0123456789abcdef0123456789abcdef\n", 0 },
        { "/var/lib/dpkg/status", "x", 0 },
        { "/var/lib/dpkg/status-old", "x", 0 },
        { "/var/lib/systemd/random-seed", "x", 0600 },
        { "/var/lib/systemd/credential.secret", "x", 0600 },
        { "/var/lib/systemd/deb-systemd-helper-enabled/x", "x", 0 },
        { "/var/lib/urandom/random-seed", "x", 0600 },
        { "/var/log/apt/history.log", "x", 0 },
        { "/var/log/btmp", "x", 0660 },
        { "/var/log/dpkg.log", "x", 0 },
        { "/var/log/journal/0123/system.journal", "x", 0 },
        { "/var/log/lastlog", "-> ../../etc/passwd", 0 },
        { "/var/log/wtmp", "x", 0664 },
        { NULL, NULL, 0 },
};

typedef struct Effect {
        const char *entry;
        const char *gone; /* lines that are not there any more */
        const char *come; /* new ones */
} Effect;

static const Effect effects[] = {
        { "hostname", "/etc/hostname 0644 0:0 \"builder|\"\n", "" },
        { "machine-id",
          "/etc/machine-id 0644 0:0 \"0123456789abcdef0123456789abcdef|\"\n"
          "/var/lib/dbus/machine-id 0644 0:0 \"0123456789abcdef0123456789abcdef|\"\n",
          "/etc/machine-id 0444 0:0 \"\"\n" },
        { "host-ids",
          "/etc/cron.d/popularity-contest 0644 0:0 \"x\"\n"
          "/etc/iscsi/initiatorname.iscsi 0600 0:0 \"# x|InitiatorName=iqn.1993-08.org.debian:01:0123|\"\n"
          "/etc/nvme/hostid 0644 0:0 \"x\"\n/etc/nvme/hostnqn 0644 0:0 \"x\"\n"
          "/etc/popularity-contest.conf 0644 0:0 \"x\"\n",
          "/etc/iscsi/initiatorname.iscsi 0600 0:0 \"GenerateName=yes|\"\n" },
        { "ssh-host-keys",
          "/etc/ssh/ssh_host_rsa_key 0600 0:0 \"secret\"\n/etc/ssh/ssh_host_rsa_key.pub 0644 0:0 \"public\"\n", "" },
        { "host-secrets",
          "/etc/bind/rndc.key 0640 0:0 \"secret\"\n/etc/munge/munge.key 0600 0:0 \"secret\"\n"
          "/etc/ssl/certs/0123abcd.0 -> ssl-cert-snakeoil.pem\n/etc/ssl/certs/ssl-cert-snakeoil.pem 0644 0:0 \"x\"\n"
          "/etc/ssl/private/ssl-cert-snakeoil.key 0640 0:0 \"secret\"\n",
          "" },
        { "random-seed",
          "/var/lib/systemd/credential.secret 0600 0:0 \"x\"\n/var/lib/systemd/random-seed 0600 0:0 \"x\"\n"
          "/var/lib/urandom/random-seed 0600 0:0 \"x\"\n",
          "" },
        { "resolv-conf", "/etc/resolv.conf 0644 0:0 \"nameserver 192.0.2.1|\"\n", "" },
        { "apt-lists", "/var/lib/apt/lists/partial/ 0700 0:0\n/var/lib/apt/lists/x_Packages 0644 0:0 \"x\"\n", "" },
        { "apt-archives",
          "/var/cache/apt/archives/a_1_amd64.deb 0644 0:0 \"x\"\n/var/cache/apt/archives/lock 0640 0:0 \"\"\n"
          "/var/cache/apt/archives/partial/b.deb 0644 0:0 \"x\"\n/var/cache/apt/pkgcache.bin 0644 0:0 \"x\"\n"
          "/var/cache/apt/srcpkgcache.bin 0644 0:0 \"x\"\n",
          "" },
        { "dpkg-backups",
          "/var/backups/dpkg.status.0 0644 0:0 \"x\"\n/var/cache/debconf/config.dat-old 0644 0:0 \"x\"\n"
          "/var/lib/dpkg/status-old 0644 0:0 \"x\"\n",
          "" },
        { "passwd-backups",
          "/etc/.pwd.lock 0600 0:0 \"\"\n/etc/group- 0644 0:0 \"old\"\n/etc/gshadow- 0600 0:0 \"old\"\n"
          "/etc/passwd- 0644 0:0 \"old\"\n/etc/shadow- 0600 0:0 \"old\"\n/etc/subgid- 0644 0:0 \"old\"\n"
          "/etc/subuid- 0644 0:0 \"old\"\n",
          "" },
        { "shadow-days",
          "/etc/shadow 0640 0:0 \"root:$y$x:20001:0:99999:7:::|daemon:*:19999:0:99999:7:::|bin:*::0:::::|\"\n",
          "/etc/shadow 0640 0:0 \"root:$y$x:20000:0:99999:7:::|daemon:*:19999:0:99999:7:::|bin:*::0:::::|\"\n" },
        { "order",
          "/etc/shells 0644 0:0 \"# shells|/bin/sh|/bin/bash|/bin/sh|\"\n"
          "/usr/share/info/dir 0644 0:0 \"Top||* Menu:||B|* b: (b).|  more|* a: (a).||A|* c: (c).|\"\n"
          "/usr/share/info/dir.old 0644 0:0 \"x\"\n",
          "/etc/shells 0644 0:0 \"# shells|/bin/bash|/bin/sh|\"\n"
          "/usr/share/info/dir 0644 0:0 \"Top||* Menu:||A|* c: (c).||B|* a: (a).|* b: (b).|  more|\"\n" },
        { "times", "", "" },
        { "python-caches", "/opt/app/__pycache__/made.cpython-311.pyc 0644 0:0 \"\xa7\r\r|....0123456789\"\n", "" },
        { "logs",
          "/var/log/apt/history.log 0644 0:0 \"x\"\n/var/log/btmp 0660 0:0 \"x\"\n/var/log/dpkg.log 0644 0:0 \"x\"\n"
          "/var/log/journal/0123/ 0755 0:0\n/var/log/journal/0123/system.journal 0644 0:0 \"x\"\n"
          "/var/log/lastlog -> ../../etc/passwd\n/var/log/wtmp 0664 0:0 \"x\"\n",
          "/var/log/btmp 0660 0:0 \"\"\n/var/log/wtmp 0664 0:0 \"\"\n" },
        { "caches",
          "/root/.cache/pip/ 0755 0:0\n/root/.cache/pip/x 0644 0:0 \"x\"\n/var/cache/fontconfig/x.cache 0644 0:0 "
          "\"x\"\n"
          "/var/cache/ldconfig/aux-cache 0600 0:0 \"x\"\n/var/cache/man/de/index.db 0644 0:0 \"x\"\n",
          "" },
        { "tmp",
          "/run/lock/ 0755 0:0\n/run/lock/x 0644 0:0 \"x\"\n/tmp/.hidden/ 0755 0:0\n/tmp/.hidden/x 0644 0:0 \"x\"\n"
          "/var/tmp/x 0644 0:0 \"x\"\n",
          "" },
        { "dev", "/dev/fd -> /proc/self/fd\n/dev/null 0644 0:0 \"\"\n", "" },
};

/* The lines of `a` that `b` lacks. */
static char *lines_without(const char *a, const char *b)
{
        _cleanup_strv_ char **lines = strv_split(a, "\n"), **others = strv_split(b, "\n");
        _cleanup_buffer_ Buffer buffer = BUFFER_INIT;

        assert_int_equal(buffer_append_string(&buffer, ""), 0);
        for (char **line = lines; *line; line++)
                if (!strv_contains(others, *line))
                        assert_int_equal(buffer_printf(&buffer, "%s\n", *line), 0);
        return buffer_take(&buffer) ?: strdup("");
}

static char **all_names_but(const char *name)
{
        char **names = NULL;

        for (const char *const *other = clean_names; *other; other++)
                if (!name || strcmp(*other, name) != 0)
                        assert_int_equal(strv_append(&names, *other), 0);
        return names;
}

static void test_every_entry_does_its_own_only(void **state)
{
        (void) state;
        for (size_t i = 0; i < ELEMENTS(effects); i++) {
                assert_int_equal(fixture_setup(NULL), 0);
                plant_tree(built);
                _cleanup_strv_ char **keep = all_names_but(effects[i].entry);
                _cleanup_free_ char *before = show_tree();
                assert_ok(clean_run(fixture.sandbox, &fixture.tree, keep, EPOCH_SEC, time(NULL), &fixture.error));
                _cleanup_free_ char *after = show_tree();
                _cleanup_free_ char *gone = lines_without(before, after), *come = lines_without(after, before);
                if (strcmp(gone, effects[i].gone) != 0 || strcmp(come, effects[i].come) != 0)
                        print_error("entry %s\n", effects[i].entry);
                assert_string_equal(gone, effects[i].gone);
                assert_string_equal(come, effects[i].come);
                assert_int_equal(fixture_teardown(NULL), 0);
        }
}

static void test_table_is_whole(void **state)
{
        size_t n = 0;

        (void) state;
        for (; clean_entries[n].name; n++) {
                assert_string_equal(clean_entries[n].name, clean_names[n]);
                assert_true(strlen(clean_entries[n].help) > 10);
        }
        assert_null(clean_names[n]);
        assert_int_equal(n, ELEMENTS(effects));
        for (size_t i = 0; i < n; i++)
                assert_true(strv_contains((char *const *) clean_names, effects[i].entry));
}

static void test_all_kept(void **state)
{
        _cleanup_strv_ char **keep = all_names_but(NULL);

        (void) state;
        plant_tree(built);
        _cleanup_free_ char *before = show_tree();
        assert_ok(clean_run(fixture.sandbox, &fixture.tree, keep, EPOCH_SEC, time(NULL), &fixture.error));
        assert_tree(before);
}

static void test_twice_is_once(void **state)
{
        (void) state;
        plant_tree(built);
        assert_ok(clean_run(fixture.sandbox, &fixture.tree, NULL, EPOCH_SEC, time(NULL), &fixture.error));
        _cleanup_free_ char *once = show_tree();
        assert_ok(clean_run(fixture.sandbox, &fixture.tree, NULL, EPOCH_SEC, time(NULL), &fixture.error));
        assert_tree(once);
}

static void test_empty_tree(void **state)
{
        (void) state;
        assert_ok(clean_run(fixture.sandbox, &fixture.tree, NULL, EPOCH_SEC, time(NULL), &fixture.error));
        assert_tree("");
}

/* Links in the place of directories and files that the table names, to the host and to other parts of the tree. */
static void test_links_lead_nowhere(void **state)
{
        _cleanup_free_ char *outside = path_join(fixture.directory, "outside");
        _cleanup_free_ char *file = path_join(fixture.directory, "outside/precious");
        _cleanup_free_ char *to_outside = NULL, *to_file = NULL;

        (void) state;
        assert_int_equal(mkdir(outside, 0777), 0);
        assert_int_equal(chmod(outside, 0777), 0);
        assert_int_equal(chmod(fixture.directory, 0755), 0);
        assert_ok(write_file_atomic(AT_FDCWD, file, "x", 1, 0666, &fixture.error));
        assert_true(asprintf(&to_outside, "-> %s", outside) > 0);
        assert_true(asprintf(&to_file, "-> %s", file) > 0);
        const TreeEntry planted[] = {
                { "/etc/precious", "x", 0 },
                { "/etc/hostname", "-> precious", 0 },
                { "/etc/machine-id", to_file, 0 },
                { "/etc/resolv.conf", "-> ../run/systemd/resolve/stub-resolv.conf", 0 },
                { "/etc/shadow", "-> precious", 0 },
                { "/run", "-> /etc", 0 },
                { "/tmp", to_outside, 0 },
                { "/var/backups", "-> /", 0 },
                { "/var/cache/apt", "-> /etc", 0 },
                { "/var/cache/man/link", "-> /etc/precious", 0 },
                { "/var/cache/man/directory", "-> /etc", 0 },
                { "/var/lib/dbus/machine-id", "-> /etc/machine-id", 0 },
                { "/var/log", "-> /etc", 0 },
                { "/var/tmp", to_outside, 0 },
                { NULL, NULL, 0 },
        };
        plant_tree(planted);
        assert_ok(clean_run(fixture.sandbox, &fixture.tree, NULL, EPOCH_SEC, time(NULL), &fixture.error));
        _cleanup_free_ char *expected = NULL;
        assert_true(asprintf(&expected,
                             "/etc/ 0755 0:0\n"
                             "/etc/machine-id 0444 0:0 \"\"\n"
                             "/etc/precious 0644 0:0 \"x\"\n"
                             "/etc/resolv.conf -> ../run/systemd/resolve/stub-resolv.conf\n"
                             "/etc/shadow -> precious\n"
                             "/run -> /etc\n"
                             "/tmp %s\n"
                             "/var/ 0755 0:0\n"
                             "/var/backups -> /\n"
                             "/var/cache/ 0755 0:0\n"
                             "/var/cache/apt -> /etc\n"
                             "/var/cache/man/ 0755 0:0\n"
                             "/var/lib/ 0755 0:0\n"
                             "/var/lib/dbus/ 0755 0:0\n"
                             "/var/lib/dbus/machine-id -> /etc/machine-id\n"
                             "/var/log -> /etc\n"
                             "/var/tmp %s\n",
                             to_outside, to_outside) > 0);
        assert_tree(expected);
        assert_int_equal(access(file, F_OK), 0);
}

static void test_odd_kinds_of_files(void **state)
{
        static const TreeEntry planted[] = {
                { "/etc/hostname/x", "a directory", 0 }, { "/etc/machine-id/x", "a directory", 0 },
                { "/var/log/wtmp", "fifo", 0 },          { "/var/log/btmp/x", "a directory", 0 },
                { "/var/cache/ldconfig", "a file", 0 },  { NULL, NULL, 0 },
        };

        (void) state;
        plant_tree(planted);
        assert_ok(clean_run(fixture.sandbox, &fixture.tree, NULL, EPOCH_SEC, time(NULL), &fixture.error));
        assert_tree("/etc/ 0755 0:0\n/etc/machine-id 0444 0:0 \"\"\n/var/ 0755 0:0\n/var/cache/ 0755 0:0\n"
                    "/var/cache/ldconfig 0644 0:0 \"a file\"\n/var/log/ 0755 0:0\n/var/log/btmp/ 0755 0:0\n");
}

static void test_entry_of_path(void **state)
{
        static const struct {
                const char *path, *entry;
        } cases[] = {
                { "/etc/hostname", "hostname" },
                { "/etc/hostname.d/x", NULL },
                { "/var/log/nginx/x", "logs" },
                { "/var/log/wtmp", "logs" },
                { "/var/logs", NULL },
                { "/etc/ssh/ssh_host_x_key", "ssh-host-keys" },
                { "/etc/ssh/sshd_config", NULL },
                { "/tmp/x", "tmp" },
                { "/etc/shadow", NULL },
                { "/etc/shells", NULL },
                { "/opt/x.pyc", NULL },
                { "/etc/bind/rndc.key", "host-secrets" },
                { "/etc/machine-id", "machine-id" },
                { "/etc", NULL },
                { "/dev/null", "dev" },
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTS(cases); i++) {
                const char *entry = clean_entry_of(cases[i].path);
                if (!string_equal(entry, cases[i].entry))
                        print_error("%s: %s\n", cases[i].path, entry ?: "none");
                assert_true(string_equal(entry, cases[i].entry));
        }
}

int main(int argc, char **argv)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_table_is_whole),
                cmocka_unit_test(test_every_entry_does_its_own_only),
                cmocka_unit_test_setup_teardown(test_all_kept, fixture_setup, fixture_teardown),
                cmocka_unit_test_setup_teardown(test_twice_is_once, fixture_setup, fixture_teardown),
                cmocka_unit_test_setup_teardown(test_empty_tree, fixture_setup, fixture_teardown),
                cmocka_unit_test_setup_teardown(test_links_lead_nowhere, fixture_setup, fixture_teardown),
                cmocka_unit_test_setup_teardown(test_odd_kinds_of_files, fixture_setup, fixture_teardown),
                cmocka_unit_test(test_entry_of_path),
        };

        sandbox_init_hook(argc, argv);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
