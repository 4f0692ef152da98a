/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "stages/crypt.h"

#include "base/digest.h"
#include "base/strings.h"

#include <crypt.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SALT_BYTES 16
#define HINT "make a hash with: mkpasswd -m yescrypt, or: openssl passwd -6"

static const struct {
        const char *prefix;
        size_t min_bytes; /* of a whole hash */
        unsigned fields;  /* "$" in it, at least */
} methods[] = {
        { "$y$", 50, 4 }, { "$gy$", 50, 4 }, { "$7$", 40, 3 },   { "$6$", 90, 3 },
        { "$5$", 47, 3 }, { "$2b$", 60, 3 }, { "$2y$", 60, 3 },
};

/* The characters of crypt(5)'s hashes, of their settings ("rounds=5000") too. */
static bool is_hash_text(const char *text)
{
        return text[strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789./$=,")] == '\0';
}

static bool looks_like_des(const char *hash)
{
        size_t length = strlen(hash);

        return (length == 13 || (length == 20 && hash[0] == '_')) && is_hash_text(hash[0] == '_' ? hash + 1 : hash);
}

int crypt_check_hash(const char *hash, Error *error)
{
        for (size_t i = 0; i < ELEMENTS(methods); i++) {
                if (!string_starts_with(hash, methods[i].prefix))
                        continue;
                unsigned fields = 0;
                for (const char *c = hash; *c; c++)
                        fields += *c == '$';
                if (!is_hash_text(hash) || strlen(hash) < methods[i].min_bytes || fields < methods[i].fields ||
                    strlen(hash) >= CRYPT_HASH_MAX_BYTES) {
                        error_set_usage(error, -EKEYREJECTED,
                                        "the hash is not whole: it starts with %s but is too short, too long, or has "
                                        "characters that crypt(5) doesn't use",
                                        methods[i].prefix);
                        return error_hint(error, HINT);
                }
                return 0;
        }
        if (string_starts_with(hash, "$1$"))
                error_set_usage(error, -EKEYREJECTED,
                                "the hash is MD5 ($1$), which is broken; expected yescrypt or SHA-512");
        else if (looks_like_des(hash))
                error_set_usage(error, -EKEYREJECTED,
                                "the value looks like a DES hash, which is broken, or like a password; "
                                "expected yescrypt or SHA-512");
        else if (hash[0] == '$')
                error_set_usage(error, -EKEYREJECTED,
                                "the hash is of a method that is not accepted; expected $y$, $gy$, $7$, "
                                "$6$, $5$ or $2b$");
        else
                error_set_usage(error, -EKEYREJECTED,
                                "this looks like a plain-text password, which has no place in a recipe; "
                                "expected a hash as in crypt(5)");
        return error_hint(error, HINT);
}

static int make_salt(const char *context, const char *user, char ret_bytes[static SALT_BYTES])
{
        _cleanup_digest_ Digest *digest = NULL;
        char hex[SHA256_HEX_SIZE];
        int r = digest_new(&digest);

        if (r == 0)
                r = digest_add_field(digest, "templar salt");
        if (r == 0)
                r = digest_add_field(digest, context);
        if (r == 0)
                r = digest_add_field(digest, user);
        if (r == 0)
                r = digest_finish(digest, hex);
        for (size_t i = 0; r == 0 && i < SALT_BYTES; i++)
                ret_bytes[i] = (char) strtoul((char[]){ hex[2 * i], hex[2 * i + 1], '\0' }, NULL, 16);
        return r;
}

int crypt_hash_password(const char *password, bool yescrypt, const char *context, const char *user,
                        char ret_hash[static CRYPT_HASH_MAX_BYTES], Error *error)
{
        char salt[SALT_BYTES], setting[CRYPT_GENSALT_OUTPUT_SIZE];
        struct crypt_data *data;

        int r = make_salt(context, user, salt);
        if (r < 0)
                return error_set_errno(error, -r, "Can't make a salt for the password of %s", user);
        if (!crypt_gensalt_rn(yescrypt ? "$y$" : "$6$", 0, salt, sizeof salt, setting, sizeof setting))
                return error_set_errno(error, errno, "The host's libcrypt can't make a salt for %s",
                                       yescrypt ? "yescrypt" : "SHA-512");
        data = calloc(1, sizeof *data); /* 32 KiB */
        if (!data)
                return error_out_of_memory(error);
        const char *hash = crypt_r(password, setting, data);
        if (!hash || hash[0] == '*' || strlen(hash) >= CRYPT_HASH_MAX_BYTES)
                r = error_set(error, -EIO, "The host's libcrypt can't hash the password of %s", user);
        else
                strcpy(ret_hash, hash);
        explicit_bzero(data, sizeof *data);
        free(data);
        return r;
}
