/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/base64.h"

#include <errno.h>
#include <stdint.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

int base64_encode(const void *data, size_t size_bytes, Buffer *ret)
{
        const uint8_t *bytes = data;
        int r = 0;

        for (size_t i = 0; r == 0 && i < size_bytes; i += 3) {
                size_t n = size_bytes - i < 3 ? size_bytes - i : 3;
                uint32_t bits = (uint32_t) bytes[i] << 16 | (n > 1 ? (uint32_t) bytes[i + 1] << 8 : 0) |
                                (n > 2 ? bytes[i + 2] : 0u);
                const char group[] = { alphabet[bits >> 18], alphabet[bits >> 12 & 63],
                                       n > 1 ? alphabet[bits >> 6 & 63] : '=', n > 2 ? alphabet[bits & 63] : '=' };
                r = buffer_append(ret, group, sizeof group);
        }
        return r;
}

static int value_of(char c)
{
        if (c >= 'A' && c <= 'Z')
                return c - 'A';
        if (c >= 'a' && c <= 'z')
                return c - 'a' + 26;
        if (c >= '0' && c <= '9')
                return c - '0' + 52;
        return c == '+' || c == '-' ? 62 : c == '/' || c == '_' ? 63 : -1;
}

/* Two to four characters. */
static int decode_group(const char *text, size_t n, Buffer *ret)
{
        uint32_t bits = 0;

        for (size_t i = 0; i < 4; i++) {
                int value = i < n ? value_of(text[i]) : 0;
                if (value < 0)
                        return -EBADMSG;
                bits = bits << 6 | (uint32_t) value;
        }
        const uint8_t bytes[] = { (uint8_t) (bits >> 16), (uint8_t) (bits >> 8), (uint8_t) bits };
        for (size_t i = n - 1; i < 3; i++)
                if (bytes[i])
                        return -EBADMSG;
        return buffer_append(ret, bytes, n - 1);
}

int base64_decode(const char *text, size_t length, Buffer *ret)
{
        _cleanup_buffer_ Buffer decoded = BUFFER_INIT;
        int r = 0;

        if (length % 4 == 0)
                for (int i = 0; i < 2 && length > 0 && text[length - 1] == '='; i++)
                        length--;
        for (size_t i = 0; r == 0 && i < length; i += 4) {
                size_t n = length - i < 4 ? length - i : 4;
                r = n < 2 ? -EBADMSG : decode_group(text + i, n, &decoded);
        }
        if (r < 0)
                return r;
        buffer_done(ret);
        *ret = TAKE_BUFFER(decoded);
        return 0;
}
