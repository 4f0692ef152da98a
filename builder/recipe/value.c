/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "recipe/value.h"

#include "base/file.h"
#include "base/strings.h"
#include "recipe/encoding.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#define MODE_DIGITS_MAX 5

int value_parse_bool(const char *value, bool *ret)
{
        static const char *const words[] = { "no", "yes", "false", "true", "off", "on", "0", "1" };

        for (size_t i = 0; i < ELEMENTS(words); i++)
                if (strcasecmp(value, words[i]) == 0) {
                        *ret = i % 2 == 1;
                        return 0;
                }
        return -EINVAL;
}

static int check_bool(const char *value, Error *error)
{
        bool ignored;

        return value_parse_bool(value, &ignored) == 0 ?
                       0 :
                       error_set_usage(error, -EINVAL, "\"%s\" is neither yes nor no; expected yes, no, true, false, "
                                                       "on, off, 1 or 0", value);
}

static int check_word(const char *value, ValueMark *ret_mark, Error *error)
{
        size_t space = strcspn(value, " \t");

        if (!value[space])
                return 0;
        *ret_mark = (ValueMark){ .offset = space, .length = strlen(value) - space };
        return error_set_usage(error, -EINVAL, "several words; expected one");
}

static int check_choice(const KeySchema *key, const char *value, Error *error)
{
        for (const char *const *choice = key->choices; *choice; choice++)
                if (strcmp(*choice, value) == 0)
                        return 0;
        const char *nearest = nearest_word(value, key->choices);
        _cleanup_free_ char *choices = strv_join((char *const *) key->choices, ", ");
        if (!choices)
                return error_out_of_memory(error);
        int r = error_set_usage(error, -EINVAL, "\"%s\" is no value of %s=; expected %s%s", value, key->name,
                                key->choices[0] && key->choices[1] ? "one of " : "", choices);
        if (nearest)
                error_hint(error, "did you mean \"%s\"?", nearest);
        return r;
}

static int check_mode(const char *value, Error *error)
{
        size_t digits = strspn(value, "01234567");
        unsigned long mode = strtoul(value, NULL, 8);

        if (value[digits] || digits == 0 || digits > MODE_DIGITS_MAX || mode > 07777)
                return error_set_usage(error, -EINVAL, "\"%s\" is no mode; expected an octal number up to 7777, as in "
                                                       "0644", value);
        return 0;
}

/* The first component that is longer than a file system allows. */
static bool has_long_component(const char *path)
{
        while (*(path += strspn(path, "/"))) {
                size_t length = strcspn(path, "/");
                if (length > NAME_MAX)
                        return true;
                path += length;
        }
        return false;
}

static int check_target(const char *value, Error *error)
{
        if (value[0] != '/') {
                int r = error_set_usage(error, -EINVAL, "a path in the image is absolute; expected one that starts "
                                        "with \"/\"");
                error_hint(error, "did you mean \"/%s\"?", value + strspn(value, "./"));
                return r;
        }
        const char *first = value + strspn(value, "/");
        if (!*first)
                return error_set_usage(error, -EINVAL, "this is the root of the image; expected a path below it");
        if (!path_is_inside(first))
                return error_set_usage(error, -EINVAL, "\"..\" in a path in the image; expected one without it");
        if (strlen(value) >= PATH_MAX || has_long_component(value))
                return error_set_usage(error, -ENAMETOOLONG,
                                       "this path is longer than Linux allows; expected at most %d bytes, %d between two "
                                       "slashes", PATH_MAX - 1, NAME_MAX);
        return 0;
}

/* Relative files; that they are there, and inside, is found out when they are opened. */
static int check_source(const char *value, Error *error)
{
        int r;

        if (path_is_absolute(value)) {
                r = error_set_usage(error, -EINVAL, "an absolute path leaves the recipe's folder; expected one "
                                    "relative to it");
                error_hint(error, "put the file beside the recipe");
                return r;
        }
        if (!path_is_inside(value)) {
                r = error_set_usage(error, -EINVAL, "\"..\" leaves the recipe's folder; expected a path inside it");
                error_hint(error, "put the file beside the recipe");
                return r;
        }
        return 0;
}

static int check_type(const KeySchema *key, const char *value, ValueMark *ret_mark, Error *error)
{
        switch (key->type) {
        case KEY_BOOL:
                return check_bool(value, error);
        case KEY_WORD:
                return check_word(value, ret_mark, error);
        case KEY_ENUM:
        case KEY_ENUM_LIST:
                return check_choice(key, value, error);
        case KEY_MODE:
                return check_mode(value, error);
        case KEY_TARGET:
        case KEY_TARGET_LIST:
                return check_target(value, error);
        case KEY_URI:
        case KEY_URI_LIST:
                return value_check_uri(value, ret_mark, error);
        case KEY_SOURCE:
        case KEY_SOURCE_LIST:
                return check_source(value, error);
        case KEY_HOST_FILE:
                return path_is_absolute(value) ? 0 : check_source(value, error);
        case KEY_STRING:
        case KEY_TEXT:
        case KEY_LIST:
        case KEY_LINES:
                return 0;
        }
        return 0;
}

int value_check(const KeySchema *key, const char *value, ValueMark *ret_mark, Error *error)
{
        *ret_mark = (ValueMark){ .length = strlen(value) };
        int r = check_type(key, value, ret_mark, error);
        if (r < 0 || !key->check)
                return r;
        r = key->check(value, error);
        /* what a check calls a rejected key is not for the eyes of those who read the log */
        ret_mark->hide = r == -EKEYREJECTED;
        return r;
}

const char *value_canonical(Pool *pool, const KeySchema *key, const char *value)
{
        bool yes;

        if (key->type == KEY_BOOL)
                return value_parse_bool(value, &yes) == 0 && yes ? "yes" : "no";
        if (key->type == KEY_MODE)
                return pool_printf(pool, "%04lo", strtoul(value, NULL, 8));
        return value;
}
