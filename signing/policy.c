/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "signing/policy.h"

#include "base/strings.h"
#include "signing/gnupg.h"

#include <errno.h>
#include <string.h>

/* Version 4 keys; the hosts' gpg doesn't know the longer ones. */
#define FINGERPRINT_HEX 40

static const char *const known_curves[] = { "ed25519",         "NIST P-256",      "NIST P-384",
                                            "NIST P-521",      "nistp256",        "nistp384",
                                            "nistp521",        "secp256k1",       "brainpoolP256r1",
                                            "brainpoolP384r1", "brainpoolP512r1", "Ed25519" };

bool policy_digest_accepted(gpgme_hash_algo_t algorithm)
{
        return algorithm == GPGME_MD_SHA256 || algorithm == GPGME_MD_SHA384 || algorithm == GPGME_MD_SHA512;
}

static int say(char **ret_problem, const char *format, ...) _printf_(2, 3);
static int say(char **ret_problem, const char *format, ...)
{
        va_list arguments;

        va_start(arguments, format);
        int length = vasprintf(ret_problem, format, arguments);
        va_end(arguments);
        if (length < 0)
                *ret_problem = NULL;
        return length < 0 ? -ENOMEM : 0;
}

/* Kind and length of one key; *ret_problem stays NULL when both are fine. */
static int strength_problem(gpgme_subkey_t part, char **ret_problem)
{
        if (part->fpr && strlen(part->fpr) != FINGERPRINT_HEX)
                return say(ret_problem,
                           "its format (key version 5 or 6) is one that the hosts' gpg can't read");
        switch (part->pubkey_algo) {
        case GPGME_PK_RSA:
        case GPGME_PK_RSA_S:
        case GPGME_PK_DSA:
                if (part->length < POLICY_RSA_BITS_MIN)
                        return say(ret_problem, "%s with %u bits is too short, at least %d are needed",
                                   part->pubkey_algo == GPGME_PK_DSA ? "DSA" : "RSA", part->length,
                                   POLICY_RSA_BITS_MIN);
                return 0;
        case GPGME_PK_ECDSA:
        case GPGME_PK_EDDSA:
                for (size_t i = 0; i < ELEMENTS(known_curves); i++)
                        if (string_equal(part->curve, known_curves[i]))
                                return 0;
                return say(ret_problem, "its curve %s is one that the hosts' gpg can't check",
                           part->curve ? part->curve : "(unknown)");
        default:
                return say(ret_problem, "its algorithm is one that the hosts' gpg can't check");
        }
}

static int expired(gpgme_subkey_t part, char **ret_problem)
{
        char date[GNUPG_DATE_MAX];

        return say(ret_problem, "it expired on %s", gnupg_date(part->expires, date));
}

/* The part that gpg takes for signing: the newest subkey that can, else the primary key. */
static gpgme_subkey_t signing_part(gpgme_key_t key)
{
        gpgme_subkey_t best = NULL;

        for (gpgme_subkey_t part = key->subkeys; part; part = part->next) {
                if (!part->can_sign || !part->secret || part->revoked || part->expired || part->disabled ||
                    part->invalid)
                        continue;
                if (!best || best == key->subkeys || part->timestamp > best->timestamp)
                        best = part;
        }
        return best;
}

/* No part of it can sign: the reason that says most. */
static int no_part_problem(gpgme_key_t key, char **ret_problem)
{
        gpgme_subkey_t old = NULL, absent = NULL;

        for (gpgme_subkey_t part = key->subkeys; part; part = part->next) {
                if (!part->can_sign || part->revoked)
                        continue;
                if (part->expired)
                        old = part;
                else if (!part->secret)
                        absent = part;
        }
        if (absent)
                return say(ret_problem,
                           "its secret part is not here (a stub for a card, or exported without it)");
        if (old)
                return expired(old, ret_problem);
        return say(ret_problem, "no part of it can make signatures");
}

int policy_signing_problem(gpgme_key_t key, char **ret_problem)
{
        gpgme_subkey_t primary = key->subkeys;

        *ret_problem = NULL;
        if (!primary)
                return say(ret_problem, "it is incomplete");
        if (key->revoked || primary->revoked)
                return say(ret_problem, "it was revoked");
        if (key->expired || primary->expired)
                return expired(primary, ret_problem);
        if (key->disabled || primary->disabled)
                return say(ret_problem, "it is disabled in the keyring");
        if (key->invalid || primary->invalid)
                return say(ret_problem, "it is invalid");
        gpgme_subkey_t part = signing_part(key);
        if (!part)
                return no_part_problem(key, ret_problem);
        int r = strength_problem(primary, ret_problem);
        return r < 0 || *ret_problem || part == primary ? r : strength_problem(part, ret_problem);
}

int policy_signature_problem(gpgme_key_t key, const char *fingerprint, char **ret_problem)
{
        gpgme_subkey_t part = key->subkeys;

        *ret_problem = NULL;
        while (part && !string_equal(part->fpr, fingerprint))
                part = part->next;
        if (!part)
                return say(ret_problem, "its keyring has no part with the fingerprint %s", fingerprint);
        int r = strength_problem(key->subkeys, ret_problem);
        return r < 0 || *ret_problem || part == key->subkeys ? r : strength_problem(part, ret_problem);
}
