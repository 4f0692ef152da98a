/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "packages/inventory.h"
#include "packages/os_release.h"

#include "packages_fixture.h"

static void check_value(const char *text, const char *key, const char *expected)
{
        _cleanup_free_ char *value = os_release_get(text, key);

        assert_string_equal(value, expected);
}

static void test_os_release(void **state _unused_)
{
        static const char text[] = "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\n# ID=comment\nID=first\nID=debian\n"
                                   "VERSION_ID=\"12\"\nNAME='a \"b\" \\c'\nQUOTE=\"say \\\"hi\\\" \\$x\"\nBARE=one two\n"
                                   "EMPTY=\nOPEN=\"never closed\nMIXED=a\"b c\"'d'\\ e\nLAST=end";

        check_value(text, "ID", "debian");
        check_value(text, "VERSION_ID", "12");
        check_value(text, "PRETTY_NAME", "Debian GNU/Linux 12 (bookworm)");
        check_value(text, "NAME", "a \"b\" \\c");
        check_value(text, "QUOTE", "say \"hi\" $x");
        check_value(text, "BARE", "one");
        check_value(text, "EMPTY", "");
        check_value(text, "OPEN", "never closed");
        check_value(text, "MIXED", "ab cd e");
        check_value(text, "LAST", "end");
        check_value(text, "MISSING", "");
        check_value(text, "VERSION", "");
        check_value("", "ID", "");
}

static const char status_text[] = "Package: plain\nStatus: install ok installed\nVersion: 1\nArchitecture: all\n"
                                  "Maintainer: Some Body <body@example.org>\n\n"
                                  "Package: linked\nStatus: install ok installed\nVersion: 2\nArchitecture: amd64\n\n"
                                  "Package: leaving\nStatus: install ok installed\nVersion: 2\nArchitecture: amd64\n\n"
                                  "Package: pipe\nStatus: install ok installed\nVersion: 2\nArchitecture: amd64\n\n"
                                  "Package: binary\nStatus: install ok installed\nVersion: 2\nArchitecture: amd64\n\n"
                                  "Package: huge\nStatus: install ok installed\nVersion: 2\nArchitecture: amd64\n\n"
                                  "Package: none\nStatus: install ok installed\nVersion: 2\nArchitecture: amd64\n\n"
                                  "Package: ../../../etc\nStatus: install ok installed\nVersion: 2\nArchitecture: amd64\n\n"
                                  "Package: directory\nStatus: install ok installed\nVersion: 2\nArchitecture: amd64\n";

static int make_tree(int root_fd, void *userdata, Buffer *reply, Error *error)
{
        static const char *const directories[] = { "usr/share/doc/plain", "usr/share/doc/leaving", "usr/share/doc/pipe",
                                                   "usr/share/doc/binary", "usr/share/doc/huge",
                                                   "usr/share/doc/directory/copyright", "var/lib/dpkg", "etc", "usr/lib" };
        _cleanup_free_ char *huge = calloc(1, INVENTORY_FILE_BYTES + 1);

        (void) userdata;
        (void) reply;
        memset(huge, 'x', INVENTORY_FILE_BYTES + 1);
        for (size_t i = 0; i < ELEMENTS(directories); i++)
                assert_int_equal(make_directories_in_root(root_fd, directories[i], 0755), 0);
        if (symlinkat("plain", root_fd, "usr/share/doc/linked") < 0 ||
            symlinkat("/etc/hostname", root_fd, "usr/share/doc/leaving/copyright") < 0 ||
            symlinkat("../usr/lib/os-release", root_fd, "etc/os-release") < 0 ||
            mkfifoat(root_fd, "usr/share/doc/pipe/copyright", 0644) < 0)
                return error_set_errno(error, errno, "symlink or fifo");
        int r = write_file_atomic(root_fd, "usr/share/doc/plain/copyright", "Format: x\n", 10, 0644, error);
        if (r == 0)
                r = write_file_atomic(root_fd, "usr/share/doc/binary/copyright", "a\0b", 3, 0644, error);
        if (r == 0)
                r = write_file_atomic(root_fd, "usr/share/doc/huge/copyright", huge, INVENTORY_FILE_BYTES + 1, 0644, error);
        if (r == 0)
                r = write_file_atomic(root_fd, "etc/copyright", "secret", 6, 0644, error);
        if (r == 0)
                r = write_file_atomic(root_fd, "usr/lib/os-release", "ID=small\n", 9, 0644, error);
        return r < 0 ? r
                     : write_file_atomic(root_fd, "var/lib/dpkg/status", status_text, strlen(status_text), 0644, error);
}

static const char *copyright_of(const Inventory *inventory, const char *name)
{
        const DpkgPackage *package = dpkg_list_find(&inventory->packages, name);

        assert_non_null(package);
        return inventory->copyrights[package - inventory->packages.items];
}

static void test_hostile_tree(void **state _unused_)
{
        _cleanup_inventory_ Inventory inventory = { 0 };

        need_sandbox();
        assert_ok(sandbox_make_directory(fixture.sandbox, fixture.directory, "tree", &fixture.error));
        _cleanup_free_ char *path = fixture_path("tree");
        _cleanup_close_ int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
        SandboxTree tree = { .directory_fd = fd };
        assert_ok(sandbox_call(fixture.sandbox, &tree, make_tree, NULL, NULL, &fixture.error));
        assert_ok(inventory_read(fixture.sandbox, &tree, &inventory, &fixture.error));
        assert_int_equal(inventory.packages.n_items, 9);
        assert_string_equal(inventory.os_release, "ID=small\n");
        assert_string_equal(copyright_of(&inventory, "plain"), "Format: x\n");
        assert_string_equal(copyright_of(&inventory, "linked"), "Format: x\n");
        static const char *const without[] = { "leaving", "pipe", "binary", "huge", "none", "directory", "../../../etc" };
        for (size_t i = 0; i < ELEMENTS(without); i++)
                assert_string_equal(copyright_of(&inventory, without[i]), "");
        assert_string_equal(dpkg_list_find(&inventory.packages, "plain")->maintainer, "Some Body <body@example.org>");
        assert_null(dpkg_list_find(&inventory.packages, "linked")->maintainer);
}

static void test_empty_tree(void **state _unused_)
{
        _cleanup_inventory_ Inventory inventory = { 0 };

        need_sandbox();
        assert_ok(sandbox_make_directory(fixture.sandbox, fixture.directory, "empty", &fixture.error));
        _cleanup_free_ char *path = fixture_path("empty");
        _cleanup_close_ int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
        assert_ok(inventory_read(fixture.sandbox, &(SandboxTree){ .directory_fd = fd }, &inventory, &fixture.error));
        assert_int_equal(inventory.packages.n_items, 0);
        assert_string_equal(inventory.os_release, "");
}

int main(int argc, char **argv)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_os_release),
                cmocka_unit_test(test_hostile_tree),
                cmocka_unit_test(test_empty_tree),
        };

        sandbox_init_hook(argc, argv);
        return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
