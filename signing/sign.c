/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "signing/sign.h"

#include "signing/gnupg.h"
#include "signing/home.h"
#include "signing/keys.h"
#include "signing/loop.h"
#include "signing/policy.h"

#include <errno.h>
#include <string.h>
#include <time.h>

struct Signer {
        GnupgHome home;
        gpgme_ctx_t context;
        gpgme_key_t key;
        Loop loop;
        unsigned n_made; /* signatures, by the last operation */
};

Signer *signer_close(Signer *signer)
{
        if (!signer)
                return NULL;
        if (signer->key)
                gpgme_key_unref(signer->key);
        if (signer->context)
                gpgme_release(signer->context);
        gnupg_home_close(&signer->home);
        free(signer);
        return NULL;
}

/* --- the key
 * --------------------------------------------------------------------------------------------------- */

static const char *place(const char *gnupg_home)
{
        return gnupg_home ? gnupg_home : "the user's GnuPG home";
}

static int no_such_key(gpgme_ctx_t context, const char *gnupg_home, const char *name, Error *error)
{
        _cleanup_key_ gpgme_key_t key = NULL;
        bool is_public =
                gpgme_op_keylist_start(context, name, 0) == 0 && gpgme_op_keylist_next(context, &key) == 0;

        if (is_public) {
                error_set(error, -ENOKEY, "Can't sign with the key %s: %s has its public part only", name,
                          place(gnupg_home));
                return error_hint(error,
                                  "Import the secret key, insert its card, or choose another key with --key");
        }
        error_set(error, -ENOKEY, "There is no secret key %s in %s", name, place(gnupg_home));
        return error_hint(error,
                          "List the keys with \"templar key list\", make one with \"templar key new\"");
}

static int find_key(gpgme_ctx_t context, const char *gnupg_home, const char *name, gpgme_key_t *ret,
                    Error *error)
{
        _cleanup_key_ gpgme_key_t key = NULL, second = NULL;
        gpgme_error_t failure = gpgme_op_keylist_start(context, name, 1);

        if (!failure)
                failure = gpgme_op_keylist_next(context, &key);
        if (gpgme_err_code(failure) == GPG_ERR_EOF)
                return no_such_key(context, gnupg_home, name, error);
        if (failure)
                return gnupg_error(error, context, failure, "Can't look up the key %s", name);
        failure = gpgme_op_keylist_next(context, &second);
        if (!failure) {
                error_set(error, -ENOTUNIQ, "More than one secret key goes by \"%s\": %s (%s) and %s (%s)",
                          name, key->fpr, gnupg_user_id(key), second->fpr, gnupg_user_id(second));
                gpgme_op_keylist_end(context);
                return error_hint(error, "Name the key by its fingerprint");
        }
        if (gpgme_err_code(failure) != GPG_ERR_EOF)
                return gnupg_error(error, context, failure, "Can't look up the key %s", name);
        *ret = TAKE_PTR(key);
        return 0;
}

static int check_key(gpgme_key_t key, Error *error)
{
        _cleanup_free_ char *problem = NULL;

        if (policy_signing_problem(key, &problem) < 0)
                return error_out_of_memory(error);
        if (!problem)
                return 0;
        error_set(error, -EKEYREJECTED, "Can't sign with the key %s (%s): %s", key->fpr, gnupg_user_id(key),
                  problem);
        return error_hint(error, "Choose another key with --key, or make one with \"templar key new\"");
}

static int new_signer(const char *gnupg_home, Signer **ret, Error *error)
{
        _cleanup_signer_ Signer *signer = calloc(1, sizeof *signer);

        if (!signer)
                return error_out_of_memory(error);
        signer->home = GNUPG_HOME_INIT;
        int r = gnupg_home_open(gnupg_home, &signer->home, error);
        if (r == 0)
                r = gnupg_context_new(signer->home.path, &signer->context, error);
        if (r == 0)
                *ret = TAKE_PTR(signer);
        return r;
}

static int choose_key(Signer *signer, const char *gnupg_home, const char *key, Error *error)
{
        int r = find_key(signer->context, gnupg_home, key, &signer->key, error);

        if (r == 0)
                r = check_key(signer->key, error);
        if (r < 0)
                return r;
        gpgme_error_t failure = gpgme_signers_add(signer->context, signer->key);
        if (!failure)
                failure = gpgme_set_ctx_flag(signer->context, "full-status", "1");
        if (failure)
                return gnupg_error(error, NULL, failure, "Can't sign with the key %s", signer->key->fpr);
        return 0;
}

int signer_open(const char *gnupg_home, const char *key, Signer **ret, Error *error)
{
        _cleanup_signer_ Signer *signer = NULL;

        if (string_empty(key))
                return error_set_usage(error, -EINVAL, "No key to sign with was named");
        int r = new_signer(gnupg_home, &signer, error);
        if (r == 0)
                r = choose_key(signer, gnupg_home, key, error);
        if (r == 0)
                *ret = TAKE_PTR(signer);
        return r;
}

int signer_open_development(const char *gnupg_home, Signer **ret, Error *error)
{
        _cleanup_signer_ Signer *signer = NULL;
        _cleanup_close_ int lock_fd = -1;
        _cleanup_free_ char *fingerprint = NULL;

        int r = keys_development_lock(gnupg_home, &lock_fd, error);
        if (r == 0)
                r = new_signer(gnupg_home, &signer, error);
        if (r == 0)
                r = keys_development_in(signer->context, &fingerprint, error);
        if (r == 0)
                r = choose_key(signer, gnupg_home, fingerprint, error);
        if (r == 0)
                *ret = TAKE_PTR(signer);
        return r;
}

const char *signer_fingerprint(const Signer *signer)
{
        return signer->key->fpr;
}

const char *signer_user_id(const Signer *signer)
{
        return gnupg_user_id(signer->key);
}

/* --- the signature
 * --------------------------------------------------------------------------------------------- */

/* gpgme's own result shows no more signatures than signers. Source: gnupg, doc/DETAILS, "SIG_CREATED". */
static gpgme_error_t count_signatures(void *userdata, const char *keyword, const char *arguments)
{
        Signer *signer = userdata;

        (void) arguments;
        if (string_equal(keyword, "SIG_CREATED"))
                signer->n_made++;
        return 0;
}

static int refuse_second_signature(Error *error)
{
        error_set(error, -EINVAL,
                  "gpg made more than one signature; a host that lacks one of the keys would refuse the "
                  "release");
        return error_hint(error, "Take \"local-user\" out of gpg.conf");
}

static int run_gpg(Signer *signer, SignatureForm form, gpgme_data_t plain, gpgme_data_t signature,
                   Error *error)
{
        gpgme_sig_mode_t mode = form == SIGNATURE_CLEAR ? GPGME_SIG_MODE_CLEAR : GPGME_SIG_MODE_DETACH;

        signer->n_made = 0;
        gpgme_set_status_cb(signer->context, count_signatures, signer);
        loop_attach(&signer->loop, signer->context);
        gpgme_error_t failure = gpgme_op_sign_start(signer->context, plain, signature, mode);
        int r = failure ? 0 : loop_run(&signer->loop, signer->context, &failure, error);
        if (r < 0)
                return r;
        if (signer->n_made > 1)
                return refuse_second_signature(error);
        if (failure)
                return gnupg_error(error, signer->context, failure, "Can't sign with the key %s (%s)",
                                   signer->key->fpr, gnupg_user_id(signer->key));
        return 0;
}

/* What was made is looked at: a user's gpg.conf can ask for weaker digests and for more signers. */
static int check_result(Signer *signer, Error *error)
{
        gpgme_sign_result_t result = gpgme_op_sign_result(signer->context);
        gpgme_new_signature_t signature = result ? result->signatures : NULL;
        _cleanup_free_ char *problem = NULL;

        if (result && result->invalid_signers)
                return gnupg_error(error, signer->context, result->invalid_signers->reason,
                                   "Can't sign with the key %s", signer->key->fpr);
        if (!signature)
                return error_set(error, -EIO, "gpg made no signature with the key %s", signer->key->fpr);
        if (!policy_digest_accepted(signature->hash_algo)) {
                error_set(error, -EINVAL, "gpg signed with the digest %s, which is too weak",
                          gpgme_hash_algo_name(signature->hash_algo));
                return error_hint(error, "Take \"digest-algo\", \"cert-digest-algo\" and "
                                         "\"personal-digest-preferences\" out of gpg.conf");
        }
        if (signature->timestamp > time(NULL))
                return error_set(error, -ETIME,
                                 "gpg dated its signature in the future (faked-system-time in gpg.conf?)");
        if (policy_signature_problem(signer->key, signature->fpr, &problem) < 0)
                return error_out_of_memory(error);
        return problem ? error_set(error, -EKEYREJECTED, "gpg signed with the key %s: %s", signature->fpr,
                                   problem)
                       : 0;
}

int signer_sign(Signer *signer, SignatureForm form, const void *data, size_t size_bytes, Buffer *ret,
                Error *error)
{
        _cleanup_data_ gpgme_data_t plain = NULL, signature = NULL;
        int r = gnupg_data_from(data, size_bytes, &plain, error);

        if (r == 0)
                r = gnupg_data_new(&signature, error);
        if (r < 0)
                return r;
        gpgme_set_armor(signer->context, form == SIGNATURE_DETACHED_ARMORED);
        r = run_gpg(signer, form, plain, signature, error);
        if (r == 0)
                r = check_result(signer, error);
        return r < 0 ? r : gnupg_data_take(&signature, ret, error);
}

int signer_export(Signer *signer, Buffer *ret, Error *error)
{
        _cleanup_data_ gpgme_data_t data = NULL;
        gpgme_key_t keys[] = { signer->key, NULL };
        int r = gnupg_data_new(&data, error);

        if (r < 0)
                return r;
        gpgme_set_armor(signer->context, 0);
        gpgme_error_t failure = gpgme_op_export_keys(signer->context, keys, GPGME_EXPORT_MODE_MINIMAL, data);
        if (failure)
                return gnupg_error(error, signer->context, failure, "Can't export the key %s",
                                   signer->key->fpr);
        return gnupg_data_take(&data, ret, error);
}
