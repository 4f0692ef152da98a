/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/error.h"
#include "base/strings.h"

#include <gpgme.h>
#include <time.h>

/* What the rooms' files share of gpgme: contexts, data, errors. gpgme runs the installed gpg; every secret
 * stays with the user's gpg-agent. Source: the gpgme manual, "Crypto Contexts", "Exchanging Data", "Error
 * Handling". */

/* An OpenPGP context for `home` (NULL: gpg's own default). Free with gpgme_release(). */
int gnupg_context_new(const char *home, gpgme_ctx_t *ret, Error *error) _must_check_;

/* Fills `error` with "<text>: <reason>" from a gpgme error, with a hint for the failures that a user can cure
 * and with gpg's own messages from `context` (may be NULL) as detail. Returns a negative errno, -ECANCELED
 * after a signal. */
int gnupg_error(Error *error, gpgme_ctx_t context, gpgme_error_t failure, const char *format, ...)
        _printf_(4, 5);

/* Borrows the bytes: they must outlive the data. */
int gnupg_data_from(const void *data, size_t size_bytes, gpgme_data_t *ret, Error *error) _must_check_;
int gnupg_data_new(gpgme_data_t *ret, Error *error) _must_check_;
/* Takes what was written; `data` is released and NULL afterwards. */
int gnupg_data_take(gpgme_data_t *data, Buffer *ret, Error *error) _must_check_;

/* The first user id, "" when there is none. */
const char *gnupg_user_id(gpgme_key_t key);

/* "2026-11-23" (UTC). */
#define GNUPG_DATE_MAX 32
const char *gnupg_date(int64_t time_sec, char buffer[static GNUPG_DATE_MAX]);

static inline void gnupg_context_free_ptr(gpgme_ctx_t *context)
{
        if (*context)
                gpgme_release(*context);
}
static inline void gnupg_data_free_ptr(gpgme_data_t *data)
{
        if (*data)
                gpgme_data_release(*data);
}
static inline void gnupg_key_free_ptr(gpgme_key_t *key)
{
        if (*key)
                gpgme_key_unref(*key);
}
#define _cleanup_context_ _cleanup_(gnupg_context_free_ptr)
#define _cleanup_data_ _cleanup_(gnupg_data_free_ptr)
#define _cleanup_key_ _cleanup_(gnupg_key_free_ptr)
