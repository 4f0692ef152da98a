/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "packages_fixture.h"

#include "packages/apt_internal.h"
#include "packages/dpkg_output.h"
#include "packages/guard.h"
#include "packages/marks.h"
#include "packages/status.h"

static void test_compare_versions(void **state)
{
        (void) state;
        /* each smaller than the next; those with "=" are equal to the one before */
        static const char *const ascending[] = {
                "~~",      "~~a",     "~",         "0",         "=00",        "=0:0",       "0.1",      "0.1a",
                "1.0~beta1~svn1245", "1.0~beta1",  "1.0-~1",    "1.0-0~1",    "1.0",        "=1.00",    "=1.0-0",
                "1.0-0.1", "1.0-1~bpo1", "1.0-1",  "1.0-1+b1",  "1.0-1.1",    "1.0-2",      "1.0-10",   "1.0a-1",
                "1.0+dfsg-1", "1.0.0-1", "1.1",    "1.9",       "1.10",       "1.10b",      "2",        "=2-0",
                "10",      "18446744073709551617", "18446744073709551618",    "1:0",        "1:1.0-1",  "2:0",
                "10:0",
        };
        const char *before = ascending[0];

        for (size_t i = 1; i < ELEMENTS(ascending); i++) {
                bool equal = *ascending[i] == '=';
                const char *next = ascending[i] + equal;
                int r = dpkg_compare_versions(before, next), reverse = dpkg_compare_versions(next, before);
                if (equal ? r != 0 || reverse != 0 : r >= 0 || reverse <= 0)
                        print_error("%s and %s: %d, %d\n", before, next, r, reverse);
                assert_true(equal ? r == 0 && reverse == 0 : r < 0 && reverse > 0);
                assert_int_equal(dpkg_compare_versions(next, next), 0);
                before = next;
        }
}

/* The same table, asked of dpkg itself. */
static void test_compare_as_dpkg(void **state)
{
        (void) state;
        static const char *const versions[] = { "0.1", "1.0", "1.0~rc1", "1.0-1", "1.0-1+b1", "1:0.9", "1.0a", "1.0.0",
                                                "2.36-9+deb12u9", "2.36-9", "7.88.1-10+deb12u8", "0~0" };

        for (size_t i = 0; i < ELEMENTS(versions); i++)
                for (size_t j = 0; j < ELEMENTS(versions); j++) {
                        const char *const argv[] = { "dpkg", "--compare-versions", versions[i],
                                                     "lt",   versions[j],          NULL };
                        ProcessCommand command = { .argv = argv, .stdin_fd = -1 };
                        int status = -1;
                        if (process_run_status(&command, &status, NULL) < 0) {
                                print_message("dpkg can't be run\n");
                                skip();
                        }
                        assert_int_equal(dpkg_compare_versions(versions[i], versions[j]) < 0, status == 0);
                }
}

static void test_status(void **state)
{
        (void) state;
        static const char text[] =
                "Package: zlib1g\nStatus: install ok installed\nArchitecture: i386\nMulti-Arch: same\n"
                "Source: zlib (1:1.2.13.dfsg-1)\nVersion: 1:1.2.13.dfsg-1+b1\nDescription: compression\n library\n "
                ".\n more\n\n"
                "Package: zlib1g\nStatus: hold ok installed\nArchitecture: amd64\nSource: zlib\nVersion: 1:1.2.13\n\n"
                "Package: gone\nStatus: deinstall ok config-files\nArchitecture: amd64\nVersion: 1\n"
                "Conffiles:\n /etc/gone 00\n\n"
                "Package: never\nStatus: unknown ok not-installed\nArchitecture: amd64\n\n"
                "Package: half\nStatus: install ok half-configured\nArchitecture: all\nVersion: 2\n";
        static const char *const expected[][5] = {
                { "half", "2", "all", "half", "2" },
                { "zlib1g", "1:1.2.13", "amd64", "zlib", "1:1.2.13" },
                { "zlib1g", "1:1.2.13.dfsg-1+b1", "i386", "zlib", "1:1.2.13.dfsg-1" },
        };
        _cleanup_dpkg_list_ DpkgList list = { 0 }, none = { 0 };
        _cleanup_error_ Error error = ERROR_INIT;

        assert_int_equal(status_parse(text, &list, NULL), 0);
        assert_int_equal(list.n_items, ELEMENTS(expected));
        for (size_t i = 0; i < ELEMENTS(expected); i++) {
                assert_string_equal(list.items[i].name, expected[i][0]);
                assert_string_equal(list.items[i].version, expected[i][1]);
                assert_string_equal(list.items[i].architecture, expected[i][2]);
                assert_string_equal(list.items[i].source, expected[i][3]);
                assert_string_equal(list.items[i].source_version, expected[i][4]);
        }
        assert_ptr_equal(dpkg_list_find(&list, "zlib1g"), &list.items[1]);
        assert_ptr_equal(dpkg_list_find(&list, "half"), &list.items[0]);
        assert_null(dpkg_list_find(&list, "gone"));
        assert_null(dpkg_list_find(&list, ""));
        assert_int_equal(status_parse("", &none, NULL), 0);
        assert_int_equal(none.n_items, 0);
        assert_int_equal(status_parse("Package: a\nrubbish\n", &none, &error), -EINVAL);
        assert_string_equal(error.message, "dpkg's status file is damaged at line 2");
}

static void test_blame(void **state)
{
        (void) state;
        static const struct {
                const char *lines, *message;
        } cases[] = {
                { "Setting up makedev (2.3.1-97) ...\nmknod: Operation not permitted\n"
                  "dpkg: error processing package makedev (--configure):\n"
                  " installed makedev package post-installation script subprocess returned error exit status 1\n"
                  "dpkg: error processing package x (--configure):\n dependency problems - leaving unconfigured\n",
                  "The post-installation script of makedev failed with status 1" },
                /* dpkg 1.18 */
                { "dpkg: error processing package makedev (--configure):\n"
                  " subprocess installed post-installation script returned error exit status 2\n",
                  "The post-installation script of makedev failed with status 2" },
                { "dpkg: dependency problems prevent configuration of x:\n x depends on y; however:\n"
                  "dpkg: error processing package x (--configure):\n dependency problems - leaving unconfigured\n"
                  "dpkg: error processing package y:amd64 (--configure):\n"
                  " installed y:amd64 package post-installation script subprocess was killed by signal (Killed)\n",
                  "The post-installation script of y:amd64 was killed by signal (Killed)" },
                { "dpkg: error processing archive /run/templar/packages/tt-x_1%3a2_all.deb (--unpack):\n"
                  " trying to overwrite '/etc/x', which is also in package tt-y 1.0\n",
                  "dpkg can't unpack tt-x: trying to overwrite '/etc/x', which is also in package tt-y 1.0" },
                { "dpkg: error processing archive /a/b_1_all.deb (--unpack):\n"
                  " new b package pre-installation script subprocess returned error exit status 77\n",
                  "The pre-installation script of b failed with status 77" },
                { "dpkg: error processing package x (--remove):\n dependency problems - not removing\n",
                  "dpkg can't remove x: dependency problems - not removing" },
                { "dpkg: warning: something\n", NULL },
        };

        for (size_t i = 0; i < ELEMENTS(cases); i++) {
                _cleanup_strv_ char **lines = strv_split(cases[i].lines, "\n");
                _cleanup_(dpkg_blame_done) DpkgBlame blame = { 0 };
                _cleanup_error_ Error error = ERROR_INIT;
                for (char **line = lines; *line; line++)
                        assert_int_equal(dpkg_blame_line(&blame, *line), 0);
                assert_int_equal(dpkg_blame_error(&blame, &error), cases[i].message ? -ECHILD : -ENODATA);
                if (cases[i].message)
                        assert_string_equal(error.message, cases[i].message);
        }
        static const struct {
                const char *line, *package;
        } lines[] = {
                { "Unpacking libc6:amd64 (2.36-9) over (2.36-8) ...", "libc6:amd64" },
                { "Setting up dbus (1.14) ...", "dbus" },
                { "Purging configuration files for x (1) ...", "x" },
                { "Removing x (1) ...", "x" },
                { "Setting up the database", NULL },
                { "Processing triggers for man-db (2) ...", NULL },
        };
        for (size_t i = 0; i < ELEMENTS(lines); i++) {
                size_t length = 0;
                const char *package = dpkg_line_package(lines[i].line, &length);
                assert_int_equal(package != NULL, lines[i].package != NULL);
                if (package) {
                        assert_int_equal(length, strlen(lines[i].package));
                        assert_memory_equal(package, lines[i].package, length);
                }
        }
}

#define MARK(name, architecture) "Package: " name "\nArchitecture: " architecture "\nAuto-Installed: 1\n\n"

static void test_marks(void **state)
{
        (void) state;
        static const char before[] = MARK("zz", "amd64") MARK("mm", "i386") MARK("mm", "amd64") MARK("aa", "amd64")
                "Package: off\nArchitecture: amd64\nAuto-Installed: 0\n\n";
        char *automatic[] = { (char *) "new", (char *) "bb:i386", (char *) "aa", NULL },
             *manual[] = { (char *) "mm", NULL };
        AptStep steps[] = { { APT_REMOVE, (char *) "zz" }, { APT_CONFIGURE, (char *) "aa" } };
        AptTransaction transaction = { .automatic = automatic, .manual = manual, .steps = steps, .n_steps = 2 };
        AptTransaction none = { 0 };
        _cleanup_buffer_ Buffer after = BUFFER_INIT, empty = BUFFER_INIT;

        assert_int_equal(marks_merge(before, &transaction, "amd64", &after), 0);
        assert_string_equal(after.data, MARK("aa", "amd64") MARK("bb", "i386") MARK("mm", "i386") MARK("new", "amd64"));
        assert_int_equal(marks_merge("", &none, "amd64", &empty), 0);
        assert_int_equal(empty.length, 0);
}

/* An apt on an archive of the tests; `packages` are made by the caller. */
static Apt *open_apt(const char *archive)
{
        _cleanup_free_ char *cache = fixture_path("cache"), *work = fixture_path("work"), *at = fixture_path(archive);
        _cleanup_free_ char *text = NULL;
        _cleanup_repository_list_ RepositoryList list = { 0 };
        _cleanup_apt_ Apt *apt = NULL;

        fixture_script("make-archive.sh", at, "stable", NULL);
        assert_ok(make_directories(cache, 0755, &fixture.error));
        assert_ok(make_directories(work, 0755, &fixture.error));
        AptOptions options = { fixture.sandbox, "amd64", cache, work, fixture.output, false, NULL };
        assert_ok(apt_open(&options, &apt, &fixture.error));
        assert_true(asprintf(&text, "deb [signed-by=%s/keyring.gpg] file:%s stable main", at, at) > 0);
        assert_ok(repository_parse(text, "test", "/", &list, &fixture.error));
        assert_ok(apt_update(apt, &list, NULL, &fixture.error));
        assert_ok(apt_select(apt, &list, NULL, &fixture.error));
        return TAKE_PTR(apt);
}

typedef struct Progress {
        size_t done, total;
        Buffer packages;
} Progress;

static void on_progress(size_t done, size_t total, const char *package, void *userdata)
{
        Progress *progress = userdata;

        progress->done = done;
        progress->total = total;
        if (buffer_printf(&progress->packages, "%s ", package) < 0)
                abort();
}

static int apply(Apt *apt, const SandboxTree *tree, const AptRequest *request, Progress *progress)
{
        _cleanup_transaction_ AptTransaction transaction = { 0 };

        assert_ok(apt_resolve(apt, tree, request, &transaction, &fixture.error));
        assert_ok(apt_download(apt, &transaction, NULL, NULL, &fixture.error));
        return dpkg_apply(fixture.sandbox, tree, apt, &transaction, NULL, fixture.output, progress ? on_progress : NULL,
                          progress, &fixture.error);
}

static int install(Apt *apt, const SandboxTree *tree, const char *package)
{
        char *packages[] = { (char *) package, NULL };
        AptRequest request = { .verb = APT_INSTALL, .packages = packages };

        return apply(apt, tree, &request, NULL);
}

/* Everything that the guard touches: the programs by content, the diversions by bytes. */
static const char guarded_state[] = "cat /var/lib/dpkg/diversions; ls /sbin /usr/sbin /usr/bin; dpkg --audit";

static void drop_tree(const char *name, SandboxTree *tree)
{
        _cleanup_free_ char *path = fixture_path(name);

        close(tree->directory_fd);
        assert_ok(sandbox_remove_tree(fixture.sandbox, path, &fixture.error));
}

static void test_apply(void **state)
{
        (void) state;
        _cleanup_free_ char *pool = NULL, *before = NULL;
        char *packages[] = { (char *) "tt-service", NULL };
        AptRequest request = { .verb = APT_INSTALL, .packages = packages };
        Progress progress = { 0 };

        need_sandbox();
        pool = fixture_path("apply/pool/main");
        fixture_script("make-deb.sh", pool, "tt-service", "1:1.0-1", "--field", "Depends: tt-library", "--conffile",
                       "etc/tt.conf=setting", "--script",
                       "postinst=start-stop-daemon --start x; /usr/sbin/policy-rc.d x start || echo policy $?; "
                       "echo $DEBIAN_FRONTEND >/var/frontend", NULL);
        fixture_script("make-deb.sh", pool, "tt-library", "1", NULL);
        _cleanup_apt_ Apt *apt = open_apt("apply");
        SandboxTree tree = fixture_tree("tree-apply", "merged");
        before = tree_run(&tree, guarded_state, 0);
        assert_ok(apply(apt, &tree, &request, &progress));
        assert_int_equal(progress.done, 4);
        assert_int_equal(progress.total, 4);
        assert_string_equal(progress.packages.data, "tt-library tt-service tt-library tt-service ");
        buffer_done(&progress.packages);
        assert_in_tree(&tree, guarded_state, before);
        assert_in_tree(&tree, "cat /etc/tt.conf /var/frontend /var/lib/apt/extended_states",
                       "setting\nnoninteractive\nPackage: tt-library\nArchitecture: amd64\nAuto-Installed: 1\n\n");
        _cleanup_free_ char *tail = output_tail(fixture.output);
        assert_non_null(strstr(tail, "start-stop-daemon: no service starts while an image is built"));
        assert_non_null(strstr(tail, "policy 101"));

        _cleanup_dpkg_list_ DpkgList list = { 0 };
        assert_ok(dpkg_list(fixture.sandbox, &tree, &list, &fixture.error));
        assert_int_equal(list.n_items, 2);
        assert_string_equal(dpkg_list_find(&list, "tt-service")->version, "1:1.0-1");

        /* asked for now, so it is no longer automatic; then removed with what depends on it */
        assert_ok(install(apt, &tree, "tt-library"));
        assert_in_tree(&tree, "cat /var/lib/apt/extended_states", "");
        packages[0] = (char *) "tt-library";
        request = (AptRequest){ .verb = APT_REMOVE_PACKAGES, .packages = packages, .purge = true };
        assert_ok(apply(apt, &tree, &request, NULL));
        assert_in_tree(&tree, "dpkg-query -W; ls /etc", "group\npasswd\n");
        assert_in_tree(&tree, guarded_state, before);
        drop_tree("tree-apply", &tree);
}

static void test_failing_script(void **state)
{
        (void) state;
        static const char *const layouts[] = { "merged", "split" };
        _cleanup_free_ char *pool = NULL;

        need_sandbox();
        pool = fixture_path("failing/pool/main");
        fixture_script("make-deb.sh", pool, "tt-bad", "1", "--script", "postinst=echo evidence; exit 3", NULL);
        fixture_script("make-deb.sh", pool, "tt-pre", "1", "--script", "preinst=exit 4", NULL);
        fixture_script("make-deb.sh", pool, "tt-rm", "1", "--script", "prerm=exit 5", NULL);
        _cleanup_apt_ Apt *apt = open_apt("failing");
        for (size_t i = 0; i < ELEMENTS(layouts); i++) {
                SandboxTree tree = fixture_tree("tree-failing", layouts[i]);
                _cleanup_free_ char *state_before =
                        tree_run(&tree, "cat /var/lib/dpkg/diversions; ls /sbin /usr/sbin", 0);
                assert_fails(install(apt, &tree, "tt-bad"),
                             "The post-installation script of tt-bad failed with status 3", NULL);
                assert_non_null(strstr(fixture.error.detail, "evidence"));
                assert_in_tree(&tree, "cat /var/lib/dpkg/diversions; ls /sbin /usr/sbin", state_before);
                assert_fails(install(apt, &tree, "tt-pre"),
                             "The pre-installation script of tt-pre failed with status 4", NULL);
                drop_tree("tree-failing", &tree);
                tree = fixture_tree("tree-failing", layouts[i]);
                assert_ok(install(apt, &tree, "tt-rm"));
                char *packages[] = { (char *) "tt-rm", NULL };
                AptRequest request = { .verb = APT_REMOVE_PACKAGES, .packages = packages };
                assert_fails(apply(apt, &tree, &request, NULL),
                             "The pre-removal script of tt-rm failed with status 5", NULL);
                drop_tree("tree-failing", &tree);
        }
}

/* Packages that bring along what stubs stand in for, and diversions and a policy of their own. */
static void test_guard(void **state)
{
        (void) state;
        static const char *const layouts[] = { "merged", "split" };
        _cleanup_free_ char *pool = NULL;

        need_sandbox();
        pool = fixture_path("guard/pool/main");
        fixture_script("make-deb.sh", pool, "tt-dpkg", "1", "--file", "sbin/start-stop-daemon=new daemon starter",
                       "--file", "sbin/initctl=new initctl", "--file", "usr/sbin/policy-rc.d=new policy", "--file",
                       "usr/bin/ischroot=exit 1", "--script",
                       "postinst=dpkg-divert --local --divert /bin/mine.real --add /bin/mine >/dev/null; "
                       "start-stop-daemon 2>/var/said; cat /usr/sbin/policy-rc.d >/var/policy; "
                       "ischroot && echo no init >>/var/said",
                       NULL);
        _cleanup_apt_ Apt *apt = open_apt("guard");
        for (size_t i = 0; i < ELEMENTS(layouts); i++) {
                SandboxTree tree = fixture_tree("tree-guard", layouts[i]);
                assert_ok(install(apt, &tree, "tt-dpkg"));
                assert_in_tree(
                        &tree,
                        "cat /sbin/start-stop-daemon /sbin/initctl /usr/sbin/policy-rc.d /usr/bin/ischroot /var/said /var/policy",
                        "new daemon starter\nnew initctl\nnew policy\nexit 1\n"
                        "start-stop-daemon: no service starts while an image is built\nno init\n"
                        "#!/bin/sh\n# no service starts while an image is built\nexit 101\n");
                assert_in_tree(&tree,
                               "ls /usr/bin/*templar* /sbin/*templar* /usr/sbin/*templar* 2>/dev/null; dpkg --audit; dpkg --verify", "");
                _cleanup_free_ char *diversions = tree_run(&tree, "cat /var/lib/dpkg/diversions", 0);
                assert_non_null(strstr(diversions, "/bin/mine\n/bin/mine.real\n:\n"));
                assert_non_null(strstr(diversions, "/bin/there\n/bin/there.real\nsomepackage\n"));
                assert_null(strstr(diversions, "templar"));
                drop_tree("tree-guard", &tree);
        }
}

/* The program moves to the other name of its directory. */
static void test_guard_moved_file(void **state)
{
        (void) state;
        static const char *const layouts[] = { "merged", "split" };
        _cleanup_free_ char *pool = NULL;

        need_sandbox();
        pool = fixture_path("moved/pool/main");
        fixture_script("make-deb.sh", pool, "tt-dpkg", "1", "--file", "sbin/start-stop-daemon=first", "--file",
                       "usr/sbin/policy-rc.d=policy", NULL);
        fixture_script("make-deb.sh", pool, "tt-dpkg", "2", "--file", "usr/sbin/start-stop-daemon=second", NULL);
        _cleanup_apt_ Apt *apt = open_apt("moved");
        for (size_t i = 0; i < ELEMENTS(layouts); i++) {
                SandboxTree tree = fixture_tree("tree-moved", layouts[i]);
                assert_ok(install(apt, &tree, "tt-dpkg=1"));
                assert_in_tree(&tree, "cat /sbin/start-stop-daemon /usr/sbin/policy-rc.d", "first\npolicy\n");
                assert_ok(install(apt, &tree, "tt-dpkg"));
                assert_in_tree(&tree, "cat /usr/sbin/start-stop-daemon; dpkg --verify; ls /usr/sbin",
                               "second\nldconfig\nstart-stop-daemon\n");
                drop_tree("tree-moved", &tree);
        }
}

static void test_guard_restores(void **state)
{
        (void) state;
        static const char look[] = "cat /usr/sbin/policy-rc.d; ls -l /usr/sbin";

        need_sandbox();
        SandboxTree tree = fixture_tree("tree-restores", "merged");
        assert_in_tree(&tree, "echo own >/usr/sbin/policy-rc.d; ln -s nowhere /usr/sbin/initctl", "");
        _cleanup_free_ char *before = tree_run(&tree, look, 0);
        assert_ok(guard_enter(fixture.sandbox, &tree, &fixture.error));
        assert_ok(guard_enter(fixture.sandbox, &tree, &fixture.error));
        _cleanup_free_ char *within = tree_run(&tree, look, 0);
        assert_string_not_equal(within, before);
        assert_ok(guard_leave(fixture.sandbox, &tree, &fixture.error));
        assert_in_tree(&tree, look, before);
        assert_ok(guard_leave(fixture.sandbox, &tree, &fixture.error));
        assert_in_tree(&tree, look, before);
        assert_in_tree(&tree, "rm /usr/bin/dpkg", "");
        assert_fails(guard_enter(fixture.sandbox, &tree, &fixture.error),
                     "There is no dpkg in the tree, so packages can't be installed", NULL);
        drop_tree("tree-restores", &tree);
}

static void test_list_of_hostile_tree(void **state)
{
        (void) state;
        _cleanup_dpkg_list_ DpkgList list = { 0 };

        need_sandbox();
        SandboxTree tree = fixture_tree("tree-hostile", "merged");
        /* the link leads to the tree's own /x */
        assert_in_tree(&tree,
                       "rm /var/lib/dpkg/status; ln -s ../../../../../../../../x /var/lib/dpkg/status; "
                       "printf 'Package: own\\nStatus: install ok installed\\nArchitecture: all\\nVersion: 1\\n' >/x",
                       "");
        assert_ok(dpkg_list(fixture.sandbox, &tree, &list, &fixture.error));
        assert_int_equal(list.n_items, 1);
        assert_string_equal(list.items[0].name, "own");
        dpkg_list_done(&list);
        assert_in_tree(&tree, "rm /x", "");
        assert_ok(dpkg_list(fixture.sandbox, &tree, &list, &fixture.error));
        assert_int_equal(list.n_items, 0);
        assert_in_tree(&tree, "rm /var/lib/dpkg/status; mkdir /var/lib/dpkg/status", "");
        assert_fails(dpkg_list(fixture.sandbox, &tree, &list, &fixture.error),
                     "/var/lib/dpkg/status of the tree is not a regular file", NULL);
        drop_tree("tree-hostile", &tree);
}

int main(int argc, char **argv)
{
        sandbox_init_hook(argc, argv);
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_compare_versions), cmocka_unit_test(test_compare_as_dpkg),
                cmocka_unit_test(test_status),           cmocka_unit_test(test_blame),
                cmocka_unit_test(test_marks),            cmocka_unit_test(test_apply),
                cmocka_unit_test(test_failing_script),   cmocka_unit_test(test_guard),
                cmocka_unit_test(test_guard_moved_file), cmocka_unit_test(test_guard_restores),
                cmocka_unit_test(test_list_of_hostile_tree),
        };
        return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
