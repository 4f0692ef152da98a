/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "signing/gnupg.h"

#include "base/cancel.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

#define GPGME_NEEDED "1.14.0"

static const char *gpgme_found;

static void initialise(void)
{
        gpgme_found = gpgme_check_version(GPGME_NEEDED);
}

int gnupg_context_new(const char *home, gpgme_ctx_t *ret, Error *error)
{
        static pthread_once_t once = PTHREAD_ONCE_INIT;
        _cleanup_context_ gpgme_ctx_t context = NULL;

        pthread_once(&once, initialise);
        if (!gpgme_found)
                return error_set(error, -ENOSYS, "The library gpgme is older than %s", GPGME_NEEDED);
        gpgme_error_t failure = gpgme_new(&context);
        if (!failure)
                failure = gpgme_set_protocol(context, GPGME_PROTOCOL_OpenPGP);
        if (!failure)
                failure = gpgme_engine_check_version(GPGME_PROTOCOL_OpenPGP);
        if (!failure && home)
                failure = gpgme_ctx_set_engine_info(context, GPGME_PROTOCOL_OpenPGP, NULL, home);
        if (failure)
                return gnupg_error(error, NULL, failure, "Can't use gpg");
        gpgme_set_offline(context, 1);
        *ret = TAKE_PTR(context);
        return 0;
}

/* The failures that people meet, in words that say what to do. */
static const struct {
        gpgme_err_code_t code;
        int result;
        const char *reason, *hint;
} known_failures[] = {
        { GPG_ERR_INV_ENGINE, -ENOENT, "gpg is not installed", "Install the package gnupg" },
        { GPG_ERR_NO_AGENT, -ECONNREFUSED, "gpg-agent can't be reached",
          "Install the package gpg-agent; the GnuPG home must be writable" },
        { GPG_ERR_AGENT, -ECONNREFUSED, "gpg-agent can't be reached",
          "Install the package gpg-agent; the GnuPG home must be writable" },
        { GPG_ERR_NO_PIN_ENTRY, -ENOENT, "the key has a passphrase, and no pinentry program can ask for it",
          "Install pinentry-curses, or unlock the key in the agent first (gpg-preset-passphrase)" },
        { GPG_ERR_PIN_ENTRY, -EIO, "the key has a passphrase, and pinentry could not ask for it",
          "At a terminal: export GPG_TTY=$(tty); unattended: use a key that the agent has unlocked" },
        { GPG_ERR_ENOTTY, -ENOTTY, "the key has a passphrase, and there is no terminal to ask for it",
          "At a terminal: export GPG_TTY=$(tty); unattended: use a key that the agent has unlocked" },
        { GPG_ERR_BAD_PASSPHRASE, -EKEYREJECTED, "wrong passphrase", NULL },
        { GPG_ERR_BAD_PIN, -EKEYREJECTED, "wrong PIN", NULL },
        { GPG_ERR_PIN_BLOCKED, -EKEYREJECTED, "the card's PIN is blocked",
          "Unblock it with gpg --card-edit" },
        { GPG_ERR_NO_PASSPHRASE, -EKEYREJECTED, "no passphrase was given", NULL },
        { GPG_ERR_CANCELED, -ECANCELED, "cancelled in pinentry", NULL },
        { GPG_ERR_FULLY_CANCELED, -ECANCELED, "cancelled in pinentry", NULL },
        { GPG_ERR_TIMEOUT, -ETIMEDOUT, "nobody answered in time", NULL },
        { GPG_ERR_CARD_REMOVED, -ENODEV, "the smart card was removed", "Insert it and run again" },
        { GPG_ERR_CARD_NOT_PRESENT, -ENODEV, "the smart card that holds the key is not inserted",
          "Insert it and run again" },
        { GPG_ERR_NO_SECKEY, -ENOKEY, "the secret key is not here", NULL },
        { GPG_ERR_UNUSABLE_SECKEY, -ENOKEY, "the secret key can't be used", NULL },
        { GPG_ERR_NO_DATA, -ENODATA, "there is no OpenPGP data in it", NULL },
        { GPG_ERR_ENOMEM, -ENOMEM, "out of memory", NULL },
        { GPG_ERR_ENOSPC, -ENOSPC, "no space left on the device", NULL },
};

/* What gpg printed on its stderr, without the status lines for gpgme. */
static void add_diagnostics(Error *error, gpgme_ctx_t context)
{
        _cleanup_data_ gpgme_data_t log = NULL;
        _cleanup_buffer_ Buffer text = BUFFER_INIT, kept = BUFFER_INIT;

        if (!context || gpgme_data_new(&log) || gpgme_op_getauditlog(context, log, GPGME_AUDITLOG_DIAG))
                return;
        if (gnupg_data_take(&log, &text, NULL) < 0)
                return;
        _cleanup_strv_ char **lines = strv_split(text.data ? text.data : "", "\n");
        for (char **line = lines; line && *line; line++)
                if (!string_starts_with(*line, "[GNUPG:] ") &&
                    buffer_printf(&kept, "%s%s", kept.length > 0 ? "\n" : "", *line) < 0)
                        return;
        if (kept.length > 0)
                error_detail(error, "%s", kept.data);
}

int gnupg_error(Error *error, gpgme_ctx_t context, gpgme_error_t failure, const char *format, ...)
{
        _cleanup_free_ char *what = NULL;
        char reason[256];
        va_list arguments;

        if (cancel_signal())
                return error_cancelled(error);
        va_start(arguments, format);
        if (vasprintf(&what, format, arguments) < 0)
                what = NULL;
        va_end(arguments);
        for (size_t i = 0; i < ELEMENTS(known_failures); i++) {
                if (gpgme_err_code(failure) != known_failures[i].code)
                        continue;
                int r = error_set(error, known_failures[i].result, "%s: %s", what ? what : "",
                                  known_failures[i].reason);
                add_diagnostics(error, context);
                if (known_failures[i].hint)
                        error_hint(error, "%s", known_failures[i].hint);
                return r;
        }
        gpgme_strerror_r(failure, reason, sizeof reason);
        int r = error_set(error, -EIO, "%s: %s (%s)", what ? what : "", reason, gpgme_strsource(failure));
        add_diagnostics(error, context);
        return r;
}

int gnupg_data_from(const void *data, size_t size_bytes, gpgme_data_t *ret, Error *error)
{
        gpgme_error_t failure = gpgme_data_new_from_mem(ret, data ? data : "", size_bytes, 0);

        return failure ? gnupg_error(error, NULL, failure, "Can't hand data to gpg") : 0;
}

int gnupg_data_new(gpgme_data_t *ret, Error *error)
{
        gpgme_error_t failure = gpgme_data_new(ret);

        return failure ? gnupg_error(error, NULL, failure, "Can't take data from gpg") : 0;
}

int gnupg_data_take(gpgme_data_t *data, Buffer *ret, Error *error)
{
        _cleanup_buffer_ Buffer buffer = BUFFER_INIT;
        size_t size_bytes = 0;
        char *bytes = gpgme_data_release_and_get_mem(TAKE_PTR(*data), &size_bytes);
        int r = buffer_append(&buffer, bytes, bytes ? size_bytes : 0);

        gpgme_free(bytes);
        if (r < 0)
                return error_out_of_memory(error);
        *ret = TAKE_BUFFER(buffer);
        return 0;
}

const char *gnupg_user_id(gpgme_key_t key)
{
        return key->uids && key->uids->uid ? key->uids->uid : "";
}

const char *gnupg_date(int64_t time_sec, char buffer[static GNUPG_DATE_MAX])
{
        time_t when = (time_t) time_sec;
        struct tm parts;

        if (!gmtime_r(&when, &parts) || strftime(buffer, GNUPG_DATE_MAX, "%Y-%m-%d", &parts) == 0)
                strcpy(buffer, "?");
        return buffer;
}
