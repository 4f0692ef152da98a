/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "stages/users.h"

#include "base/cleanup.h"
#include "stages/tree.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#define ID_MAX 65535

/* Length of the first `n` fields with the colons between them, or SIZE_MAX when the line has fewer. */
static size_t fields_length(const char *line, size_t line_length, size_t n)
{
        size_t at = 0;

        for (;; at++) {
                const char *colon = memchr(line + at, ':', line_length - at);
                at = colon ? (size_t) (colon - line) : line_length;
                if (--n == 0)
                        return at;
                if (!colon)
                        return SIZE_MAX;
        }
}

static bool line_is_of(const char *line, const char *name)
{
        size_t length = strlen(name);

        return length > 0 && strncmp(line, name, length) == 0 && line[length] == ':';
}

/* Calls for each line; `length` is without the line end. Leaves *line behind the line end. */
static const char *next_line(const char **line, size_t *ret_length)
{
        const char *start = *line;

        if (!*start)
                return NULL;
        *ret_length = strcspn(start, "\n");
        *line = start + *ret_length + (start[*ret_length] == '\n');
        return start;
}

int users_find_id(const char *text, const char *name, uint32_t *ret_id)
{
        size_t length;

        for (const char *next = text, *line; (line = next_line(&next, &length));) {
                if (!line_is_of(line, name))
                        continue;
                size_t start = fields_length(line, length, 2), end = fields_length(line, length, 3);
                if (start == SIZE_MAX || end == SIZE_MAX)
                        return -EINVAL;
                _cleanup_free_ char *number = strndup(line + start + 1, end - start - 1);
                uint64_t id;
                if (!number)
                        return -ENOMEM;
                int r = parse_unsigned(number, 0, UINT32_MAX, &id);
                if (r < 0)
                        return r;
                *ret_id = (uint32_t) id;
                return 0;
        }
        return -ENOENT;
}

int users_names(const char *text, char ***ret_names)
{
        _cleanup_strv_ char **names = NULL;
        size_t length;

        for (const char *next = text, *line; (line = next_line(&next, &length));) {
                _cleanup_free_ char *name = strndup(line, strcspn(line, ":\n"));
                if (!name || (*name && strv_append(&names, name) < 0))
                        return -ENOMEM;
        }
        *ret_names = TAKE_PTR(names);
        return 0;
}

static int unknown_name(const char *what, const char *name, const char *path, const char *text, Error *error)
{
        _cleanup_strv_ char **names = NULL;
        const char *nearest = NULL;

        error_set(error, -ENOENT, "The image has no %s \"%s\" in %s", what, name, path);
        if (users_names(text, &names) == 0 && names)
                nearest = nearest_word(name, (const char *const *) names);
        return nearest ? error_hint(error, "Did you mean \"%s\"?", nearest) : -ENOENT;
}

static int resolve(int root_fd, const char *what, const char *path, const char *name, uint32_t *ret_id, Error *error)
{
        _cleanup_buffer_ Buffer text = BUFFER_INIT;
        uint64_t number;

        /* root is 0 in an image without users, too */
        if (strcmp(name, "root") == 0)
                name = "0";
        if (parse_unsigned(name, 0, ID_MAX, &number) == 0) {
                *ret_id = (uint32_t) number;
                return 0;
        }
        int r = tree_read(root_fd, path, &text, error);
        if (r == -ENOENT)
                return error_set(error, r, "The %s \"%s\" is not known: the image has no %s", what, name, path);
        if (r < 0)
                return r;
        r = users_find_id(text.data, name, ret_id);
        if (r == -ENOENT)
                return unknown_name(what, name, path, text.data, error);
        return r < 0 ? error_set_errno(error, -r, "The line of \"%s\" in the image's %s is broken", name, path) : 0;
}

int users_resolve_owner(int root_fd, const char *owner, uid_t *ret_uid, gid_t *ret_gid, Error *error)
{
        const char *colon = strchr(owner, ':');
        _cleanup_free_ char *user = colon ? strndup(owner, (size_t) (colon - owner)) : strdup(owner);
        uint32_t uid = 0, gid = 0;
        int r = 0;

        if (!user)
                return error_out_of_memory(error);
        if (*user)
                r = resolve(root_fd, "user", "/etc/passwd", user, &uid, error);
        if (r == 0 && colon && colon[1])
                r = resolve(root_fd, "group", "/etc/group", colon + 1, &gid, error);
        if (r < 0)
                return r;
        *ret_uid = uid;
        *ret_gid = gid;
        return 0;
}

/* NAME:HASH:DAY:rest; a line with fewer fields gets its third. */
static int append_entry(Buffer *ret, const char *line, size_t length, const char *hash, int64_t day)
{
        size_t first = fields_length(line, length, 1), third = fields_length(line, length, 3);
        int r = buffer_append(ret, line, first);

        if (r == 0)
                r = buffer_printf(ret, ":%s:%" PRId64, hash, day);
        if (r == 0 && third != SIZE_MAX)
                r = buffer_append(ret, line + third, length - third);
        return r == 0 ? buffer_append(ret, "\n", 1) : r;
}

int shadow_set_password(const char *text, const char *user, const char *hash, int64_t day, Buffer *ret)
{
        _cleanup_buffer_ Buffer buffer = BUFFER_INIT;
        bool found = false;
        size_t length;

        for (const char *next = text, *line; (line = next_line(&next, &length));) {
                int r;
                if (line_is_of(line, user)) {
                        r = append_entry(&buffer, line, length, hash, day);
                        found = true;
                } else
                        r = buffer_append(&buffer, line, (size_t) (next - line));
                if (r < 0)
                        return r;
        }
        if (!found)
                return -ENOENT;
        *ret = TAKE_BUFFER(buffer);
        return 0;
}

static int append_clamped(Buffer *ret, const char *line, size_t length, size_t whole, int64_t day,
                          int64_t since_day)
{
        size_t second = fields_length(line, length, 2), third = fields_length(line, length, 3);
        uint64_t value;

        if (second == SIZE_MAX || third == SIZE_MAX)
                return buffer_append(ret, line, whole);
        _cleanup_free_ char *number = strndup(line + second + 1, third - second - 1);
        if (!number)
                return -ENOMEM;
        if (parse_unsigned(number, 0, INT64_MAX, &value) < 0 ||
            ((int64_t) value <= day && (int64_t) value < since_day))
                return buffer_append(ret, line, whole);
        int r = buffer_append(ret, line, second);
        if (r == 0)
                r = buffer_printf(ret, ":%" PRId64, day);
        return r == 0 ? buffer_append(ret, line + third, whole - third) : r;
}

int shadow_clamp_days(const char *text, int64_t day, int64_t since_day, Buffer *ret)
{
        _cleanup_buffer_ Buffer buffer = BUFFER_INIT;
        size_t length;

        for (const char *next = text, *line; (line = next_line(&next, &length));) {
                int r = append_clamped(&buffer, line, length, (size_t) (next - line), day, since_day);
                if (r < 0)
                        return r;
        }
        *ret = TAKE_BUFFER(buffer);
        return 0;
}
