/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "signing/signature.h"

#include "base/file.h"
#include "signing/policy.h"
#include "signing/scratch.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <time.h>

/* How far a signer's clock may be ahead of ours. */
#define CLOCK_SKEW_SEC 600

struct Verifier {
        Scratch scratch;
        char *keyring_name;
        gpgme_key_t key; /* the one that was looked up last: a release has several signatures, most often of one key */
};

void signature_done(Signature *signature)
{
        free(signature->fingerprint);
        free(signature->user_id);
        *signature = (Signature){ 0 };
}

Verifier *verifier_close(Verifier *verifier)
{
        if (!verifier)
                return NULL;
        if (verifier->key)
                gpgme_key_unref(verifier->key);
        scratch_close(&verifier->scratch);
        free(verifier->keyring_name);
        free(verifier);
        return NULL;
}

int verifier_open(const Buffer *keyring, const char *name, Verifier **ret, Error *error)
{
        _cleanup_verifier_ Verifier *verifier = calloc(1, sizeof *verifier);

        if (!verifier || !(verifier->keyring_name = strdup(name)))
                return error_out_of_memory(error);
        int r = scratch_open(&verifier->scratch, error);
        if (r == 0)
                r = scratch_import(&verifier->scratch, keyring, name, error);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(verifier);
        return 0;
}

int verifier_open_file(const char *keyring_path, Verifier **ret, Error *error)
{
        _cleanup_buffer_ Buffer keyring = BUFFER_INIT;
        int r = read_file(AT_FDCWD, keyring_path, KEYRING_LIMIT_BYTES, &keyring, error);

        if (r < 0)
                return error_wrap(error, "Reading the keyring");
        return verifier_open(&keyring, keyring_path, ret, error);
}

/* --- one signature
 * --------------------------------------------------------------------------------------------- */

static int refuse_status(const Verifier *verifier, gpgme_signature_t found, const char *name, Error *error)
{
        char date[GNUPG_DATE_MAX], reason[256];

        switch (gpgme_err_code(found->status)) {
        case GPG_ERR_BAD_SIGNATURE:
                error_set(error, -EBADMSG,
                          "The signature of %s is bad: what is signed, or the signature, was changed", name);
                return error_hint(error, "Fetch both again; if that does not help, don't trust them");
        case GPG_ERR_NO_PUBKEY:
                error_set(error, -ENOKEY, "%s is signed with the key %s, which is not in the keyring %s",
                          name, found->fpr, verifier->keyring_name);
                return error_hint(
                        error, "Get that key from its owner and compare the fingerprint, or don't trust it");
        case GPG_ERR_SIG_EXPIRED:
                return error_set(error, -EKEYEXPIRED, "The signature of %s expired on %s", name,
                                 gnupg_date((int64_t) found->exp_timestamp, date));
        case GPG_ERR_KEY_EXPIRED:
                error_set(error, -EKEYEXPIRED, "%s is signed with the key %s, which has expired", name,
                          found->fpr);
                return error_hint(error,
                                  "If its owner has prolonged it, get the key again for the keyring %s",
                                  verifier->keyring_name);
        case GPG_ERR_CERT_REVOKED:
                error_set(error, -EKEYREVOKED, "%s is signed with the key %s, which was revoked", name,
                          found->fpr);
                return error_hint(
                        error,
                        "Take the key out of the hosts' keyrings; get a release that another key signed");
        case GPG_ERR_DIGEST_ALGO:
                return error_set(error, -EKEYREJECTED, "The signature of %s uses a digest that gpg refuses",
                                 name);
        default:
                gpgme_strerror_r(found->status, reason, sizeof reason);
                return error_set(error, -EBADMSG, "The signature of %s can't be checked: %s", name, reason);
        }
}

static int refuse_form(gpgme_signature_t found, const char *name, Error *error)
{
        char date[GNUPG_DATE_MAX];

        if (!policy_digest_accepted(found->hash_algo)) {
                const char *digest = gpgme_hash_algo_name(found->hash_algo);
                return error_set(error, -EKEYREJECTED,
                                 "The signature of %s uses the digest %s, which is too weak", name,
                                 digest ? digest : "(unknown)");
        }
        if (found->wrong_key_usage)
                return error_set(error, -EKEYREJECTED,
                                 "%s is signed with the key %s, which is not for signing", name, found->fpr);
        if (found->timestamp > (unsigned long) time(NULL) + CLOCK_SKEW_SEC) {
                error_set(error, -ETIME, "The signature of %s is dated in the future (%s)", name,
                          gnupg_date((int64_t) found->timestamp, date));
                return error_hint(error, "Check the clock of this machine");
        }
        return 0;
}

static bool has_part(gpgme_key_t key, const char *fingerprint)
{
        for (gpgme_subkey_t part = key ? key->subkeys : NULL; part; part = part->next)
                if (string_equal(part->fpr, fingerprint))
                        return true;
        return false;
}

/* The key with this part is verifier->key afterwards. (gpgme_get_key() would start gpg twice.) */
static gpgme_error_t look_up(Verifier *verifier, const char *fingerprint)
{
        gpgme_ctx_t context = verifier->scratch.context;

        if (has_part(verifier->key, fingerprint))
                return 0;
        if (verifier->key)
                gpgme_key_unref(TAKE_PTR(verifier->key));
        gpgme_error_t failure = gpgme_op_keylist_start(context, fingerprint, 0);
        if (!failure)
                failure = gpgme_op_keylist_next(context, &verifier->key);
        gpgme_error_t ended = gpgme_op_keylist_end(context);
        return failure ? failure : ended;
}

static int check_one(Verifier *verifier, gpgme_signature_t found, const char *name, Signature *ret,
                     Error *error)
{
        _cleanup_free_ char *problem = NULL;

        if (gpgme_err_code(found->status) != GPG_ERR_NO_ERROR)
                return refuse_status(verifier, found, name, error);
        int r = refuse_form(found, name, error);
        if (r < 0)
                return r;
        gpgme_error_t failure = look_up(verifier, found->fpr);
        gpgme_key_t key = verifier->key;
        if (failure)
                return gnupg_error(error, NULL, failure, "Can't look up the key %s that signed %s",
                                   found->fpr, name);
        if (policy_signature_problem(key, found->fpr, &problem) < 0)
                return error_out_of_memory(error);
        if (problem)
                return error_set(error, -EKEYREJECTED, "%s is signed with the key %s: %s", name, found->fpr,
                                 problem);
        Signature signature = {
                .fingerprint = strdup(key->fpr),
                .user_id = strdup(gnupg_user_id(key)),
                .signed_sec = (int64_t) found->timestamp,
                .expires_sec = (int64_t) found->exp_timestamp,
        };
        signature_done(ret);
        *ret = signature;
        return signature.fingerprint && signature.user_id ? 0 : error_out_of_memory(error);
}

static int check_all(Verifier *verifier, const char *name, Signature *ret, Error *error)
{
        gpgme_verify_result_t result = gpgme_op_verify_result(verifier->scratch.context);
        _cleanup_signature_ Signature last = { 0 };

        if (!result || !result->signatures)
                return error_set(error, -ENODATA, "%s has no signature", name);
        /* a look-up of a key ends the life of the result */
        gpgme_result_ref(result);
        int r = 0;
        for (gpgme_signature_t found = result->signatures; found && r == 0; found = found->next)
                r = check_one(verifier, found, name, &last, error);
        gpgme_result_unref(result);
        if (r < 0)
                return r;
        *ret = last;
        last = (Signature){ 0 };
        return 0;
}

static int report_failure(Verifier *verifier, gpgme_error_t failure, const char *name, Error *error)
{
        if (gpgme_err_code(failure) == GPG_ERR_NO_DATA || gpgme_err_code(failure) == GPG_ERR_BAD_DATA)
                return error_set(error, -ENODATA, "%s holds no OpenPGP signature", name);
        return gnupg_error(error, verifier->scratch.context, failure, "Can't check the signature in %s",
                           name);
}

int verifier_check_detached(Verifier *verifier, const Signed *data, const Signed *signature, Signature *ret,
                            Error *error)
{
        _cleanup_data_ gpgme_data_t signature_data = NULL, signed_data = NULL;
        int r = gnupg_data_from(signature->bytes->data, signature->bytes->length, &signature_data, error);

        if (r == 0)
                r = gnupg_data_from(data->bytes->data, data->bytes->length, &signed_data, error);
        if (r < 0)
                return r;
        gpgme_error_t failure = gpgme_op_verify(verifier->scratch.context, signature_data, signed_data, NULL);
        if (failure)
                return report_failure(verifier, failure, signature->name, error);
        return check_all(verifier, data->name, ret, error);
}

/* --- clear-signed text
 * ----------------------------------------------------------------------------------------- */

#define CLEAR_BEGIN "-----BEGIN PGP SIGNED MESSAGE-----\n"
#define CLEAR_HEADER "Hash: "
#define SIGNATURE_BEGIN "-----BEGIN PGP SIGNATURE-----\n"
#define SIGNATURE_END "-----END PGP SIGNATURE-----\n"

/* Between the signature's armor lines: headers of gpg, base64, and nothing that a host could take for a sums
 * line. */
static bool armor_is_plain(const char *text, const char *end)
{
        while (text < end) {
                const char *newline = memchr(text, '\n', (size_t) (end - text));
                if (!newline)
                        return false;
                size_t length = (size_t) (newline - text);
                bool header = string_starts_with(text, "Version: ") || string_starts_with(text, "Comment: ");
                if (!header &&
                    (memchr(text, ' ', length) || memchr(text, '\r', length) || memchr(text, '\t', length)))
                        return false;
                text = newline + 1;
        }
        return true;
}

/* The file is one clear-signed block around exactly `text`, byte for byte. */
static bool is_only(const Buffer *raw, const Buffer *text)
{
        const char *next = raw->data;

        if (!next || strlen(next) != raw->length || !string_starts_with(next, CLEAR_BEGIN))
                return false;
        next += strlen(CLEAR_BEGIN);
        while (string_starts_with(next, CLEAR_HEADER)) {
                next = strchr(next, '\n');
                if (!next++)
                        return false;
        }
        if (*next++ != '\n')
                return false;
        if ((size_t) (raw->data + raw->length - next) < text->length ||
            memcmp(next, text->data, text->length) != 0)
                return false;
        next += text->length;
        if (!string_starts_with(next, SIGNATURE_BEGIN) || !string_ends_with(next, SIGNATURE_END))
                return false;
        next += strlen(SIGNATURE_BEGIN);
        return armor_is_plain(next, raw->data + raw->length - strlen(SIGNATURE_END));
}

int verifier_check_clear(Verifier *verifier, const Signed *message, Buffer *ret_text, Signature *ret,
                         Error *error)
{
        _cleanup_data_ gpgme_data_t data = NULL, plain = NULL;
        _cleanup_buffer_ Buffer text = BUFFER_INIT;
        _cleanup_signature_ Signature signature = { 0 };
        int r = gnupg_data_from(message->bytes->data, message->bytes->length, &data, error);

        if (r == 0)
                r = gnupg_data_new(&plain, error);
        if (r < 0)
                return r;
        gpgme_error_t failure = gpgme_op_verify(verifier->scratch.context, data, NULL, plain);
        if (failure)
                return report_failure(verifier, failure, message->name, error);
        r = check_all(verifier, message->name, &signature, error);
        if (r == 0)
                r = gnupg_data_take(&plain, &text, error);
        if (r < 0)
                return r;
        if (!is_only(message->bytes, &text)) {
                error_set(error, -EBADMSG, "%s is not one clear-signed text and nothing else", message->name);
                return error_hint(error, "Bytes around the signed text are not covered by the signature");
        }
        *ret_text = TAKE_BUFFER(text);
        *ret = signature;
        signature = (Signature){ 0 };
        return 0;
}
