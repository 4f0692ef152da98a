/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/rules.h"

#include "image/compress.h"
#include "image_fixture.h"

/* Archives that break one rule each, made here byte by byte: neither the packer nor the checker has a part in it. */

typedef struct Member {
        char type;           /* 0: end of the list */
        const char *name;
        const char *link;    /* may be NULL */
        const char *content; /* may be NULL */
        unsigned uid, gid;
} Member;

static void put_octal(char *field, size_t digits, uint64_t value)
{
        while (digits-- > 0) {
                field[digits] = (char) ('0' + (value & 7));
                value >>= 3;
        }
}

static void put_header(Buffer *tar, const Member *member)
{
        char header[513] = { 0 };
        unsigned sum = 0;
        size_t size_bytes = member->content ? strlen(member->content) : 0;

        assert_in_range(strlen(member->name), 0, 100);
        memcpy(header, member->name, strlen(member->name));
        if (member->link)
                memcpy(header + 157, member->link, strlen(member->link));
        put_octal(header + 100, 7, 0755);
        put_octal(header + 108, 7, member->uid);
        put_octal(header + 116, 7, member->gid);
        put_octal(header + 124, 11, size_bytes);
        put_octal(header + 136, 11, 0);
        header[156] = member->type;
        memcpy(header + 257, "ustar\0" "00", 8);
        memset(header + 148, ' ', 8);
        for (size_t i = 0; i < 512; i++)
                sum += (unsigned char) header[i];
        put_octal(header + 148, 6, sum);
        header[154] = '\0';
        assert_int_equal(buffer_append(tar, header, 512), 0);
        if (size_bytes > 0) {
                static const char zeros[512];
                assert_int_equal(buffer_append(tar, member->content, size_bytes), 0);
                assert_int_equal(buffer_append(tar, zeros, -size_bytes & 511), 0);
        }
}

static void put_members(Buffer *tar, const Member *members)
{
        static const char zeros[1024];

        for (; members->type; members++)
                put_header(tar, members);
        assert_int_equal(buffer_append(tar, zeros, sizeof zeros), 0);
}

typedef struct Seen {
        unsigned rules[32];
        char first[400]; /* "ENTRY TEXT" of the first */
        size_t n;
} Seen;

static void note(const RuleViolation *violation, void *userdata)
{
        Seen *seen = userdata;

        assert_in_range(violation->rule, 1, RULES);
        if (seen->n == 0)
                snprintf(seen->first, sizeof seen->first, "%s %s", violation->entry, violation->text);
        if (seen->n < ELEMENTS(seen->rules))
                seen->rules[seen->n++] = violation->rule;
}

static int scan_bytes(const Buffer *bytes, Seen *seen, Error *error)
{
        _cleanup_close_ int fd = memory_file();

        assert_int_equal(write_all(fd, bytes->data, bytes->length), 0);
        return rules_scan(fd, note, seen, error);
}

/* `rule` 0: none. Exactly one violation, with this entry and text. */
static void expect(const Buffer *bytes, unsigned rule, const char *first, size_t index)
{
        _cleanup_error_ Error error = ERROR_INIT;
        Seen seen = { 0 };

        if (scan_bytes(bytes, &seen, &error) < 0)
                fail_msg("case %zu (%s): %s", index, first, error.message);
        if (seen.n != (rule > 0) || seen.rules[0] != rule || strcmp(seen.first, rule > 0 ? first : "") != 0)
                fail_msg("case %zu: %zu violations, the first of rule %u: %s (expected rule %u: %s)", index, seen.n,
                         seen.rules[0], seen.first, rule, first);
}

#define ROOT { '5', "./", NULL, NULL, 0, 0 }
#define USR { '5', "./usr/", NULL, NULL, 0, 0 }
#define MEMBERS_MAX 8

typedef struct Case {
        unsigned rule;
        const char *first;
        Member members[MEMBERS_MAX];
} Case;

static const Case cases[] = {
        { 0, "", { ROOT, USR, { '0', "./usr/a", NULL, "x", 0, 0 }, { '1', "./usr/b", "./usr/a", NULL, 0, 0 },
                   { '2', "./usr/c", "/etc/passwd", NULL, 0, 0 }, { '6', "./usr/d", NULL, NULL, 65535, 65535 } } },
        { 0, "", { ROOT, USR, { '5', "./usr/a/", NULL, NULL, 0, 0 }, { '0', "./usr/a/b", NULL, NULL, 0, 0 },
                   { '0', "./usr/c", NULL, NULL, 0, 0 }, { '0', "./d", NULL, NULL, 0, 0 } } },
        { 0, "", { ROOT, { 'x', "./PaxHeaders/a", NULL, "30 SCHILY.xattr.user.a=\xff\xfe\xfd xx\n", 0, 0 },
                   { '0', "./a", NULL, NULL, 0, 0 } } },
        { 0, "", { ROOT, { '0', "./caf\xe9", NULL, NULL, 0, 0 } } },
        { 0, "", { ROOT, { 'L', "././@LongLink", NULL, "./caf\xe9", 0, 0 }, { '0', "./caf", NULL, NULL, 0, 0 } } },
        /* 1 */
        { 1, "usr/ comes first, but the first entry must be the root, \"./\"", { { '5', "usr/", NULL, NULL, 0, 0 } } },
        { 1, "./usr/a comes without an entry for its directory", { ROOT, { '0', "./usr/a", NULL, NULL, 0, 0 } } },
        { 1, "./usr/bin/a comes without an entry for its directory",
          { ROOT, USR, { '0', "./usr/bin/a", NULL, NULL, 0, 0 } } },
        { 1, "./a/b comes without an entry for its directory",
          { ROOT, { '0', "./a", NULL, NULL, 0, 0 }, { '0', "./a/b", NULL, NULL, 0, 0 } } },
        /* 2 */
        { 2, "./usr/b comes after its directory was left",
          { ROOT, USR, { '0', "./usr/a", NULL, NULL, 0, 0 }, { '5', "./etc/", NULL, NULL, 0, 0 },
            { '0', "./usr/b", NULL, NULL, 0, 0 } } },
        /* 3 */
        { 3, "./b is a hard link to something that is not an earlier regular file",
          { ROOT, { '1', "./b", "./c", NULL, 0, 0 }, { '0', "./c", NULL, NULL, 0, 0 } } },
        { 3, "./b is a hard link to something that is not an earlier regular file",
          { ROOT, { '2', "./a", "c", NULL, 0, 0 }, { '1', "./b", "./a", NULL, 0, 0 } } },
        { 3, "./b is a hard link to something that is not an earlier regular file",
          { ROOT, USR, { '0', "./usr/a", NULL, NULL, 0, 0 }, { '2', "./l", "usr", NULL, 0, 0 },
            { '1', "./b", "./l/a", NULL, 0, 0 } } },
        { 3, "./b is a hard link to a path outside the tree", { ROOT, { '1', "./b", "../../a", NULL, 0, 0 } } },
        { 3, "./a comes twice", { ROOT, { '0', "./a", NULL, "1", 0, 0 }, { '0', "./a", NULL, "2", 0, 0 } } },
        { 3, "./usr comes twice", { ROOT, USR, { '2', "./usr", "x", NULL, 0, 0 } } },
        /* 4 */
        { 4, "./bin/a has a path through a symbolic link",
          { ROOT, USR, { '2', "./bin", "usr", NULL, 0, 0 }, { '0', "./bin/a", NULL, NULL, 0, 0 } } },
        { 4, "/etc/passwd is an absolute path", { ROOT, { '0', "/etc/passwd", NULL, NULL, 0, 0 } } },
        { 4, "./../a has \"..\", \".\" or \"//\" in it", { ROOT, { '0', "./../a", NULL, NULL, 0, 0 } } },
        { 4, ".. has \"..\", \".\" or \"//\" in it", { ROOT, { '5', "..", NULL, NULL, 0, 0 } } },
        { 4, "./usr//a has \"..\", \".\" or \"//\" in it", { ROOT, USR, { '0', "./usr//a", NULL, NULL, 0, 0 } } },
        { 4, "./usr/.. has \"..\", \".\" or \"//\" in it", { ROOT, USR, { '5', "./usr/..", NULL, NULL, 0, 0 } } },
        /* 5 */
        { 5, "./a has an extended attribute that hosts refuse",
          { ROOT, { 'x', "./PaxHeaders/a", NULL, "28 SCHILY.xattr.trusted.a=b\n", 0, 0 },
            { '0', "./a", NULL, NULL, 0, 0 } } },
        { 5, "./a has an extended attribute that hosts refuse",
          { ROOT, { 'x', "./PaxHeaders/a", NULL, "25 SCHILY.xattr.user.a=b\n", 0, 0 },
            { '2', "./a", "b", NULL, 0, 0 } } },
        { 5, "./a/ has an extended attribute that hosts refuse",
          { ROOT, { 'x', "./PaxHeaders/a", NULL, "38 SCHILY.xattr.security.capability=b\n", 0, 0 },
            { '5', "./a/", NULL, NULL, 0, 0 } } },
        { 5, "./a has an extended attribute in libarchive's form, which hosts don't read",
          { ROOT, { 'x', "./PaxHeaders/a", NULL, "32 LIBARCHIVE.xattr.user.a=Yg==\n", 0, 0 },
            { '0', "./a", NULL, NULL, 0, 0 } } },
        /* 6, 7 */
        { 6, "./a has an ACL",
          { ROOT, { 'x', "./PaxHeaders/a", NULL, "44 SCHILY.acl.access=user::rwx,group::r-x,o\n", 0, 0 },
            { '0', "./a", NULL, NULL, 0, 0 } } },
        { 7, "./a has an SELinux label",
          { ROOT, { 'x', "./PaxHeaders/a", NULL, "29 RHT.security.selinux=abcd\n", 0, 0 },
            { '0', "./a", NULL, NULL, 0, 0 } } },
        /* 9 */
        { 9, "./caf has a name outside ASCII in a pax record",
          { ROOT, { 'x', "./PaxHeaders/a", NULL, "16 path=./caf\xc3\xa9\n", 0, 0 },
            { '0', "./caf", NULL, NULL, 0, 0 } } },
        { 9, "./caf has a name outside ASCII in a pax record",
          { ROOT, { 'x', "./PaxHeaders/a", NULL, "20 linkpath=./caf\xc3\xa9\n", 0, 0 },
            { '2', "./caf", "x", NULL, 0, 0 } } },
        /* 11 */
        { 11, "./a is a device node", { ROOT, { '3', "./a", NULL, NULL, 0, 0 } } },
        { 11, "./a is a device node", { ROOT, { '4', "./a", NULL, NULL, 0, 0 } } },
        /* 12 */
        { 12, "./a has an owner above 65535", { ROOT, { '0', "./a", NULL, NULL, 65536, 0 } } },
        { 12, "./a/ has an owner above 65535", { ROOT, { '5', "./a/", NULL, NULL, 0, 100000 } } },
        /* 13 */
        { 13, " The archive holds a folder with the system's tree, not the tree itself",
          { ROOT, { '5', "./debian/", NULL, NULL, 0, 0 }, { '5', "./debian/usr/", NULL, NULL, 0, 0 } } },
        { 0, "", { ROOT, { '5', "./opt/", NULL, NULL, 0, 0 }, { '5', "./opt/usr/", NULL, NULL, 0, 0 }, USR } },
};

static void test_cases(void **state _unused_)
{
        for (size_t i = 0; i < ELEMENTS(cases); i++) {
                _cleanup_buffer_ Buffer tar = BUFFER_INIT;
                put_members(&tar, cases[i].members);
                expect(&tar, cases[i].rule, cases[i].first, i);
        }
}

static void test_depth(void **state _unused_)
{
        for (unsigned levels = 126; levels <= 127; levels++) {
                _cleanup_buffer_ Buffer tar = BUFFER_INIT;
                static const char zeros[1024];
                char name[300] = "./", records[400], first[300] = "";
                for (unsigned i = 0; i <= levels; i++) {
                        put_header(&tar, &(Member){ '5', strlen(name) > 99 ? "./long/" : name, NULL, NULL, 0, 0 });
                        strcat(name, "d/");
                        if (strlen(name) > 99 && i < levels) {
                                size_t expected = strlen(name) + strlen("123 path=\n");
                                int length = snprintf(records, sizeof records, "%03zu path=%s\n", expected, name);
                                assert_int_equal(length, expected);
                                put_header(&tar, &(Member){ 'x', "./PaxHeaders/d", NULL, records, 0, 0 });
                        }
                }
                name[strlen(name) - 2] = '\0';
                snprintf(first, sizeof first, "%s lies more than 126 levels deep", name);
                assert_int_equal(buffer_append(&tar, zeros, sizeof zeros), 0);
                if (levels == 126)
                        expect(&tar, 0, "", levels);
                else
                        expect(&tar, 8, first, levels);
        }
}

/* Rule 10: how an archive ends. */
static void test_ends(void **state _unused_)
{
        static const Member members[] = { ROOT, USR, { 0 } };
        static const struct {
                size_t cut, zeros; /* bytes off the end, bytes of zeros put there */
                const char *more;
                const char *text; /* NULL: fine */
        } ends[] = {
                { 0, 0, "", NULL },
                { 0, 8192, "", NULL },
                { 0, 100, "", " The archive is not padded to whole blocks" },
                { 512, 0, "", " The archive is not closed by two zero blocks" },
                { 1024, 0, "", " The archive is not closed by two zero blocks" },
                { 0, 0, "MORE", " Something follows the end of the archive" },
                { 0, 512, "MORE", " Something follows the end of the archive" },
        };

        for (size_t i = 0; i < ELEMENTS(ends); i++) {
                _cleanup_buffer_ Buffer tar = BUFFER_INIT;
                static const char zeros[8192];
                put_members(&tar, members);
                tar.length -= ends[i].cut;
                assert_int_equal(buffer_append(&tar, zeros, ends[i].zeros), 0);
                if (*ends[i].more) {
                        char block[512] = { 0 };
                        strcpy(block, ends[i].more);
                        assert_int_equal(buffer_append(&tar, block, sizeof block), 0);
                }
                expect(&tar, ends[i].text ? 10 : 0, ends[i].text ?: "", i);
        }
}

/* A second archive behind the first: tar would not see it, cat would make it. */
static void test_two_archives(void **state _unused_)
{
        static const Member members[] = { ROOT, USR, { 0 } };
        _cleanup_buffer_ Buffer tar = BUFFER_INIT;

        put_members(&tar, members);
        put_members(&tar, members);
        expect(&tar, 10, " Something follows the end of the archive", 0);
}

static void test_lone_zero_block(void **state _unused_)
{
        _cleanup_error_ Error error = ERROR_INIT;
        _cleanup_buffer_ Buffer tar = BUFFER_INIT;
        static const Member rest[] = { USR, { 0 } };
        static const char zeros[512];
        Seen seen = { 0 };

        put_header(&tar, &(Member) ROOT);
        assert_int_equal(buffer_append(&tar, zeros, sizeof zeros), 0);
        put_members(&tar, rest);
        assert_int_equal(scan_bytes(&tar, &seen, &error), 0);
        assert_int_equal(seen.rules[0], 10);
        assert_string_equal(seen.first, " There is a single zero block amid the archive");
}

static void test_damaged(void **state _unused_)
{
        static const char *const contents[] = { "", "no archive at all", "\x1f\x8b\x08", "\xfd\x37zXZ" };

        for (size_t i = 0; i < ELEMENTS(contents); i++) {
                _cleanup_error_ Error error = ERROR_INIT;
                _cleanup_close_ int fd = memory_file();
                assert_int_equal(write_all(fd, contents[i], strlen(contents[i])), 0);
                Seen seen = { 0 };
                assert_int_equal(rules_scan(fd, note, &seen, &error), -EBADMSG);
                assert_non_null(error.message);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_cases),           cmocka_unit_test(test_depth),   cmocka_unit_test(test_ends),
                cmocka_unit_test(test_two_archives),    cmocka_unit_test(test_lone_zero_block),
                cmocka_unit_test(test_damaged),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
