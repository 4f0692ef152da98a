/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "stages/normalise.h"

#include "base/clamp.h"
#include "stages/clean.h"
#include "stages/python_cache.h"

#include "stage_fixture.h"

#include <openssl/evp.h>

static const NormaliseDates dates = { .epoch_sec = 1700000000, .since_sec = 1800000000 };

static Buffer content_of(const void *data, size_t size_bytes)
{
        Buffer buffer = BUFFER_INIT;

        assert_int_equal(buffer_append(&buffer, data, size_bytes), 0);
        return buffer;
}

/* ------------------------------------------------------------------------------------------------ texts */

static void test_shells(void **state)
{
        static const struct {
                const char *before, *after;
        } cases[] = {
                { "", "" },
                { "# a comment\n/bin/sh\n/bin/dash\n/usr/bin/sh\n/bin/bash\n",
                  "# a comment\n/bin/bash\n/bin/dash\n/bin/sh\n/usr/bin/sh\n" },
                { "/bin/sh\n\n# late\n/bin/sh\n/bin/a", "# late\n/bin/a\n/bin/sh\n" },
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTS(cases); i++) {
                _cleanup_buffer_ Buffer before = content_of(cases[i].before, strlen(cases[i].before)), after = BUFFER_INIT;
                assert_int_equal(normalise_shells(&before, &dates, &after), 0);
                assert_string_equal(after.data, cases[i].after);
        }
}

static void test_info_menu(void **state)
{
        static const char head[] = "This is the file .../info/dir\n\n* no menu yet\n\x1f\n\n* Menu:\n", top[] = "  the top\n";
        static const struct {
                const char *before, *after;
        } cases[] = {
                { "", "" },
                { "\nUtilities\n* diff3: (d)3.   Compare\n* diff: (d).   Compare\n                more of it\n* cmp: (d).\n",
                  "\nUtilities\n* cmp: (d).\n* diff3: (d)3.   Compare\n* diff: (d).   Compare\n                more of it\n" },
                { "\nZ\n* b: (b).\n\n\nA\n* c: (c).\n* a: (a).\n\nM\n* x: (x).",
                  "\nA\n* a: (a).\n* c: (c).\n\nM\n* x: (x).\n\nZ\n* b: (b).\n" },
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTS(cases); i++) {
                _cleanup_buffer_ Buffer before = BUFFER_INIT, after = BUFFER_INIT, again = BUFFER_INIT;
                _cleanup_free_ char *expected = NULL;
                assert_int_equal(buffer_printf(&before, "%s%s%s", head, top, cases[i].before), 0);
                assert_true(asprintf(&expected, "%s%s%s", head, top, cases[i].after) > 0);
                assert_int_equal(normalise_info_menu(&before, &dates, &after), 0);
                assert_string_equal(after.data, expected);
                assert_int_equal(normalise_info_menu(&after, &dates, &again), 0);
                assert_string_equal(again.data, expected);
        }
        _cleanup_buffer_ Buffer other = content_of("no menu", 7), after = BUFFER_INIT;
        assert_int_equal(normalise_info_menu(&other, &dates, &after), -EBADMSG);
}

static void test_initiator(void **state)
{
        static const char made[] = "## comment\nInitiatorName=iqn.1993-08.org.debian:01:db16162070e2\n";
        static const char own[] = "InitiatorName=iqn.2001-04.com.example:storage\n";
        _cleanup_buffer_ Buffer before = content_of(made, strlen(made)), other = content_of(own, strlen(own));
        _cleanup_buffer_ Buffer after = BUFFER_INIT;

        (void) state;
        assert_int_equal(normalise_initiator(&before, &dates, &after), 0);
        assert_string_equal(after.data, "GenerateName=yes\n");
        assert_int_equal(normalise_initiator(&other, &dates, &after), -EBADMSG);
}

/* ------------------------------------------------------------------------------------------------ keystores */

/* Of two certificates, whose dates and sealing password can be chosen. */
static Buffer make_keystore(uint8_t date, const char *password, uint8_t tag)
{
        static const uint8_t head[] = { 0xfe, 0xed, 0xfe, 0xed, 0, 0, 0, 2, 0, 0, 0, 2 };
        _cleanup_buffer_ Buffer sealed = BUFFER_INIT;
        Buffer store = content_of(head, sizeof head);
        uint8_t seal[20];

        for (char name = 'a'; name <= 'b'; name++) {
                const uint8_t entry[] = { 0, 0, 0, tag, 0, 1, (uint8_t) name, 0, 0, 1, 0x8b, 0xcf, 0xe5, date, date,
                                          0, 5, 'X', '.', '5', '0', '9', 0, 0, 0, 3, 1, 2, 3 };
                assert_int_equal(buffer_append(&store, entry, sizeof entry), 0);
        }
        for (; *password; password++)
                assert_int_equal(buffer_append(&sealed, (char[]){ 0, *password }, 2), 0);
        assert_int_equal(buffer_append_string(&sealed, "Mighty Aphrodite"), 0);
        assert_int_equal(buffer_append(&sealed, store.data, store.length), 0);
        assert_int_equal(EVP_Digest(sealed.data, sealed.length, seal, NULL, EVP_sha1(), NULL), 1);
        assert_int_equal(buffer_append(&store, seal, sizeof seal), 0);
        return store;
}

static void test_keystore(void **state)
{
        _cleanup_buffer_ Buffer one = make_keystore(1, "changeit", 2), two = make_keystore(2, "changeit", 2);
        _cleanup_buffer_ Buffer first = BUFFER_INIT, second = BUFFER_INIT, again = BUFFER_INIT;
        /* 1700000000000 msec */
        static const uint8_t date[] = { 0, 0, 1, 0x8b, 0xcf, 0xe5, 0x68, 0 };

        (void) state;
        assert_memory_not_equal(one.data, two.data, one.length);
        assert_int_equal(normalise_keystore(&one, &dates, &first), 0);
        assert_int_equal(normalise_keystore(&two, &dates, &second), 0);
        assert_int_equal(first.length, one.length);
        assert_memory_equal(first.data, second.data, first.length);
        assert_memory_equal(first.data + 19, date, sizeof date);
        /* still sealed */
        assert_int_equal(normalise_keystore(&first, &dates, &again), 0);
        assert_memory_equal(first.data, again.data, first.length);
}

static void test_keystore_left_alone(void **state)
{
        _cleanup_buffer_ Buffer password = make_keystore(1, "secret", 2), key = make_keystore(1, "changeit", 1);
        _cleanup_buffer_ Buffer whole = make_keystore(1, "changeit", 2), after = BUFFER_INIT;

        (void) state;
        assert_int_equal(normalise_keystore(&password, &dates, &after), -EBADMSG);
        assert_int_equal(normalise_keystore(&key, &dates, &after), -EBADMSG);
        for (size_t length = 0; length < whole.length; length++) {
                _cleanup_buffer_ Buffer cut = content_of(whole.data, length);
                assert_int_equal(normalise_keystore(&cut, &dates, &after), -EBADMSG);
        }
        assert_int_equal(after.length, 0);
}

/* ------------------------------------------------------------------------------------------------ aliases.db */

static Buffer make_aliases(char id, const char *time)
{
        static const uint32_t magic = 0x061561, page_bytes = 512;
        char pages[3 * 512] = "";
        Buffer buffer;

        for (size_t page = 0; page < 3; page += 2) {
                memcpy(pages + 512 * page + 12, &magic, sizeof magic);
                memcpy(pages + 512 * page + 20, &page_bytes, sizeof page_bytes);
                pages[512 * page + 25] = 8;
                memset(pages + 512 * page + 52, id, 20);
        }
        snprintf(pages + 900, 64, "\1%s\1YP_LAST_MODIFIED", time);
        buffer = content_of(pages, sizeof pages);
        return buffer;
}

static void test_aliases(void **state)
{
        _cleanup_buffer_ Buffer one = make_aliases('a', "1795477330"), two = make_aliases('b', "1895477330");
        _cleanup_buffer_ Buffer expected = make_aliases('\0', "1700000000"), after = BUFFER_INIT, other = BUFFER_INIT;

        (void) state;
        assert_int_equal(normalise_aliases(&one, &dates, &after), 0);
        assert_int_equal(normalise_aliases(&two, &dates, &other), 0);
        assert_int_equal(after.length, expected.length);
        assert_memory_equal(after.data, expected.data, expected.length);
        assert_memory_equal(other.data, expected.data, expected.length);
        _cleanup_buffer_ Buffer text = content_of("aliases", 7), nothing = BUFFER_INIT;
        assert_int_equal(normalise_aliases(&text, &dates, &nothing), -EBADMSG);
        one.length -= 1;
        assert_int_equal(normalise_aliases(&one, &dates, &nothing), -EBADMSG);
}

/* ------------------------------------------------------------------------------------------------ Python */

#define OLD_SEC 0x5f000000 /* of a source file that came in a package */

typedef struct Module {
        const char *path;
        const char *header; /* 12 bytes */
        bool stays;
} Module;

static const Module modules[] = {
        /* 3.11, by time, of a source with a time of its own */
        { "/usr/lib/__pycache__/packaged.cpython-311.pyc", "\xa7\x0d\r\n\0\0\0\0\0\0\0\x5f", true },
        { "/usr/lib/__pycache__/packaged.cpython-311.opt-1.pyc", "\xa7\x0d\r\n\0\0\0\0\0\0\0\x5f", true },
        { "/usr/lib/__pycache__/packaged.cpython-39.pyc", "\x61\x0d\r\n\0\0\0\0\1\0\0\x5f", false },
        /* of a source that the build made, and by its hash */
        { "/usr/lib/__pycache__/made.cpython-311.pyc", "\xa7\x0d\r\n\0\0\0\0\0\0\0\x5f", false },
        { "/usr/lib/__pycache__/made.cpython-312.pyc", "\xa7\x0d\r\n\3\0\0\0\0\0\0\x5f", true },
        /* 3.5, without flags */
        { "/usr/lib/__pycache__/packaged.cpython-35.pyc", "\x17\x0d\r\n\0\0\0\x5f....", true },
        { "/usr/lib/__pycache__/made.cpython-35.pyc", "\x17\x0d\r\n\0\0\0\x5f....", false },
        /* 2.7 */
        { "/usr/lib/packaged.pyc", "\x03\xf3\r\n\0\0\0\x5f....", true },
        { "/usr/lib/made.pyc", "\x03\xf3\r\n\0\0\0\x5f....", false },
        { "/usr/lib/alone.pyc", "\x03\xf3\r\n\0\0\0\x5f....", true },
        /* without its source; none at all; behind a link */
        { "/usr/lib/__pycache__/gone.cpython-311.pyc", "\xa7\x0d\r\n\0\0\0\0\0\0\0\x5f", false },
        { "/usr/lib/__pycache__/made.cpython-9.pyc", "no module...", true },
        { "/usr/lib/__pycache__/linked.cpython-311.pyc", "\xa7\x0d\r\n\0\0\0\0\0\0\0\x5f", true },
};

static int set_times(int root_fd, void *userdata, Buffer *reply, Error *error)
{
        const struct timespec old[2] = { { .tv_sec = OLD_SEC }, { .tv_sec = OLD_SEC } };
        const struct timespec made[2] = { { .tv_sec = OLD_SEC, .tv_nsec = CLAMP_NSEC },
                                          { .tv_sec = OLD_SEC, .tv_nsec = CLAMP_NSEC } };

        (void) userdata, (void) reply;
        for (size_t i = 0; i < ELEMENTS(modules); i++) {
                int fd = openat(root_fd, modules[i].path + 1, O_WRONLY | O_TRUNC | O_CLOEXEC);
                if (fd < 0 || write(fd, modules[i].header, 12) != 12)
                        return error_set_errno(error, errno, "Can't write %s", modules[i].path);
                close(fd);
        }
        if (utimensat(root_fd, "usr/lib/packaged.py", old, 0) < 0 || utimensat(root_fd, "usr/lib/made.py", made, 0) < 0)
                return error_set_errno(error, errno, "Can't set times");
        return 0;
}

static int clean_modules(int root_fd, void *userdata, Buffer *reply, Error *error)
{
        (void) userdata;
        int r = python_cache_clean(root_fd, dates.epoch_sec, error);
        for (size_t i = 0; r == 0 && i < ELEMENTS(modules); i++)
                if (faccessat(root_fd, modules[i].path + 1, F_OK, 0) == 0)
                        r = buffer_printf(reply, "%s\n", modules[i].path);
        return r;
}

static void test_python_caches(void **state)
{
        TreeEntry entries[ELEMENTS(modules) + 4] = { { "/usr/lib/packaged.py", "x", 0 }, { "/usr/lib/made.py", "x", 0 },
                                                     { "/usr/lib/linked.py", "-> packaged.py", 0 } };
        _cleanup_buffer_ Buffer expected = BUFFER_INIT, left = BUFFER_INIT;

        (void) state;
        for (size_t i = 0; i < ELEMENTS(modules); i++) {
                entries[i + 3] = (TreeEntry){ modules[i].path, "x", 0 };
                if (modules[i].stays)
                        assert_int_equal(buffer_printf(&expected, "%s\n", modules[i].path), 0);
        }
        plant_tree(entries);
        assert_ok(sandbox_call(fixture.sandbox, &fixture.tree, set_times, NULL, NULL, &fixture.error));
        assert_ok(sandbox_call(fixture.sandbox, &fixture.tree, clean_modules, NULL, &left, &fixture.error));
        assert_string_equal(left.data, expected.data);
}

int main(int argc, char **argv)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_shells),
                cmocka_unit_test(test_info_menu),
                cmocka_unit_test(test_initiator),
                cmocka_unit_test(test_keystore),
                cmocka_unit_test(test_keystore_left_alone),
                cmocka_unit_test(test_aliases),
                cmocka_unit_test_setup_teardown(test_python_caches, fixture_setup, fixture_teardown),
        };

        sandbox_init_hook(argc, argv);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
