/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/lint_internal.h"

#include <ctype.h>
#include <string.h>

#define BEGIN "-----BEGIN "
#define LABEL_MAX 32u       /* "ENCRYPTED", "PGP", "OPENSSH", "EC" ... before "PRIVATE KEY" */
#define BASE64_MIN 16u      /* that many characters of a key are one */
#define ET_CORE 4
#define AT_ELF_TYPE 16u

/* What may stand between a key's lines where it is part of a program or of JSON. */
static const char *skip_joint(const char *text, const char *end)
{
        while (text < end) {
                if (isspace((unsigned char) *text) || strchr("\"'+,;", *text ? *text : 'x'))
                        text++;
                else if (end - text >= 2 && text[0] == '\\' && strchr("nr\n", text[1]))
                        text += 2;
                else
                        break;
        }
        return text;
}

static bool is_header(const char *text, const char *end)
{
        static const char *const names[] = { "Proc-Type:", "DEK-Info:", "Version:", "Comment:", "Charset:", "Hash:" };

        for (size_t i = 0; i < ELEMENTS(names); i++) {
                size_t length = strlen(names[i]);
                if ((size_t) (end - text) >= length && memcmp(text, names[i], length) == 0)
                        return true;
        }
        return false;
}

static bool is_base64(const char *text, const char *end)
{
        size_t n = 0;

        while (text < end && n < BASE64_MIN && (isalnum((unsigned char) *text) || *text == '+' || *text == '/')) {
                text++;
                n++;
        }
        return n == BASE64_MIN;
}

bool lint_is_key(const char *text, size_t length, size_t offset)
{
        const char *end = text + length, *label = text + offset, *rest = label + strlen("PRIVATE KEY");
        size_t begin_length = strlen(BEGIN);

        while (label > text && text + offset - label < LABEL_MAX &&
               (isupper((unsigned char) label[-1]) || label[-1] == ' '))
                label--;
        /* the label's way back stopped in "-----BEGIN ", which is upper case, too */
        if (label < text + strlen("-----") || memcmp(label - strlen("-----"), BEGIN, begin_length) != 0)
                return false;
        if (end - rest >= 6 && memcmp(rest, " BLOCK", 6) == 0)
                rest += 6;
        if (end - rest < 5 || memcmp(rest, "-----", 5) != 0)
                return false;
        rest = skip_joint(rest + 5, end);
        return is_header(rest, end) || is_base64(rest, end);
}

/* RFC 9580, 4.2 and 5.5.2: a packet of a secret key, or of a secret subkey, and its version. */
static bool is_openpgp_secret(const uint8_t *data, size_t length)
{
        size_t body;

        if (length < 8)
                return false;
        if ((data[0] & 0xc0) == 0xc0)
                body = data[1] < 192 ? 2 : data[1] < 224 ? 3 : 6;
        else
                body = (data[0] & 3) == 0 ? 2 : (data[0] & 3) == 1 ? 3 : (data[0] & 3) == 2 ? 5 : 1;
        unsigned tag = (data[0] & 0xc0) == 0xc0 ? data[0] & 0x3f : (data[0] & 0x3c) >> 2;
        return (data[0] & 0x80) && (tag == 5 || tag == 7) && data[body] >= 3 && data[body] <= 6;
}

/* A SEQUENCE, then the INTEGER that each of these starts with, then what follows in keys only: PKCS#8 and PKCS#1 0,
 * SEC1 1 and an OCTET STRING, PKCS#12 3. */
static bool is_der_secret(const uint8_t *data, size_t length)
{
        if (length < 16 || data[0] != 0x30)
                return false;
        size_t body = data[1] < 0x80 ? 2 : 2 + (size_t) (data[1] & 0x7f);
        if (body > 6 || data[body] != 0x02 || data[body + 1] != 0x01)
                return false;
        uint8_t number = data[body + 2], next = data[body + 3];
        return (number == 0 && (next == 0x30 || next == 0x02)) || (number == 1 && next == 0x04) ||
               (number == 3 && next == 0x30);
}

void lint_key_file(LintRun *run)
{
        const uint8_t *data = (const uint8_t *) run->content.data;
        size_t length = run->content.length;

        if (is_openpgp_secret(data, length))
                lint_found(run, LINT_PRIVATE_KEY, "is a secret key of OpenPGP");
        else if (is_der_secret(data, length))
                lint_found(run, LINT_PRIVATE_KEY, "is a private key");
}

/* elf(5); in either byte order */
void lint_core_dump(LintRun *run)
{
        const char *data = run->content.data;

        if (run->content.length > AT_ELF_TYPE + 1 && memcmp(data, "\177ELF", 4) == 0 &&
            data[AT_ELF_TYPE] + data[AT_ELF_TYPE + 1] == ET_CORE)
                lint_found(run, LINT_CORE_DUMP, "is a core dump");
}
