/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "signing/sign.h"

#include "base/cancel.h"
#include "tests/unit/signing_fixture.h"

#include <poll.h>
#include <sys/wait.h>

static const char text[] =
        "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881  a-amd64-1.tar.xz\n"
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855  a-amd64-1.nspawn\n";

/* Signs `text` into files of the test's folder and exports the key: text, text.asc, text.sig, text.clear,
 * keyring. */
static void sign_all_forms(void **state, const char *home, const char *key)
{
        static const struct {
                SignatureForm form;
                const char *file;
        } forms[] = {
                { SIGNATURE_CLEAR, "text.clear" },
                { SIGNATURE_DETACHED_ARMORED, "text.asc" },
                { SIGNATURE_DETACHED_BINARY, "text.sig" },
        };
        _cleanup_free_ char *text_path = fixture_path(state, "text"),
                            *keyring_path = fixture_path(state, "keyring");
        _cleanup_signer_ Signer *signer = NULL;
        _cleanup_buffer_ Buffer keyring = BUFFER_INIT;

        assert_done(signer_open(home, key, &signer, &error));
        fixture_write(text_path, text, sizeof text - 1);
        for (size_t i = 0; i < ELEMENTS(forms); i++) {
                _cleanup_free_ char *path = fixture_path(state, forms[i].file);
                _cleanup_buffer_ Buffer signature = BUFFER_INIT;
                assert_done(signer_sign(signer, forms[i].form, text, sizeof text - 1, &signature, &error));
                fixture_write(path, signature.data, signature.length);
        }
        assert_done(signer_export(signer, &keyring, &error));
        fixture_write(keyring_path, keyring.data, keyring.length);
}

/* gpgv(1) knows nothing but the exported keyring. */
static void check_with_gpgv(void **state)
{
        _cleanup_free_ char *text_path = fixture_path(state, "text"),
                            *keyring = fixture_path(state, "keyring");
        _cleanup_free_ char *armored = fixture_path(state, "text.asc"),
                            *binary = fixture_path(state, "text.sig");
        _cleanup_free_ char *clear = fixture_path(state, "text.clear"), *plain = fixture_path(state, "plain");

        assert_int_equal(RUN("gpgv", "--quiet", "--keyring", keyring, armored, text_path), 0);
        assert_int_equal(RUN("gpgv", "--quiet", "--keyring", keyring, binary, text_path), 0);
        assert_int_equal(RUN("gpgv", "--quiet", "--keyring", keyring, "--output", plain, clear), 0);
        _cleanup_buffer_ Buffer signed_text = fixture_read(plain);
        assert_string_equal(signed_text.data, text);
        fixture_write(text_path, text, sizeof text - 2);
        assert_int_not_equal(RUN("gpgv", "--quiet", "--keyring", keyring, armored, text_path), 0);
}

static void signs_in_every_form(void **state)
{
        _cleanup_free_ char *home = fixture_home(state, "home"),
                            *fingerprint = fixture_key(home, "Builder <b@c.org>");
        _cleanup_free_ char *clear = fixture_path(state, "text.clear"),
                            *armored = fixture_path(state, "text.asc");

        sign_all_forms(state, home, fingerprint);
        check_with_gpgv(state);
        _cleanup_buffer_ Buffer message = fixture_read(clear), signature = fixture_read(armored);
        assert_true(string_starts_with(message.data, "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA"));
        assert_non_null(strstr(message.data, text));
        assert_true(string_starts_with(signature.data, "-----BEGIN PGP SIGNATURE-----\n"));
        assert_false(fixture_there(home, "S.gpg-agent"));
}

static void finds_keys_by_any_name(void **state)
{
        _cleanup_free_ char *home = fixture_home(state, "home"),
                            *fingerprint = fixture_key(home, "Builder <b@c.org>");
        const char *names[] = { fingerprint, fingerprint + 24, "Builder", "<b@c.org>", "=Builder <b@c.org>" };

        for (size_t i = 0; i < ELEMENTS(names); i++) {
                _cleanup_signer_ Signer *signer = NULL;
                assert_done(signer_open(home, names[i], &signer, &error));
                assert_string_equal(signer_fingerprint(signer), fingerprint);
                assert_string_equal(signer_user_id(signer), "Builder <b@c.org>");
        }
}

static void refuses_keys(void **state)
{
        _cleanup_free_ char *home = fixture_home(state, "home"), *other = fixture_home(state, "other");
        _cleanup_free_ char *revoked = fixture_key(home, "revoked"), *foreign = fixture_key(other, "foreign");
        _cleanup_free_ char *disabled = fixture_key(home, "disabled"),
                            *keyring = fixture_path(state, "keyring");
        Signer *signer = NULL;

        free(fixture_key(home, "twin one"));
        free(fixture_key(home, "twin two"));
        free(fixture_odd_key(home, NULL, "Key-Type: RSA\nKey-Length: 1024\nName-Real: short-rsa"));
        free(fixture_odd_key(home, NULL, "Key-Type: DSA\nKey-Length: 1024\nName-Real: short-dsa"));
        free(fixture_odd_key(home, NULL,
                             "Key-Type: eddsa\nKey-Curve: ed25519\nKey-Usage: cert\nName-Real: mute-key"));
        free(fixture_odd_key(home, "20200101T000000",
                             "Key-Type: eddsa\nKey-Curve: ed25519\nName-Real: expired\nExpire-Date: 1d"));
        fixture_revoke(home, revoked);
        GPG_INPUT(home, "disable\nquit\n", "--command-fd", "0", "--edit-key", disabled);
        fixture_export(other, keyring, foreign);
        GPG(home, "--import", keyring);

        assert_refused(signer_open(home, "nobody", &signer, &error), -ENOKEY,
                       "There is no secret key nobody");
        assert_refused(signer_open(home, "", &signer, &error), -EINVAL, "No key to sign with was named");
        assert_refused(signer_open(home, NULL, &signer, &error), -EINVAL, "No key to sign with was named");
        assert_refused(signer_open(home, "twin", &signer, &error), -ENOTUNIQ,
                       "More than one secret key goes by");
        assert_refused(signer_open(home, "foreign", &signer, &error), -ENOKEY, "has its public part only");
        assert_refused(signer_open(home, revoked, &signer, &error), -EKEYREJECTED, "it was revoked");
        assert_refused(signer_open(home, "expired", &signer, &error), -EKEYREJECTED,
                       "it expired on 2020-01-02");
        assert_refused(signer_open(home, disabled, &signer, &error), -EKEYREJECTED, "it is disabled");
        assert_refused(signer_open(home, "short-rsa", &signer, &error), -EKEYREJECTED, "RSA with 1024 bits");
        assert_refused(signer_open(home, "short-dsa", &signer, &error), -EKEYREJECTED, "DSA with 1024 bits");
        assert_refused(signer_open(home, "mute-key", &signer, &error), -EKEYREJECTED,
                       "no part of it can make signatures");
        assert_refused(signer_open("/nonexistent", "a", &signer, &error), -ENOENT, "/nonexistent");
        assert_null(signer);
}

static void signs_with_a_subkey(void **state)
{
        _cleanup_free_ char *home = fixture_home(state, "home");
        _cleanup_free_ char *key = fixture_odd_key(home, NULL,
                                                   "Key-Type: eddsa\nKey-Curve: ed25519\nKey-Usage: cert\n"
                                                   "Subkey-Type: RSA\nSubkey-Length: 2048\n"
                                                   "Subkey-Usage: sign\nName-Real: with-subkey");
        _cleanup_free_ char *binary = fixture_path(state, "text.sig");
        _cleanup_buffer_ Buffer packets = BUFFER_INIT;

        sign_all_forms(state, home, key);
        check_with_gpgv(state);
        assert_int_equal(fixture_run(ARGV("gpg", "--homedir", home, "--list-packets", binary), -1, &packets),
                         0);
        assert_non_null(strstr(packets.data, ":signature packet: algo 1,"));
}

static void refuses_a_short_subkey(void **state)
{
        _cleanup_free_ char *home = fixture_home(state, "home");
        _cleanup_free_ char *key = fixture_odd_key(home, NULL,
                                                   "Key-Type: eddsa\nKey-Curve: ed25519\nKey-Usage: cert\n"
                                                   "Subkey-Type: RSA\nSubkey-Length: 1024\n"
                                                   "Subkey-Usage: sign\nName-Real: with-subkey");
        Signer *signer = NULL;

        assert_refused(signer_open(home, key, &signer, &error), -EKEYREJECTED,
                       "RSA with 1024 bits is too short");
}

static void looks_at_what_gpg_made(void **state)
{
        _cleanup_free_ char *home = fixture_home(state, "home"),
                            *settings = fixture_path(state, "home/gpg.conf");
        static const struct {
                const char *settings, *message;
                int code;
        } cases[] = {
                { "digest-algo SHA1\n", "digest SHA1, which is too weak", -EINVAL },
                { "digest-algo RIPEMD160\n", "digest RIPEMD160, which is too weak", -EINVAL },
                { "local-user first\n", "more than one signature", -EINVAL },
                { "faked-system-time 20901231T000000\n", "in the future", -ETIME },
        };

        free(fixture_key(home, "first"));
        free(fixture_odd_key(home, NULL, "Key-Type: RSA\nKey-Length: 2048\nName-Real: rsa-key"));
        for (size_t i = 0; i < ELEMENTS(cases); i++) {
                _cleanup_signer_ Signer *signer = NULL;
                _cleanup_buffer_ Buffer signature = BUFFER_INIT;
                fixture_write(settings, cases[i].settings, strlen(cases[i].settings));
                assert_done(signer_open(home, "rsa-key", &signer, &error));
                assert_refused(signer_sign(signer, SIGNATURE_DETACHED_BINARY, text, sizeof text - 1,
                                           &signature, &error),
                               cases[i].code, cases[i].message);
                assert_null(signature.data);
        }
}

static void says_why_signing_fails(void **state)
{
        _cleanup_free_ char *home = fixture_home(state, "home"), *fingerprint = fixture_key(home, "first");
        _cleanup_free_ char *secrets = fixture_path(state, "home/private-keys-v1.d");
        _cleanup_signer_ Signer *signer = NULL;
        _cleanup_buffer_ Buffer signature = BUFFER_INIT;

        assert_done(signer_open(home, fingerprint, &signer, &error));
        assert_done(remove_tree(AT_FDCWD, secrets, &error));
        assert_refused(signer_sign(signer, SIGNATURE_CLEAR, text, sizeof text - 1, &signature, &error),
                       -ENOKEY, "the secret key");
        assert_null(signature.data);
}

/* A pinentry that is a program of ours: says that the user cancelled, or gives a wrong passphrase. */
static void write_pinentry(void **state, const char *answer)
{
        _cleanup_free_ char *path = fixture_path(state, "pinentry"),
                            *settings = fixture_path(state, "home/gpg-agent.conf");
        _cleanup_buffer_ Buffer script = BUFFER_INIT, line = BUFFER_INIT;

        assert_int_equal(
                buffer_printf(&script,
                              "#!/bin/sh\necho OK\nwhile read -r line; do case $line in\nGETPIN*) %s;;\n"
                              "BYE*) echo OK; exit;;\n*) echo OK;;\nesac; done\n",
                              answer),
                0);
        assert_int_equal(buffer_printf(&line, "pinentry-program %s\ns2k-count 65536\n", path), 0);
        fixture_write(path, script.data, script.length);
        assert_int_equal(chmod(path, 0755), 0);
        fixture_write(settings, line.data, line.length);
}

static void speaks_of_passphrases(void **state)
{
        _cleanup_free_ char *home = fixture_home(state, "home"), *fingerprint = NULL;
        const KeyNew options = { .user_id = "guarded" };
        static const struct {
                const char *answer, *message;
                int code;
        } cases[] = {
                { "echo 'ERR 83886179 Operation cancelled <Pinentry>'", "cancelled in pinentry", -ECANCELED },
                { "echo D wrong; echo OK", "wrong passphrase", -EKEYREJECTED },
        };

        write_pinentry(state, "echo D a-long-passphrase-1; echo OK");
        assert_done(keys_new(home, &options, &fingerprint, &error));
        for (size_t i = 0; i < ELEMENTS(cases); i++) {
                _cleanup_signer_ Signer *signer = NULL;
                _cleanup_buffer_ Buffer signature = BUFFER_INIT;
                write_pinentry(state, cases[i].answer);
                assert_done(signer_open(home, fingerprint, &signer, &error));
                assert_refused(
                        signer_sign(signer, SIGNATURE_CLEAR, text, sizeof text - 1, &signature, &error),
                        cases[i].code, cases[i].message);
        }
        write_pinentry(state, "echo D a-long-passphrase-1; echo OK");
        sign_all_forms(state, home, fingerprint);
        check_with_gpgv(state);
}

/* In a child, because signals are the process's: exit status 0 when signing ended as cancelled. */
static int sign_until_cancelled(const char *home, const char *key)
{
        _cleanup_signer_ Signer *signer = NULL;
        _cleanup_buffer_ Buffer signature = BUFFER_INIT;
        _cleanup_error_ Error error = ERROR_INIT;

        if (cancel_install() < 0 || signer_open(home, key, &signer, &error) < 0)
                return 2;
        int r = signer_sign(signer, SIGNATURE_CLEAR, text, sizeof text - 1, &signature, &error);
        return r == -ECANCELED && error.kind == ERROR_CANCELLED ? 0 : 1;
}

static void a_signal_ends_the_wait_for_pinentry(void **state)
{
        _cleanup_free_ char *home = fixture_home(state, "home"), *fingerprint = NULL,
                            *asked = fixture_path(state, "asked");
        _cleanup_buffer_ Buffer answer = BUFFER_INIT;
        const KeyNew options = { .user_id = "guarded" };
        int status = -1;

        write_pinentry(state, "echo D a-long-passphrase-1; echo OK");
        assert_done(keys_new(home, &options, &fingerprint, &error));
        assert_int_equal(buffer_printf(&answer, "echo >%s; read -r never", asked), 0);
        write_pinentry(state, answer.data);
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
                alarm(120); /* rather fail than hang */
                _exit(sign_until_cancelled(home, fingerprint));
        }
        while (access(asked, F_OK) < 0 && waitpid(child, &status, WNOHANG) == 0)
                poll(NULL, 0, 5);
        assert_int_equal(kill(child, SIGTERM), 0);
        assert_int_equal(process_wait(child, &status), 0);
        assert_int_equal(status, 0);
        assert_false(fixture_there(home, "S.gpg-agent"));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(signs_in_every_form),
                TEST(finds_keys_by_any_name),
                TEST(refuses_keys),
                TEST(signs_with_a_subkey),
                TEST(refuses_a_short_subkey),
                TEST(looks_at_what_gpg_made),
                TEST(says_why_signing_fails),
                TEST(speaks_of_passphrases),
                TEST(a_signal_ends_the_wait_for_pinentry),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
