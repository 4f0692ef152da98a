/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/pack.h"

#include "image/rules.h"
#include "image_tree.h"

#include <archive.h>
#include <archive_entry.h>
#include <sys/sysmacros.h>

/* What systemd's unpackers ask of an archive, rule by rule, on what the packer makes of a tree: by looking at the raw
 * headers, by libarchive, and by GNU tar's and bsdtar's lists. That the checker sees violations: test_rules.c. */

/* All raw headers, one after the other: calls `visit` for each, with its content. */
typedef void (*HeaderVisitor)(const char *header, const char *content, size_t size_bytes, void *userdata);

static void each_header(const Buffer *tar, HeaderVisitor visit, void *userdata)
{
        for (size_t i = 0; i + 512 <= tar->length && tar->data[i];) {
                const char *header = tar->data + i;
                size_t size_bytes = strtoull(header + 124, NULL, 8);
                visit(header, header + 512, size_bytes, userdata);
                i += 512 + (size_bytes + 511) / 512 * 512;
        }
}

/* Paths in the order of the archive, as libarchive reads them. */
static char **list_paths(const Buffer *tar)
{
        struct archive *archive = archive_read_new();
        struct archive_entry *entry;
        char **paths = NULL;

        assert_int_equal(archive_read_support_format_tar(archive), ARCHIVE_OK);
        assert_int_equal(archive_read_open_memory(archive, tar->data, tar->length), ARCHIVE_OK);
        while (archive_read_next_header(archive, &entry) == ARCHIVE_OK)
                assert_int_equal(strv_append(&paths, archive_entry_pathname(entry)), 0);
        assert_null(archive_error_string(archive));
        archive_read_free(archive);
        return paths;
}

static size_t index_of(char *const *paths, const char *path)
{
        for (size_t i = 0; paths[i]; i++)
                if (strcmp(paths[i], path) == 0)
                        return i;
        fail_msg("no %s in the archive", path);
        return 0;
}

/* 1: an entry for every parent directory. 2: depth first, never reopened. */
static void test_rules_1_and_2(void **state _unused_)
{
        _cleanup_buffer_ Buffer tar = BUFFER_INIT, open = BUFFER_INIT;

        make_full_tree();
        put_directory("tree/a");
        put_text("tree/a/x", "");
        put_text("tree/a-", "");
        pack_plain("tree", &tar);
        _cleanup_strv_ char **paths = list_paths(&tar);
        assert_string_equal(paths[0], "./");
        for (size_t i = 0; paths[i]; i++) {
                /* the parent is the directory that came last, or one around it */
                char *parent = strndup(paths[i], strlen(paths[i]) - 1), *slash = strrchr(parent, '/');
                if (i > 0) {
                        slash[1] = '\0';
                        assert_true(string_starts_with(open.data, parent));
                        open.length = strlen(parent);
                        open.data[open.length] = '\0';
                }
                free(parent);
                if (string_ends_with(paths[i], "/")) {
                        open.length = 0;
                        assert_int_equal(buffer_append_string(&open, paths[i]), 0);
                }
                for (size_t j = 0; j < i; j++)
                        assert_string_not_equal(paths[i], paths[j]);
        }
        assert_int_equal(index_of(paths, "./a/x"), index_of(paths, "./a/") + 1);
        assert_int_equal(index_of(paths, "./a-"), index_of(paths, "./a/x") + 1);
}

/* 3: hard links. The first name in the order of the archive has the content. */
static void test_rule_3(void **state _unused_)
{
        _cleanup_buffer_ Buffer tar = BUFFER_INIT;

        put_directory("tree/z");
        put_text("tree/z/first-made", "content");
        assert_int_equal(link("tree/z/first-made", "tree/b"), 0);
        assert_int_equal(link("tree/b", "tree/a"), 0);
        put_link("a", "tree/s");
        assert_int_equal(linkat(AT_FDCWD, "tree/s", AT_FDCWD, "tree/s2", 0), 0);
        pack_plain("tree", &tar);
        const char *header = (const char *) find_header(&tar, "./a");
        assert_int_equal(header[156], '0');
        assert_string_equal(header + 512, "content");
        for (size_t i = 0; i < 2; i++) {
                header = (const char *) find_header(&tar, i == 0 ? "./b" : "./z/first-made");
                assert_int_equal(header[156], '1');
                assert_string_equal(header + 157, "./a");
                assert_string_equal(header + 124, "00000000000");
        }
        for (size_t i = 0; i < 2; i++) {
                header = (const char *) find_header(&tar, i == 0 ? "./s" : "./s2");
                assert_int_equal(header[156], '2');
                assert_string_equal(header + 157, "a");
        }
}

/* A file with another name outside of the tree is a plain file. */
static void test_link_out_of_the_tree(void **state _unused_)
{
        _cleanup_buffer_ Buffer tar = BUFFER_INIT;

        put_text("outside", "x");
        assert_int_equal(link("outside", "tree/inside"), 0);
        pack_plain("tree", &tar);
        assert_int_equal(find_header(&tar, "./inside")[156], '0');
}

/* 4: no member through a symbolic link: they are never followed. 13: the root is the tree. */
static void test_rules_4_and_13(void **state _unused_)
{
        _cleanup_buffer_ Buffer tar = BUFFER_INIT;

        put_directory("tree/usr");
        put_text("tree/usr/x", "");
        put_link("usr", "tree/bin");
        put_link("/", "tree/host");
        put_link("..", "tree/up");
        pack_plain("tree", &tar);
        _cleanup_strv_ char **paths = list_paths(&tar);
        _cleanup_free_ char *list = strv_join(paths, " ");
        assert_string_equal(list, "./ ./bin ./host ./up ./usr/ ./usr/x");
}

static void collect_keys(const char *header, const char *content, size_t size_bytes, void *userdata)
{
        Buffer *keys = userdata;
        const char *end = content + size_bytes;

        while (header[156] == 'x' && content < end) {
                char *key;
                size_t length = strtoul(content, &key, 10);
                const char *equals = memchr(key, '=', length);
                assert_int_equal(buffer_append(keys, key + 1, (size_t) (equals - key)), 0);
                assert_int_equal(content[length - 1], '\n');
                content += length;
        }
}

/* 5: only SCHILY.xattr, only these attributes. 6: no ACLs. 7: no labels. Neither access nor change times. */
static void test_rules_5_6_7(void **state _unused_)
{
        /* user::rw-, user:1:r--, group::r--, mask::r--, other::r-- (linux/posix_acl_xattr.h) */
        static const uint8_t acl[] = {
                2, 0, 0, 0, 1, 0, 6, 0, 255, 255, 255, 255, 2, 0, 4, 0, 1,   0,   0,   0,   4,  0,
                4, 0, 255, 255, 255, 255, 16, 0, 4, 0, 255, 255, 255, 255, 32, 0, 4, 0, 255, 255, 255, 255,
        };
        _cleanup_buffer_ Buffer tar = BUFFER_INIT, keys = BUFFER_INIT;

        if (skip_unless_root("trusted attributes and capabilities can't be set"))
                skip();
        if (!tree_has_user_xattrs()) {
                print_message("SKIP: no user attributes in this file system\n");
                skip();
        }
        put_text("tree/f", "");
        put_directory("tree/d");
        put_link("f", "tree/l");
        if (setxattr("tree/f", "system.posix_acl_access", acl, sizeof acl, 0) < 0)
                print_message("no ACLs in this file system\n");
        assert_int_equal(setxattr("tree/f", "security.capability", tree_capability, sizeof tree_capability, 0), 0);
        assert_int_equal(setxattr("tree/f", "user.b", "\0\n", 2, 0), 0);
        assert_int_equal(setxattr("tree/f", "user.a", "", 0, 0), 0);
        assert_int_equal(setxattr("tree/f", "user.overlay.origin", "", 0, 0), 0);
        assert_int_equal(setxattr("tree/f", "trusted.t", "x", 1, 0), 0);
        assert_int_equal(setxattr("tree/d", "user.d", "x", 1, 0), 0);
        assert_int_equal(setxattr("tree/d", "trusted.d", "x", 1, 0), 0);
        assert_int_equal(lsetxattr("tree/l", "trusted.l", "x", 1, 0), 0);
        pack_plain("tree", &tar);
        each_header(&tar, collect_keys, &keys);
        assert_string_equal(keys.data, "SCHILY.xattr.user.d=SCHILY.xattr.security.capability=SCHILY.xattr.user.a="
                                       "SCHILY.xattr.user.b=");
        assert_non_null(memmem(tar.data, tar.length, "SCHILY.xattr.user.b=\0\n\n", 23));
}

/* A capability that counts in some user namespace only (revision 3) would be none on a host. */
static void test_foreign_capability(void **state _unused_)
{
        static const uint8_t foreign[24] = { 0x01, 0, 0, 0x03, 0, 0x20, [20] = 0xa0, 0x86, 0x01 };

        if (skip_unless_root("capabilities can't be set"))
                skip();
        put_text("tree/ping", "");
        assert_int_equal(setxattr("tree/ping", "security.capability", foreign, sizeof foreign, 0), 0);
        pack_fails(-EINVAL, "The capabilities of ./ping belong to another user namespace");
}

static void put_levels(unsigned n)
{
        _cleanup_close_ int fd = open("tree", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        for (unsigned i = 0; i < n; i++) {
                assert_int_equal(mkdirat(fd, "directory", 0755), 0);
                int next = openat(fd, "directory", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
                assert_true(next >= 0);
                close(fd);
                fd = next;
        }
}

/* 8: 126 levels. */
static void test_rule_8(void **state _unused_)
{
        _cleanup_buffer_ Buffer tar = BUFFER_INIT;

        put_levels(126);
        pack_plain("tree", &tar);
        _cleanup_strv_ char **paths = list_paths(&tar);
        assert_int_equal(strv_length(paths), 127);
        assert_int_equal(strlen(paths[126]), 2 + 126 * strlen("directory/"));
        assert_int_equal(remove_tree(AT_FDCWD, "tree/directory", NULL), 0);
        put_levels(127);
        pack_fails(-ELOOP, "levels deep");
}

static void refuse_bytes_in_records(const char *header, const char *content, size_t size_bytes, void *userdata)
{
        unsigned *counts = userdata; /* of x, L, K */

        counts[0] += header[156] == 'x';
        counts[1] += header[156] == 'L';
        counts[2] += header[156] == 'K';
        for (size_t i = 0; header[156] == 'x' && i < size_bytes; i++)
                assert_true((unsigned char) content[i] < 0x80);
}

/* 9: names outside ASCII are raw, short and long, in UTF-8 and not. */
static void test_rule_9(void **state _unused_)
{
        _cleanup_buffer_ Buffer tar = BUFFER_INIT;
        unsigned counts[3] = { 0 };

        put_directory("tree/etc");
        tree_add_long_names();
        put_text("tree/etc/" TREE_LATIN1, "");
        put_text("tree/etc/caf\xc3\xa9", "");
        pack_plain("tree", &tar);
        each_header(&tar, refuse_bytes_in_records, counts);
        assert_true(counts[0] > 0 && counts[1] > 0 && counts[2] > 0);
        assert_non_null(find_header(&tar, "./etc/" TREE_LATIN1));
        assert_non_null(find_header(&tar, "./etc/caf\xc3\xa9"));
}

/* 10: one archive, closed and padded to whole records. */
static void test_rule_10(void **state _unused_)
{
        for (size_t size_bytes = 8000; size_bytes <= 9000; size_bytes += 250) {
                _cleanup_buffer_ Buffer tar = BUFFER_INIT;
                _cleanup_free_ char *data = calloc(1, size_bytes);
                put_file("tree/f", data, size_bytes);
                pack_plain("tree", &tar);
                size_t end = 1024 + (size_bytes + 511) / 512 * 512;
                assert_int_equal(tar.length, (end + 1024 + 10239) / 10240 * 10240);
                for (size_t i = end; i < tar.length; i++)
                        assert_int_equal(tar.data[i], 0);
        }
}

/* 11: no device nodes, no sockets (test_walk.c); a FIFO is fine. */
static void test_rule_11(void **state _unused_)
{
        _cleanup_buffer_ Buffer tar = BUFFER_INIT;

        assert_int_equal(mkfifo("tree/fifo", 0640), 0);
        pack_plain("tree", &tar);
        assert_int_equal(find_header(&tar, "./fifo")[156], '6');
        assert_int_equal(mknod("tree/zero", S_IFREG | 0600, 0), 0);
        if (skip_unless_root("device nodes can't be made"))
                skip();
        assert_int_equal(mknod("tree/sda", S_IFBLK | 0600, makedev(8, 0)), 0);
        pack_fails(-EINVAL, "./sda is a device node");
}

static void check_owners(const char *header, const char *content _unused_, size_t size_bytes _unused_,
                         void *userdata _unused_)
{
        assert_in_range(strtoul(header + 108, NULL, 8), 0, 65535);
        assert_in_range(strtoul(header + 116, NULL, 8), 0, 65535);
        assert_int_equal(header[265], 0); /* user name */
        assert_int_equal(header[297], 0); /* group name */
}

/* 12: numeric owners below 65536. */
static void test_rule_12(void **state _unused_)
{
        _cleanup_buffer_ Buffer tar = BUFFER_INIT;

        make_full_tree();
        pack_plain("tree", &tar);
        each_header(&tar, check_owners, NULL);
        if (skip_unless_root("files can't be given away"))
                skip();
        assert_int_equal(chown("tree/usr", 65536, 0), 0);
        pack_fails(-ERANGE, "./usr belongs to user 65536");
}

static void refuse(const RuleViolation *violation, void *userdata _unused_)
{
        fail_msg("rule %u: %s %s", violation->rule, violation->entry, violation->text);
}

/* All of them at once: the full tree, every format, checked by the checker; listed by tar and bsdtar. */
static void test_all_rules(void **state _unused_)
{
        make_full_tree();
        for (int format = 0; format < IMAGE_FORMATS; format++) {
                _cleanup_error_ Error error = ERROR_INIT;
                _cleanup_buffer_ Buffer list = BUFFER_INIT;
                _cleanup_close_ int fd = memory_file();
                PackOutput output = { .format = (ImageFormat) format, .level = IMAGE_LEVEL_DEFAULT, .fd = fd };
                PackStatistics statistics;
                assert_int_equal(pack_into("tree", &(PackOptions){ .clamp_sec = CLAMP }, &output, 1, &statistics, NULL),
                                 0);
                if (rules_scan(fd, refuse, NULL, &error) < 0)
                        fail_msg("%s", error.message);
                if (format != IMAGE_TAR)
                        continue;
                assert_int_equal(RUN(fd, &list, "tar", "-tf", "-", "--quoting-style=escape"), 0);
                size_t n = 0;
                for (size_t i = 0; i < list.length; i++)
                        n += list.data[i] == '\n';
                assert_int_equal(n, statistics.n_entries);
                assert_int_equal(RUN(fd, NULL, "bsdtar", "-tf", "-"), 0);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                IMAGE_TEST(test_rules_1_and_2),     IMAGE_TEST(test_rule_3),  IMAGE_TEST(test_link_out_of_the_tree),
                IMAGE_TEST(test_rules_4_and_13),    IMAGE_TEST(test_rules_5_6_7),
                IMAGE_TEST(test_foreign_capability), IMAGE_TEST(test_rule_8), IMAGE_TEST(test_rule_9),
                IMAGE_TEST(test_rule_10),           IMAGE_TEST(test_rule_11), IMAGE_TEST(test_rule_12),
                IMAGE_TEST(test_all_rules),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
