/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "signing/sums.h"

#include "base/digest.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <time.h>

#define HEX_LENGTH (SHA256_HEX_SIZE - 1)
#define HEX_DIGITS "0123456789abcdef"
#define DAY_SEC 86400

void sums_free(SumsLine *lines, size_t n_lines)
{
        for (size_t i = 0; i < n_lines; i++)
                free(lines[i].name);
        free(lines);
}

/* What is wrong with the digest and the two bytes after it, or NULL. `line` has `length` bytes. */
static const char *digest_fault(const char *line, size_t length)
{
        if (length == 0)
                return "it is empty";
        if (line[0] == '#')
                return "comments are not allowed";
        for (size_t i = 0; i < HEX_LENGTH; i++) {
                if (i < length && line[i] != '\0' && strchr(HEX_DIGITS, line[i]))
                        continue;
                if (i < length && line[i] >= 'A' && line[i] <= 'F')
                        return "the digest has upper-case letters";
                return "it does not start with the 64 hexadecimal digits of a SHA-256 digest";
        }
        if (length == HEX_LENGTH || line[HEX_LENGTH] != ' ')
                return "no space follows the digest";
        if (length == HEX_LENGTH + 1 || (line[HEX_LENGTH + 1] != ' ' && line[HEX_LENGTH + 1] != '*'))
                return "after the digest come two spaces, or a space and a \"*\"";
        return NULL;
}

static const char *name_fault(const char *name, size_t length)
{
        if (length == 0)
                return "the name is missing";
        if (length > NAME_MAX)
                return "the name is longer than 255 bytes";
        if (name[length - 1] == '\r')
                return "it ends with CR LF";
        if (memchr(name, '/', length))
                return "the name has a \"/\"";
        if (name[0] == '.' && (length == 1 || (length == 2 && name[1] == '.')))
                return "the name is a directory";
        if (name[0] == ' ' || name[length - 1] == ' ')
                return "the name starts or ends with a space";
        for (size_t i = 0; i < length; i++)
                if ((unsigned char) name[i] < ' ' || name[i] == 0x7f)
                        return "the name has a control character";
        return NULL;
}

static int parse_line(const char *line, size_t length, size_t number, SumsLine *ret, Error *error)
{
        const char *fault = digest_fault(line, length);
        size_t start = HEX_LENGTH + 2;

        if (!fault)
                fault = name_fault(line + start, length - start);
        if (fault)
                return error_set(error, -EBADMSG, "Line %zu: %s", number, fault);
        SumsLine parsed = { .name = strndup(line + start, length - start) };
        if (!parsed.name)
                return error_out_of_memory(error);
        memcpy(parsed.sha256, line, HEX_LENGTH);
        *ret = parsed;
        return 0;
}

static int compare_names(const void *a, const void *b)
{
        const SumsLine *first = *(const SumsLine *const *) a, *second = *(const SumsLine *const *) b;
        int order = strcmp(first->name, second->name);

        return order ? order : (first > second) - (first < second);
}

static int refuse_duplicates(const SumsLine *lines, size_t n_lines, Error *error)
{
        _cleanup_free_ const SumsLine **sorted = calloc(n_lines, sizeof *sorted);

        if (!sorted)
                return error_out_of_memory(error);
        for (size_t i = 0; i < n_lines; i++)
                sorted[i] = &lines[i];
        qsort(sorted, n_lines, sizeof *sorted, compare_names);
        for (size_t i = 1; i < n_lines; i++)
                if (strcmp(sorted[i - 1]->name, sorted[i]->name) == 0)
                        return error_set(error, -EBADMSG, "Line %zu: the name %s stands on line %zu already",
                                         (size_t) (sorted[i] - lines) + 1, sorted[i]->name,
                                         (size_t) (sorted[i - 1] - lines) + 1);
        return 0;
}

static int parse_lines(const char *text, size_t size_bytes, SumsLine *lines, size_t *n_lines, Error *error)
{
        for (const char *end = text + size_bytes; text < end;) {
                const char *newline = memchr(text, '\n', (size_t) (end - text));
                if (!newline)
                        return error_set(error, -EBADMSG, "Line %zu: the newline at its end is missing",
                                         *n_lines + 1);
                int r = parse_line(text, (size_t) (newline - text), *n_lines + 1, &lines[*n_lines], error);
                if (r < 0)
                        return r;
                ++*n_lines;
                text = newline + 1;
        }
        return refuse_duplicates(lines, *n_lines, error);
}

int sums_parse(const char *text, size_t size_bytes, SumsLine **ret, size_t *ret_n_lines, Error *error)
{
        size_t n_newlines = 0, n_lines = 0;

        for (size_t i = 0; i < size_bytes; i++)
                n_newlines += text[i] == '\n';
        if (size_bytes == 0)
                return error_set(error, -EBADMSG, "There is no line in it");
        SumsLine *lines = calloc(n_newlines + 1, sizeof *lines);
        if (!lines)
                return error_out_of_memory(error);
        int r = parse_lines(text, size_bytes, lines, &n_lines, error);
        if (r < 0) {
                sums_free(lines, n_lines);
                return r;
        }
        *ret = lines;
        *ret_n_lines = n_lines;
        return 0;
}

const SumsLine *sums_find(const SumsLine *lines, size_t n_lines, const char *name)
{
        for (size_t i = 0; i < n_lines; i++)
                if (strcmp(lines[i].name, name) == 0)
                        return &lines[i];
        return NULL;
}

int sums_append(Buffer *buffer, const char *sha256, const char *name)
{
        return buffer_printf(buffer, "%s  %s\n", sha256, name);
}

/* The first second after the day of "YYYY-MM-DD" (UTC), or -1. */
static int64_t day_end(const char *text)
{
        struct tm parts = { 0 };
        char again[16];
        char *end = strptime(text, "%Y-%m-%d", &parts);

        if (!end || *end)
                return -1;
        /* timegm() makes 2 March of 30 February */
        int64_t start_sec = timegm(&parts);
        if (strftime(again, sizeof again, "%Y-%m-%d", &parts) == 0 || strcmp(again, text) != 0)
                return -1;
        return start_sec + DAY_SEC;
}

int sums_best_before(const SumsLine *line, int64_t now_sec, Error *error)
{
        char nothing[SHA256_HEX_SIZE];

        if (!string_starts_with(line->name, SUMS_BEST_BEFORE))
                return 0;
        if (digest_buffer("", 0, nothing) < 0)
                return error_out_of_memory(error);
        int64_t end_sec = day_end(line->name + strlen(SUMS_BEST_BEFORE));
        if (end_sec < 0)
                return error_set(error, -EBADMSG, "%s names no date of the form YYYY-MM-DD", line->name);
        if (strcmp(line->sha256, nothing) != 0)
                return error_set(error, -EBADMSG, "%s does not have the digest of an empty file", line->name);
        if (now_sec >= end_sec) {
                error_set(error, -ESTALE, "The list was best before %s, and that day is past",
                          line->name + strlen(SUMS_BEST_BEFORE));
                return error_hint(error, "Fetch the current list, or have the releases signed again");
        }
        return 1;
}
