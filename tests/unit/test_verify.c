/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "signing/verify.h"

#include "signing/signature.h"
#include "tests/unit/signing_fixture.h"

#include <time.h>

#define BASE "web-amd64-2026.11.23"
#define IMAGE BASE ".tar.xz"
#define PAIR IMAGE ".sha256"

/* A release of our own, copied for every case that spoils it. */
typedef struct Place {
        char *directory, *home, *key, *keyring, *image;
} Place;

static void place_done(Place *place)
{
        free(place->directory);
        free(place->home);
        free(place->key);
        free(place->keyring);
        free(place->image);
}
#define _cleanup_place_ _cleanup_(place_done)

static Place place_new(void **state)
{
        Place place = { .directory = fixture_path(state, "amd64"), .home = fixture_home(state, "home") };

        place.key = fixture_key(place.home, "Builder <builder@example.org>");
        place.keyring = fixture_path(state, "keyring");
        place.image = path_join(place.directory, IMAGE);
        fixture_publish(place.directory, BASE, place.home, place.key);
        fixture_export(place.home, place.keyring, place.key);
        return place;
}

static void copy_again(void **state, Place *place)
{
        _cleanup_free_ char *original = fixture_path(state, "original");

        if (!fixture_there(*state, "original"))
                assert_int_equal(RUN("cp", "-a", place->directory, original), 0);
        assert_done(remove_tree(AT_FDCWD, place->directory, &error));
        assert_int_equal(RUN("cp", "-a", original, place->directory), 0);
}

static int try_directory(const Place *place, Error *error)
{
        _cleanup_verify_result_ VerifyResult result = { 0 };

        return verify_directory(place->directory, place->keyring, &result, error);
}

static int try_image(const Place *place, Error *error)
{
        _cleanup_verify_result_ VerifyResult result = { 0 };

        return verify_image(place->image, place->keyring, &result, error);
}

static void write_in(const Place *place, const char *name, const char *text)
{
        _cleanup_free_ char *path = path_join(place->directory, name);

        fixture_write(path, text, strlen(text));
}

static void remove_in(const Place *place, const char *name)
{
        _cleanup_free_ char *path = path_join(place->directory, name);

        assert_int_equal(unlink(path), 0);
}

/* Signs SHA256SUMS again (binary, detached) with gpg and these options. */
static void sign_sums(const Place *place, const char *home, const char *key, const char *const *options)
{
        _cleanup_free_ char *sums = path_join(place->directory, "SHA256SUMS");
        _cleanup_free_ char *signature = path_join(place->directory, "SHA256SUMS.gpg");
        const char *arguments[16] = { "--yes", "--local-user", key, "--output", signature };
        size_t n = 5;

        while (options && *options)
                arguments[n++] = *options++;
        arguments[n++] = "--detach-sign";
        arguments[n] = sums;
        assert_int_equal(fixture_gpg_input(home, NULL, arguments), 0);
}

/* --- what is good
 * ---------------------------------------------------------------------------------------------- */

static void accepts_a_release(void **state)
{
        _cleanup_place_ Place place = place_new(state);
        _cleanup_verify_result_ VerifyResult whole = { 0 }, image = { 0 };
        static const char *const names[] = {
                "import-pubring.gpg", "import-pubring.pgp", BASE ".nspawn", IMAGE, PAIR, PAIR ".asc"
        };

        assert_done(verify_directory(place.directory, place.keyring, &whole, &error));
        assert_string_equal(whole.fingerprint, place.key);
        assert_string_equal(whole.user_id, "Builder <builder@example.org>");
        assert_true(whole.signed_sec <= time(NULL) && whole.signed_sec > time(NULL) - 3600);
        assert_int_equal(whole.n_files, ELEMENTS(names));
        for (size_t i = 0; i < ELEMENTS(names); i++)
                assert_string_equal(whole.files[i].name, names[i]);
        assert_int_equal(whole.files[3].size_bytes, strlen("image of " BASE));

        assert_done(verify_image(place.image, place.keyring, &image, &error));
        assert_string_equal(image.fingerprint, place.key);
        assert_int_equal(image.n_files, 2);
        assert_string_equal(image.files[0].name, IMAGE);
        assert_string_equal(image.files[0].sha256, whole.files[3].sha256);
        assert_string_equal(image.files[1].name, BASE ".nspawn");
        /* nothing of the temporary homes is left */
        assert_int_equal(fixture_count(*state, "templar-verify-"), 0);
}

static void takes_sums_where_there_is_no_pair(void **state)
{
        _cleanup_place_ Place place = place_new(state);
        _cleanup_verify_result_ VerifyResult result = { 0 };

        remove_in(&place, PAIR);
        remove_in(&place, PAIR ".asc");
        remove_in(&place, "import-pubring.gpg");
        assert_done(verify_image(place.image, place.keyring, &result, &error));
        assert_int_equal(result.n_files, 2);
        /* another file of the directory than an image */
        _cleanup_free_ char *settings = path_join(place.directory, BASE ".nspawn");
        verify_result_done(&result);
        assert_done(verify_image(settings, place.keyring, &result, &error));
        assert_int_equal(result.n_files, 1);
        write_in(&place, IMAGE, "other");
        assert_refused(try_image(&place, &error), -EBADMSG, "does not match its digest");
}

static void takes_armored_keyrings(void **state)
{
        _cleanup_place_ Place place = place_new(state);

        GPG(place.home, "--yes", "--armor", "--output", place.keyring, "--export", place.key);
        assert_done(try_directory(&place, &error));
        assert_done(try_image(&place, &error));
}

static void takes_relative_paths(void **state)
{
        _cleanup_place_ Place place = place_new(state);
        _cleanup_verify_result_ VerifyResult result = { 0 };
        _cleanup_free_ char *before = realpath(".", NULL);

        assert_int_equal(chdir(place.directory), 0);
        int r = verify_image(IMAGE, "import-pubring.gpg", &result, NULL);
        assert_int_equal(chdir(before), 0);
        assert_int_equal(r, 0);
}

static void best_before_is_obeyed(void **state)
{
        static const char nothing[] = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        static const struct {
                const char *line;
                int code;
                const char *message;
        } cases[] = {
                { "BEST-BEFORE-2999-01-01", 0, NULL },
                { "BEST-BEFORE-2001-01-01", -ESTALE, "best before 2001-01-01, and that day is past" },
        };
        _cleanup_place_ Place place = place_new(state);
        _cleanup_free_ char *path = path_join(place.directory, "SHA256SUMS");
        _cleanup_buffer_ Buffer sums = fixture_read(path);

        for (size_t i = 0; i < ELEMENTS(cases); i++) {
                _cleanup_buffer_ Buffer text = BUFFER_INIT;
                assert_int_equal(buffer_printf(&text, "%s%s  %s\n", sums.data, nothing, cases[i].line), 0);
                write_in(&place, "SHA256SUMS", text.data);
                sign_sums(&place, place.home, place.key, NULL);
                if (cases[i].message)
                        assert_refused(try_directory(&place, &error), cases[i].code, cases[i].message);
                else
                        assert_done(try_directory(&place, &error));
        }
}

/* --- files that were changed
 * ----------------------------------------------------------------------------------- */

/* Every byte position in turn would take long: some of each file. */
static void refuses_flipped_bytes(void **state)
{
        static const struct {
                const char *name;
                bool image_too; /* verify_image() reads it */
        } cases[] = {
                { IMAGE, true },
                { BASE ".nspawn", true },
                { PAIR, true },
                { PAIR ".asc", true },
                { "SHA256SUMS", false },
                { "SHA256SUMS.gpg", false },
                { "import-pubring.gpg", false },
        };
        _cleanup_place_ Place place = place_new(state);

        copy_again(state, &place);
        for (size_t i = 0; i < ELEMENTS(cases); i++) {
                _cleanup_free_ char *path = path_join(place.directory, cases[i].name);
                _cleanup_buffer_ Buffer bytes = fixture_read(path);
                for (size_t part = 0; part < 5; part++) {
                        size_t at = (bytes.length - 1) * part / 4;
                        bytes.data[at] ^= 1;
                        fixture_write(path, bytes.data, bytes.length);
                        bytes.data[at] ^= 1;
                        if (try_directory(&place, NULL) >= 0)
                                fail_msg("%s with another byte %zu was accepted", cases[i].name, at);
                        /* gpg does not look at what ends the armor of a detached signature */
                        bool in_armor = part < 4 || !string_ends_with(cases[i].name, ".asc");
                        if (cases[i].image_too && in_armor && try_image(&place, NULL) >= 0)
                                fail_msg("%s with another byte %zu was accepted", cases[i].name, at);
                }
                fixture_write(path, bytes.data, bytes.length);
        }
        assert_done(try_directory(&place, &error));
}

static void refuses_missing_and_unlisted(void **state)
{
        static const struct {
                const char *name;
                int code;
                const char *message;
        } missing[] = {
                { IMAGE, -ENOENT, IMAGE " is listed, but it is not in" },
                { BASE ".nspawn", -ENOENT, BASE ".nspawn is listed, but it is not in" },
                { PAIR, -ENOENT, PAIR " is listed, but it is not in" },
                { "SHA256SUMS", -ENOENT, "SHA256SUMS" },
                { "SHA256SUMS.gpg", -ENOENT, "is not signed: there is no SHA256SUMS.gpg" },
        };
        static const char *const extra[] = { "web-amd64-1.tar.xz", "README", "x.nspawn" };
        _cleanup_place_ Place place = place_new(state);

        for (size_t i = 0; i < ELEMENTS(missing); i++) {
                copy_again(state, &place);
                remove_in(&place, missing[i].name);
                assert_refused(try_directory(&place, &error), missing[i].code, missing[i].message);
        }
        for (size_t i = 0; i < ELEMENTS(extra); i++) {
                copy_again(state, &place);
                write_in(&place, extra[i], "x");
                assert_refused(try_directory(&place, &error), -EBADMSG, "but SHA256SUMS does not list it");
        }
        /* hidden names and sub-directories are not for hosts */
        copy_again(state, &place);
        write_in(&place, ".hidden", "x");
        _cleanup_free_ char *below = path_join(place.directory, "below");
        assert_int_equal(mkdir(below, 0755), 0);
        assert_done(try_directory(&place, &error));
}

static void refuses_half_pairs(void **state)
{
        _cleanup_place_ Place place = place_new(state);

        copy_again(state, &place);
        remove_in(&place, PAIR ".asc");
        assert_refused(try_image(&place, &error), -ENOENT, PAIR ".asc");
        copy_again(state, &place);
        remove_in(&place, PAIR);
        assert_refused(try_image(&place, &error), -ENOENT, PAIR);
}

/* Settings that nobody vouches for, beside an image: hosts would refuse it, and so do we. */
static void refuses_unlisted_settings(void **state)
{
        static const char *const settings[] = { "[Exec]\n" };
        _cleanup_place_ Place place = place_new(state);
        _cleanup_release_ Release *release = NULL;
        _cleanup_signer_ Signer *signer = NULL;
        ReleaseFile *files = NULL;
        size_t n_files = 0;

        assert_done(release_open(place.directory, "web-amd64-2", &release, &error));
        assert_done(signer_open(place.home, place.key, &signer, &error));
        assert_done(release_write_file(release, "tar.xz", "x", 1, &error));
        assert_done(release_publish(release, signer, &files, &n_files, &error));
        release_files_free(files, n_files);
        free(place.image);
        place.image = path_join(place.directory, "web-amd64-2.tar.xz");
        assert_done(try_image(&place, &error));
        write_in(&place, "web-amd64-2.nspawn", settings[0]);
        assert_refused(try_image(&place, &error), -EBADMSG, "does not list it: hosts refuse the image");
}

static void refuses_what_is_no_release(void **state)
{
        _cleanup_place_ Place place = place_new(state);
        _cleanup_verify_result_ VerifyResult result = { 0 };
        _cleanup_free_ char *absent = path_join(place.directory, "absent.tar");

        assert_refused(verify_directory("/nonexistent", place.keyring, &result, &error), -ENOENT,
                       "/nonexistent");
        assert_refused(verify_image(absent, place.keyring, &result, &error), -ENOENT, "absent.tar");
        assert_refused(verify_image("/tmp/", place.keyring, &result, &error), -EISDIR, "is a directory");
        assert_refused(verify_image(place.image, "/nonexistent", &result, &error), -ENOENT,
                       "Reading the keyring");
}

/* --- the list
 * -------------------------------------------------------------------------------------------------- */

static void refuses_lists_of_other_forms(void **state)
{
        static const struct {
                const char *script, *message;
        } cases[] = {
                { "s/  /\\t/", "Line 1: no space follows" },
                { "s/$/\\r/", "CR LF" },
                { "s/  /  .\\//", "has a \"/\"" },
                { "y/abcdef/ABCDEF/", "is not a list that every host reads" },
                { "1i# comment", "comments are not allowed" },
                { "$p", "stands on line" },
        };
        _cleanup_place_ Place place = place_new(state);
        _cleanup_free_ char *sums = path_join(place.directory, "SHA256SUMS");

        for (size_t i = 0; i < ELEMENTS(cases); i++) {
                copy_again(state, &place);
                assert_int_equal(RUN("sed", "-i", cases[i].script, sums), 0);
                sign_sums(&place, place.home, place.key, NULL);
                assert_refused(try_directory(&place, &error), -EBADMSG, cases[i].message);
        }
}

/* --- signatures and keys
 * --------------------------------------------------------------------------------------- */

static void refuses_other_keys(void **state)
{
        _cleanup_place_ Place place = place_new(state);
        _cleanup_free_ char *other = fixture_key(place.home, "Other");

        fixture_export(place.home, place.keyring, other);
        assert_refused(try_directory(&place, &error), -ENOKEY, "which is not in the keyring");
        assert_refused(try_image(&place, &error), -ENOKEY, "which is not in the keyring");
        /* the directory's own keyring does not help */
        fixture_export(place.home, place.keyring, place.key);
        sign_sums(&place, place.home, other, NULL);
        assert_refused(try_directory(&place, &error), -ENOKEY, "which is not in the keyring");
        /* a good signature beside one by a key that is not known */
        sign_sums(&place, place.home, other, ARGV("--local-user", place.key));
        assert_refused(try_directory(&place, &error), -ENOKEY, "which is not in the keyring");
}

static void refuses_revoked_keys(void **state)
{
        _cleanup_place_ Place place = place_new(state);

        fixture_revoke(place.home, place.key);
        fixture_export(place.home, place.keyring, place.key);
        assert_refused(try_directory(&place, &error), -EKEYREVOKED, "which was revoked");
        assert_refused(try_image(&place, &error), -EKEYREVOKED, "which was revoked");
}

static void refuses_expired_keys(void **state)
{
        _cleanup_place_ Place place = place_new(state);
        _cleanup_free_ char *old =
                fixture_odd_key(place.home, "20250101T000000",
                                "Key-Type: eddsa\nKey-Curve: ed25519\nName-Real: old-key\nExpire-Date: 2d");

        sign_sums(&place, place.home, old, ARGV("--faked-system-time", "20250102T000000"));
        fixture_export(place.home, place.keyring, old);
        assert_refused(try_directory(&place, &error), -EKEYEXPIRED, "which has expired");
}

static void refuses_expired_signatures(void **state)
{
        _cleanup_place_ Place place = place_new(state);
        _cleanup_free_ char *old = fixture_odd_key(place.home, "20250101T000000",
                                                   "Key-Type: eddsa\nKey-Curve: ed25519\nName-Real: old-key");

        sign_sums(&place, place.home, old,
                  ARGV("--faked-system-time", "20250102T000000", "--default-sig-expire", "3d"));
        fixture_export(place.home, place.keyring, old);
        assert_refused(try_directory(&place, &error), -EKEYEXPIRED, "SHA256SUMS expired on 2025-01-05");
}

static void refuses_signatures_of_the_future(void **state)
{
        _cleanup_place_ Place place = place_new(state);

        sign_sums(&place, place.home, place.key, ARGV("--faked-system-time", "20900102T000000"));
        assert_refused(try_directory(&place, &error), -ETIME, "dated in the future (2090-01-02)");
}

static void refuses_weak_signatures(void **state)
{
        static const struct {
                const char *parameters, *name, *digest, *message;
        } cases[] = {
                { "Key-Type: RSA\nKey-Length: 2048\nName-Real: rsa-2048", "rsa-2048", "SHA1", "digest SHA1" },
                { NULL, "rsa-2048", "RIPEMD160", "digest RIPEMD160" },
                { NULL, "rsa-2048", "SHA224", "digest SHA224" },
                { "Key-Type: RSA\nKey-Length: 1024\nName-Real: rsa-1024", "rsa-1024", "SHA256",
                  "RSA with 1024 bits" },
                { "Key-Type: DSA\nKey-Length: 1024\nName-Real: dsa-1024", "dsa-1024", "SHA256",
                  "DSA with 1024 bits" },
        };
        _cleanup_place_ Place place = place_new(state);

        for (size_t i = 0; i < ELEMENTS(cases); i++) {
                if (cases[i].parameters)
                        free(fixture_odd_key(place.home, NULL, cases[i].parameters));
                sign_sums(&place, place.home, cases[i].name, ARGV("--digest-algo", cases[i].digest));
                fixture_export(place.home, place.keyring, NULL);
                assert_refused(try_directory(&place, &error), -EKEYREJECTED, cases[i].message);
        }
        sign_sums(&place, place.home, "rsa-2048", ARGV("--digest-algo", "SHA512"));
        assert_done(try_directory(&place, &error));
}

static void refuses_what_is_no_signature(void **state)
{
        static const char *const texts[] = {
                "", "hello\n", "-----BEGIN PGP SIGNATURE-----\n\n-----END PGP SIGNATURE-----\n"
        };
        _cleanup_place_ Place place = place_new(state);
        _cleanup_free_ char *sums = path_join(place.directory, "SHA256SUMS");
        _cleanup_free_ char *signature = path_join(place.directory, "SHA256SUMS.gpg");

        for (size_t i = 0; i < ELEMENTS(texts); i++) {
                write_in(&place, "SHA256SUMS.gpg", texts[i]);
                assert_refused(try_directory(&place, &error), -ENODATA, "signature");
        }
        /* a signed message instead of a detached signature: it vouches for itself, not for the list */
        GPG(place.home, "--yes", "--local-user", place.key, "--output", signature, "--sign", sums);
        write_in(&place, "SHA256SUMS", "other\n");
        assert_true(try_directory(&place, NULL) < 0);
}

static void refuses_bad_keyrings(void **state)
{
        static const struct {
                const char *text;
                int code;
                const char *message;
        } cases[] = {
                { "", -ENODATA, "holds no OpenPGP key" },
                { "hello\n", -ENODATA, "holds no OpenPGP key" },
                { "-----BEGIN PGP PUBLIC KEY BLOCK-----\n", -ENODATA, "holds no OpenPGP key" },
        };
        _cleanup_place_ Place place = place_new(state);

        for (size_t i = 0; i < ELEMENTS(cases); i++) {
                fixture_write(place.keyring, cases[i].text, strlen(cases[i].text));
                assert_refused(try_directory(&place, &error), cases[i].code, cases[i].message);
        }
        GPG(place.home, "--yes", "--output", place.keyring, "--export-secret-keys", place.key);
        assert_refused(try_directory(&place, &error), -EINVAL, "holds secret keys");
        assert_int_equal(fixture_count(*state, "templar-verify-"), 0);
}

/* --- clear-signed text
 * ----------------------------------------------------------------------------------------- */

#define FORGED_LINE "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881  " IMAGE
#define FORGED FORGED_LINE "\n"

/* Older hosts look for a line in the raw file: one outside of what is signed must not pass, even with a good
 * .asc. */
static void refuses_text_around_the_signed(void **state)
{
        static const struct {
                const char *before, *after, *script;
        } cases[] = {
                { FORGED, "", NULL },
                { "", FORGED, NULL },
                { "\n", "", NULL },
                { "", "\n", NULL },
                { "", "", "s/^\\(Hash: .*\\)/\\1\\n" FORGED_LINE "/" },
                { "", "", "s/^\\(.*\\.nspawn\\)$/\\1 /" },
                { "", "", "/^-----BEGIN PGP SIGNATURE/aComment: x\\n" FORGED_LINE },
        };
        _cleanup_place_ Place place = place_new(state);
        _cleanup_free_ char *pair = path_join(place.directory, PAIR);
        _cleanup_free_ char *signature = path_join(place.directory, PAIR ".asc");

        for (size_t i = 0; i < ELEMENTS(cases); i++) {
                _cleanup_buffer_ Buffer text = BUFFER_INIT;
                copy_again(state, &place);
                _cleanup_buffer_ Buffer original = fixture_read(pair);
                assert_int_equal(
                        buffer_printf(&text, "%s%s%s", cases[i].before, original.data, cases[i].after), 0);
                fixture_write(pair, text.data, text.length);
                if (cases[i].script)
                        assert_int_equal(RUN("sed", "-i", cases[i].script, pair), 0);
                GPG(place.home, "--yes", "--armor", "--local-user", place.key, "--output", signature,
                    "--detach-sign", pair);
                if (try_image(&place, NULL) >= 0)
                        fail_msg("case %zu was accepted", i);
        }
}

static void refuses_pairs_of_other_images(void **state)
{
        _cleanup_place_ Place place = place_new(state);
        _cleanup_free_ char *command = NULL;

        fixture_publish(place.directory, "web-amd64-1", place.home, place.key);
        assert_true(asprintf(&command,
                             "cd %s && for s in sha256 sha256.asc; do cp web-amd64-1.tar.xz.$s %s.$s; done",
                             place.directory, IMAGE) > 0);
        assert_int_equal(RUN("sh", "-c", command), 0);
        assert_refused(try_image(&place, &error), -EBADMSG, PAIR " does not list " IMAGE);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(accepts_a_release),
                TEST(takes_sums_where_there_is_no_pair),
                TEST(takes_armored_keyrings),
                TEST(takes_relative_paths),
                TEST(best_before_is_obeyed),
                TEST(refuses_flipped_bytes),
                TEST(refuses_missing_and_unlisted),
                TEST(refuses_half_pairs),
                TEST(refuses_unlisted_settings),
                TEST(refuses_what_is_no_release),
                TEST(refuses_lists_of_other_forms),
                TEST(refuses_other_keys),
                TEST(refuses_revoked_keys),
                TEST(refuses_expired_keys),
                TEST(refuses_expired_signatures),
                TEST(refuses_signatures_of_the_future),
                TEST(refuses_weak_signatures),
                TEST(refuses_what_is_no_signature),
                TEST(refuses_bad_keyrings),
                TEST(refuses_text_around_the_signed),
                TEST(refuses_pairs_of_other_images),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
