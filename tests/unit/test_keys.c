/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "signing/keys.h"

#include "tests/unit/signing_fixture.h"

#include <sys/wait.h>
#include <time.h>

static size_t count_keys(const char *home)
{
        Key *keys = NULL;
        size_t n_keys = 0;

        assert_done(keys_list(home, &keys, &n_keys, &error));
        keys_free(keys, n_keys);
        return n_keys;
}

static void makes_ed25519(void **state)
{
        _cleanup_free_ char *home = fixture_path(state, "new/home"), *fingerprint = NULL;
        const KeyNew options = { .user_id = "Releases <releases@example.org>", .without_passphrase = true };
        struct stat status;
        Key *keys = NULL;
        size_t n_keys = 0;

        assert_done(keys_new(home, &options, &fingerprint, &error));
        assert_int_equal(strlen(fingerprint), 40);
        assert_int_equal(stat(home, &status), 0);
        assert_int_equal(status.st_mode & 07777, 0700);
        assert_done(keys_list(home, &keys, &n_keys, &error));
        assert_int_equal(n_keys, 1);
        assert_string_equal(keys[0].fingerprint, fingerprint);
        assert_string_equal(keys[0].user_id, "Releases <releases@example.org>");
        assert_string_equal(keys[0].algorithm, "ed25519");
        assert_int_equal(keys[0].expires_sec, 0);
        assert_true(keys[0].created_sec <= time(NULL) && keys[0].created_sec > time(NULL) - 3600);
        assert_false(keys[0].development);
        assert_null(keys[0].problem);
        keys_free(keys, n_keys);
        /* the agent is gone */
        assert_false(fixture_there(home, "S.gpg-agent"));
}

static void makes_other_kinds(void **state)
{
        _cleanup_free_ char *home = fixture_path(state, "home"), *fingerprint = NULL;
        const KeyNew options = {
                .user_id = "A", .algorithm = "nistp256", .expires_sec = 86400, .without_passphrase = true
        };
        Key *keys = NULL;
        size_t n_keys = 0;

        assert_done(keys_new(home, &options, &fingerprint, &error));
        assert_done(keys_list(home, &keys, &n_keys, &error));
        assert_int_equal(n_keys, 1);
        assert_string_equal(keys[0].algorithm, "nistp256");
        assert_int_equal(keys[0].expires_sec - keys[0].created_sec, 86400);
        assert_null(keys[0].problem);
        keys_free(keys, n_keys);
}

static void refuses_bad_requests(void **state)
{
        _cleanup_free_ char *home = fixture_path(state, "home");
        const struct {
                KeyNew options;
                int code;
                const char *message, *hint;
        } cases[] = {
                { { .user_id = "" }, -EINVAL, "needs a user id", NULL },
                { { .user_id = "  " }, -EINVAL, "needs a user id", NULL },
                { { .user_id = NULL }, -EINVAL, "needs a user id", NULL },
                { { .user_id = "a\nb" }, -EINVAL, "is one line", NULL },
                { { .user_id = "a", .algorithm = "rsa1024" },
                  -EINVAL,
                  "Keys of the kind rsa1024",
                  "rsa2048" },
                { { .user_id = "a", .algorithm = "ed25518" },
                  -EINVAL,
                  "Keys of the kind",
                  "Did you mean ed25519?" },
                { { .user_id = "a", .expires_sec = UINT64_MAX }, -ERANGE, "2106", NULL },
        };

        for (size_t i = 0; i < ELEMENTS(cases); i++) {
                _cleanup_error_ Error error = ERROR_INIT;
                char *fingerprint = NULL;
                assert_int_equal(keys_new(home, &cases[i].options, &fingerprint, &error), cases[i].code);
                assert_int_equal(error.kind, ERROR_USAGE);
                assert_non_null(strstr(error.message, cases[i].message));
                if (cases[i].hint)
                        assert_non_null(strstr(error.hint, cases[i].hint));
                assert_null(fingerprint);
        }
        assert_false(fixture_there(*state, "home"));
}

static void lists_nothing_and_no_home(void **state)
{
        _cleanup_free_ char *home = fixture_path(state, "home");
        Key *keys = NULL;
        size_t n_keys = 0;

        assert_refused(keys_list(home, &keys, &n_keys, &error), -ENOENT, "Can't open the GnuPG home");
        assert_done(gnupg_home_make(home, &error));
        assert_done(keys_list(home, &keys, &n_keys, &error));
        assert_int_equal(n_keys, 0);
        keys_free(keys, n_keys);
}

static const Key *find(const Key *keys, size_t n_keys, const char *user_id)
{
        for (size_t i = 0; i < n_keys; i++)
                if (strcmp(keys[i].user_id, user_id) == 0)
                        return &keys[i];
        fail_msg("no key %s", user_id);
        return NULL;
}

static void lists_problems(void **state)
{
        _cleanup_free_ char *home = fixture_home(state, "home"), *revoked = fixture_key(home, "revoked");
        _cleanup_free_ char *fine = fixture_key(home, "fine");
        static const struct {
                const char *faked, *parameters;
        } odd[] = {
                { "20200101T000000",
                  "Key-Type: eddsa\nKey-Curve: ed25519\nName-Real: expired\nExpire-Date: 1d" },
                { NULL, "Key-Type: RSA\nKey-Length: 1024\nKey-Usage: sign\nName-Real: small" },
                { NULL, "Key-Type: eddsa\nKey-Curve: ed25519\nKey-Usage: cert\nName-Real: mute-key" },
        };
        Key *keys = NULL;
        size_t n_keys = 0;

        for (size_t i = 0; i < ELEMENTS(odd); i++)
                free(fixture_odd_key(home, odd[i].faked, odd[i].parameters));
        fixture_revoke(home, revoked);
        GPG_INPUT(home, "disable\nquit\n", "--command-fd", "0", "--edit-key", fine);
        assert_done(keys_list(home, &keys, &n_keys, &error));
        assert_int_equal(n_keys, 5);
        assert_string_equal(find(keys, n_keys, "revoked")->problem, "it was revoked");
        assert_string_equal(find(keys, n_keys, "expired")->problem, "it expired on 2020-01-02");
        assert_string_equal(find(keys, n_keys, "small")->problem,
                            "RSA with 1024 bits is too short, at least 2048 are needed");
        assert_string_equal(find(keys, n_keys, "mute-key")->problem, "no part of it can make signatures");
        assert_string_equal(find(keys, n_keys, "fine")->problem, "it is disabled in the keyring");
        keys_free(keys, n_keys);
}

static void exports(void **state)
{
        _cleanup_free_ char *home = fixture_home(state, "home"), *other = fixture_home(state, "other");
        _cleanup_free_ char *first = fixture_key(home, "first"), *second = fixture_key(home, "second");
        _cleanup_free_ char *path = fixture_path(state, "keyring");
        char *both[] = { first, second, NULL }, *one[] = { second, NULL }, *none[] = { NULL };
        char *missing[] = { first, (char[]){ "0123456789012345678901234567890123456789" }, NULL };
        _cleanup_buffer_ Buffer keyring = BUFFER_INIT, armored = BUFFER_INIT, failed = BUFFER_INIT;
        _cleanup_buffer_ Buffer listing = BUFFER_INIT;

        assert_done(keys_export(home, both, false, &keyring, &error));
        /* a version 4 public key packet, old or new format */
        assert_true((unsigned char) keyring.data[0] == 0x98 || (unsigned char) keyring.data[0] == 0xc6);
        fixture_write(path, keyring.data, keyring.length);
        GPG(other, "--import", path);
        assert_int_equal(
                fixture_run(ARGV("gpg", "--homedir", other, "--list-keys", first, second), -1, &listing), 0);
        assert_int_equal(fixture_run(ARGV("gpg", "--homedir", other, "--list-secret-keys", first), -1, NULL),
                         2);

        assert_done(keys_export(home, one, true, &armored, &error));
        assert_true(string_starts_with(armored.data, "-----BEGIN PGP PUBLIC KEY BLOCK-----\n"));

        assert_refused(keys_export(home, none, false, &failed, &error), -EINVAL, "No key to export");
        assert_refused(keys_export(home, missing, false, &failed, &error), -ENOKEY,
                       "There is no key 0123456789");
}

static void development_key_is_made_once(void **state)
{
        _cleanup_free_ char *home = fixture_path(state, "out/gnupg"), *first = NULL, *again = NULL,
                            *after = NULL;
        Key *keys = NULL;
        size_t n_keys = 0;

        assert_done(keys_development(home, &first, &error));
        assert_int_equal(chmod(home, 0755), 0);
        assert_done(keys_development(home, &again, &error));
        assert_string_equal(first, again);
        struct stat status;
        assert_int_equal(stat(home, &status), 0);
        assert_int_equal(status.st_mode & 07777, 0700);
        assert_done(keys_list(home, &keys, &n_keys, &error));
        assert_int_equal(n_keys, 1);
        assert_true(keys[0].development);
        assert_string_equal(keys[0].user_id, KEYS_DEVELOPMENT_USER_ID);
        keys_free(keys, n_keys);
        /* one that can't sign any more is followed by another */
        fixture_revoke(home, first);
        assert_done(keys_development(home, &after, &error));
        assert_string_not_equal(first, after);
}

static void development_key_of_builds_at_once(void **state)
{
        _cleanup_free_ char *home = fixture_path(state, "home");
        pid_t children[4];

        for (size_t i = 0; i < ELEMENTS(children); i++) {
                children[i] = fork();
                assert_true(children[i] >= 0);
                if (children[i] == 0) {
                        char *fingerprint = NULL;
                        _exit(keys_development(home, &fingerprint, NULL) == 0 ? 0 : 1);
                }
        }
        for (size_t i = 0; i < ELEMENTS(children); i++) {
                int status = -1;
                assert_int_equal(process_wait(children[i], &status), 0);
                assert_int_equal(status, 0);
        }
        assert_int_equal(count_keys(home), 1);
        assert_false(fixture_there(home, "S.gpg-agent"));
        assert_false(fixture_there(home, ".templar-agent"));
}

#define FIFTY "0123456789012345678901234567890123456789012345678/"

static void works_in_deep_folders(void **state)
{
        _cleanup_free_ char *home = fixture_path(state, FIFTY FIFTY FIFTY "gnupg"), *first = NULL,
                            *again = NULL;
        size_t links = fixture_count("/tmp", "templar-gpg-");

        assert_true(strlen(home) > 150);
        assert_done(keys_development(home, &first, &error));
        assert_done(keys_development(home, &again, &error));
        assert_string_equal(first, again);
        assert_int_equal(count_keys(home), 1);
        assert_int_equal(fixture_count("/tmp", "templar-gpg-"), links);
        assert_false(fixture_there(home, "S.gpg-agent"));
}

static void leaves_a_running_agent_alone(void **state)
{
        _cleanup_free_ char *home = fixture_home(state, "home");

        if (RUN("gpg-connect-agent", "--quiet", "--homedir", home, "/bye") != 0) {
                print_message("gpg-connect-agent does not start an agent here\n");
                skip();
        }
        free(fixture_key(home, "a"));
        assert_int_equal(RUN("gpg-connect-agent", "--quiet", "--no-autostart", "--homedir", home,
                             "GETINFO pid", "/bye"),
                         0);
        assert_true(fixture_there(home, "S.gpg-agent"));
        assert_int_equal(RUN("gpgconf", "--homedir", home, "--kill", "gpg-agent"), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(makes_ed25519),
                TEST(makes_other_kinds),
                TEST(refuses_bad_requests),
                TEST(lists_nothing_and_no_home),
                TEST(lists_problems),
                TEST(exports),
                TEST(development_key_is_made_once),
                TEST(development_key_of_builds_at_once),
                TEST(works_in_deep_folders),
                TEST(leaves_a_running_agent_alone),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
