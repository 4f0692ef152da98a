/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bootstrap/diversions.h"

#include "base/file.h"
#include "base/strings.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define DATABASE "/var/lib/dpkg/"
#define LIMIT_BYTES ((uint64_t) 16 << 20)

void diversions_done(Diversions *diversions)
{
        for (size_t i = 0; i < diversions->n_items; i++) {
                free(diversions->items[i].from);
                free(diversions->items[i].to);
                free(diversions->items[i].package);
        }
        for (size_t i = 0; i < diversions->n_overrides; i++)
                free(diversions->overrides[i].path);
        free(diversions->items);
        free(diversions->overrides);
        *diversions = (Diversions){ 0 };
}

/* Three lines each. */
static int parse_diversions(char **lines, Diversions *ret, Error *error)
{
        size_t n = strv_length(lines);

        if (n % 3 != 0)
                return error_set(error, -EBADMSG, DATABASE "diversions of the tree is damaged");
        ret->items = calloc(n / 3 + 1, sizeof *ret->items);
        if (!ret->items)
                return error_out_of_memory(error);
        for (size_t i = 0; i < n; i += 3) {
                Diversion *item = &ret->items[ret->n_items++];
                item->from = TAKE_PTR(lines[i]);
                item->to = TAKE_PTR(lines[i + 1]);
                item->package = TAKE_PTR(lines[i + 2]);
        }
        return 0;
}

/* "#5" or a name; the third field of passwd and group is the id. */
static int find_id(const char *text, const char *name, unsigned *ret)
{
        size_t length = strlen(name);
        uint64_t value;

        if (*name == '#') {
                int r = parse_unsigned(name + 1, 0, UINT32_MAX, &value);
                if (r == 0)
                        *ret = (unsigned) value;
                return r;
        }
        for (const char *line = text ? text : ""; *line; line += strcspn(line, "\n"), line += *line == '\n') {
                if (strncmp(line, name, length) != 0 || line[length] != ':')
                        continue;
                const char *password = line + length + 1, *id = password + strcspn(password, ":\n");
                if (*id != ':')
                        return -EBADMSG;
                *ret = (unsigned) strtoul(id + 1, NULL, 10);
                return 0;
        }
        return -ENOENT;
}

/* "root shadow 2755 /usr/bin/x" */
static int parse_override(const char *line, const char *passwd, const char *group, Override *ret, Error *error)
{
        _cleanup_strv_ char **words = strv_split(line, " ");
        unsigned uid, gid;
        char *end = NULL;

        if (!words)
                return error_out_of_memory(error);
        if (strv_length(words) < 4 || !strchr(line, '/'))
                return error_set(error, -EBADMSG, DATABASE "statoverride of the tree is damaged");
        if (find_id(passwd, words[0], &uid) < 0 || find_id(group, words[1], &gid) < 0)
                return error_set(error, -ENOENT, DATABASE "statoverride of the tree names %s:%s, and one of them is not there",
                                 words[0], words[1]);
        ret->uid = uid;
        ret->gid = gid;
        ret->mode = (mode_t) strtoul(words[2], &end, 8) & 07777;
        if (*end)
                return error_set(error, -EBADMSG, DATABASE "statoverride of the tree is damaged");
        ret->path = strdup(strchr(line, '/'));
        return ret->path ? 0 : error_out_of_memory(error);
}

int diversions_parse(const char *diversions, const char *overrides, const char *passwd, const char *group,
                     Diversions *ret, Error *error)
{
        _cleanup_strv_ char **lines = strv_split(diversions ? diversions : "", "\n");
        _cleanup_strv_ char **override_lines = strv_split(overrides ? overrides : "", "\n");
        _cleanup_diversions_ Diversions result = { 0 };
        int r = parse_diversions(lines, &result, error);

        result.overrides = calloc(strv_length(override_lines) + 1, sizeof *result.overrides);
        if (r == 0 && !result.overrides)
                r = error_out_of_memory(error);
        for (char **line = override_lines; r == 0 && line && *line; line++)
                r = parse_override(*line, passwd, group, &result.overrides[result.n_overrides++], error);
        if (r < 0)
                return r;
        *ret = result;
        result = (Diversions){ 0 };
        return 0;
}

static int read_text(int root_fd, const char *path, Buffer *ret, Error *error)
{
        _cleanup_close_ int fd = open_in_root(root_fd, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
        struct stat status;

        if (fd == -ENOENT)
                return 0;
        if (fd < 0)
                return error_set_errno(error, -fd, "Can't open %s of the tree", path);
        if (fstat(fd, &status) < 0 || !S_ISREG(status.st_mode))
                return error_set(error, -EINVAL, "%s of the tree is not a regular file", path);
        int r = read_descriptor(fd, LIMIT_BYTES, ret);
        return r < 0 ? error_set_errno(error, -r, "Can't read %s of the tree", path) : 0;
}

int diversions_read(int root_fd, Diversions *ret, Error *error)
{
        static const char *const paths[] = { DATABASE "diversions", DATABASE "statoverride", "/etc/passwd", "/etc/group" };
        Buffer texts[ELEMENTS(paths)] = { 0 };
        int r = 0;

        for (size_t i = 0; r == 0 && i < ELEMENTS(paths); i++)
                r = read_text(root_fd, paths[i], &texts[i], error);
        if (r == 0)
                r = diversions_parse(texts[0].data, texts[1].data, texts[2].data, texts[3].data, ret, error);
        for (size_t i = 0; i < ELEMENTS(paths); i++)
                buffer_done(&texts[i]);
        return r;
}

const char *diversions_apply(const Diversions *diversions, const char *path, const char *package)
{
        for (size_t i = 0; i < diversions->n_items; i++)
                if (strcmp(diversions->items[i].from, path) == 0 && strcmp(diversions->items[i].package, package) != 0)
                        return diversions->items[i].to;
        return path;
}

const Override *diversions_override(const Diversions *diversions, const char *path)
{
        for (size_t i = 0; i < diversions->n_overrides; i++)
                if (strcmp(diversions->overrides[i].path, path) == 0)
                        return &diversions->overrides[i];
        return NULL;
}
