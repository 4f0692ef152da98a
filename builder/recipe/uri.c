/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/strings.h"
#include "recipe/value.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

/* RFC 3986, as far as mirrors need it. */

static int refuse_scheme(const char *value, Error *error)
{
        static const char *const schemes[] = { "http", "https", "file", NULL };
        size_t length = strcspn(value, ":");
        _cleanup_free_ char *scheme = strndup(value, length);
        int r = error_set_usage(error, -EINVAL, "no address that can be used here; expected http://, https:// or "
                                                "file:///");

        if (!scheme)
                return error_out_of_memory(error);
        const char *nearest = value[length] ? nearest_word(scheme, schemes) : NULL;
        if (value[0] == '/')
                error_hint(error, "did you mean \"file://%s\"?", value);
        else if (nearest)
                error_hint(error, "did you mean \"%s%s\"?", nearest, string_equal(nearest, "file") ? ":///" : "://");
        else if (!value[length])
                error_hint(error, "did you mean \"http://%s\"?", value);
        return r;
}

static int refuse_credentials(size_t offset, size_t length, ValueMark *ret_mark, Error *error)
{
        *ret_mark = (ValueMark){ .offset = offset, .length = length };
        int r = error_set_usage(error, -EINVAL, "credentials in a recipe end up in the image; expected an address "
                                                "without user and password");
        error_hint(error, "put them into /etc/apt/auth.conf.d of this machine, see apt_auth.conf(5)");
        return r;
}

static bool is_host(const char *host, size_t length)
{
        if (length > 2 && host[0] == '[' && host[length - 1] == ']')
                return strspn(host + 1, "0123456789abcdefABCDEF:.") == length - 2;
        for (size_t i = 0; i < length; i++)
                if (!isalnum((unsigned char) host[i]) && host[i] != '-' && host[i] != '.' && host[i] != '_')
                        return false;
        return length > 0;
}

static bool is_port(const char *port, size_t length)
{
        char text[8];
        uint64_t ignored;

        if (length >= sizeof text)
                return false;
        memcpy(text, port, length);
        text[length] = '\0';
        return parse_unsigned(text, 1, 65535, &ignored) == 0;
}

/* Of any scheme: nothing may show them. */
static int check_credentials(const char *value, ValueMark *ret_mark, Error *error)
{
        const char *slashes = strstr(value, "://");

        if (!slashes)
                return 0;
        const char *authority = slashes + 3, *at = memrchr(authority, '@', strcspn(authority, "/?#"));
        return at ? refuse_credentials((size_t) (authority - value), (size_t) (at - authority), ret_mark, error) : 0;
}

static int check_authority(const char *value, size_t start, ValueMark *ret_mark, Error *error)
{
        const char *authority = value + start;
        size_t length = strcspn(authority, "/?#");
        const char *bracket = memrchr(authority, ']', length);
        const char *rest = bracket ? bracket : authority;
        const char *colon = memchr(rest, ':', length - (size_t) (rest - authority));
        size_t host_length = colon ? (size_t) (colon - authority) : length;
        if (!is_host(authority, host_length)) {
                *ret_mark = (ValueMark){ .offset = start, .length = host_length };
                return error_set_usage(error, -EINVAL, "\"%.*s\" is no host; expected a name or an address",
                                       (int) host_length, authority);
        }
        if (colon && !is_port(colon + 1, length - host_length - 1)) {
                *ret_mark = (ValueMark){ .offset = start + host_length, .length = length - host_length };
                return error_set_usage(error, -EINVAL, "\"%.*s\" is no port; expected a number from 1 to 65535",
                                       (int) (length - host_length - 1), colon + 1);
        }
        return 0;
}

static int check_characters(const char *value, ValueMark *ret_mark, Error *error)
{
        for (const char *c = value; *c; c++) {
                unsigned char byte = (unsigned char) *c;
                if (byte > 0x20 && byte < 0x7f && !strchr("\"<>\\^`{|}", byte))
                        continue;
                *ret_mark = (ValueMark){ .offset = (size_t) (c - value), .length = 1 };
                int r = error_set_usage(error, -EINVAL, "byte 0x%02x in an address; expected it percent-encoded", byte);
                error_hint(error, "write %%%%%02X", byte);
                return r;
        }
        return 0;
}

int value_check_uri(const char *value, ValueMark *ret_mark, Error *error)
{
        size_t scheme = strcspn(value, ":");
        int r = check_credentials(value, ret_mark, error);

        if (r < 0)
                return r;
        if (string_starts_with(value, "http://") || string_starts_with(value, "https://"))
                r = check_authority(value, scheme + 3, ret_mark, error);
        else if (string_starts_with(value, "file:///"))
                r = 0;
        else
                r = refuse_scheme(value, error);
        return r < 0 ? r : check_characters(value, ret_mark, error);
}
