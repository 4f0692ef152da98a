/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "deb_fixture.h"

#include "bootstrap/deb.h"

static const MadeFile two_files[] = {
        { .name = "./", .type = 'd' },
        { .name = "./a", .content = "one" },
        { .name = "./b/", .type = 'd' },
        { .name = "./b/c", .content = "two" },
        { 0 },
};

static const MadePackage plain = { .control = CONTROL("plain", "1", ""), .files = two_files };

/* Names of the data archive's entries, each followed by a blank. */
static int list_data(int fd, const DebLayout *layout, Buffer *ret, Error *error)
{
        _cleanup_deb_reader_ DebReader reader = { .fd = -1 };
        struct archive_entry *entry;
        int r = deb_reader_open(&reader, fd, &layout->data, error);

        while (r == 0 && (r = deb_reader_next(&reader, &entry, error)) > 0)
                r = buffer_printf(ret, "%s ", archive_entry_pathname(entry));
        return r;
}

static void test_compressions(void **state)
{
        static const struct {
                const char *suffix;
                int (*filter)(struct archive *);
        } cases[] = {
                { "", archive_write_add_filter_none },     { ".gz", archive_write_add_filter_gzip },
                { ".xz", archive_write_add_filter_xz },    { ".zst", archive_write_add_filter_zstd },
                { ".bz2", archive_write_add_filter_bzip2 }, { ".lzma", archive_write_add_filter_lzma },
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTS(cases); i++) {
                _cleanup_buffer_ Buffer deb = made_deb_with(&plain, cases[i].suffix, cases[i].filter), names = BUFFER_INIT;
                _cleanup_close_ int fd = made_descriptor(deb.data, deb.length);
                _cleanup_error_ Error error = ERROR_INIT;
                DebLayout layout;
                assert_int_equal(deb_layout(fd, &layout, &error), 0);
                assert_string_equal(layout.data.name + strlen("data.tar"), cases[i].suffix);
                assert_int_equal(list_data(fd, &layout, &names, &error), 0);
                assert_string_equal(names.data, "./ ./a ./b/ ./b/c ");
        }
}

static void expect_layout_error(const void *data, size_t size, const char *expected)
{
        _cleanup_close_ int fd = made_descriptor(data, size);
        _cleanup_error_ Error error = ERROR_INIT;
        DebLayout layout;

        assert_int_equal(deb_layout(fd, &layout, &error), -EBADMSG);
        assert_string_equal(error.message, expected);
}

static void test_wrong_layouts(void **state)
{
        static const struct {
                const char *names[4];
                const char *expected;
        } cases[] = {
                { { "control.tar.gz", "data.tar.gz" }, "it is no Debian package (its first member is not debian-binary)" },
                { { "debian-binary" }, "it is cut off: it has no control.tar" },
                { { "debian-binary", "control.tar.gz" }, "it is cut off: it has no data.tar" },
                { { "debian-binary", "data.tar.gz", "control.tar.gz" },
                  "it is damaged: data.tar.gz stands where control.tar should" },
                { { "debian-binary", "control.tar.gz", "more" }, "it is damaged: more stands where data.tar should" },
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTS(cases); i++) {
                _cleanup_buffer_ Buffer deb = BUFFER_INIT;
                for (size_t j = 0; j < 4 && cases[i].names[j]; j++)
                        made_member(&deb, cases[i].names[j], "2.0\n", 4);
                expect_layout_error(deb.data, deb.length, cases[i].expected);
        }
        expect_layout_error("", 0, "it is cut off");
        expect_layout_error("PK\003\004 something", 14, "it is no Debian package");
        _cleanup_buffer_ Buffer newer = BUFFER_INIT;
        made_member(&newer, "debian-binary", "3.0\n", 4);
        expect_layout_error(newer.data, newer.length, "it has a format that is not known: only 2.0 is");
        memcpy(newer.data + 8 + 48, "12x       ", 10);
        expect_layout_error(newer.data, newer.length, "it is damaged: a member of the archive has no proper header");
}

static void test_other_members(void **state)
{
        _cleanup_buffer_ Buffer deb = BUFFER_INIT;
        _cleanup_error_ Error error = ERROR_INIT;
        DebLayout layout;

        (void) state;
        made_member(&deb, "debian-binary/", "2.0\n", 4);
        made_member(&deb, "_gpgorigin", "x", 1);
        made_member(&deb, "control.tar", "c", 1);
        made_member(&deb, "_more", "xyz", 3);
        made_member(&deb, "data.tar", "dd", 2);
        _cleanup_close_ int fd = made_descriptor(deb.data, deb.length);
        assert_int_equal(deb_layout(fd, &layout, &error), 0);
        assert_int_equal(layout.control.size_bytes, 1);
        assert_int_equal(layout.data.size_bytes, 2);
        assert_memory_equal(deb.data + layout.data.offset, "dd", 2);
}

static int add_xz_9(struct archive *archive)
{
        int r = archive_write_add_filter_xz(archive);

        return r == ARCHIVE_OK ? archive_write_set_filter_option(archive, "xz", "compression-level", "9") : r;
}

static void test_memory(void **state)
{
        static const struct {
                const char *suffix;
                int (*filter)(struct archive *);
                uint64_t expected_bytes;
        } cases[] = {
                { ".xz", archive_write_add_filter_xz, 8 << 20 },
                { ".xz", add_xz_9, 64 << 20 },
                { ".gz", archive_write_add_filter_gzip, 8 << 20 },
                /* not what its name says */
                { ".xz", archive_write_add_filter_gzip, 8 << 20 },
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTS(cases); i++) {
                _cleanup_buffer_ Buffer deb = made_deb_with(&plain, cases[i].suffix, cases[i].filter);
                _cleanup_close_ int fd = made_descriptor(deb.data, deb.length);
                _cleanup_error_ Error error = ERROR_INIT;
                DebLayout layout;
                assert_int_equal(deb_layout(fd, &layout, &error), 0);
                assert_int_equal(deb_member_memory(fd, &layout.data), cases[i].expected_bytes);
        }
}

/* Cut at any place it is an error, and never a crash. */
static void test_cut_off(void **state)
{
        _cleanup_buffer_ Buffer deb = made_deb(&plain);

        (void) state;
        for (size_t length = 0; length < deb.length; length++) {
                _cleanup_close_ int fd = made_descriptor(deb.data, length);
                _cleanup_error_ Error error = ERROR_INIT;
                DebLayout layout;
                assert_int_equal(deb_layout(fd, &layout, &error), -EBADMSG);
        }
}

static void test_damaged_data(void **state)
{
        _cleanup_buffer_ Buffer deb = made_deb(&plain), names = BUFFER_INIT;
        _cleanup_error_ Error error = ERROR_INIT;
        DebLayout layout;

        (void) state;
        _cleanup_close_ int fd = made_descriptor(deb.data, deb.length);
        assert_int_equal(deb_layout(fd, &layout, &error), 0);
        assert_true(pwrite(fd, "\0\0\0\0\0\0\0\0\0\0\0\0", 12, layout.data.offset + 10) == 12);
        assert_int_equal(list_data(fd, &layout, &names, &error), -EBADMSG);
        assert_true(string_starts_with(error.message, "it is damaged: "));
        strcpy(layout.data.name, "data.tar.rar");
        error_done(&error);
        assert_int_equal(list_data(fd, &layout, &names, &error), -EBADMSG);
        assert_string_equal(error.message, "data.tar.rar is compressed in a way that is not known");
}

static void test_member_names(void **state)
{
        static const struct {
                const char *name, *expected, *message;
        } cases[] = {
                { "./usr/bin/x", "usr/bin/x", NULL },
                { "usr/bin/x", "usr/bin/x", NULL },
                { "././/usr/", "usr", NULL },
                { "./", "", NULL },
                { ".", "", NULL },
                { "./..x/.y/...", "..x/.y/...", NULL },
                { "/etc/passwd", NULL, "it has a file with an absolute name: /etc/passwd" },
                { "../x", NULL, "it has a file with a name that leads elsewhere: ../x" },
                { "./a/../../x", NULL, "it has a file with a name that leads elsewhere: a/../../x" },
                { "./a/..", NULL, "it has a file with a name that leads elsewhere: a/.." },
                { "./a//b", NULL, "it has a file with a name that leads elsewhere: a//b" },
                { "./a/./b", NULL, "it has a file with a name that leads elsewhere: a/./b" },
                { "./a\nb", NULL, "it has a file with a line break in its name" },
                { NULL, NULL, "it has a file without a name that can be read" },
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTS(cases); i++) {
                _cleanup_error_ Error error = ERROR_INIT;
                const char *name = NULL;
                size_t length = 0;
                int r = deb_member_name(cases[i].name, &name, &length, &error);
                if (cases[i].message) {
                        assert_int_equal(r, -EBADMSG);
                        assert_string_equal(error.message, cases[i].message);
                        continue;
                }
                assert_int_equal(r, 0);
                assert_int_equal(length, strlen(cases[i].expected));
                assert_memory_equal(name, cases[i].expected, length);
        }
}

/* ------------------------------------------------------------------------------------------------ control files */

static void expect_control_error(const MadePackage *package, const char *expected)
{
        _cleanup_buffer_ Buffer deb = made_deb(package);
        _cleanup_error_ Error error = ERROR_INIT;
        AptPackage origin = made_origin(CONTROL("x", "1", ""));
        Packages packages = { .items = calloc(1, sizeof *packages.items), .n_items = 1 };

        assert_int_equal(made_open(deb.data, deb.length, &origin, packages.items, &error), -EBADMSG);
        assert_string_equal(error.message, expected);
        packages_done(&packages);
        apt_package_done(&origin);
}

static void test_wrong_control(void **state)
{
        static const struct {
                const char *control, *expected;
        } cases[] = {
                { NULL, "it has no control file" },
                { "", "its control file has no field Package" },
                { "Package: x\n", "its control file has no field Version" },
                { "Package: x\nVersion: 1\n", "its control file has no field Architecture" },
                { "Package: y\nVersion: 1\nArchitecture: all\n",
                  "its control file has \"Package: y\", but the index \"x\"" },
                { "Package: x\nVersion: 2\nArchitecture: all\n",
                  "its control file has \"Version: 2\", but the index \"1\"" },
                { "Package: x\nVersion: 1\nPackage: x\n", "its control file has the field Package twice" },
                { "Package: x\nwhat is this\n", "its control file is damaged at line 2" },
                { CONTROL("x", "1", "") "\n" CONTROL("evil", "1", ""),
                  "its control file has more than one part, from line 7 on" },
                { CONTROL("x", "1", "Status: install ok installed\n"),
                  "its control file has the field Status, which is not for packages" },
                { CONTROL("x", "1", "Depends: a (>= 1\n"), "its field Depends can't be understood" },
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTS(cases); i++)
                expect_control_error(&(MadePackage){ .control = cases[i].control }, cases[i].expected);
        expect_control_error(&(MadePackage){ .control = CONTROL("x", "1", ""),
                                             .control_files = (MadeFile[]){ { .name = "./link", .type = 'l', .content = "/etc" }, { 0 } } },
                             "its control archive has something that does not belong there: link");
        expect_control_error(&(MadePackage){ .control = CONTROL("x", "1", ""),
                                             .control_files = (MadeFile[]){ { .name = "./a/b", .content = "" }, { 0 } } },
                             "its control archive has something that does not belong there: a/b");
        expect_control_error(&(MadePackage){ .control = CONTROL("x", "1", ""),
                                             .control_files = (MadeFile[]){ { .name = "../../x", .content = "" }, { 0 } } },
                             "it has a file with a name that leads elsewhere: ../../x");
        expect_control_error(&(MadePackage){ .control = CONTROL("x", "1", ""),
                                             .control_files = (MadeFile[]){ { .name = "conffiles", .content = "etc/x\n" }, { 0 } } },
                             "its list of configuration files has a line that is no path: etc/x");
}

static void test_control(void **state)
{
        const MadePackage package = {
                .control = CONTROL("x", "1:2-3", "Essential: yes\nMulti-Arch: same\nPriority: required\n"
                                                 "Replaces: y (<< 2), z\nPre-Depends: a\nDepends: b | c\n"),
                .control_files = (MadeFile[]){ { .name = "./preinst", .content = "#!/bin/sh\n", .mode = 0755 },
                                               { .name = "./conffiles",
                                                 .content = "/etc/x\nremove-on-upgrade /etc/y\n/etc/z \n" },
                                               { 0 } },
        };
        MadeSet set;

        (void) state;
        made_set(&set, &package, 1);
        const Package *x = &set.packages.items[0];
        assert_true(x->essential && x->multi_arch_same);
        assert_string_equal(x->priority, "required");
        assert_int_equal(package_file(x, "preinst")->mode, 0755);
        assert_null(package_file(x, "postinst"));
        assert_int_equal(x->n_conffiles, 3);
        assert_string_equal(x->conffiles[1].path, "/etc/y");
        assert_true(x->conffiles[1].remove_on_upgrade && !x->conffiles[0].remove_on_upgrade);
        assert_string_equal(x->conffiles[2].path, "/etc/z");
        assert_int_equal(x->depends.n_items, 2);
        assert_true(x->depends.items[1].alternative);
        made_close(&set);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_compressions),   cmocka_unit_test(test_wrong_layouts),
                cmocka_unit_test(test_other_members),  cmocka_unit_test(test_cut_off),
                cmocka_unit_test(test_damaged_data),   cmocka_unit_test(test_member_names),
                cmocka_unit_test(test_wrong_control),  cmocka_unit_test(test_control),
                cmocka_unit_test(test_memory),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
