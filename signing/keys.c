/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "signing/keys.h"

#include "base/file.h"
#include "signing/gnupg.h"
#include "signing/home.h"
#include "signing/policy.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>

#define DEVELOPMENT_LOCK ".templar-development-key"
#define DEFAULT_ALGORITHM "ed25519"

static const char *const algorithms[] = { "ed25519",  "rsa2048",  "rsa3072",  "rsa4096",
                                          "nistp256", "nistp384", "nistp521", NULL };

static void key_done(Key *key)
{
        free(key->fingerprint);
        free(key->user_id);
        free(key->algorithm);
        free(key->problem);
}

void keys_free(Key *keys, size_t n_keys)
{
        for (size_t i = 0; i < n_keys; i++)
                key_done(&keys[i]);
        free(keys);
}

/* --- new
 * ------------------------------------------------------------------------------------------------------- */

static int check_new(const KeyNew *options, const char *algorithm, Error *error)
{
        time_t now = time(NULL);

        if (string_empty(options->user_id) || options->user_id[strspn(options->user_id, " ")] == '\0')
                return error_set_usage(error, -EINVAL, "A new key needs a user id (\"Name <address>\")");
        if (strpbrk(options->user_id, "\n\r\t"))
                return error_set_usage(error, -EINVAL, "A key's user id is one line");
        for (size_t i = 0; algorithms[i]; i++) {
                if (strcmp(algorithm, algorithms[i]) != 0)
                        continue;
                /* the format has 32 bits for it */
                if (options->expires_sec > UINT32_MAX - (uint64_t) now)
                        return error_set_usage(error, -ERANGE,
                                               "A key can't expire later than in the year 2106");
                return 0;
        }
        _cleanup_free_ char *list = strv_join((char *const *) algorithms, ", ");
        const char *nearest = nearest_word(algorithm, algorithms);
        int r = error_set_usage(error, -EINVAL, "Keys of the kind %s are not made", algorithm);
        if (nearest)
                error_hint(error, "Did you mean %s? Possible are %s", nearest, list ? list : "");
        else
                error_hint(error, "Possible are %s", list ? list : "");
        return r;
}

static int create_key(gpgme_ctx_t context, const KeyNew *options, const char *algorithm,
                      char **ret_fingerprint, Error *error)
{
        unsigned flags = GPGME_CREATE_SIGN | GPGME_CREATE_FORCE;

        if (options->without_passphrase)
                flags |= GPGME_CREATE_NOPASSWD;
        if (options->expires_sec == 0)
                flags |= GPGME_CREATE_NOEXPIRE;
        gpgme_error_t failure = gpgme_op_createkey(context, options->user_id, algorithm, 0,
                                                   (unsigned long) options->expires_sec, NULL, flags);
        if (failure)
                return gnupg_error(error, context, failure, "Can't make the key \"%s\"", options->user_id);
        gpgme_genkey_result_t result = gpgme_op_genkey_result(context);
        if (!result || !result->fpr)
                return error_set(error, -EIO, "gpg made the key \"%s\" without saying its fingerprint",
                                 options->user_id);
        *ret_fingerprint = strdup(result->fpr);
        return *ret_fingerprint ? 0 : error_out_of_memory(error);
}

int keys_new(const char *gnupg_home, const KeyNew *options, char **ret_fingerprint, Error *error)
{
        const char *algorithm = options->algorithm ? options->algorithm : DEFAULT_ALGORITHM;
        _cleanup_gnupg_home_ GnupgHome home = GNUPG_HOME_INIT;
        _cleanup_context_ gpgme_ctx_t context = NULL;
        int r = check_new(options, algorithm, error);

        if (r == 0 && gnupg_home)
                r = gnupg_home_make(gnupg_home, error);
        if (r == 0)
                r = gnupg_home_open(gnupg_home, &home, error);
        if (r == 0)
                r = gnupg_context_new(home.path, &context, error);
        return r < 0 ? r : create_key(context, options, algorithm, ret_fingerprint, error);
}

/* --- list
 * ------------------------------------------------------------------------------------------------------ */

static int describe_key(gpgme_key_t key, Key *ret, Error *error)
{
        gpgme_subkey_t primary = key->subkeys;
        char *algorithm = primary ? gpgme_pubkey_algo_string(primary) : NULL;
        Key described = {
                .fingerprint = strdup(key->fpr ? key->fpr : ""),
                .user_id = strdup(gnupg_user_id(key)),
                .algorithm = strdup(algorithm ? algorithm : "unknown"),
                .created_sec = primary ? primary->timestamp : 0,
                .expires_sec = primary ? primary->expires : 0,
                .development = strcmp(gnupg_user_id(key), KEYS_DEVELOPMENT_USER_ID) == 0,
        };
        int r = policy_signing_problem(key, &described.problem);

        gpgme_free(algorithm);
        if (r < 0 || !described.fingerprint || !described.user_id || !described.algorithm) {
                key_done(&described);
                return error_out_of_memory(error);
        }
        *ret = described;
        return 0;
}

static int append_key(Key **keys, size_t *n_keys, gpgme_key_t key, Error *error)
{
        Key *grown = reallocarray(*keys, *n_keys + 1, sizeof(Key));

        if (!grown)
                return error_out_of_memory(error);
        *keys = grown;
        int r = describe_key(key, &grown[*n_keys], error);
        if (r == 0)
                ++*n_keys;
        return r;
}

static int list_secret(gpgme_ctx_t context, Key **keys, size_t *n_keys, Error *error)
{
        gpgme_error_t failure = gpgme_op_keylist_start(context, NULL, 1);

        while (!failure) {
                _cleanup_key_ gpgme_key_t key = NULL;
                failure = gpgme_op_keylist_next(context, &key);
                int r = failure ? 0 : append_key(keys, n_keys, key, error);
                if (r < 0)
                        return r;
        }
        if (gpgme_err_code(failure) != GPG_ERR_EOF)
                return gnupg_error(error, context, failure, "Can't list the secret keys");
        return 0;
}

int keys_list(const char *gnupg_home, Key **ret, size_t *ret_n_keys, Error *error)
{
        _cleanup_gnupg_home_ GnupgHome home = GNUPG_HOME_INIT;
        _cleanup_context_ gpgme_ctx_t context = NULL;
        Key *keys = NULL;
        size_t n_keys = 0;
        int r = gnupg_home_open(gnupg_home, &home, error);

        if (r == 0)
                r = gnupg_context_new(home.path, &context, error);
        if (r == 0)
                r = list_secret(context, &keys, &n_keys, error);
        if (r < 0) {
                keys_free(keys, n_keys);
                return r;
        }
        *ret = keys;
        *ret_n_keys = n_keys;
        return 0;
}

/* --- export
 * ---------------------------------------------------------------------------------------------------- */

static int check_all_there(gpgme_ctx_t context, char *const *fingerprints, Error *error)
{
        for (; *fingerprints; fingerprints++) {
                _cleanup_key_ gpgme_key_t key = NULL;
                gpgme_error_t failure = gpgme_get_key(context, *fingerprints, &key, 0);
                if (gpgme_err_code(failure) == GPG_ERR_EOF)
                        return error_set(error, -ENOKEY, "There is no key %s to export", *fingerprints);
                if (gpgme_err_code(failure) == GPG_ERR_AMBIGUOUS_NAME)
                        return error_set(error, -ENOTUNIQ,
                                         "More than one key goes by %s: name it by its fingerprint",
                                         *fingerprints);
                if (failure)
                        return gnupg_error(error, context, failure, "Can't look up the key %s",
                                           *fingerprints);
        }
        return 0;
}

static int export_keys(gpgme_ctx_t context, char *const *fingerprints, bool armored, Buffer *ret,
                       Error *error)
{
        _cleanup_data_ gpgme_data_t data = NULL;
        int r = gnupg_data_new(&data, error);

        if (r < 0)
                return r;
        gpgme_set_armor(context, armored);
        gpgme_error_t failure = gpgme_op_export_ext(context, (const char **) (void *) fingerprints,
                                                    GPGME_EXPORT_MODE_MINIMAL, data);
        if (failure)
                return gnupg_error(error, context, failure, "Can't export the key %s", fingerprints[0]);
        return gnupg_data_take(&data, ret, error);
}

int keys_export(const char *gnupg_home, char *const *fingerprints, bool armored, Buffer *ret, Error *error)
{
        _cleanup_gnupg_home_ GnupgHome home = GNUPG_HOME_INIT;
        _cleanup_context_ gpgme_ctx_t context = NULL;

        if (strv_length(fingerprints) == 0)
                return error_set_usage(error, -EINVAL, "No key to export was named");
        int r = gnupg_home_open(gnupg_home, &home, error);
        if (r == 0)
                r = gnupg_context_new(home.path, &context, error);
        if (r == 0)
                r = check_all_there(context, fingerprints, error);
        return r < 0 ? r : export_keys(context, fingerprints, armored, ret, error);
}

/* --- development
 * ----------------------------------------------------------------------------------------------- */

/* Two first builds at once make one key. */
static int lock_development(const char *gnupg_home, int *ret_fd, Error *error)
{
        _cleanup_free_ char *path = path_join(gnupg_home, DEVELOPMENT_LOCK);

        if (!path)
                return error_out_of_memory(error);
        _cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0)
                return error_set_errno(error, errno, "Can't open %s", path);
        while (flock(fd, LOCK_EX) < 0)
                if (errno != EINTR)
                        return error_set_errno(error, errno, "Can't lock %s", path);
        *ret_fd = TAKE_FD(fd);
        return 0;
}

/* The newest that is fit to sign, or NULL. */
static char *find_development(const Key *keys, size_t n_keys)
{
        const Key *best = NULL;

        for (size_t i = 0; i < n_keys; i++)
                if (keys[i].development && !keys[i].problem &&
                    (!best || keys[i].created_sec > best->created_sec))
                        best = &keys[i];
        return best ? strdup(best->fingerprint) : NULL;
}

int keys_development_lock(const char *gnupg_home, int *ret_fd, Error *error)
{
        int r = gnupg_home_make(gnupg_home, error);

        if (r < 0)
                return r;
        /* gpg complains about a home that others can read */
        if (chmod(gnupg_home, 0700) < 0)
                return error_set_errno(error, errno, "Can't make %s private", gnupg_home);
        return lock_development(gnupg_home, ret_fd, error);
}

int keys_development_in(gpgme_ctx_t context, char **ret_fingerprint, Error *error)
{
        const KeyNew options = { .user_id = KEYS_DEVELOPMENT_USER_ID, .without_passphrase = true };
        Key *keys = NULL;
        size_t n_keys = 0;
        int r = list_secret(context, &keys, &n_keys, error);
        char *fingerprint = r == 0 ? find_development(keys, n_keys) : NULL;

        keys_free(keys, n_keys);
        if (r == 0 && !fingerprint)
                return create_key(context, &options, DEFAULT_ALGORITHM, ret_fingerprint, error);
        *ret_fingerprint = fingerprint;
        return r;
}

int keys_development(const char *gnupg_home, char **ret_fingerprint, Error *error)
{
        _cleanup_close_ int lock_fd = -1;
        _cleanup_gnupg_home_ GnupgHome home = GNUPG_HOME_INIT;
        _cleanup_context_ gpgme_ctx_t context = NULL;
        int r = keys_development_lock(gnupg_home, &lock_fd, error);

        if (r == 0)
                r = gnupg_home_open(gnupg_home, &home, error);
        if (r == 0)
                r = gnupg_context_new(home.path, &context, error);
        return r < 0 ? r : keys_development_in(context, ret_fingerprint, error);
}
