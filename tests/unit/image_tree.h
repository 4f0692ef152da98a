/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/digest.h"
#include "image/names.h"
#include "image/walk.h"
#include "image/xattrs.h"
#include "image_fixture.h"

#include <sys/xattr.h>

/* A tree with everything that an image may hold, and a description of a tree to compare two of them. */

/* cap_net_raw=ep, revision 2 (linux/capability.h). */
static const uint8_t tree_capability[20] = { 0x01, 0, 0, 0x02, 0, 0x20 };

/* What trees are packed and described with. */
static int64_t tree_clamp_sec = CLAMP;

/* A name that is not UTF-8. */
#define TREE_LATIN1 "caf\xe9"

static inline void tree_component(char *text, size_t length, const char *unit)
{
        size_t n = strlen(unit);

        for (size_t i = 0; i < length; i++)
                text[i] = unit[i % n];
        text[length] = '\0';
}

static inline bool tree_has_user_xattrs(void)
{
        static const char probe[] = "probe";
        bool has;

        put_text(probe, "");
        has = setxattr(probe, "user.probe", "", 0, 0) == 0;
        unlink(probe);
        return has;
}

static inline void tree_add_long_names(void)
{
        char name[300], path[2000] = "tree/long";

        put_directory(path);
        for (int i = 0; i < 5; i++) { /* more than 255 bytes, plain and not */
                tree_component(name, 90, i == 3 ? "\xff\xfe" : "abcdefghi");
                strcat(strcat(path, "/"), name);
                put_directory(path);
        }
        put_text(strcat(path, "/f"), "deep");
        tree_component(name, 255, "n");
        snprintf(path, sizeof path, "tree/long/%s", name);
        put_text(path, "255");
        tree_component(name, 255, "\xc3\xa9\xe9");
        snprintf(path, sizeof path, "tree/long/%s", name);
        put_text(path, "255 bytes outside ASCII");
        tree_component(name, 120, "\xe9");
        put_link(name, "tree/long/link");
        tree_component(name, 120, "t");
        put_link(name, "tree/long/link-ascii");
        snprintf(path, sizeof path, "tree/long/%s", name);
        put_text(path, "linked");
        assert_int_equal(link(path, "tree/long/zz-hard"), 0);
        tree_component(name, 120, "\xfe");
        snprintf(path, sizeof path, "tree/long/%s", name);
        put_text(path, "linked as well");
        assert_int_equal(link(path, "tree/long/\xff-hard"), 0);
}

static inline void tree_add_files(void)
{
        static const size_t sizes[] = { 0, 1, 511, 512, 513, 10000 };
        static uint8_t data[10000];
        char path[100];

        put_directory("tree/sizes");
        for (size_t i = 0; i < ELEMENTS(sizes); i++) {
                snprintf(path, sizeof path, "tree/sizes/%zu", sizes[i]);
                fill_words(data, sizes[i], i);
                put_file(path, data, sizes[i]);
        }
        put_text("tree/sizes/sparse", "start");
        assert_int_equal(truncate("tree/sizes/sparse", 3000000), 0);
        put_text("tree/etc/" TREE_LATIN1, "latin1");
        put_text("tree/etc/caf\xc3\xa9", "utf8");
        put_text("tree/etc/new\nline", "");
        put_text("tree/etc/-dash", "");
        put_text("tree/etc/sp ace\\back", "");
        put_link("caf\xe9", "tree/etc/link-\xe9");
}

static inline void tree_add_times(void)
{
        static const int64_t times[] = { -2208988800, -1, 0, 1, CLAMP - 1, CLAMP, CLAMP + 1, INT64_C(4294967296),
                                         INT64_C(10000000000) };
        char path[100];

        put_directory("tree/times");
        for (size_t i = 0; i < ELEMENTS(times); i++) {
                snprintf(path, sizeof path, "tree/times/%lld", (long long) times[i]);
                put_text(path, "");
                put_time(path, times[i]);
        }
        put_directory("tree/times/directory");
        put_text("tree/times/directory/f", "");
        put_time("tree/times/directory", 86400);
        put_link("nowhere", "tree/times/link");
        put_time("tree/times/link", 86400);
}

/* Owners, modes and capabilities; as root only. */
static inline void tree_add_owners(void)
{
        if (geteuid() != 0)
                return;
        assert_int_equal(lchown("tree/etc/" TREE_LATIN1, 65535, 12), 0);
        assert_int_equal(lchown("tree/bin", 1, 2), 0);
        assert_int_equal(lchown("tree/tmp", 3, 4), 0);
        assert_int_equal(setxattr("tree/usr/bin/ping", "security.capability", tree_capability,
                                  sizeof tree_capability, 0), 0);
}

static inline void tree_add_xattrs(void)
{
        if (!tree_has_user_xattrs())
                return;
        assert_int_equal(setxattr("tree/usr/bin/su", "user.b", "two", 3, 0), 0);
        assert_int_equal(setxattr("tree/usr/bin/su", "user.a", "\0\n\xff=", 4, 0), 0);
        assert_int_equal(setxattr("tree/usr", "user.directory", "d", 1, 0), 0);
        assert_int_equal(setxattr("tree/etc/" TREE_LATIN1, "user.empty", "", 0, 0), 0);
}

/* In "tree". */
static inline void make_full_tree(void)
{
        static const char *const directories[] = { "usr", "usr/bin", "etc", "tmp", "empty", "usr/lib" };
        char path[100];

        for (size_t i = 0; i < ELEMENTS(directories); i++) {
                snprintf(path, sizeof path, "tree/%s", directories[i]);
                put_directory(path);
        }
        put_link("usr/bin", "tree/bin");
        put_text("tree/usr/bin/su", "su");
        put_text("tree/usr/bin/ping", "ping");
        assert_int_equal(link("tree/usr/bin/su", "tree/usr/bin/zsu"), 0);
        assert_int_equal(link("tree/usr/bin/su", "tree/etc/su"), 0);
        assert_int_equal(mkfifo("tree/tmp/fifo", 0600), 0);
        tree_add_files();
        tree_add_long_names();
        tree_add_times();
        tree_add_owners();
        tree_add_xattrs();
        assert_int_equal(chmod("tree/usr/bin/su", 06755), 0);
        assert_int_equal(chmod("tree/tmp", 01777), 0);
        assert_int_equal(chmod("tree/etc/-dash", 0), 0);
}

typedef struct Description {
        Buffer text;
        int64_t clamp_sec;
        ino_t links[64]; /* inodes of files with several names, in the order in which they came */
        size_t n_links;
} Description;

static inline size_t link_group(Description *description, ino_t inode)
{
        size_t i = 0;

        while (i < description->n_links && description->links[i] != inode)
                i++;
        if (i == description->n_links) {
                assert_true(i < ELEMENTS(description->links));
                description->links[description->n_links++] = inode;
        }
        return i + 1;
}

static inline void describe_file(const WalkEntry *entry, Description *description)
{
        char sha256[SHA256_HEX_SIZE];
        uint64_t size_bytes;

        assert_int_equal(digest_descriptor(entry->fd, &size_bytes, sha256), 0);
        assert_int_equal(buffer_printf(&description->text, " %llu %s", (unsigned long long) size_bytes, sha256), 0);
        if (entry->status.st_nlink > 1)
                assert_int_equal(buffer_printf(&description->text, " link%zu",
                                               link_group(description, entry->status.st_ino)), 0);
}

static inline int describe_entry(const WalkEntry *entry, void *userdata, Error *error)
{
        Description *description = userdata;
        _cleanup_xattrs_ XattrList xattrs = { 0 };
        char text[NAME_TEXT_MAX], hex[2 * 4096 + 1];
        int64_t mtime_sec = entry->status.st_mtim.tv_sec;

        /* unpackers leave its time to the folder that was there before them */
        if (mtime_sec > description->clamp_sec || strcmp(entry->path, ".") == 0)
                mtime_sec = description->clamp_sec;
        assert_int_equal(buffer_printf(&description->text, "%s %o %u:%u %lld", name_text(entry->path, text),
                                       entry->status.st_mode, entry->status.st_uid, entry->status.st_gid,
                                       (long long) mtime_sec), 0);
        if (entry->link_target)
                assert_int_equal(buffer_printf(&description->text, " -> %s", name_text(entry->link_target, text)), 0);
        if (S_ISREG(entry->status.st_mode))
                describe_file(entry, description);
        if (entry->fd >= 0)
                assert_int_equal(xattrs_read(entry->fd, S_ISREG(entry->status.st_mode), entry->path, &xattrs, error),
                                 0);
        for (size_t i = 0; i < xattrs.n_items; i++) {
                assert_in_range(xattrs.items[i].size_bytes, 0, 4096);
                hex_encode(xattrs.items[i].value, xattrs.items[i].size_bytes, hex);
                assert_int_equal(buffer_printf(&description->text, " %s=%s", xattrs.items[i].name, hex), 0);
        }
        return buffer_append_string(&description->text, "\n");
}

/* A line an entry: everything that an unpacked tree must have kept. Caller frees. */
static inline char *describe_tree(const char *path)
{
        _cleanup_error_ Error error = ERROR_INIT;
        _cleanup_close_ int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        Description description = { .clamp_sec = tree_clamp_sec };

        assert_true(fd >= 0);
        if (walk_tree(fd, describe_entry, &description, &error) < 0)
                fail_msg("%s", error.message);
        return buffer_take(&description.text);
}

static inline void assert_same_tree(const char *path, const char *expected)
{
        _cleanup_free_ char *text = describe_tree(path);

        if (strcmp(text, expected) == 0)
                return;
        size_t i = 0, start = 0;
        for (; text[i] == expected[i]; i++)
                if (text[i] == '\n')
                        start = i + 1;
        fail_msg("%s differs:\nis       %.*s\nexpected %.*s", path, (int) strcspn(text + start, "\n"), text + start,
                 (int) strcspn(expected + start, "\n"), expected + start);
}
