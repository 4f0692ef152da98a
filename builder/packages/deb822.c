/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "packages/deb822.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "base/strings.h"

static bool is_blank(char c)
{
        return c == ' ' || c == '\t' || c == '\r';
}

/* The end of the line at `text`: its newline or the closing NUL. */
static const char *line_end(const char *text)
{
        return text + strcspn(text, "\n");
}

static void skip_line(Deb822 *reader)
{
        reader->next = line_end(reader->next);
        if (*reader->next) {
                reader->next++;
                reader->line++;
        }
}

static bool at_blank_line(const char *text)
{
        while (is_blank(*text))
                text++;
        return *text == '\n' || *text == '\0';
}

bool deb822_next_stanza(Deb822 *reader)
{
        if (reader->started)
                while (*reader->next && !at_blank_line(reader->next))
                        skip_line(reader);
        while (*reader->next && (at_blank_line(reader->next) || *reader->next == '#'))
                skip_line(reader);
        reader->started = true;
        return *reader->next != '\0';
}

int deb822_next_field(Deb822 *reader, Deb822Field *ret)
{
        while (*reader->next == '#')
                skip_line(reader);
        if (at_blank_line(reader->next))
                return 0;
        const char *start = reader->next, *end = line_end(start);
        const char *colon = memchr(start, ':', (size_t) (end - start));
        Deb822Field field = { .name = start, .line = reader->line };

        if (!colon || colon == start || is_blank(*start) || *start == '-')
                return -EINVAL;
        field.name_length = (size_t) (colon - start);
        for (size_t i = 0; i < field.name_length; i++)
                if ((unsigned char) start[i] <= ' ' || start[i] == 0x7f)
                        return -EINVAL;
        field.value = colon + 1;
        while (is_blank(*field.value))
                field.value++;
        const char *value_end;
        do {
                value_end = line_end(reader->next);
                skip_line(reader);
                /* a comment may stand between continuation lines; deb822_value() takes it out */
        } while ((is_blank(*reader->next) || *reader->next == '#') && !at_blank_line(reader->next));
        while (value_end > field.value && is_blank(value_end[-1]))
                value_end--;
        field.value_length = (size_t) (value_end - field.value);
        *ret = field;
        return 1;
}

bool deb822_is(const Deb822Field *field, const char *name)
{
        return strlen(name) == field->name_length && strncasecmp(field->name, name, field->name_length) == 0;
}

static int append_line(Buffer *buffer, const char *line, size_t length, bool first)
{
        while (length > 0 && is_blank(line[length - 1]))
                length--;
        if (first)
                return buffer_append(buffer, line, length);
        if (*line == '#')
                return 0;
        if (length == 2 && line[1] == '.')
                length = 1;
        int r = buffer_append(buffer, "\n", 1);
        return r < 0 || length == 0 ? r : buffer_append(buffer, line + 1, length - 1);
}

char *deb822_value(const Deb822Field *field)
{
        _cleanup_buffer_ Buffer buffer = BUFFER_INIT;
        const char *line = field->value, *end = field->value + field->value_length;

        while (line < end) {
                const char *newline = memchr(line, '\n', (size_t) (end - line));
                size_t length = (size_t) ((newline ? newline : end) - line);
                if (append_line(&buffer, line, length, line == field->value) < 0)
                        return NULL;
                line += length + 1;
        }
        return buffer_take(&buffer);
}

char *deb822_get(const char *stanza, const char *name)
{
        Deb822 reader = DEB822_INIT(stanza);
        Deb822Field field;

        while (deb822_next_field(&reader, &field) > 0)
                if (deb822_is(&field, name))
                        return deb822_value(&field);
        return NULL;
}
