/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/tar.h"

#include "image_fixture.h"

/* The encoder alone: fields of headers, and which form a name takes. That others read it is in test_pack.c. */

static Buffer encode(const TarEntry *entry)
{
        _cleanup_error_ Error error = ERROR_INIT;
        Buffer buffer = BUFFER_INIT;

        if (tar_encode(entry, &buffer, &error) < 0)
                fail_msg("tar_encode: %s", error.message);
        assert_int_equal(buffer.length % TAR_BLOCK_BYTES, 0);
        return buffer;
}

static TarEntry file_entry(const char *path)
{
        return (TarEntry){ .path = path, .mode = S_IFREG | 0644, .size_bytes = 5, .mtime_sec = 1 };
}

static void test_fields(void **state _unused_)
{
        _cleanup_buffer_ Buffer buffer = encode(&(TarEntry){
                .path = "./usr/bin/su",
                .mode = S_IFREG | 04755,
                .uid = 65535,
                .gid = 8,
                .size_bytes = 0123456701,
                .mtime_sec = 014507622000,
        });
        const char *header = buffer.data;
        unsigned sum = 0;

        assert_int_equal(buffer.length, 512);
        assert_string_equal(header, "./usr/bin/su");
        assert_memory_equal(header + 100, "0004755\0" "0177777\0" "0000010\0", 24);
        assert_memory_equal(header + 124, "00123456701\0" "14507622000\0", 24);
        assert_int_equal(header[156], '0');
        assert_memory_equal(header + 257, "ustar\0" "00", 8);
        for (size_t i = 265; i < 329; i++)
                assert_int_equal(header[i], 0); /* no user and group names */
        assert_memory_equal(header + 329, "0000000\0" "0000000\0", 16);
        for (size_t i = 0; i < 512; i++)
                sum += i >= 148 && i < 156 ? ' ' : (unsigned char) header[i];
        assert_int_equal(strtoul(header + 148, NULL, 8), sum);
        assert_memory_equal(header + 154, "\0 ", 2);
}

static void test_types(void **state _unused_)
{
        static const struct {
                TarEntry entry;
                const char *name;
                char type;
        } cases[] = {
                { { .path = ".", .mode = S_IFDIR | 0755, .size_bytes = 4096 }, "./", '5' },
                { { .path = "./a", .mode = S_IFDIR | 0755, .size_bytes = 4096 }, "./a/", '5' },
                { { .path = "./a", .mode = S_IFLNK | 0777, .size_bytes = 1, .link_target = "b" }, "./a", '2' },
                { { .path = "./a", .mode = S_IFIFO | 0600, .size_bytes = 0 }, "./a", '6' },
                { { .path = "./a", .mode = S_IFREG | 0600, .size_bytes = 9, .link_target = "./b", .hard_link = true },
                  "./a", '1' },
        };

        for (size_t i = 0; i < ELEMENTS(cases); i++) {
                _cleanup_buffer_ Buffer buffer = encode(&cases[i].entry);
                assert_int_equal(buffer.length, 512);
                assert_string_equal(buffer.data, cases[i].name);
                assert_int_equal(buffer.data[156], cases[i].type);
                assert_string_equal(buffer.data + 124, "00000000000");
                if (cases[i].entry.link_target)
                        assert_string_equal(buffer.data + 157, cases[i].entry.link_target);
        }
}

/* `parts` strings of `length` times `c`, joined by slashes, behind "./". */
static char *long_path(size_t parts, size_t length, char c)
{
        Buffer buffer = BUFFER_INIT;

        assert_int_equal(buffer_append_string(&buffer, "."), 0);
        for (size_t i = 0; i < parts; i++) {
                assert_int_equal(buffer_append_string(&buffer, "/"), 0);
                for (size_t j = 0; j < length; j++)
                        assert_int_equal(buffer_append(&buffer, &c, 1), 0);
        }
        return buffer_take(&buffer);
}

/* Types of the headers that were made, in order. */
static void header_types(const Buffer *buffer, char ret[static 8])
{
        size_t n = 0;

        for (size_t i = 0; i + 512 <= buffer->length && n < 7;) {
                const char *header = buffer->data + i;
                ret[n++] = header[156];
                i += 512 + (strchr("xLK", header[156]) ? (strtoull(header + 124, NULL, 8) + 511) / 512 * 512 : 0);
        }
        ret[n] = '\0';
}

static void test_name_forms(void **state _unused_)
{
        static const struct {
                size_t parts, length;
                char c;
                mode_t mode;
                const char *types;
        } cases[] = {
                { 1, 98, 'n', S_IFREG, "0" },      /* 100 bytes: fills the name field */
                { 1, 97, 'n', S_IFDIR, "5" },
                { 1, 100, 'n', S_IFREG, "0" },     /* "." is the prefix */
                { 1, 101, 'n', S_IFREG, "x0" },
                { 1, 99, 'n', S_IFDIR, "5" },
                { 1, 100, 'n', S_IFDIR, "x5" },    /* 101 with its slash, which is no place to split */
                { 2, 60, 'n', S_IFREG, "0" },      /* split */
                { 3, 76, 'n', S_IFREG, "0" },      /* prefix 155: full */
                { 3, 77, 'n', S_IFREG, "x0" },     /* prefix 157 at the last slash, name 156 at the one before */
                { 5, 50, 'n', S_IFREG, "x0" },     /* prefix 205 at the first slash that would do */
                { 1, 98, '\xe9', S_IFREG, "0" },   /* raw where there is room */
                { 2, 60, '\xe9', S_IFREG, "0" },
                { 1, 120, '\xe9', S_IFREG, "L0" }, /* never in a pax record */
                { 1, 120, '\xe9', S_IFDIR, "L5" },
                { 9, 200, '\xe9', S_IFREG, "L0" },
        };

        for (size_t i = 0; i < ELEMENTS(cases); i++) {
                _cleanup_free_ char *path = long_path(cases[i].parts, cases[i].length, cases[i].c);
                TarEntry entry = file_entry(path);
                char types[8];
                entry.mode = cases[i].mode | 0755;
                _cleanup_buffer_ Buffer buffer = encode(&entry);
                header_types(&buffer, types);
                if (strcmp(types, cases[i].types) != 0)
                        fail_msg("case %zu: %s instead of %s", i, types, cases[i].types);
        }
}

static void test_one_byte_more(void **state _unused_)
{
        _cleanup_free_ char *path = long_path(1, 99, 'n');
        TarEntry entry = file_entry(path);
        _cleanup_buffer_ Buffer buffer = encode(&entry);

        /* "./nnn...": the slash behind "." is one byte too early to leave 100 */
        assert_int_equal(strlen(path), 101);
        assert_int_equal(buffer.data[156], '0');
        assert_memory_equal(buffer.data + 345, ".", 2);
}

static void test_split(void **state _unused_)
{
        _cleanup_free_ char *path = long_path(2, 60, 'n');
        TarEntry entry = file_entry(path);
        _cleanup_buffer_ Buffer buffer = encode(&entry);
        char joined[300];

        snprintf(joined, sizeof joined, "%.155s/%.100s", buffer.data + 345, buffer.data);
        assert_string_equal(joined, path);
}

static void test_pax_path(void **state _unused_)
{
        _cleanup_free_ char *path = long_path(6, 50, 'n');
        TarEntry entry = file_entry(path);
        _cleanup_buffer_ Buffer buffer = encode(&entry);
        char record[400];

        int length = snprintf(record, sizeof record, "317 path=%s\n", path);
        assert_int_equal(length, 317);
        assert_int_equal(buffer.data[156], 'x');
        assert_true(string_starts_with(buffer.data, "./PaxHeaders/nnnn"));
        assert_int_equal(strtoul(buffer.data + 124, NULL, 8), 317);
        assert_memory_equal(buffer.data + 512, record, 317);
        assert_string_equal(buffer.data + 1024 + 124, "00000000005");
}

/* The length counts its own digits: 9 + 1 digit would be 10, so it must become 11. */
static void test_record_length(void **state _unused_)
{
        static const struct {
                size_t value_length;
                const char *start;
        } cases[] = {
                { 75, "99 SCHILY.xattr.user.a=" },
                { 76, "101 SCHILY.xattr.user.a=" },
                { 974, "999 SCHILY.xattr.user.a=" },
                { 975, "1001 SCHILY.xattr.user.a=" },
        };
        char value[1000] = { 0 };

        for (size_t i = 0; i < ELEMENTS(cases); i++) {
                TarXattr xattr = { .name = (char *) "user.a", .value = value, .size_bytes = cases[i].value_length };
                TarEntry entry = file_entry("./f");
                entry.xattrs = &xattr;
                entry.n_xattrs = 1;
                _cleanup_buffer_ Buffer buffer = encode(&entry);
                assert_memory_equal(buffer.data + 512, cases[i].start, strlen(cases[i].start));
                unsigned long length = strtoul(cases[i].start, NULL, 10);
                assert_int_equal(strtoul(buffer.data + 124, NULL, 8), length);
                assert_int_equal(buffer.data[512 + length - 1], '\n');
        }
}

static void test_long_links(void **state _unused_)
{
        static const struct {
                size_t length;
                char c;
                const char *types;
        } cases[] = { { 98, 'n', "2" }, { 99, 'n', "x2" }, { 98, '\xe9', "2" }, { 99, '\xe9', "K2" } };

        for (size_t i = 0; i < ELEMENTS(cases); i++) {
                _cleanup_free_ char *target = long_path(1, cases[i].length, cases[i].c);
                char types[8];
                _cleanup_buffer_ Buffer buffer =
                        encode(&(TarEntry){ .path = "./l", .mode = S_IFLNK | 0777, .link_target = target });
                header_types(&buffer, types);
                assert_string_equal(types, cases[i].types);
        }
}

static void test_large_numbers(void **state _unused_)
{
        static const struct {
                uint64_t size_bytes;
                int64_t mtime_sec;
                const char *records; /* "": none */
        } cases[] = {
                { 077777777777, 077777777777, "" },
                { 0100000000000, 0, "19 size=8589934592\n" },
                { 1, 0100000000000, "20 mtime=8589934592\n" },
                { 1, -1, "12 mtime=-1\n" },
                { 1, -2208988800, "21 mtime=-2208988800\n" },
                { UINT64_C(1) << 40, -1, "22 size=1099511627776\n12 mtime=-1\n" },
        };

        for (size_t i = 0; i < ELEMENTS(cases); i++) {
                TarEntry entry = file_entry("./f");
                entry.size_bytes = cases[i].size_bytes;
                entry.mtime_sec = cases[i].mtime_sec;
                _cleanup_buffer_ Buffer buffer = encode(&entry);
                assert_int_equal(buffer.length, *cases[i].records ? 1536 : 512);
                if (*cases[i].records)
                        assert_string_equal(buffer.data + 512, cases[i].records);
        }
}

static void test_refused_xattrs(void **state _unused_)
{
        static const char *const names[] = { "user.a=b", "user.%3D", "user.100%" };

        for (size_t i = 0; i < ELEMENTS(names); i++) {
                _cleanup_error_ Error error = ERROR_INIT;
                _cleanup_buffer_ Buffer buffer = BUFFER_INIT;
                TarXattr xattr = { .name = (char *) names[i], .value = (char *) "", .size_bytes = 0 };
                TarEntry entry = file_entry("./f");
                entry.xattrs = &xattr;
                entry.n_xattrs = 1;
                assert_int_equal(tar_encode(&entry, &buffer, &error), -EINVAL);
                assert_non_null(strstr(error.message, "./f"));
                assert_non_null(strstr(error.message, names[i]));
        }
}

static void test_too_many_xattrs(void **state _unused_)
{
        _cleanup_error_ Error error = ERROR_INIT;
        _cleanup_buffer_ Buffer buffer = BUFFER_INIT;
        static char value[65536];
        TarXattr xattrs[16];
        TarEntry entry = file_entry("./f");

        for (size_t i = 0; i < ELEMENTS(xattrs); i++)
                xattrs[i] = (TarXattr){ .name = (char *) "user.a", .value = value, .size_bytes = sizeof value };
        entry.xattrs = xattrs;
        entry.n_xattrs = ELEMENTS(xattrs);
        assert_int_equal(tar_encode(&entry, &buffer, &error), -E2BIG);
}

static void test_sizes(void **state _unused_)
{
        static const struct {
                uint64_t size_bytes;
                size_t padding, trailer;
        } cases[] = {
                { 0, 0, 10240 },      { 1, 511, 10239 },        { 511, 1, 9729 },
                { 512, 0, 9728 },     { 9216, 0, 1024 },        { 9728, 0, 10752 },
                { 10240, 0, 10240 },
        };

        for (size_t i = 0; i < ELEMENTS(cases); i++) {
                assert_int_equal(tar_padding(cases[i].size_bytes), cases[i].padding);
                assert_int_equal(tar_trailer(cases[i].size_bytes), cases[i].trailer);
                assert_int_equal((cases[i].size_bytes + tar_trailer(cases[i].size_bytes)) % TAR_RECORD_BYTES, 0);
        }
        uint64_t large = UINT64_C(1) << 40;
        assert_int_equal((large + tar_trailer(large)) % TAR_RECORD_BYTES, 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_fields),         cmocka_unit_test(test_types),
                cmocka_unit_test(test_name_forms),     cmocka_unit_test(test_one_byte_more),
                cmocka_unit_test(test_split),          cmocka_unit_test(test_pax_path),
                cmocka_unit_test(test_record_length),  cmocka_unit_test(test_long_links),
                cmocka_unit_test(test_large_numbers),  cmocka_unit_test(test_refused_xattrs),
                cmocka_unit_test(test_too_many_xattrs), cmocka_unit_test(test_sizes),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
