/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "signing/scratch.h"

#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

/* no-autostart: not even a secret key in the keyring starts an agent. always: trust is that the keyring has
 * the key. */
static const char settings[] = "batch\n"
                               "no-autostart\n"
                               "no-auto-check-trustdb\n"
                               "no-auto-key-retrieve\n"
                               "trust-model always\n";

void scratch_close(Scratch *scratch)
{
        if (scratch->context)
                gpgme_release(scratch->context);
        remove_and_free(&scratch->path);
        *scratch = SCRATCH_INIT;
}

static const char *temporary_directory(void)
{
        const char *directory = getenv("TMPDIR");

        return directory && path_is_absolute(directory) ? directory : "/tmp";
}

int scratch_open(Scratch *ret, Error *error)
{
        _cleanup_scratch_ Scratch scratch = SCRATCH_INIT;
        int r = make_temporary_directory(temporary_directory(), "templar-verify-", &scratch.path, error);

        if (r < 0)
                return r;
        _cleanup_free_ char *path = path_join(scratch.path, "gpg.conf");
        if (!path)
                return error_out_of_memory(error);
        r = write_file_atomic(AT_FDCWD, path, settings, sizeof settings - 1, 0600, error);
        if (r == 0)
                r = gnupg_context_new(scratch.path, &scratch.context, error);
        if (r < 0)
                return r;
        *ret = scratch;
        scratch = SCRATCH_INIT;
        return 0;
}

int scratch_import(Scratch *scratch, const Buffer *keyring, const char *name, Error *error)
{
        _cleanup_data_ gpgme_data_t data = NULL;
        int r = gnupg_data_from(keyring->data, keyring->length, &data, error);

        if (r < 0)
                return r;
        gpgme_error_t failure = gpgme_op_import(scratch->context, data);
        gpgme_import_result_t result = failure ? NULL : gpgme_op_import_result(scratch->context);
        if (result && result->secret_read > 0) {
                error_set(error, -EINVAL, "The keyring %s holds secret keys", name);
                return error_hint(
                        error, "Give it away no more; use the public keys: templar key export, gpg --export");
        }
        if (failure && gpgme_err_code(failure) != GPG_ERR_NO_DATA)
                return gnupg_error(error, scratch->context, failure, "Can't read the keyring %s", name);
        if (failure || !result || result->considered == 0) {
                error_set(error, -ENODATA, "The keyring %s holds no OpenPGP key", name);
                return error_hint(
                        error, "It has the form of \"templar key export\" or \"gpg --export\" (not a .kbx)");
        }
        if (result->imported + result->unchanged + result->new_signatures + result->new_user_ids == 0)
                return error_set(error, -ENODATA, "No key of the keyring %s can be used", name);
        return 0;
}

/* Fingerprints of all keys that are not revoked, in the order of their arrival. */
static int list_usable(gpgme_ctx_t context, char ***ret, Error *error)
{
        _cleanup_strv_ char **fingerprints = NULL;
        gpgme_error_t failure = gpgme_op_keylist_start(context, NULL, 0);

        while (!failure) {
                _cleanup_key_ gpgme_key_t key = NULL;
                failure = gpgme_op_keylist_next(context, &key);
                if (!failure && !key->revoked && strv_append(&fingerprints, key->fpr) < 0)
                        return error_out_of_memory(error);
        }
        if (gpgme_err_code(failure) != GPG_ERR_EOF)
                return gnupg_error(error, context, failure, "Can't list the keys of the keyring");
        *ret = TAKE_PTR(fingerprints);
        return 0;
}

int keyring_merge(const Buffer *first, const Buffer *second, Buffer *ret, Error *error)
{
        _cleanup_scratch_ Scratch scratch = SCRATCH_INIT;
        _cleanup_strv_ char **fingerprints = NULL;
        _cleanup_data_ gpgme_data_t data = NULL;
        /* the signer's only key was published before: as it is now, so it is not revoked */
        if (first->length > 0 && first->length == second->length && memcmp(first->data, second->data, first->length) == 0)
                return buffer_append(ret, first->data, first->length) < 0 ? error_out_of_memory(error) : 0;
        int r = scratch_open(&scratch, error);
        if (r == 0 && first->length > 0)
                r = scratch_import(&scratch, first, "of the release directory", error);
        if (r == 0 && second->length > 0)
                r = scratch_import(&scratch, second, "of the signing key", error);
        if (r == 0)
                r = list_usable(scratch.context, &fingerprints, error);
        if (r == 0 && !fingerprints)
                r = error_set(error, -ENODATA, "There is no key for the keyring");
        if (r == 0)
                r = gnupg_data_new(&data, error);
        if (r < 0)
                return r;
        gpgme_error_t failure = gpgme_op_export_ext(scratch.context, (const char **) (void *) fingerprints,
                                                    GPGME_EXPORT_MODE_MINIMAL, data);
        if (failure)
                return gnupg_error(error, scratch.context, failure, "Can't export the keyring");
        return gnupg_data_take(&data, ret, error);
}
