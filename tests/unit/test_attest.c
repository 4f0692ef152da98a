/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "signing/attest.h"

#include "base/base64.h"
#include "base/digest.h"
#include "base/json.h"
#include "signing/dsse.h"
#include "tests/unit/release_fixture.h"

#define BASE "web-amd64-1"
#define IMAGE BASE ".tar.xz"
#define PROVENANCE BASE ".provenance.json"
#define CONTENT "the image"

/* ------------------------------------------------------------------------------------------------ DSSE */

/* The first is the test vector of the specification (protocol.md, "Test Vectors"). */
static void test_encoding(void **state _unused_)
{
        static const struct {
                const char *type, *payload, *expected;
        } cases[] = {
                { "http://example.com/HelloWorld", "hello world", "DSSEv1 29 http://example.com/HelloWorld 11 hello world" },
                { "", "", "DSSEv1 0  0 " },
                { "caf\xc3\xa9", "\xc3\xa9 1", "DSSEv1 5 caf\xc3\xa9 4 \xc3\xa9 1" },
        };

        for (size_t i = 0; i < ELEMENTS(cases); i++) {
                _cleanup_buffer_ Buffer encoded = BUFFER_INIT;
                assert_int_equal(dsse_encode(cases[i].type, cases[i].payload, strlen(cases[i].payload), &encoded), 0);
                assert_string_equal(encoded.data, cases[i].expected);
        }
        _cleanup_buffer_ Buffer encoded = BUFFER_INIT;
        assert_int_equal(dsse_encode("t", "a\0b", 3, &encoded), 0);
        assert_int_equal(encoded.length, 16);
        assert_memory_equal(encoded.data, "DSSEv1 1 t 3 a\0b", 16);
}

static Buffer sign(const Place *place, const char *type, const char *payload)
{
        _cleanup_signer_ Signer *signer = NULL;
        Buffer envelope = BUFFER_INIT;

        assert_done(signer_open(place->home, place->key, &signer, &error));
        assert_done(dsse_sign(signer, type, payload, strlen(payload), &envelope, &error));
        return envelope;
}

static int try_open(const Place *place, const char *envelope, Error *error)
{
        _cleanup_verifier_ Verifier *verifier = NULL;
        _cleanup_buffer_ Buffer payload = BUFFER_INIT;
        _cleanup_signature_ Signature signature = { 0 };
        Buffer text = { .data = (char *) envelope, .length = strlen(envelope) };
        int r = verifier_open_file(place->keyring, &verifier, error);

        if (r == 0)
                r = dsse_open(verifier, &(Signed){ &text, "x.json" }, DSSE_IN_TOTO, &payload, &signature, error);
        if (r < 0)
                return r;
        assert_string_equal(payload.data, "{\"a\":1}");
        assert_string_equal(signature.fingerprint, place->key);
        return 0;
}

static void test_envelope(void **state)
{
        _cleanup_place_ Place place = place_new(state);
        _cleanup_free_ char *directory = fixture_path(state, "out/web/amd64"), *changed = NULL, *spaced = NULL;
        _cleanup_buffer_ Buffer envelope = sign(&place, DSSE_IN_TOTO, "{\"a\":1}"),
                                other = sign(&place, "text/plain", "{\"a\":1}");

        assert_done(make_directories(directory, 0755, &error));
        fixture_export(place.home, place.keyring, place.key);
        assert_done(try_open(&place, envelope.data, &error));
        _cleanup_json_ json_t *object = json_loads(envelope.data, 0, NULL);
        assert_string_equal(json_string_value(json_object_get(object, "payload")), "eyJhIjoxfQ==");
        const json_t *signature = json_array_get(json_object_get(object, "signatures"), 0);
        assert_string_equal(json_string_value(json_object_get(signature, "keyid")), place.key);
        /* the form of the JSON counts for nothing */
        spaced = json_dumps(object, JSON_INDENT(3));
        assert_done(try_open(&place, spaced, &error));
        /* another payload, another type, under the same signature */
        json_object_set_new(object, "payload", json_string("eyJhIjoyfQ=="));
        changed = json_dumps(object, 0);
        assert_refused(try_open(&place, changed, &error), -EBADMSG, "The signature of x.json is bad");
        assert_refused(try_open(&place, other.data, &error), -EBADMSG, "x.json is of the type \"text/plain\"");
        json_decref(object);
        object = json_loads(other.data, 0, NULL);
        json_object_set_new(object, "payloadType", json_string(DSSE_IN_TOTO));
        free(changed);
        changed = json_dumps(object, 0);
        assert_refused(try_open(&place, changed, &error), -EBADMSG, "The signature of x.json is bad");
}

static void test_no_envelope(void **state)
{
        static const struct {
                const char *text, *message;
                int code;
        } cases[] = {
                { "", "no \"payloadType\"", -EBADMSG },
                { "[]", "no \"payloadType\"", -EBADMSG },
                { "{}", "no \"payloadType\"", -EBADMSG },
                { "{\"payloadType\": 1}", "no \"payloadType\"", -EBADMSG },
                { "{\"payloadType\":\"" DSSE_IN_TOTO "\",\"payload\":\"e30=\"}", "it has no signature", -EBADMSG },
                { "{\"payloadType\":\"" DSSE_IN_TOTO "\",\"payload\":\"e30=\",\"signatures\":[]}",
                  "it has no signature", -EBADMSG },
                { "{\"payloadType\":\"" DSSE_IN_TOTO "\",\"signatures\":[{}]}", "its \"payload\" is no base64", -EBADMSG },
                { "{\"payloadType\":\"" DSSE_IN_TOTO "\",\"payload\":\"?\",\"signatures\":[{}]}",
                  "its \"payload\" is no base64", -EBADMSG },
                { "{\"payloadType\":\"" DSSE_IN_TOTO "\",\"payload\":\"e30=\",\"signatures\":[{}]}",
                  "its \"sig\" is no base64", -EBADMSG },
                { "{\"payloadType\":\"" DSSE_IN_TOTO "\",\"payload\":\"e30=\",\"signatures\":[{\"sig\":\"\"}]}",
                  "no OpenPGP signature", -ENODATA },
                { "{\"payloadType\":\"" DSSE_IN_TOTO "\",\"payload\":\"e30=\",\"signatures\":[{\"sig\":\"e30=\"}]}",
                  "no OpenPGP signature", -ENODATA },
        };
        _cleanup_place_ Place place = place_new(state);
        _cleanup_free_ char *directory = fixture_path(state, "out/web/amd64");

        assert_done(make_directories(directory, 0755, &error));
        fixture_export(place.home, place.keyring, place.key);
        for (size_t i = 0; i < ELEMENTS(cases); i++)
                assert_refused(try_open(&place, cases[i].text, &error), cases[i].code, cases[i].message);
}

/* ------------------------------------------------------------------------------------------------ releases */

static char *sha256_of(const char *text)
{
        char *hex = malloc(SHA256_HEX_SIZE);

        assert_int_equal(digest_buffer(text, strlen(text), hex), 0);
        return hex;
}

/* With the subjects `list`: "NAME=SHA256" or "NAME" alone for the content of that name. */
static char *statement_about(const char *const *list)
{
        _cleanup_json_ json_t *subjects = json_array();

        for (; *list; list++) {
                const char *equals = strchr(*list, '=');
                _cleanup_free_ char *name = strndup(*list, strcspn(*list, "=")), *hex = sha256_of(CONTENT);
                json_array_append_new(subjects, json_pack("{s:s, s:{s:s}}", "name", name, "digest", "sha256",
                                                          equals ? equals + 1 : hex));
        }
        _cleanup_json_ json_t *object = json_pack("{s:s, s:O, s:s, s:{}}", "_type", "https://in-toto.io/Statement/v1",
                                                  "subject", subjects, "predicateType", "x", "predicate");
        return json_dumps(object, 0);
}

/* An image, its settings and an SBOM of the same bytes. */
static int publish(const Place *place, const char *statement, Error *error)
{
        static const char *const suffixes[] = { "tar.xz", "nspawn", "spdx.json" };
        _cleanup_release_ Release *release = NULL;
        _cleanup_signer_ Signer *signer = NULL;
        ReleaseFile *files = NULL;
        size_t n_files = 0;
        int r = release_open(place->directory, BASE, &release, error);

        if (r == 0)
                r = signer_open(place->home, place->key, &signer, error);
        for (size_t i = 0; r == 0 && i < ELEMENTS(suffixes); i++)
                r = release_write_file(release, suffixes[i], CONTENT, strlen(CONTENT), error);
        if (r == 0)
                r = attest_write(release, signer, statement, error);
        if (r == 0)
                r = release_publish(release, signer, &files, &n_files, error);
        if (r == 0)
                release_files_free(files, n_files);
        return r;
}

#define ABOUT(...) statement_about((const char *const[]){ __VA_ARGS__, NULL })

static int try_image(const Place *place, Error *error)
{
        _cleanup_verify_result_ VerifyResult result = { 0 };
        _cleanup_free_ char *path = path_join(place->directory, IMAGE);

        return verify_image(path, place->keyring, &result, error);
}

static void test_published(void **state)
{
        _cleanup_place_ Place place = place_new(state);
        _cleanup_free_ char *statement = ABOUT(IMAGE, BASE ".nspawn", BASE ".spdx.json");

        assert_done(publish(&place, statement, &error));
        /* image, pair, settings, SBOM, provenance, two keyrings */
        assert_verifies(&place, 8);
        assert_done(try_image(&place, &error));
        /* a later version is none of its business */
        fixture_publish(place.directory, "web-amd64-1.1", place.home, place.key);
        assert_verifies(&place, 12);
}

/* A statement about something else is not published. */
static void test_refused(void **state)
{
        _cleanup_place_ Place place = place_new(state);
        _cleanup_free_ char *zeros = malloc(200);
        snprintf(zeros, 200, IMAGE "=%064d", 0);
        struct {
                char *statement;
                const char *message;
        } cases[] = {
                { ABOUT(IMAGE, BASE ".spdx.json"), PROVENANCE " is not about " BASE ".nspawn" },
                { ABOUT(BASE ".nspawn", BASE ".spdx.json"), PROVENANCE " is not about " IMAGE },
                { ABOUT(IMAGE, BASE ".nspawn"), PROVENANCE " is not about " BASE ".spdx.json" },
                { ABOUT(zeros, BASE ".nspawn", BASE ".spdx.json"), PROVENANCE " is about another " IMAGE },
                { ABOUT(IMAGE "=", BASE ".nspawn", BASE ".spdx.json"), PROVENANCE " is about another " IMAGE },
                { ABOUT(IMAGE, BASE ".nspawn", BASE ".spdx.json", "other.tar"), PROVENANCE " is about other.tar" },
                { strdup("{}"), "holds no in-toto statement" },
                { strdup("{\"_type\":\"https://in-toto.io/Statement/v1\",\"subject\":[]}"), "holds no in-toto statement" },
                { strdup("{\"_type\":\"https://in-toto.io/Statement/v0.1\",\"subject\":[{}]}"),
                  "holds no in-toto statement" },
                { strdup("{\"_type\":\"https://in-toto.io/Statement/v1\",\"subject\":[{}]}"), "is not about" },
                { strdup("not json"), "holds no in-toto statement" },
                { strdup(""), "holds no in-toto statement" },
        };

        for (size_t i = 0; i < ELEMENTS(cases); i++) {
                assert_refused(publish(&place, cases[i].statement, &error), -EBADMSG, cases[i].message);
                assert_false(fixture_there(place.directory, PROVENANCE));
                assert_tidy(place.directory);
                free(cases[i].statement);
        }
}

/* A pair vouches for the image alone: the provenance that lies beside it is checked by its own signature. */
static void test_beside_an_image(void **state)
{
        _cleanup_place_ Place place = place_new(state);
        _cleanup_free_ char *statement = ABOUT(IMAGE, BASE ".nspawn", BASE ".spdx.json"), *path = NULL,
                            *home = fixture_home(state, "stranger"), *stranger = fixture_key(home, "Stranger");

        assert_done(publish(&place, statement, &error));
        path = path_join(place.directory, PROVENANCE);
        _cleanup_buffer_ Buffer envelope = fixture_read(path);
        char *payload = strstr(envelope.data, "\"payload\":\"") + strlen("\"payload\":\"") + 20;
        *payload = *payload == 'A' ? 'B' : 'A';
        fixture_write(path, envelope.data, envelope.length);
        assert_refused(try_image(&place, &error), -EBADMSG, "The signature of " PROVENANCE " is bad");

        const Place other = { .home = home, .key = stranger };
        _cleanup_buffer_ Buffer foreign = sign(&other, DSSE_IN_TOTO, statement);
        fixture_write(path, foreign.data, foreign.length);
        assert_refused(try_image(&place, &error), -ENOKEY, PROVENANCE " is signed with the key");

        _cleanup_free_ char *elsewhere = ABOUT("other.tar");
        _cleanup_buffer_ Buffer own = sign(&place, DSSE_IN_TOTO, elsewhere);
        fixture_write(path, own.data, own.length);
        assert_refused(try_image(&place, &error), -EBADMSG, PROVENANCE " is not about " IMAGE);

        assert_int_equal(unlink(path), 0);
        assert_done(try_image(&place, &error));
}

/* In a signed list, a companion is as fixed as the image. */
static void test_companions_never_change(void **state)
{
        _cleanup_place_ Place place = place_new(state);
        _cleanup_free_ char *statement = ABOUT(IMAGE, BASE ".nspawn", BASE ".spdx.json"), *stray = NULL;

        assert_done(publish(&place, statement, &error));
        replace_file(place.directory, BASE ".spdx.json", "something else");
        assert_refused(fixture_try_publish(place.directory, "web-amd64-2", "2", place.home, place.key, &error), -EBADMSG,
                       BASE ".spdx.json in");
        replace_file(place.directory, BASE ".spdx.json", CONTENT);
        stray = path_join(place.directory, "web-amd64-7.provenance.json");
        fixture_write(stray, "{}", 2);
        assert_refused(fixture_try_publish(place.directory, "web-amd64-2", "2", place.home, place.key, &error), -EBADMSG,
                       "it was not published here");
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, fixture_setup, fixture_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_encoding), TEST(test_envelope), TEST(test_no_envelope), TEST(test_published),
                TEST(test_refused),              TEST(test_beside_an_image), TEST(test_companions_never_change),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
