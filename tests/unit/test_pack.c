/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/pack.h"

#include "image/rules.h"
#include "image_tree.h"

#include <locale.h>
#include <pthread.h>
#include <signal.h>
#include <sys/statfs.h>

/* Packing whole trees: the bytes don't depend on anything but the tree, and programs that are not ours unpack them to
 * what was packed. The rules of the hosts, one by one, are in test_pack_rules.c. */

#define N_FORMATS IMAGE_FORMATS

typedef struct Packed {
        int fds[N_FORMATS];
        PackOutput outputs[N_FORMATS];
        PackStatistics statistics;
} Packed;

static Packed pack_all_formats(const char *tree, unsigned n_threads)
{
        _cleanup_error_ Error error = ERROR_INIT;
        PackOptions options = { .clamp_sec = tree_clamp_sec, .n_threads = n_threads };
        Packed packed = { 0 };

        for (int i = 0; i < N_FORMATS; i++) {
                packed.fds[i] = memory_file();
                packed.outputs[i] = (PackOutput){
                        .format = (ImageFormat) i,
                        .level = i == IMAGE_TAR || i == IMAGE_TAR_XZ ? 0 : 1,
                        .fd = packed.fds[i],
                };
        }
        if (pack_into(tree, &options, packed.outputs, N_FORMATS, &packed.statistics, &error) < 0)
                fail_msg("pack_tree: %s", error.message);
        return packed;
}

static void packed_done(Packed *packed)
{
        for (int i = 0; i < N_FORMATS; i++)
                close(packed->fds[i]);
}

static void assert_same_bytes(const Packed *a, const Packed *b, const char *what)
{
        for (int i = 0; i < N_FORMATS; i++)
                if (strcmp(a->outputs[i].sha256, b->outputs[i].sha256) != 0)
                        fail_msg("%s: the %s differs", what, image_format_names[i]);
        assert_string_equal(a->statistics.tar_sha256, b->statistics.tar_sha256);
}

/* Enough for several blocks, of all kinds: many small files, some large ones, one beyond a block. */
static void make_large_tree(void)
{
        const size_t size_bytes = 9 << 20;
        _cleanup_free_ uint8_t *data = malloc(size_bytes);
        char path[100];

        put_directory("tree/usr");
        fill_words(data, size_bytes, 42);
        for (size_t i = 0; i < 200; i++) {
                snprintf(path, sizeof path, "tree/usr/f%zu", i);
                put_file(path, data + i * 1000, 10000 + 100 * i);
        }
        put_file("tree/usr/large", data, size_bytes);
        for (size_t i = 0; i < 2; i++) {
                snprintf(path, sizeof path, "tree/usr/m%zu", i);
                put_file(path, data + i * 100000, 2 << 20);
        }
}

static void test_threads(void **state _unused_)
{
        static const unsigned threads[] = { 2, 7 };

        make_large_tree();
        Packed one = pack_all_formats("tree", 1);
        for (size_t i = 0; i < ELEMENTS(threads); i++) {
                Packed other = pack_all_formats("tree", threads[i]);
                assert_same_bytes(&one, &other, "threads");
                packed_done(&other);
        }
        packed_done(&one);
}

static void test_environment(void **state _unused_)
{
        make_full_tree();
        Packed first = pack_all_formats("tree", 1);
        umask(0777);
        setenv("TZ", "Pacific/Kiritimati", 1);
        tzset();
        if (!setlocale(LC_ALL, "C.UTF-8"))
                print_message("SKIP: there is no locale C.UTF-8\n");
        Packed second = pack_all_formats("tree", 1);
        umask(022);
        unsetenv("TZ");
        tzset();
        setlocale(LC_ALL, "C");
        assert_same_bytes(&first, &second, "umask, time zone and locale");
        packed_done(&first);
        packed_done(&second);
}

/* Another file system has another readdir order, inode numbers, block sizes. */
static void test_file_systems(void **state _unused_)
{
        _cleanup_remove_ char *directory = NULL;
        _cleanup_free_ char *copy = NULL;
        struct statfs here, there;

        if (make_temporary_directory("/dev/shm", "templar-image-", &directory, NULL) < 0 || statfs(".", &here) < 0 ||
            statfs(directory, &there) < 0 || here.f_type == there.f_type) {
                print_message("SKIP: no other file system to copy to\n");
                skip();
        }
        make_large_tree();
        put_directory("tree/more");
        for (int i = 0; i < 300; i++) {
                char path[100];
                snprintf(path, sizeof path, "tree/more/%d", i * 7919 % 1000);
                put_text(path, "");
        }
        copy = path_join(directory, "copy");
        assert_int_equal(RUN(-1, NULL, "cp", "-a", "tree", copy), 0);
        Packed first = pack_all_formats("tree", 2), second = pack_all_formats(copy, 2);
        assert_same_bytes(&first, &second, "file systems");
        packed_done(&first);
        packed_done(&second);
}

/* Unpacks packed.fds[format] by `argv`, in "out", and compares. */
static void check_unpacked(const Packed *packed, ImageFormat format, const char *expected, const char *const *argv)
{
        put_directory("out");
        int status = run_program(argv, packed->fds[format], NULL);
        if (status == 127) {
                print_message("SKIP: %s is not installed\n", argv[0]);
        } else {
                assert_int_equal(status, 0);
                assert_same_tree("out", expected);
        }
        assert_int_equal(remove_tree(AT_FDCWD, "out", NULL), 0);
}

static void test_unpackers(void **state _unused_)
{
        /* as systemd runs it, with the decompressor that it has built in */
        static const char *const gnu[] = { "tar", "--numeric-owner", "-C", "out", "-pxf", "-", "--xattrs",
                                           "--xattrs-include=*", NULL };
        static const char *const bsd[] = { "bsdtar", "--numeric-owner", "-C", "out", "-pxf", "-", NULL };

        if (skip_unless_root("owners and capabilities can't be set"))
                skip();
        make_full_tree();
        _cleanup_free_ char *expected = describe_tree("tree");
        Packed packed = pack_all_formats("tree", 2);
        check_unpacked(&packed, IMAGE_TAR, expected, gnu);
        check_unpacked(&packed, IMAGE_TAR, expected, bsd);
        check_unpacked(&packed, IMAGE_TAR_XZ, expected, bsd);
        check_unpacked(&packed, IMAGE_TAR_GZ, expected, bsd);
        check_unpacked(&packed, IMAGE_TAR_ZST, expected, bsd);
        packed_done(&packed);
}

/* Times that no clamp has changed: before 1970, after 2106 and beyond what a tar header holds. */
static void test_far_times(void **state _unused_)
{
        static const char *const gnu[] = { "tar", "--numeric-owner", "-C", "out", "-pxf", "-", "--xattrs",
                                           "--xattrs-include=*", NULL };
        static const char *const bsd[] = { "bsdtar", "--numeric-owner", "-C", "out", "-pxf", "-", NULL };
        struct stat status;

        if (skip_unless_root("owners can't be set"))
                skip();
        tree_clamp_sec = INT64_C(20000000000);
        make_full_tree();
        assert_int_equal(stat("tree/times/10000000000", &status), 0);
        if (status.st_mtim.tv_sec != INT64_C(10000000000))
                print_message("SKIP: this file system's times end earlier\n");
        _cleanup_free_ char *expected = describe_tree("tree");
        Packed packed = pack_all_formats("tree", 2);
        check_unpacked(&packed, IMAGE_TAR, expected, gnu);
        check_unpacked(&packed, IMAGE_TAR_GZ, expected, bsd);
        packed_done(&packed);
        tree_clamp_sec = CLAMP;
}

static void save(int fd, const char *path)
{
        _cleanup_close_ int to_fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

        assert_true(to_fd >= 0);
        assert_true(lseek(fd, 0, SEEK_SET) == 0);
        assert_int_equal(copy_bytes(fd, to_fd), 0);
}

static const char *find_systemd_import(void)
{
        static const char *const paths[] = { "/usr/lib/systemd/systemd-import", "/lib/systemd/systemd-import" };

        for (size_t i = 0; i < ELEMENTS(paths); i++)
                if (access(paths[i], X_OK) == 0)
                        return paths[i];
        return NULL;
}

static void test_systemd_import(void **state)
{
        static const ImageFormat formats[] = { IMAGE_TAR, IMAGE_TAR_GZ, IMAGE_TAR_XZ };
        const Fixture *fixture = *state;
        const char *program = find_systemd_import();
        char file[PATH_MAX], root[PATH_MAX + 20], path[PATH_MAX];

        if (skip_unless_root("systemd-import needs it"))
                skip();
        if (!program) {
                print_message("SKIP: systemd-container is not installed\n");
                skip();
        }
        make_full_tree();
        _cleanup_free_ char *expected = describe_tree("tree");
        Packed packed = pack_all_formats("tree", 2);
        put_directory("machines");
        snprintf(root, sizeof root, "--image-root=%s/machines", fixture->directory);
        for (size_t i = 0; i < ELEMENTS(formats); i++) {
                const char *name = image_format_names[formats[i]];
                snprintf(file, sizeof file, "%s/image.%s", fixture->directory, name);
                snprintf(path, sizeof path, "machines/%s", name);
                save(packed.fds[formats[i]], file);
                setenv("SYSTEMD_LOG_LEVEL", "err", 1);
                int status = RUN(-1, NULL, program, "tar", "--btrfs-subvol=no", "--btrfs-quota=no", root, file, name);
                unsetenv("SYSTEMD_LOG_LEVEL");
                assert_int_equal(status, 0);
                assert_same_tree(path, expected);
        }
        packed_done(&packed);
}

static void test_statistics(void **state _unused_)
{
        PackProgress progress = { 0 };
        PackStatistics statistics;
        PackOutput output = { .format = IMAGE_TAR_ZST, .level = IMAGE_LEVEL_DEFAULT, .fd = memory_file() };
        char sha256[SHA256_HEX_SIZE];
        uint64_t size_bytes;

        put_text("tree/a", "12345");
        put_text("tree/b", "123");
        assert_int_equal(link("tree/b", "tree/c"), 0);
        assert_int_equal(pack_into("tree", &(PackOptions){ .clamp_sec = CLAMP, .progress = &progress }, &output, 1,
                                   &statistics, NULL), 0);
        assert_int_equal(statistics.n_entries, 4);
        assert_int_equal(statistics.content_bytes, 8);
        assert_int_equal(statistics.tar_bytes, 10240);
        assert_int_equal(progress.entries, 4);
        assert_int_equal(progress.bytes, 6 * 512);
        assert_true(lseek(output.fd, 0, SEEK_SET) == 0);
        assert_int_equal(digest_descriptor(output.fd, &size_bytes, sha256), 0);
        assert_string_equal(sha256, output.sha256);
        assert_int_equal(size_bytes, output.size_bytes);
        close(output.fd);
}

static void test_empty_tree(void **state _unused_)
{
        static const char name[] = "./";
        _cleanup_buffer_ Buffer tar = BUFFER_INIT;

        put_time("tree", 5);
        pack_plain("tree", &tar);
        assert_int_equal(tar.length, 10240);
        assert_string_equal(tar.data, name);
        assert_int_equal(tar.data[156], '5');
        for (size_t i = 512; i < tar.length; i++)
                assert_int_equal(tar.data[i], 0);
}

static void test_full_disk(void **state _unused_)
{
        put_text("tree/a", "12345");
        for (int i = 0; i < N_FORMATS; i++) {
                _cleanup_error_ Error error = ERROR_INIT;
                _cleanup_close_ int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
                PackOutput output = { .format = (ImageFormat) i, .level = IMAGE_LEVEL_DEFAULT, .fd = fd };
                PackStatistics statistics;
                char message[100];
                int r = pack_into("tree", &(PackOptions){ .clamp_sec = CLAMP }, &output, 1, &statistics, &error);
                assert_int_equal(r, -ENOSPC);
                snprintf(message, sizeof message, "Can't write the %s: No space left on device", image_format_names[i]);
                assert_string_equal(error.message, message);
                assert_non_null(error.hint);
        }
}

/* What only shows in the archive as a whole: a reader looks at it on the way. */
static void test_lint(void **state _unused_)
{
        LintOptions lint = { 0 };
        LintReport found = { 0 };
        PackOptions options = { .clamp_sec = CLAMP, .n_threads = 2, .lint = &lint, .lint_report = &found };
        PackStatistics statistics;

        put_directory("tree/image");
        put_directory("tree/image/usr");
        put_text("tree/image/x", "nothing");
        assert_int_equal(pack_into("tree", &options, NULL, 0, &statistics, NULL), 0);
        assert_int_equal(found.n_errors, 1);
        assert_string_equal(found.items[0].text, "The archive holds a folder with the system's tree, not the tree itself");
        lint_report_done(&found);
        /* the packer's own error comes first, and ends the look */
        put_directory("tree/usr");
        assert_int_equal(mknod("tree/usr/socket", S_IFSOCK | 0600, 0), 0);
        _cleanup_error_ Error error = ERROR_INIT;
        assert_int_equal(pack_into("tree", &options, NULL, 0, &statistics, &error), -EINVAL);
        assert_non_null(strstr(error.message, "is a socket"));
        assert_int_equal(found.n_items, 0);
}

static void test_wrong_level(void **state _unused_)
{
        static const struct {
                ImageFormat format;
                int level;
                bool good;
        } cases[] = {
                { IMAGE_TAR, 1, false },     { IMAGE_TAR_GZ, 0, false },   { IMAGE_TAR_GZ, 12, true },
                { IMAGE_TAR_GZ, 13, false }, { IMAGE_TAR_XZ, 10, false },  { IMAGE_TAR_XZ, -2, false },
                { IMAGE_TAR_ZST, 20, false }, { IMAGE_TAR_ZST, 19, true },
        };

        for (size_t i = 0; i < ELEMENTS(cases); i++) {
                _cleanup_error_ Error error = ERROR_INIT;
                _cleanup_close_ int fd = memory_file();
                PackOutput output = { .format = cases[i].format, .level = cases[i].level, .fd = fd };
                PackStatistics statistics;
                int r = pack_into("tree", &(PackOptions){ .clamp_sec = CLAMP }, &output, 1, &statistics, &error);
                assert_int_equal(r, cases[i].good ? 0 : -EINVAL);
                if (r < 0)
                        assert_int_equal(error.kind, ERROR_USAGE);
        }
}

typedef struct Growth {
        int fd; /* to read the archive from */
        const char *path;
        const char *more; /* NULL: cut it instead */
} Growth;

/* The archive comes through a pipe: while it is not read, the packer can't have come to the end of a file that is
 * larger than the pipe and all blocks together. */
static void *change_while_packing(void *userdata)
{
        const Growth *growth = userdata;
        char chunk[65536];

        if (read(growth->fd, chunk, sizeof chunk) <= 0)
                return NULL;
        if (!growth->more) {
                if (truncate(growth->path, 1) < 0)
                        return NULL;
        } else {
                int fd = open(growth->path, O_WRONLY | O_APPEND | O_CLOEXEC);
                if (fd < 0 || write_all(fd, growth->more, strlen(growth->more)) < 0)
                        return NULL;
                close(fd);
        }
        while (read(growth->fd, chunk, sizeof chunk) > 0)
                ;
        return NULL;
}

static void check_change(const char *more)
{
        _cleanup_error_ Error error = ERROR_INIT;
        PackStatistics statistics;
        pthread_t thread;
        int fds[2];

        put_directory("tree/var");
        put_text("tree/var/log", "");
        assert_int_equal(truncate("tree/var/log", 100 << 20), 0);
        assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
        Growth growth = { .fd = fds[0], .path = "tree/var/log", .more = more };
        PackOutput output = { .format = IMAGE_TAR, .level = 0, .fd = fds[1] };
        assert_int_equal(pthread_create(&thread, NULL, change_while_packing, &growth), 0);
        int r = pack_into("tree", &(PackOptions){ .clamp_sec = CLAMP, .n_threads = 1 }, &output, 1, &statistics,
                          &error);
        close(fds[1]);
        pthread_join(thread, NULL);
        close(fds[0]);
        assert_int_equal(r, -EBUSY);
        assert_string_equal(error.message, "./var/log changed while it was packed");
}

static void test_growing_file(void **state _unused_)
{
        check_change("more");
}

static void test_shrinking_file(void **state _unused_)
{
        check_change(NULL);
}

/* Half of the packer's threads are at work when the reader goes away. */
static void test_broken_output(void **state _unused_)
{
        _cleanup_error_ Error error = ERROR_INIT;
        PackStatistics statistics;
        int fds[2];

        make_large_tree();
        signal(SIGPIPE, SIG_IGN);
        assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
        close(fds[0]);
        PackOutput outputs[] = {
                { .format = IMAGE_TAR_XZ, .level = 0, .fd = memory_file() },
                { .format = IMAGE_TAR_ZST, .level = 1, .fd = fds[1] },
        };
        int r = pack_into("tree", &(PackOptions){ .clamp_sec = CLAMP, .n_threads = 4 }, outputs, 2, &statistics,
                          &error);
        assert_int_equal(r, -EPIPE);
        assert_string_equal(error.message, "Can't write the tar.zst: Broken pipe");
        close(fds[1]);
        close(outputs[0].fd);
        signal(SIGPIPE, SIG_DFL);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                IMAGE_TEST(test_threads),        IMAGE_TEST(test_environment), IMAGE_TEST(test_file_systems),
                IMAGE_TEST(test_unpackers),      IMAGE_TEST(test_systemd_import), IMAGE_TEST(test_statistics),
                IMAGE_TEST(test_empty_tree),     IMAGE_TEST(test_full_disk),   IMAGE_TEST(test_wrong_level),
                IMAGE_TEST(test_growing_file),   IMAGE_TEST(test_shrinking_file), IMAGE_TEST(test_broken_output),
                IMAGE_TEST(test_lint),           IMAGE_TEST(test_far_times),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
