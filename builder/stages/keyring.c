/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "stages/keyring.h"

#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <string.h>

#define BEGIN "-----BEGIN PGP PUBLIC KEY BLOCK-----"
#define END "-----END PGP PUBLIC KEY BLOCK-----"

/* From the line after BEGIN: headers end with an empty line, "=" starts the checksum. */
static const char *skip_headers(const char *text)
{
        while (*text) {
                size_t length = strcspn(text, "\n");
                bool header = memchr(text, ':', length) != NULL;
                bool empty = text[strspn(text, " \t\r")] == '\n';
                if (!header && !empty)
                        return text;
                text += length + (text[length] == '\n');
                if (empty)
                        return text;
        }
        return text;
}

static int decode(const char *text, size_t length, Buffer *ret)
{
        EVP_ENCODE_CTX *context = EVP_ENCODE_CTX_new();
        _cleanup_free_ unsigned char *bytes = malloc(length + 64);
        int n = 0, last = 0, r = 0;

        if (!context || !bytes)
                r = -ENOMEM;
        else {
                EVP_DecodeInit(context);
                if (EVP_DecodeUpdate(context, bytes, &n, (const unsigned char *) text, (int) length) < 0 ||
                    EVP_DecodeFinal(context, bytes + n, &last) < 0 || n + last == 0)
                        r = -EBADMSG;
        }
        EVP_ENCODE_CTX_free(context);
        return r < 0 ? r : buffer_append(ret, bytes, (size_t) (n + last));
}

/* Up to the checksum or the end line. */
static size_t body_length(const char *body, const char *end)
{
        for (const char *line = body; line < end; line += strcspn(line, "\n"), line += *line == '\n')
                if (*line == '=')
                        return (size_t) (line - body);
        return (size_t) (end - body);
}

int keyring_dearmor(const void *data, size_t size_bytes, Buffer *ret, Error *error)
{
        _cleanup_buffer_ Buffer input = BUFFER_INIT, output = BUFFER_INIT;

        if (buffer_append(&input, data, size_bytes) < 0)
                return error_out_of_memory(error);
        const char *begin = input.data ? strstr(input.data, BEGIN) : NULL;
        if (!begin) {
                if (size_bytes == 0 || !(((const unsigned char *) data)[0] & 0x80))
                        return error_set(error, -EBADMSG, "There is no OpenPGP key in it");
                *ret = TAKE_BUFFER(input);
                return 0;
        }
        for (; begin; begin = strstr(begin, BEGIN)) {
                const char *end = strstr(begin, END), *body = begin + strlen(BEGIN);
                if (!end)
                        return error_set(error, -EBADMSG, "A key block has no end");
                body = skip_headers(body + strcspn(body, "\n") + (body[strcspn(body, "\n")] == '\n'));
                int r = body < end ? decode(body, body_length(body, end), &output) : -EBADMSG;
                if (r < 0)
                        return error_set_errno(error, -r, "A key block can't be decoded");
                begin = end;
        }
        *ret = TAKE_BUFFER(output);
        return 0;
}

int keyring_read(const char *path, Buffer *ret, Error *error)
{
        _cleanup_buffer_ Buffer content = BUFFER_INIT;

        int r = read_file(AT_FDCWD, path, KEYRING_LIMIT_BYTES, &content, error);
        if (r == 0 && keyring_dearmor(content.data, content.length, ret, error) < 0)
                r = error_wrap(error, "keyring %s", path);
        return r;
}
