/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "build/why.h"

#include "base/strings.h"

#include <errno.h>
#include <string.h>

#define SHORT_BYTES 40

/* ------------------------------------------------------------------------------------------------ objects */

/* One member that is new (`before` NULL), gone (`now` NULL) or another. */
typedef int (*Describe)(const char *name, const char *before, const char *now, char ***ret);

/* The names of both, sorted, so that the same change is always told in the same way. */
static int all_names(const json_t *before, const json_t *now, char ***ret)
{
        const json_t *const objects[] = { before, now };
        const char *name;
        json_t *value;

        for (size_t i = 0; i < ELEMENTS(objects); i++)
                json_object_foreach((json_t *) objects[i], name, value)
                        if (!strv_contains(*ret, name) && strv_append(ret, name) < 0)
                                return -ENOMEM;
        strv_sort(*ret);
        return 0;
}

static int compare_objects(const json_t *before, const json_t *now, Describe describe, char ***ret)
{
        _cleanup_strv_ char **names = NULL;

        if (!json_is_object(now))
                return 0;
        int r = all_names(before, now, &names);
        for (char **name = names; r == 0 && name && *name; name++) {
                const char *old = json_string_value(json_object_get(before, *name));
                const char *new = json_string_value(json_object_get(now, *name));
                if (!string_equal(old, new))
                        r = describe(*name, old, new, ret);
        }
        return r;
}

static bool is_short(const char *text)
{
        return text && *text && strlen(text) <= SHORT_BYTES && !strchr(text, '\n');
}

static int describe_value(const char *name, const char *before, const char *now, char ***ret)
{
        if (is_short(before) && is_short(now) && strcmp(name, "Hash") != 0)
                return strv_appendf(ret, "%s= %s -> %s", name, before, now);
        return strv_appendf(ret, "%s= %s", name, !before ? "is new" : !now ? "is gone" : "changed");
}

static int describe_file(const char *name, const char *before, const char *now, char ***ret)
{
        return strv_appendf(ret, "file %s %s", name, !before ? "is new" : !now ? "is gone" : "changed");
}

/* "version sha256", of "name:architecture". */
static int describe_package(const char *name, const char *before, const char *now, char ***ret)
{
        int name_length = (int) strcspn(name, ":");
        int old = before ? (int) strcspn(before, " ") : 0, new = now ? (int) strcspn(now, " ") : 0;

        if (!before)
                return strv_appendf(ret, "package %.*s %.*s is new", name_length, name, new, now);
        if (!now)
                return strv_appendf(ret, "package %.*s %.*s is no longer among them", name_length, name, old, before);
        if (old == new && strncmp(before, now, (size_t) old) == 0)
                return strv_appendf(ret, "package %.*s %.*s is another file of the same version", name_length, name, new,
                                    now);
        return strv_appendf(ret, "package %.*s %.*s -> %.*s", name_length, name, old, before, new, now);
}

static int describe_removed(const char *name, const char *before, const char *now _unused_, char ***ret)
{
        return strv_appendf(ret, before ? "package %s is no longer removed" : "package %s is removed", name);
}

static int describe_repository(const char *name, const char *before, const char *now, char ***ret)
{
        return strv_appendf(ret, "repository %s %s", name, !before ? "is new" : !now ? "is gone" : "changed");
}

static int describe_variable(const char *name, const char *before, const char *now, char ***ret)
{
        return strv_appendf(ret, "%s %s -> %s", name, before ? before : "nothing", now ? now : "nothing");
}

/* ------------------------------------------------------------------------------------------------ lists as objects */

/* ["a b c", ...] as {"a b": "c"}: the last `separator` divides; without one all of it is the name. NULL for no list. */
static json_t *split_list(const json_t *array, char separator)
{
        _cleanup_json_ json_t *object = json_is_array(array) ? json_object() : NULL;

        for (size_t i = 0; object && i < json_array_size(array); i++) {
                const char *text = json_string_value(json_array_get(array, i));
                const char *divider = text ? (separator == '=' ? strchr(text, '=') : strrchr(text, separator)) : NULL;
                _cleanup_free_ char *name = divider ? strndup(text, (size_t) (divider - text)) : text ? strdup(text) : NULL;
                if (name && json_object_set_new(object, name, json_string(divider ? divider + 1 : "")) < 0)
                        return NULL;
        }
        return TAKE_PTR(object);
}

static int compare_lists(const json_t *before, const json_t *now, const char *member, char separator, Describe describe,
                         char ***ret)
{
        const json_t *array = json_object_get(now, member);
        _cleanup_json_ json_t *old = split_list(json_object_get(before, member), separator);
        _cleanup_json_ json_t *new = split_list(array, separator);

        if (array && !new)
                return -ENOMEM;
        return compare_objects(old, new, describe, ret);
}

int why_differ(const json_t *before, const json_t *now, char ***ret)
{
        size_t n_before = strv_length(*ret);
        int r = compare_objects(json_object_get(before, "values"), json_object_get(now, "values"), describe_value, ret);

        if (r == 0)
                r = compare_objects(json_object_get(before, "files"), json_object_get(now, "files"), describe_file, ret);
        if (r == 0)
                r = compare_objects(json_object_get(before, "packages"), json_object_get(now, "packages"), describe_package,
                                    ret);
        if (r == 0)
                r = compare_lists(before, now, "removed", '\n', describe_removed, ret);
        if (r == 0)
                r = compare_lists(before, now, "repositories", ' ', describe_repository, ret);
        if (r == 0)
                r = compare_lists(before, now, "environment", '=', describe_variable, ret);
        if (r == 0 && strv_length(*ret) == n_before &&
            !string_equal(json_string_value(json_object_get(before, "stage")),
                          json_string_value(json_object_get(now, "stage"))))
                r = strv_append(ret, "a file of the host that it names, or templar itself, changed");
        return r;
}
