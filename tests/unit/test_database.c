/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "deb_fixture.h"

#include "bootstrap/architecture.h"
#include "bootstrap/database.h"
#include "bootstrap/layout.h"
#include "bootstrap/paths.h"

static char *directory;
static int tree_fd = -1;

static int setup(void **state)
{
        char template[] = "/tmp/templar-database-XXXXXX";

        (void) state;
        if (!mkdtemp(template))
                return -1;
        directory = strdup(template);
        tree_fd = open(template, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        return tree_fd < 0 ? -1 : 0;
}

static int teardown(void **state)
{
        (void) state;
        close(tree_fd);
        remove_and_free(&directory);
        return 0;
}

static void expect_content(const char *path, const char *expected)
{
        _cleanup_buffer_ Buffer content = BUFFER_INIT;
        _cleanup_error_ Error error = ERROR_INIT;

        if (read_file(tree_fd, path, 1 << 20, &content, &error) < 0)
                fail_msg("%s", error.message);
        assert_string_equal(content.data ? content.data : "", expected);
}

static void add_path(Package *package, PathType type, const char *path)
{
        assert_int_equal(paths_append(&package->paths, type, path), 0);
        package->paths_changed = true;
}

static void test_stanza(void **state)
{
        const MadePackage package = {
                .control = "Package: x\nVersion: 1\nArchitecture: amd64\nDescription: short\n long\n .\n longer\nX-More: y\n\n",
                .control_files = (MadeFile[]){ { .name = "./conffiles", .content = "/etc/x\nremove-on-upgrade /etc/old\n" }, { 0 } },
        };
        _cleanup_buffer_ Buffer stanza = BUFFER_INIT;
        MadeSet set;

        (void) state;
        made_set(&set, &package, 1);
        strcpy(set.packages.items[0].conffiles[0].md5, "0123456789abcdef0123456789abcdef");
        assert_int_equal(database_stanza(&set.packages.items[0], &stanza), 0);
        assert_string_equal(stanza.data, "Package: x\nStatus: install ok unpacked\nVersion: 1\nArchitecture: amd64\n"
                                         "Description: short\n long\n .\n longer\nX-More: y\n"
                                         "Conffiles:\n /etc/x 0123456789abcdef0123456789abcdef\n"
                                         " /etc/old newconffile remove-on-upgrade\n\n");
        made_close(&set);
}

static void test_files(void **state)
{
        const MadePackage packages[] = {
                { CONTROL("libx", "1", "Multi-Arch: same\n"),
                  (MadeFile[]){ { .name = "./triggers", .content = "# comment\ninterest-noawait /usr/lib/x # why\n"
                                                                   "interest ldconfig\nactivate other\ninterest-await /srv\n" },
                                { .name = "./postinst", .content = "#!/bin/sh\n", .mode = 0755 },
                                { .name = "./md5sums", .content = "x  y\n" },
                                { .name = "./list", .content = "/evil\n" }, { 0 } }, NULL },
                { CONTROL("tool", "2", ""), (MadeFile[]){ { .name = "./triggers", .content = "interest-noawait ldconfig" }, { 0 } }, NULL },
        };
        const size_t numbers[] = { 0, 1 };
        _cleanup_error_ Error error = ERROR_INIT;
        struct stat status;
        MadeSet set;

        (void) state;
        made_set(&set, packages, 2);
        add_path(&set.packages.items[0], PATH_DIRECTORY, "/.");
        add_path(&set.packages.items[0], PATH_FILE, "/usr/lib/x y");
        add_path(&set.packages.items[1], PATH_LINK, "/bin/tool");
        assert_int_equal(buffer_append_string(&set.packages.items[1].md5sums, "made  up\n"), 0);
        assert_int_equal(database_make(tree_fd, "amd64", &error), 0);
        assert_int_equal(database_add(tree_fd, &set.packages, numbers, 2, &error), 0);
        expect_content("var/lib/dpkg/arch", "amd64\n");
        expect_content("var/lib/dpkg/info/format", "1\n");
        expect_content("var/lib/dpkg/info/libx:all.list", "/.\n/usr/lib/x y\n");
        expect_content("var/lib/dpkg/info/libx:all.md5sums", "x  y\n");
        expect_content("var/lib/dpkg/info/tool.list", "/bin/tool\n");
        expect_content("var/lib/dpkg/info/tool.md5sums", "made  up\n");
        expect_content("var/lib/dpkg/triggers/File", "/usr/lib/x libx:all/noawait\n/srv libx:all\n");
        expect_content("var/lib/dpkg/triggers/ldconfig", "libx:all\ntool/noawait\n");
        assert_int_equal(fstatat(tree_fd, "var/lib/dpkg/info/libx:all.postinst", &status, 0), 0);
        assert_int_equal(status.st_mode, S_IFREG | 0755);
        assert_int_equal(fstatat(tree_fd, "var/lib/dpkg/info/libx:all.control", &status, 0), -1);
        /* a list that another round has made shorter is written anew, and nothing else */
        buffer_done(&set.packages.items[0].paths);
        add_path(&set.packages.items[0], PATH_DIRECTORY, "/.");
        assert_int_equal(database_add(tree_fd, &set.packages, NULL, 0, &error), 0);
        expect_content("var/lib/dpkg/info/libx:all.list", "/.\n");
        expect_content("var/lib/dpkg/triggers/ldconfig", "libx:all\ntool/noawait\n");
        made_close(&set);
}

/* What later packages bring where others have an interest: who waits, or "-" for nobody. */
static void test_activate(void **state)
{
        const MadePackage packages[] = {
                { CONTROL("a", "1", ""),
                  (MadeFile[]){ { .name = "./triggers", .content = "interest-noawait /usr/share/shells.d\ninterest /srv\n"
                                                                   "interest /usr/share/man\ninterest /file\ninterest x\n" }, { 0 } },
                  NULL },
                { CONTROL("libx", "1", "Multi-Arch: same\n"), NULL, NULL },
                { CONTROL("y", "1", ""), NULL, NULL },
        };
        _cleanup_error_ Error error = ERROR_INIT;
        struct stat status;
        MadeSet set;

        (void) state;
        made_set(&set, packages, 3);
        add_path(&set.packages.items[0], PATH_FILE, "/srv/own");
        add_path(&set.packages.items[1], PATH_FILE, "/usr/share/shells.d/x");
        add_path(&set.packages.items[1], PATH_LINK, "/srv/deep/below");
        add_path(&set.packages.items[1], PATH_FILE, "/usr/share/manual");
        add_path(&set.packages.items[2], PATH_FILE, "/usr/share/shells.d/y");
        add_path(&set.packages.items[2], PATH_DIRECTORY, "/usr/share/man");
        add_path(&set.packages.items[2], PATH_FILE, "/srv/y");
        add_path(&set.packages.items[2], PATH_FILE, "/file");
        assert_int_equal(database_make(tree_fd, "amd64", &error), 0);
        assert_int_equal(database_activate(tree_fd, &set.packages, (size_t[]){ 1 }, 1, &error), 0);
        assert_int_equal(database_add(tree_fd, &set.packages, (size_t[]){ 0 }, 1, &error), 0);
        assert_int_equal(database_activate(tree_fd, &set.packages, NULL, 0, &error), 0);
        assert_int_equal(fstatat(tree_fd, "var/lib/dpkg/triggers/Unincorp", &status, 0), -1);
        assert_int_equal(database_activate(tree_fd, &set.packages, (size_t[]){ 1, 2 }, 2, &error), 0);
        expect_content("var/lib/dpkg/triggers/Unincorp", "/usr/share/shells.d -\n/srv libx:all y\n/file y\n");
        made_close(&set);
}

static void test_wrong_trigger(void **state)
{
        const MadePackage package = { CONTROL("x", "1", ""),
                                      (MadeFile[]){ { .name = "./triggers", .content = "interest ../../x\n" }, { 0 } }, NULL };
        _cleanup_error_ Error error = ERROR_INIT;
        MadeSet set;

        (void) state;
        made_set(&set, &package, 1);
        assert_int_equal(database_make(tree_fd, "amd64", &error), 0);
        assert_int_equal(database_add(tree_fd, &set.packages, (size_t[]){ 0 }, 1, &error), -EBADMSG);
        assert_string_equal(error.message, "x wants a trigger with a name that can't be: ../../x");
        made_close(&set);
}

/* Of the links that a merged /usr may need, those go that nobody has anything behind. */
static void test_layout(void **state)
{
        const MadePackage packages[] = { { CONTROL("a", "1", ""), NULL, NULL }, { CONTROL("b", "1", ""), NULL, NULL } };
        _cleanup_error_ Error error = ERROR_INIT;
        struct stat status;
        MadeSet set;

        (void) state;
        made_set(&set, packages, 2);
        add_path(&set.packages.items[0], PATH_DIRECTORY, "/usr/lib32");
        assert_int_equal(layout_merge_usr(tree_fd, &error), 0);
        assert_int_equal(mkdirat(tree_fd, "usr/lib64/x", 0755), 0);
        assert_int_equal(layout_finish(tree_fd, &set.packages, &error), 0);
        static const struct {
                const char *name;
                bool kept;
        } links[] = { { "bin", true },   { "sbin", true },   { "lib", true },    { "lib32", true },
                      { "lib64", true }, { "libo32", false }, { "libx32", false } };
        for (size_t i = 0; i < ELEMENTS(links); i++)
                assert_int_equal(fstatat(tree_fd, links[i].name, &status, AT_SYMLINK_NOFOLLOW), links[i].kept ? 0 : -1);
        assert_int_equal(fstatat(tree_fd, "usr/libx32", &status, AT_SYMLINK_NOFOLLOW), -1);
        assert_int_equal(layout_write_files(tree_fd, "deb http://x y main\n", true, &error), 0);
        expect_content("etc/apt/sources.list", "deb http://x y main\n");
        expect_content("etc/unsupported-skip-usrmerge-conversion", "this system will not be supported in the future\n");
        assert_int_equal(layout_empty(tree_fd, &error), 0);
        assert_int_equal(fstatat(tree_fd, "usr", &status, AT_SYMLINK_NOFOLLOW), -1);
        made_close(&set);
}

/* ------------------------------------------------------------------------------------------------ architectures */

static void test_architectures(void **state)
{
        static const struct {
                const char *machine, *architecture, *binfmt; /* what the kernel says of the interpreter; NULL: none */
                const char *expected; /* NULL: runs */
        } cases[] = {
                { "x86_64", "amd64", NULL, NULL },
                { "x86_64", "i386", NULL, NULL },
                { "aarch64", "arm64", NULL, NULL },
                { "aarch64", "armhf", NULL, NULL },
                { "i686", "i386", NULL, NULL },
                { "i586", "i386", NULL, NULL },
                { "riscv64", "riscv64", NULL, NULL },
                { "x86_64", "arm64", "enabled\ninterpreter /usr/bin/qemu-aarch64\nflags: OCF\noffset 0\n", NULL },
                { "x86_64", "riscv64", "enabled\ninterpreter /usr/bin/qemu-riscv64\nflags: POCF\n", NULL },
                { "x86_64", "armhf", "enabled\ninterpreter /usr/bin/qemu-arm\nflags: OC\nmagic F\n",
                  "This machine (x86_64) runs programs of armhf only where their interpreter can be seen, which a tree does not have" },
                { "x86_64", "arm64", "disabled\ninterpreter /usr/bin/qemu-aarch64\nflags: OCF\n",
                  "This machine (x86_64) can't run programs of arm64" },
                { "x86_64", "arm64", NULL, "This machine (x86_64) can't run programs of arm64" },
                { "i686", "amd64", NULL, "This machine (i686) can't run programs of amd64" },
                { "x86_64", "pdp11", NULL, "This machine (x86_64) can't run programs of pdp11" },
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTS(cases); i++) {
                _cleanup_error_ Error error = ERROR_INIT;
                int r = architecture_check(cases[i].architecture, cases[i].machine, cases[i].binfmt, &error);
                if (cases[i].expected) {
                        assert_int_equal(r, -ENOEXEC);
                        assert_string_equal(error.message, cases[i].expected);
                        assert_non_null(error.hint);
                } else {
                        assert_int_equal(r, 0);
                }
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_stanza, setup, teardown),
                cmocka_unit_test_setup_teardown(test_files, setup, teardown),
                cmocka_unit_test_setup_teardown(test_activate, setup, teardown),
                cmocka_unit_test_setup_teardown(test_wrong_trigger, setup, teardown),
                cmocka_unit_test_setup_teardown(test_layout, setup, teardown),
                cmocka_unit_test(test_architectures),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
