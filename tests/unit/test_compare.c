/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/compare.h"

#include "tar_fixture.h"

#include <zlib.h>

static void listen(const ImageDifference *difference, void *userdata)
{
        Buffer *told = userdata;

        assert_int_equal(buffer_printf(told, "%s: %s: %s | %s\n", difference->path, difference->what, difference->first,
                                       difference->second), 0);
}

static void assert_told(int first_fd, int second_fd, size_t limit, uint64_t n_expected, const char *expected)
{
        _cleanup_error_ Error error = ERROR_INIT;
        _cleanup_buffer_ Buffer told = BUFFER_INIT;
        uint64_t n_entries = 0;

        assert_int_equal(buffer_append(&told, "", 0), 0);
        if (image_compare(first_fd, second_fd, limit, listen, &told, &n_entries, &error) < 0)
                fail_msg("%s", error.message);
        assert_string_equal(told.data, expected);
        assert_int_equal(n_entries, n_expected);
}

static const char capability_a[20] = "\1\0\0\2\0\4", capability_b[20] = "\1\0\0\2\0\5";

/* One with a text, and the end of a list. */
#define F(name, text) .path = name, .content = text
#define NUL { .path = NULL }

static void test_differences(void **state)
{
        static const struct {
                File first[6], second[6];
                uint64_t n;
                const char *told;
        } cases[] = {
                { { { F("a", "x") }, NUL }, { { F("a", "x") }, NUL }, 0, "" },
                { { { F("a", "x") }, NUL }, { { F("a", "y") }, NUL }, 1,
                  "/a: content: from byte 0 on | from byte 0 on\n" },
                { { { F("a", "one") }, NUL }, { { F("a", "one more") }, NUL }, 1,
                  "/a: size: 3 | 8\n/a: content: from byte 3 on | from byte 3 on\n" },
                { { { F("a", "x"), .mode = 04755 }, NUL }, { { F("a", "x"), .uid = 7 }, NUL }, 1,
                  "/a: mode: 4755 | 0644\n/a: owner: 0:0 | 7:0\n" },
                { { { F("a", "x"), .mtime_sec = 86400 }, NUL }, { { F("a", "x") }, NUL }, 1,
                  "/a: time: 1970-01-02 00:00:00 | 2023-11-14 22:13:20\n" },
                { { { F("a", "x") }, NUL }, { { F("a/", NULL) }, NUL }, 1, "/a: type: file | directory\n" },
                { { { .path = "a", .link = "b" }, NUL }, { { .path = "a", .link = "c" }, NUL }, 1,
                  "/a: link: b | c\n" },
                { { { F("a", "x") }, { .path = "b", .link = "=a" }, NUL }, { { F("a", "x") }, { F("b", "x") }, NUL }, 1,
                  "/b: link: hard link to ./a | no link\n" },
                { { { F("a", "x"), .capability = capability_a }, NUL },
                  { { F("a", "x"), .capability = capability_b }, NUL }, 1,
                  "/a: attributes: security.capability=0100000200040000000000000000000000000000 | "
                  "security.capability=0100000200050000000000000000000000000000\n" },
                { { { F("a", "x"), .capability = capability_a }, NUL }, { { F("a", "x") }, NUL }, 1,
                  "/a: attributes: security.capability=0100000200040000000000000000000000000000 | none\n" },
                /* in the order of the walk: what is in a directory comes before names that begin as it does */
                { { { F("a/b", "x") }, { F("a-c", "x") }, { F("z", "x") }, NUL },
                  { { F("a/b", "x") }, { F("a/c", "x") }, { F("z", "y") }, NUL }, 3,
                  "/a/c: entry: missing | there\n/a-c: entry: there | missing\n"
                  "/z: content: from byte 0 on | from byte 0 on\n" },
                { { { F("a", "x") }, { F("\n", "x") }, NUL }, { { F("a", "x") }, NUL }, 1,
                  "/\\x0a: entry: there | missing\n" },
                { { { F("a", "x") }, NUL }, { { F("a", "x") }, { F("b/c/d", "x") }, NUL }, 3,
                  "/b: entry: missing | there\n/b/c: entry: missing | there\n/b/c/d: entry: missing | there\n" },
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTS(cases); i++) {
                _cleanup_close_ int first = archive_file(cases[i].first), second = archive_file(cases[i].second);
                assert_told(first, second, 10, cases[i].n, cases[i].told);
        }
}

static void test_limit(void **state)
{
        static const File first[] = { { F("a", "x"), .mode = 0600 }, { F("b", "x") }, { F("c", "x") }, NUL };
        static const File second[] = { { F("a", "y") }, { F("b", "y") }, NUL };
        _cleanup_close_ int first_fd = archive_file(first), second_fd = archive_file(second);

        (void) state;
        assert_told(first_fd, second_fd, 1, 3,
                    "/a: mode: 0600 | 0644\n/a: content: from byte 0 on | from byte 0 on\n");
        assert_told(first_fd, second_fd, 0, 3, "");
}

/* A difference far inside of a large file. */
static void test_large_content(void **state)
{
        static char content[300001];
        File files[] = { { F("a", content), .size_bytes = sizeof content }, NUL };

        (void) state;
        _cleanup_close_ int first_fd = archive_file(files);
        content[250000] = 'x';
        _cleanup_close_ int second_fd = archive_file(files);
        assert_told(first_fd, second_fd, 10, 1, "/a: content: from byte 250000 on | from byte 250000 on\n");
        _cleanup_close_ int third_fd = archive_file(files);
        assert_told(second_fd, third_fd, 10, 0, "");
}

static int compressed(const File *files, int level)
{
        _cleanup_buffer_ Buffer tar = BUFFER_INIT;
        z_stream stream = { .next_in = NULL };
        static uint8_t packed[1 << 16];
        int fd = memory_file();

        put_archive(&tar, files);
        assert_int_equal(deflateInit2(&stream, level, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
        stream.next_in = (uint8_t *) tar.data;
        stream.avail_in = (unsigned) tar.length;
        stream.next_out = packed;
        stream.avail_out = sizeof packed;
        assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
        assert_int_equal(write_all(fd, packed, stream.total_out), 0);
        deflateEnd(&stream);
        return fd;
}

static void test_compression(void **state)
{
        static const File files[] = { { F("a", "x") }, { F("b", "y") }, NUL };
        static const File others[] = { { F("a", "x") }, { F("b", "z") }, NUL };
        _cleanup_close_ int plain = archive_file(files), other = archive_file(others);
        _cleanup_close_ int fast = compressed(files, 1), again = compressed(files, 1), best = compressed(files, 9);

        (void) state;
        assert_told(fast, again, 10, 0, "");
        assert_told(plain, other, 10, 1, "/b: content: from byte 0 on | from byte 0 on\n");
        assert_told(fast, other, 10, 1, "/b: content: from byte 0 on | from byte 0 on\n");
        assert_told(fast, plain, 10, 0, ": compression: from byte 0 on | from byte 0 on\n");
        /* the byte of the header that tells the level (RFC 1952, XFL) */
        assert_told(fast, best, 10, 0, ": compression: from byte 8 on | from byte 8 on\n");
}

/* A number in a header that nobody reads. */
static void test_headers(void **state)
{
        static const File files[] = { { F("a", "x") }, NUL };
        _cleanup_close_ int first_fd = archive_file(files);
        _cleanup_buffer_ Buffer tar = BUFFER_INIT;
        int second_fd = memory_file();

        (void) state;
        put_archive(&tar, files);
        /* the padding behind the content */
        tar.data[3 * 512 - 1] = 'x';
        assert_int_equal(write_all(second_fd, tar.data, tar.length), 0);
        assert_told(first_fd, second_fd, 10, 0, ": headers: from byte 1535 on | from byte 1535 on\n");
        close(second_fd);
}

static void test_damaged(void **state)
{
        static const File files[] = { { F("a", "x") }, NUL };
        _cleanup_error_ Error error = ERROR_INIT;
        _cleanup_buffer_ Buffer told = BUFFER_INIT;
        _cleanup_close_ int first_fd = archive_file(files);
        _cleanup_close_ int second_fd = memory_file();
        uint64_t n_entries;

        (void) state;
        assert_int_equal(write_all(second_fd, "no archive", 10), 0);
        assert_true(image_compare(first_fd, second_fd, 10, listen, &told, &n_entries, &error) < 0);
        assert_non_null(error.message);
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_differences), cmocka_unit_test(test_limit),
                cmocka_unit_test(test_large_content), cmocka_unit_test(test_compression),
                cmocka_unit_test(test_headers), cmocka_unit_test(test_damaged),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
