/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "deb_fixture.h"

#include "bootstrap/paths.h"
#include "bootstrap/unpack.h"

#include <sys/sysmacros.h>

/* A tree of its own for each test. */
typedef struct Tree {
        char *path;
        int fd;
        MadeSet set;
        bool unpacked[16];
} Tree;

static Tree tree;

static int setup(void **state)
{
        char template[] = "/tmp/templar-unpack-XXXXXX";

        (void) state;
        tree = (Tree){ .fd = -1 };
        if (!mkdtemp(template))
                return -1;
        tree.path = strdup(template);
        tree.fd = open(template, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        return tree.fd < 0 ? -1 : 0;
}

static int teardown(void **state)
{
        (void) state;
        made_close(&tree.set);
        close(tree.fd);
        remove_and_free(&tree.path);
        return 0;
}

/* Unpacks those with these numbers; the rest of the set is left for later. */
static int unpack_some(const size_t *numbers, size_t n, bool one_by_one, Error *error)
{
        UnpackJob job = {
                .packages = &tree.set.packages,
                .numbers = numbers,
                .n_numbers = n,
                .unpacked = tree.unpacked,
                .one_by_one = one_by_one,
        };
        int r = unpack_packages(tree.fd, &job, error);

        for (size_t i = 0; r == 0 && i < n; i++)
                tree.unpacked[numbers[i]] = true;
        return r;
}

static int unpack_all(bool one_by_one, Error *error)
{
        size_t numbers[16];

        for (size_t i = 0; i < tree.set.packages.n_items; i++)
                numbers[i] = i;
        return unpack_some(numbers, tree.set.packages.n_items, one_by_one, error);
}

#define UNPACK(...)                                                                                          \
        do {                                                                                                 \
                const MadePackage packages_[] = { __VA_ARGS__ };                                             \
                Error error_ = ERROR_INIT;                                                                   \
                made_set(&tree.set, packages_, ELEMENTS(packages_));                                         \
                if (unpack_all(false, &error_) < 0)                                                          \
                        fail_msg("%s", error_.message);                                                      \
        } while (0)

static void expect_content(const char *path, const char *expected)
{
        _cleanup_buffer_ Buffer content = BUFFER_INIT;
        _cleanup_error_ Error error = ERROR_INIT;

        if (read_file(tree.fd, path, 1 << 20, &content, &error) < 0)
                fail_msg("%s", error.message);
        assert_string_equal(content.data ? content.data : "", expected);
}

static struct stat look(const char *path)
{
        struct stat status;

        if (fstatat(tree.fd, path, &status, AT_SYMLINK_NOFOLLOW) < 0)
                fail_msg("%s is not there", path);
        return status;
}

static bool is_there(const char *path)
{
        struct stat status;

        return fstatat(tree.fd, path, &status, AT_SYMLINK_NOFOLLOW) == 0;
}

/* "d/. d/etc f/etc/x " */
static void expect_paths(size_t number, const char *expected)
{
        _cleanup_buffer_ Buffer text = BUFFER_INIT;
        const Buffer *paths = &tree.set.packages.items[number].paths;
        const char *path;
        PathType type;

        for (size_t at = 0; (path = paths_next(paths, &at, &type));)
                assert_int_equal(buffer_printf(&text, "%c%s ", type, path), 0);
        assert_string_equal(text.data ? text.data : "", expected);
}

static void expect_error(const MadePackage *packages, size_t n, bool one_by_one, int code, const char *expected)
{
        _cleanup_error_ Error error = ERROR_INIT;

        made_set(&tree.set, packages, n);
        assert_int_equal(unpack_all(one_by_one, &error), code);
        assert_string_equal(error.message, expected);
        made_close(&tree.set);
}

/* ------------------------------------------------------------------------------------------------ plain packages */

static void test_types(void **state)
{
        (void) state;
        UNPACK({ CONTROL("x", "1", ""), NULL,
                 (MadeFile[]){ { .name = "./", .type = 'd' },
                               { .name = "./bin/", .type = 'd' },
                               { .name = "./bin/su", .content = "su", .mode = 04755, .mtime_sec = 1234567890 },
                               { .name = "./bin/hard", .type = 'h', .content = "./bin/su" },
                               { .name = "./bin/soft", .type = 'l', .content = "/outside/../su", .mtime_sec = 99 },
                               { .name = "./bin/pipe", .type = 'p', .mode = 0622 },
                               { .name = "./bin/empty", .mode = 0640 },
                               { .name = "./var/", .type = 'd', .mode = 0700, .mtime_sec = 7 },
                               { .name = "./tmp/", .type = 'd', .mode = 01777 },
                               { 0 } } });
        assert_int_equal(look("bin/su").st_mode, S_IFREG | 04755);
        assert_int_equal(look("bin/su").st_mtim.tv_sec, 1234567890);
        assert_int_equal(look("bin/hard").st_ino, look("bin/su").st_ino);
        assert_int_equal(look("bin/soft").st_mode & S_IFMT, S_IFLNK);
        assert_int_equal(look("bin/soft").st_mtim.tv_sec, 99);
        assert_int_equal(look("bin/pipe").st_mode, S_IFIFO | 0622);
        assert_int_equal(look("bin/empty").st_mode, S_IFREG | 0640);
        assert_int_equal(look("var").st_mode, S_IFDIR | 0700);
        assert_int_equal(look("var").st_mtim.tv_sec, 7);
        assert_int_equal(look("tmp").st_mode, S_IFDIR | 01777);
        expect_content("bin/hard", "su");
        expect_paths(0, "d/. d/bin f/bin/su f/bin/hard l/bin/soft f/bin/pipe f/bin/empty d/var d/tmp ");
}

static void test_owners(void **state)
{
        (void) state;
        if (geteuid() != 0) {
                print_message("only root can give files away\n");
                skip();
        }
        UNPACK({ CONTROL("x", "1", ""), NULL,
                 (MadeFile[]){ { .name = "./a", .content = "", .mode = 02755, .uid = 5, .gid = 42 },
                               { .name = "./d", .type = 'd', .uid = 6, .gid = 7, .mode = 02775 },
                               { .name = "./l", .type = 'l', .content = "a", .uid = 8 },
                               { 0 } } });
        assert_int_equal(look("a").st_uid, 5);
        assert_int_equal(look("a").st_gid, 42);
        assert_int_equal(look("a").st_mode, S_IFREG | 02755);
        assert_int_equal(look("d").st_uid, 6);
        assert_int_equal(look("d").st_mode, S_IFDIR | 02775);
        assert_int_equal(look("l").st_uid, 8);
}

static void test_missing_parents(void **state)
{
        (void) state;
        UNPACK({ CONTROL("x", "1", ""), NULL, (MadeFile[]){ { .name = "./a/b/c", .content = "c" }, { 0 } } },
               { CONTROL("y", "1", ""), NULL, (MadeFile[]){ { .name = "./a/b/", .type = 'd', .mode = 0750 }, { 0 } } });
        expect_content("a/b/c", "c");
        assert_int_equal(look("a").st_mode, S_IFDIR | 0755);
        assert_int_equal(look("a/b").st_mode, S_IFDIR | 0750);
}

static void test_digests(void **state)
{
        static const MadeFile files[] = { { .name = "./etc/x", .content = "setting\n" },
                                          { .name = "./usr/y", .content = "data" },
                                          { 0 } };
        static const MadeFile conffiles = { .name = "./conffiles", .content = "/etc/x\n" };
        static const MadeFile sums = { .name = "./md5sums", .content = "8d777f385d3dfec8815d20f7496026dc  usr/y\n" };

        (void) state;
        UNPACK({ CONTROL("without", "1", ""), (MadeFile[]){ conffiles, { 0 } }, files },
               { CONTROL("with", "1", ""), (MadeFile[]){ sums, { 0 } },
                 (MadeFile[]){ { .name = "./usr/z", .content = "data" }, { 0 } } });
        const Package *without = &tree.set.packages.items[0];
        assert_string_equal(without->conffiles[0].md5, "2c1d4f59f062ce424618f4d25961fb76");
        assert_string_equal(without->md5sums.data, "8d777f385d3dfec8815d20f7496026dc  usr/y\n");
        assert_int_equal(tree.set.packages.items[1].md5sums.length, 0);
}

/* ------------------------------------------------------------------------------------------------ bad ones */

static void test_hostile(void **state)
{
        static const struct {
                MadeFile files[4];
                int code;
                const char *expected;
        } cases[] = {
                { { { .name = "./../x", .content = "" } }, -EBADMSG, "x 1 (x.deb): it has a file with a name that leads elsewhere: ../x" },
                { { { .name = "./a/../../x", .content = "" } }, -EBADMSG,
                  "x 1 (x.deb): it has a file with a name that leads elsewhere: a/../../x" },
                { { { .name = "/tmp/x", .content = "" } }, -EBADMSG, "x 1 (x.deb): it has a file with an absolute name: /tmp/x" },
                { { { .name = "./a", .type = 'l', .content = "/tmp" }, { .name = "./a/x", .content = "" } }, -EBADMSG,
                  "x 1 (x.deb): it has files behind a symbolic link of its own: /a" },
                { { { .name = "./a", .type = 'l', .content = "../.." }, { .name = "./a/", .type = 'd' } }, -EBADMSG,
                  "x 1 (x.deb): it has files behind a symbolic link of its own: /a" },
                { { { .name = "./a", .type = 'h', .content = "./b" } }, -EBADMSG,
                  "x 1 (x.deb): it has a hard link /a to a file that is not its own: /b" },
                { { { .name = "./a", .type = 'h', .content = "/etc/passwd" } }, -EBADMSG,
                  "x 1 (x.deb): it has a file with an absolute name: /etc/passwd" },
                { { { .name = "./l", .type = 'l', .content = "/etc/passwd" }, { .name = "./a", .type = 'h', .content = "./l" } },
                  -EBADMSG, "x 1 (x.deb): it has a hard link /a to a file that is not its own: /l" },
                { { { .name = "./dev/null", .type = 'c' } }, -EPERM,
                  "x 1 (x.deb): it has a device node, which no container may make: /dev/null" },
                { { { .name = "./a", .content = "" }, { .name = "./a/b", .content = "" } }, -ENOTDIR,
                  "x 1 (x.deb): can't open the directory /a of the tree: Not a directory" },
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTS(cases); i++) {
                MadePackage package = { CONTROL("x", "1", ""), NULL, cases[i].files };
                expect_error(&package, 1, false, cases[i].code, cases[i].expected);
                assert_int_equal(unlinkat(tree.fd, "a", 0) == 0 || errno == ENOENT || errno == EISDIR, 1);
        }
}

/* Links of the tree lead to its own root, whoever goes through them. */
static void test_links_of_the_tree(void **state)
{
        (void) state;
        assert_int_equal(mkdirat(tree.fd, "usr", 0755) | mkdirat(tree.fd, "usr/bin", 0755), 0);
        assert_int_equal(symlinkat("/usr/bin", tree.fd, "bin") | symlinkat("../../../usr", tree.fd, "up"), 0);
        UNPACK({ CONTROL("x", "1", ""), NULL,
                 (MadeFile[]){ { .name = "./bin/", .type = 'd', .mode = 0700 }, { .name = "./bin/x", .content = "x" },
                               { .name = "./up/y", .content = "y" }, { 0 } } });
        expect_content("usr/bin/x", "x");
        expect_content("usr/y", "y");
        assert_int_equal(look("usr/bin").st_mode, S_IFDIR | 0755);
        assert_int_equal(look("bin").st_mode & S_IFMT, S_IFLNK);
        expect_paths(0, "d/bin f/bin/x f/up/y ");
}

/* ------------------------------------------------------------------------------------------------ two packages */

static void test_conflict(void **state)
{
        const MadePackage packages[] = {
                { CONTROL("a", "1", ""), NULL, (MadeFile[]){ { .name = "./x", .content = "a" }, { 0 } } },
                { CONTROL("b", "2", ""), NULL, (MadeFile[]){ { .name = "./x", .content = "b" }, { 0 } } },
        };

        (void) state;
        expect_error(packages, 2, true, -EEXIST, "b 2 (b.deb): it has /x, and so has a 1");
        /* whichever comes first when they go side by side */
        _cleanup_error_ Error error = ERROR_INIT;
        made_set(&tree.set, packages, 2);
        assert_int_equal(unpack_all(false, &error), -EEXIST);
        assert_true(string_equal(error.message, "b 2 (b.deb): it has /x, and so has a 1") ||
                    string_equal(error.message, "a 1 (a.deb): it has /x, and so has b 2"));
        assert_non_null(error.hint);
}

/* The one that replaces wins in any order, and the other one's list loses the path. */
static void expect_replaced(const MadePackage *packages, size_t winner)
{
        for (int one_by_one = 0; one_by_one < 2; one_by_one++) {
                _cleanup_error_ Error error = ERROR_INIT;
                made_set(&tree.set, packages, 2);
                assert_int_equal(unpack_all(one_by_one, &error), 0);
                expect_content("x", winner == 0 ? "a" : "b");
                expect_paths(winner, winner == 0 ? "f/x f/y " : "f/z f/x ");
                expect_paths(!winner, winner == 0 ? "f/z " : "f/y ");
                made_close(&tree.set);
                assert_int_equal(unlinkat(tree.fd, "x", 0), 0);
        }
}

static void test_replaces(void **state)
{
        static const MadeFile a[] = { { .name = "./x", .content = "a" }, { .name = "./y", .content = "y" }, { 0 } };
        static const MadeFile b[] = { { .name = "./z", .content = "z" }, { .name = "./x", .content = "b" }, { 0 } };

        (void) state;
        expect_replaced((MadePackage[]){ { CONTROL("a", "1", "Replaces: b (<< 3)\n"), NULL, a },
                                         { CONTROL("b", "2", ""), NULL, b } }, 0);
        expect_replaced((MadePackage[]){ { CONTROL("a", "1", ""), NULL, a },
                                         { CONTROL("b", "2", "Replaces: a\n"), NULL, b } }, 1);
        /* each the other: the later one */
        expect_replaced((MadePackage[]){ { CONTROL("a", "1", "Replaces: b\n"), NULL, a },
                                         { CONTROL("b", "2", "Replaces: a\n"), NULL, b } }, 1);
}

/* dpkg knows nothing of the other name: no error, and both keep it. */
static void test_other_name(void **state)
{
        (void) state;
        assert_int_equal(mkdirat(tree.fd, "usr", 0755) | mkdirat(tree.fd, "usr/lib", 0755), 0);
        assert_int_equal(symlinkat("usr/lib", tree.fd, "lib"), 0);
        UNPACK({ CONTROL("a", "1", ""), NULL, (MadeFile[]){ { .name = "./lib/x", .content = "a" }, { 0 } } },
               { CONTROL("b", "1", ""), NULL, (MadeFile[]){ { .name = "./usr/lib/x", .content = "b" }, { 0 } } });
        expect_content("usr/lib/x", "b");
        expect_paths(0, "f/lib/x ");
        expect_paths(1, "f/usr/lib/x ");
}

static void test_directory_attributes(void **state)
{
        (void) state;
        UNPACK({ CONTROL("a", "1", ""), NULL, (MadeFile[]){ { .name = "./d/", .type = 'd', .mode = 0711, .mtime_sec = 5 }, { 0 } } },
               { CONTROL("b", "1", ""), NULL,
                 (MadeFile[]){ { .name = "./d/", .type = 'd', .mode = 0777, .mtime_sec = 6 }, { .name = "./d/big", .content = "x" }, { 0 } } });
        assert_int_equal(look("d").st_mode, S_IFDIR | 0711);
        assert_int_equal(look("d").st_mtim.tv_sec, 5);
        expect_paths(0, "d/d ");
        expect_paths(1, "d/d f/d/big ");
}

/* A link of one package in the place of another one's directory: only the order of the transaction is right. */
static void expect_in_order(const MadePackage *packages, const char *inside)
{
        _cleanup_error_ Error error = ERROR_INIT;

        made_set(&tree.set, packages, 2);
        int r = unpack_all(false, &error);
        if (r < 0) {
                assert_int_equal(r, -EAGAIN);
                made_close(&tree.set);
                teardown(NULL);
                setup(NULL);
                made_set(&tree.set, packages, 2);
                error_done(&error);
                assert_int_equal(unpack_all(true, &error), 0);
        }
        expect_content(inside, "x");
        assert_true(is_there("d/x"));
}

static void test_link_and_directory(void **state)
{
        static const MadeFile link[] = { { .name = "./real/", .type = 'd' }, { .name = "./d", .type = 'l', .content = "real" }, { 0 } };
        static const MadeFile directory[] = { { .name = "./d/", .type = 'd' }, { .name = "./d/x", .content = "x" }, { 0 } };

        (void) state;
        expect_in_order((MadePackage[]){ { CONTROL("a", "1", ""), NULL, link }, { CONTROL("b", "1", ""), NULL, directory } },
                        "real/x");
        assert_int_equal(look("d").st_mode & S_IFMT, S_IFLNK);
        teardown(NULL);
        setup(NULL);
        expect_in_order((MadePackage[]){ { CONTROL("a", "1", ""), NULL, directory }, { CONTROL("b", "1", ""), NULL, link } },
                        "d/x");
        assert_int_equal(look("d").st_mode & S_IFMT, S_IFDIR);
        expect_paths(1, "d/real l/d ");
}

/* ------------------------------------------------------------------------------------------------ later rounds */

static void put(const char *path, const char *text)
{
        _cleanup_free_ char *name = NULL;
        _cleanup_close_ int directory_fd = open_parent_in_root(tree.fd, path, true, &name);
        _cleanup_close_ int fd = openat(directory_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

        assert_int_equal(write_all(fd, text, strlen(text)), 0);
}

static void test_second_round(void **state)
{
        static const MadeFile conffiles[] = { { .name = "./conffiles", .content = "/etc/made\n" }, { 0 } };
        const MadePackage packages[] = {
                { CONTROL("a", "1", ""), NULL,
                  (MadeFile[]){ { .name = "./d/", .type = 'd', .mode = 0700 }, { .name = "./d/x", .content = "a" }, { 0 } } },
                { CONTROL("b", "1", "Replaces: a\n"), conffiles,
                  (MadeFile[]){ { .name = "./d/", .type = 'd', .mode = 0755 }, { .name = "./d/x", .content = "b" },
                                { .name = "./etc/made", .content = "package" }, { .name = "./etc/other", .content = "package" }, { 0 } } },
                { CONTROL("c", "1", ""), NULL, (MadeFile[]){ { .name = "./d/x", .content = "c" }, { 0 } } },
        };
        Error error = ERROR_INIT;

        (void) state;
        made_set(&tree.set, packages, 3);
        assert_int_equal(unpack_some((size_t[]){ 0 }, 1, false, &error), 0);
        put("etc/made", "script");
        put("etc/other", "script");
        assert_int_equal(unpack_some((size_t[]){ 1 }, 1, false, &error), 0);
        expect_content("d/x", "b");
        assert_int_equal(look("d").st_mode, S_IFDIR | 0700);
        expect_paths(0, "d/d ");
        assert_true(tree.set.packages.items[0].paths_changed);
        /* dpkg asks what is to become of it; other files are just replaced */
        expect_content("etc/made", "script");
        expect_content("etc/made.dpkg-new", "package");
        expect_content("etc/other", "package");
        assert_string_equal(tree.set.packages.items[1].conffiles[0].md5, "");
        assert_int_equal(unpack_some((size_t[]){ 2 }, 1, false, &error), -EEXIST);
        assert_string_equal(error.message, "c 1 (c.deb): it has /d/x, and so has b 1");
        error_done(&error);
}

static void test_diversions(void **state)
{
        (void) state;
        put("var/lib/dpkg/diversions", "/bin/sh\n/bin/sh.distrib\ndash\n/bin/ed\n/bin/ed.local\n:\n");
        put("var/lib/dpkg/statoverride", "root tape 2711 /bin/wall\n#0 #0 0711 /srv\n");
        put("etc/passwd", "root:x:0:0::/:/bin/sh\n");
        put("etc/group", geteuid() == 0 ? "tape:x:26:\n" : "tape:x:0:\n");
        UNPACK({ CONTROL("bash", "1", ""), NULL,
                 (MadeFile[]){ { .name = "./bin/", .type = 'd' }, { .name = "./bin/sh", .content = "bash" },
                               { .name = "./bin/ed", .content = "ed" }, { .name = "./bin/hard", .type = 'h', .content = "./bin/ed" },
                               { .name = "./srv/", .type = 'd' }, { .name = "./bin/wall", .content = "wall" }, { 0 } } },
               { CONTROL("dash", "1", ""), NULL, (MadeFile[]){ { .name = "./bin/sh", .content = "dash" }, { 0 } } });
        expect_content("bin/sh", "dash");
        expect_content("bin/sh.distrib", "bash");
        expect_content("bin/ed.local", "ed");
        expect_content("bin/hard", "ed");
        assert_false(is_there("bin/ed"));
        assert_int_equal(look("bin/wall").st_mode, S_IFREG | 02711);
        assert_int_equal(look("bin/wall").st_gid, geteuid() == 0 ? 26 : 0);
        assert_int_equal(look("srv").st_mode, S_IFDIR | 0711);
        /* lists have the names of the packages */
        expect_paths(0, "d/bin f/bin/sh f/bin/ed f/bin/hard d/srv f/bin/wall ");
}

/* ------------------------------------------------------------------------------------------------ many at once */

#define N_PACKAGES 16
#define N_FILES 20

/* The same result whoever is first: each package replaces the one before it. */
static void test_many(void **state)
{
        static char names[N_FILES][16], contents[N_PACKAGES][8], controls[N_PACKAGES][200];
        static MadeFile files[N_PACKAGES][N_FILES + 2];
        MadePackage packages[N_PACKAGES];

        (void) state;
        for (size_t i = 0; i < N_PACKAGES; i++) {
                snprintf(contents[i], sizeof contents[i], "p%02zu", i);
                snprintf(controls[i], sizeof controls[i],
                         "Package: p%02zu\nVersion: 1\nArchitecture: all\nReplaces: p00, p01, p02, p03, p04, p05, p06, p07, "
                         "p08, p09, p10, p11, p12, p13, p14, p15\n", i);
                files[i][0] = (MadeFile){ .name = "./d/", .type = 'd', .mode = (mode_t) (0700 + i) };
                for (size_t j = 0; j < N_FILES; j++) {
                        snprintf(names[j], sizeof names[j], "./d/f%zu", j);
                        files[i][j + 1] = (MadeFile){ .name = names[j], .content = contents[i] };
                }
                packages[i] = (MadePackage){ controls[i], NULL, files[i] };
        }
        Error error = ERROR_INIT;
        made_set(&tree.set, packages, N_PACKAGES);
        assert_int_equal(unpack_all(false, &error), 0);
        for (size_t j = 0; j < N_FILES; j++)
                expect_content(names[j], "p15");
        assert_int_equal(look("d").st_mode, S_IFDIR | 0700);
        for (size_t i = 0; i + 1 < N_PACKAGES; i++)
                expect_paths(i, "d/d ");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_types, setup, teardown),
                cmocka_unit_test_setup_teardown(test_owners, setup, teardown),
                cmocka_unit_test_setup_teardown(test_missing_parents, setup, teardown),
                cmocka_unit_test_setup_teardown(test_digests, setup, teardown),
                cmocka_unit_test_setup_teardown(test_hostile, setup, teardown),
                cmocka_unit_test_setup_teardown(test_links_of_the_tree, setup, teardown),
                cmocka_unit_test_setup_teardown(test_conflict, setup, teardown),
                cmocka_unit_test_setup_teardown(test_replaces, setup, teardown),
                cmocka_unit_test_setup_teardown(test_other_name, setup, teardown),
                cmocka_unit_test_setup_teardown(test_directory_attributes, setup, teardown),
                cmocka_unit_test_setup_teardown(test_link_and_directory, setup, teardown),
                cmocka_unit_test_setup_teardown(test_second_round, setup, teardown),
                cmocka_unit_test_setup_teardown(test_diversions, setup, teardown),
                cmocka_unit_test_setup_teardown(test_many, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
