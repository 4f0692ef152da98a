/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "stages/users.h"

#include "stage_fixture.h"

#define PASSWD "root:x:0:0:root:/root:/bin/sh\nwww-data:x:33:33::/:/x\nbroken:x\nbig:x:4294967296:0::/:/x\n"

static void test_find_id(void **state)
{
        static const struct {
                const char *name;
                int code;
                uint32_t id;
        } cases[] = {
                { "root", 0, 0 },       { "www-data", 0, 33 }, { "www", -ENOENT, 0 }, { "", -ENOENT, 0 },
                { "broken", -EINVAL, 0 }, { "big", -ERANGE, 0 }, { "x", -ENOENT, 0 },
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTS(cases); i++) {
                uint32_t id = 0;
                assert_int_equal(users_find_id(PASSWD, cases[i].name, &id), cases[i].code);
                assert_int_equal(id, cases[i].id);
        }
}

static void test_set_password(void **state)
{
        static const struct {
                const char *text, *user, *result; /* NULL: no such user */
        } cases[] = {
                { "root:*:1:0:99999:7:::\nbin:*:2:0:99999:7:::\n", "bin",
                  "root:*:1:0:99999:7:::\nbin:HASH:20000:0:99999:7:::\n" },
                { "root::1:0:99999:7:::", "root", "root:HASH:20000:0:99999:7:::\n" },
                { "root:*::::::\n", "root", "root:HASH:20000:::::\n" },
                { "root:*\n", "root", "root:HASH:20000\n" },
                { "root\nroot:*:1\n# x", "root", "root\nroot:HASH:20000\n# x" },
                { "roots:*:1:\n", "root", NULL },
                { "", "root", NULL },
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTS(cases); i++) {
                _cleanup_buffer_ Buffer text = BUFFER_INIT;
                int r = shadow_set_password(cases[i].text, cases[i].user, "HASH", 20000, &text);
                assert_int_equal(r, cases[i].result ? 0 : -ENOENT);
                if (cases[i].result)
                        assert_string_equal(text.data, cases[i].result);
        }
}

static void test_clamp(void **state)
{
        static const struct {
                const char *text, *result;
                int64_t since_day;
        } cases[] = {
                { "a:*:20001:0:99999:7:::\nb:*:20000:0:::::\nc:*:0:::::\n",
                  "a:*:20000:0:99999:7:::\nb:*:20000:0:::::\nc:*:0:::::\n", 30000 },
                { "a:*::\nb:*:x:\nc\n\nd:*:99999", "a:*::\nb:*:x:\nc\n\nd:*:20000", 30000 },
                /* a layer that is older than the packages' newest release */
                { "a:*:19899:\nb:*:19900:\nc:*:19901:\nd:*:0:\n", "a:*:19899:\nb:*:20000:\nc:*:20000:\nd:*:0:\n",
                  19900 },
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTS(cases); i++) {
                _cleanup_buffer_ Buffer text = BUFFER_INIT;
                assert_int_equal(shadow_clamp_days(cases[i].text, 20000, cases[i].since_day, &text), 0);
                assert_string_equal(text.data, cases[i].result);
        }
}

static int resolve_owner(int root_fd, void *userdata, Buffer *reply, Error *error)
{
        uid_t uid;
        gid_t gid;
        int r = users_resolve_owner(root_fd, userdata, &uid, &gid, error);

        return r < 0 ? r : buffer_printf(reply, "%u:%u", uid, gid);
}

static void test_owner(void **state)
{
        static const TreeEntry files[] = {
                { "/etc/passwd", PASSWD, 0 },
                { "/etc/group", "root:x:0:\nadm:x:4:\n", 0 },
                { NULL, NULL, 0 },
        };
        static const struct {
                const char *owner, *result, *error;
        } cases[] = {
                { "root:root", "0:0", NULL },        { "www-data", "33:0", NULL },   { "www-data:adm", "33:4", NULL },
                { ":adm", "0:4", NULL },             { "1000:65535", "1000:65535", NULL },
                { "wwwdata", NULL, "no user \"wwwdata\"" }, { "root:adn", NULL, "no group \"adn\"" },
                { "65536", NULL, "no user \"65536\"" },
        };

        (void) state;
        plant_tree(files);
        for (size_t i = 0; i < ELEMENTS(cases); i++) {
                _cleanup_buffer_ Buffer reply = BUFFER_INIT;
                int r = sandbox_call(fixture.sandbox, &fixture.tree, resolve_owner, (void *) cases[i].owner, &reply,
                                     &fixture.error);
                assert_int_equal(r < 0, cases[i].result == NULL);
                if (cases[i].result)
                        assert_string_equal(reply.data, cases[i].result);
                else
                        assert_non_null(strstr(fixture.error.message, cases[i].error));
                if (i == 5)
                        assert_string_equal(fixture.error.hint, "Did you mean \"www-data\"?");
                error_done(&fixture.error);
        }
}

int main(int argc, char **argv)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_find_id),
                cmocka_unit_test(test_set_password),
                cmocka_unit_test(test_clamp),
                cmocka_unit_test_setup_teardown(test_owner, fixture_setup, fixture_teardown),
        };

        sandbox_init_hook(argc, argv);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
