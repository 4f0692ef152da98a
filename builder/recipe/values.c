/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "recipe/check.h"

#include "base/file.h"
#include "base/strings.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

int check_bool(const char *text)
{
        static const char *const yes[] = { "yes", "true", "on", "1", "y", "t" };
        static const char *const no[] = { "no", "false", "off", "0", "n", "f" };

        for (size_t i = 0; i < ELEMENTS(yes); i++) {
                if (strcasecmp(text, yes[i]) == 0)
                        return 1;
                if (strcasecmp(text, no[i]) == 0)
                        return 0;
        }
        return -EINVAL;
}

bool check_name(const char *text)
{
        size_t length = strlen(text);

        for (size_t i = 0; i < length; i++)
                if (!isascii(text[i]) || (!isalnum((unsigned char) text[i]) && text[i] != '.' && text[i] != '-'))
                        return false;
        return length > 0 && isalnum((unsigned char) text[0]) && isalnum((unsigned char) text[length - 1]) &&
               !strstr(text, "..");
}

static bool is_mode(const char *text)
{
        size_t length = strlen(text);

        return length >= 3 && length <= 5 && strspn(text, "01234567") == length && strtoul(text, NULL, 8) <= 07777;
}

static bool is_target(const char *text)
{
        return path_is_absolute(text) && (text[1] == '\0' || path_is_inside(text + strspn(text, "/")));
}

static bool is_uri(const char *text, const char **ret_expected)
{
        static const char *const schemes[] = { "http://", "https://", "file:///" };

        for (size_t i = 0; i < ELEMENTS(schemes); i++) {
                if (!string_starts_with(text, schemes[i]))
                        continue;
                const char *host = text + strlen(schemes[i]);
                if (!*host)
                        break;
                if (i < 2 && memchr(host, '@', strcspn(host, "/"))) {
                        *ret_expected = "an address without user and password: they would end up in the image and in "
                                        "logs";
                        return false;
                }
                return true;
        }
        *ret_expected = "an address that starts with http://, https:// or file:///";
        return false;
}

static bool is_choice(const KeySchema *key, const char *text)
{
        for (const char *const *choice = key->choices; *choice; choice++)
                if (strcmp(*choice, text) == 0)
                        return true;
        return false;
}

bool check_word(const KeySchema *key, const char *text, const char **ret_expected)
{
        switch (key->type) {
        case KEY_WORD:
                *ret_expected = "one word";
                return !strpbrk(text, " \t");
        case KEY_BOOL:
                *ret_expected = "yes or no";
                return check_bool(text) >= 0;
        case KEY_ENUM:
        case KEY_ENUM_LIST:
                *ret_expected = NULL; /* the choices */
                return is_choice(key, text);
        case KEY_TARGET:
        case KEY_TARGET_LIST:
                *ret_expected = "an absolute path in the image, without \"..\"";
                return is_target(text);
        case KEY_MODE:
                *ret_expected = "an octal mode such as 0644, at most 07777";
                return is_mode(text);
        case KEY_URI:
        case KEY_URI_LIST:
                return is_uri(text, ret_expected);
        case KEY_SOURCE:
        case KEY_SOURCE_LIST:
                *ret_expected = "a path inside the recipe's folder: neither absolute nor with \"..\"";
                return path_is_inside(text);
        case KEY_STRING:
        case KEY_TEXT:
        case KEY_LIST:
        case KEY_LINES:
        case KEY_HOST_FILE:
                return true;
        }
        return true;
}
