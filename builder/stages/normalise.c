/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "stages/normalise.h"

#include "stages/users.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define DAY_SEC 86400

int normalise_shadow(const Buffer *content, const NormaliseDates *dates, Buffer *ret)
{
        return shadow_clamp_days(content->data ?: "", dates->epoch_sec / DAY_SEC, dates->since_sec / DAY_SEC, ret);
}

static int compare_texts(const void *a, const void *b)
{
        return strcmp(*(char *const *) a, *(char *const *) b);
}

/* ------------------------------------------------------------------------------------------------ shells(5) */

static int append_line(Buffer *ret, const char *line)
{
        int r = buffer_append_string(ret, line);

        return r < 0 ? r : buffer_append_string(ret, "\n");
}

int normalise_shells(const Buffer *content, const NormaliseDates *dates _unused_, Buffer *ret)
{
        _cleanup_strv_ char **lines = strv_split(content->data ?: "", "\n");
        size_t n = strv_length(lines);
        int r = lines ? buffer_append(ret, "", 0) : -ENOMEM;

        for (size_t i = 0; r == 0 && i < n; i++)
                if (lines[i][0] == '#')
                        r = append_line(ret, lines[i]);
        if (n > 1)
                qsort(lines, n, sizeof *lines, compare_texts);
        for (size_t i = 0; r == 0 && i < n; i++)
                if (lines[i][0] != '#' && lines[i][0] && (i == 0 || strcmp(lines[i], lines[i - 1]) != 0))
                        r = append_line(ret, lines[i]);
        return r;
}

/* ------------------------------------------------------------------------------------------------ info(1) */

/* Cuts `text` in place before each place that `starts`, except its beginning; what is before the first is a part, too.
 * The parts (borrowed) are NULL-terminated. */
static char **cut(char *text, bool (*starts)(const char *line, const char *text))
{
        size_t n = 0, allocated = 16;
        char **parts = calloc(allocated, sizeof *parts);

        for (char *line = text, *next; parts && *line; line = next) {
                next = line + strcspn(line, "\n");
                next += *next == '\n';
                if (line != text && !starts(line, text))
                        continue;
                if (n + 2 > allocated) {
                        char **grown = reallocarray(parts, 2 * allocated, sizeof *parts);
                        if (!grown) {
                                free(parts);
                                return NULL;
                        }
                        parts = grown;
                        allocated *= 2;
                }
                parts[n++] = line;
                parts[n] = NULL;
        }
        return parts;
}

static bool starts_entry(const char *line, const char *text _unused_)
{
        return string_starts_with(line, "* ");
}

/* A title, behind an empty line. */
static bool starts_section(const char *line, const char *text)
{
        return line - text >= 2 && line[-1] == '\n' && line[-2] == '\n' && *line != '\n' && !starts_entry(line, text);
}

/* Copies of the parts, sorted but for the first one; every one ends as a line does. */
static int sorted_parts(char *text, bool (*starts)(const char *line, const char *text), char ***ret)
{
        _cleanup_free_ char **parts = cut(text, starts);
        _cleanup_strv_ char **copies = NULL;
        int r = parts ? 0 : -ENOMEM;

        for (char **part = parts; r == 0 && *part; part++) {
                size_t length = part[1] ? (size_t) (part[1] - *part) : strlen(*part);
                while (length > 0 && (*part)[length - 1] == '\n')
                        length--;
                r = strv_appendf(&copies, "%.*s\n", (int) length, *part);
        }
        size_t n = strv_length(copies);
        if (r == 0 && n > 2)
                qsort(copies + 1, n - 1, sizeof *copies, compare_texts);
        if (r == 0)
                *ret = TAKE_PTR(copies);
        return r;
}

static int append_section(const char *section, Buffer *ret)
{
        _cleanup_free_ char *text = strdup(section);
        _cleanup_strv_ char **entries = NULL;
        int r = text ? sorted_parts(text, starts_entry, &entries) : -ENOMEM;

        for (char **entry = entries; r == 0 && entry && *entry; entry++)
                r = buffer_append_string(ret, *entry);
        return r;
}

int normalise_info_menu(const Buffer *content, const NormaliseDates *dates _unused_, Buffer *ret)
{
        static const char head[] = "\n* Menu:";
        char *menu = content->data ? strstr(content->data, head) : NULL;
        _cleanup_strv_ char **sections = NULL;

        if (!menu || strlen(content->data) != content->length)
                return -EBADMSG;
        menu += strlen(head);
        menu += strcspn(menu, "\n");
        _cleanup_free_ char *text = strdup(menu);
        int r = text ? sorted_parts(text, starts_section, &sections) : -ENOMEM;
        if (r == 0)
                r = buffer_append(ret, content->data, (size_t) (menu - content->data));
        for (char **section = sections; r == 0 && section && *section; section++) {
                if (section != sections)
                        r = buffer_append_string(ret, "\n");
                if (r == 0)
                        r = append_section(*section, ret);
        }
        return r;
}

/* ------------------------------------------------------------------------------------------------ others */

int normalise_mdadm(const Buffer *content, const NormaliseDates *dates _unused_, Buffer *ret)
{
        static const char before[] = "# This configuration was auto-generated on ", after[] = " by mkconf\n";
        const char *start = content->data ? strstr(content->data, before) : NULL;
        const char *end = start ? strstr(start, after) : NULL;

        if (!end || memchr(start, '\n', (size_t) (end - start)))
                return -EBADMSG;
        start += strlen(before) - strlen(" on ");
        int r = buffer_append(ret, content->data, (size_t) (start - content->data));
        return r < 0 ? r : buffer_append(ret, end, content->length - (size_t) (end - content->data));
}

int normalise_initiator(const Buffer *content, const NormaliseDates *dates _unused_, Buffer *ret)
{
        /* one that a recipe has written is meant */
        if (!content->data || !strstr(content->data, "\nInitiatorName=iqn.1993-08.org.debian:01:"))
                return -EBADMSG;
        return buffer_append_string(ret, "GenerateName=yes\n");
}
