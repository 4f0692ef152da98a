/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/tarscan.h"

#include "image/names.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Offsets and sizes of ustar's fields (pax(1)). */
#define AT_NAME 0
#define AT_SIZE 124
#define AT_CHECKSUM 148
#define AT_TYPE 156
#define AT_PREFIX 345
#define NAME_SIZE 100
#define SIZE_SIZE 12
#define CHECKSUM_SIZE 8
#define PREFIX_SIZE 155

#define COLLECT_MAX_BYTES ((uint64_t) 1 << 20)

void tar_scan_init(TarScan *scan, RuleListener listener, void *userdata)
{
        *scan = (TarScan){ .listener = listener, .userdata = userdata, .pax_size = -1 };
}

void tar_scan_done(TarScan *scan)
{
        buffer_done(&scan->records);
        free(scan->long_name);
        scan->long_name = NULL;
}

static void violate(TarScan *scan, unsigned rule, const char *entry, const char *text)
{
        scan->listener(&(RuleViolation){ .rule = rule, .entry = entry, .text = text }, scan->userdata);
}

/* Once: what follows a broken frame says nothing more. */
static void violate_frame(TarScan *scan, const char *text)
{
        if (!scan->complained)
                violate(scan, 10, "", text);
        scan->complained = true;
}

/* Octal, or GNU's base-256. */
static uint64_t parse_number(const uint8_t *field, size_t size)
{
        uint64_t value = 0;

        if (field[0] & 0x80) {
                value = field[0] & 0x3f;
                for (size_t i = 1; i < size; i++)
                        value = value << 8 | field[i];
                return value;
        }
        for (size_t i = 0; i < size; i++)
                if (field[i] >= '0' && field[i] <= '7')
                        value = value << 3 | (uint64_t) (field[i] - '0');
        return value;
}

static bool is_zero(const uint8_t *data, size_t size_bytes)
{
        for (size_t i = 0; i < size_bytes; i++)
                if (data[i])
                        return false;
        return true;
}

static bool checksum_fits(const uint8_t *header)
{
        unsigned sum = 0;

        for (size_t i = 0; i < TARSCAN_HEADER_BYTES; i++)
                sum += i >= AT_CHECKSUM && i < AT_CHECKSUM + CHECKSUM_SIZE ? ' ' : header[i];
        return sum == parse_number(header + AT_CHECKSUM, CHECKSUM_SIZE);
}

static bool is_ascii(const char *value, size_t size_bytes)
{
        for (size_t i = 0; i < size_bytes; i++)
                if ((unsigned char) value[i] >= 0x80)
                        return false;
        return true;
}

static void judge_record(TarScan *scan, const char *key, const char *value, size_t size_bytes)
{
        unsigned rule = 0;

        if ((strcmp(key, "path") == 0 || strcmp(key, "linkpath") == 0) && !is_ascii(value, size_bytes))
                rule = 9;
        else if (string_starts_with(key, "SCHILY.acl.") || string_starts_with(key, "SCHILY.xattr.system.posix_acl_"))
                rule = 6;
        else if (strcmp(key, "RHT.security.selinux") == 0 || strcmp(key, "SCHILY.xattr.security.selinux") == 0)
                rule = 7;
        else if (string_starts_with(key, "LIBARCHIVE.xattr."))
                rule = 5;
        else if (strcmp(key, "size") == 0)
                scan->pax_size = strtoll(value, NULL, 10);
        if (rule > 0)
                scan->pending |= 1u << rule;
}

/* "LENGTH KEY=VALUE\n" again and again; libarchive complains about malformed ones. */
static void judge_records(TarScan *scan)
{
        char *next = scan->records.data, *end = next + scan->records.length;

        while (next < end) {
                char *key;
                unsigned long length = strtoul(next, &key, 10);
                if (*key++ != ' ' || length > (size_t) (end - next) || key >= next + length)
                        return;
                char *equals = memchr(key, '=', (size_t) (next + length - key)), *last = next + length - 1;
                if (!equals || *last != '\n')
                        return;
                *equals = '\0';
                *last = '\0';
                judge_record(scan, key, equals + 1, (size_t) (last - equals - 1));
                next += length;
        }
}

static char *header_name(const uint8_t *header)
{
        const char *name = (const char *) header + AT_NAME, *prefix = (const char *) header + AT_PREFIX;
        char *text = NULL;
        bool has_prefix = memcmp(header + 257, "ustar\0", 6) == 0 && *prefix;

        int length = has_prefix ? asprintf(&text, "%.*s/%.*s", PREFIX_SIZE, prefix, NAME_SIZE, name)
                                : asprintf(&text, "%.*s", NAME_SIZE, name);
        return length < 0 ? NULL : text;
}

static int judge_entry(TarScan *scan)
{
        static const struct {
                unsigned rule;
                const char *text;
        } texts[] = {
                { 5, "has an extended attribute in libarchive's form, which hosts don't read" },
                { 6, "has an ACL" },
                { 7, "has an SELinux label" },
                { 9, "has a name outside ASCII in a pax record" },
        };
        char text[NAME_TEXT_MAX];
        _cleanup_free_ char *name = scan->long_name ? TAKE_PTR(scan->long_name) : header_name(scan->header);

        if (!name)
                return -ENOMEM;
        for (size_t i = 0; i < ELEMENTS(texts); i++)
                if (scan->pending & 1u << texts[i].rule)
                        violate(scan, texts[i].rule, name_text(name, text), texts[i].text);
        scan->pending = 0;
        return 0;
}

static uint64_t padded(uint64_t size_bytes)
{
        return (size_bytes + TARSCAN_HEADER_BYTES - 1) / TARSCAN_HEADER_BYTES * TARSCAN_HEADER_BYTES;
}

/* A block of zeros, or one behind the end. */
static void take_trailer(TarScan *scan)
{
        if (!is_zero(scan->header, TARSCAN_HEADER_BYTES))
                violate_frame(scan, "Something follows the end of the archive");
        if (++scan->n_zero_blocks == 2)
                scan->ended = true;
}

static int take_header(TarScan *scan)
{
        const uint8_t *header = scan->header;
        char type = (char) header[AT_TYPE];
        uint64_t size_bytes = parse_number(header + AT_SIZE, SIZE_SIZE);

        if (scan->ended || is_zero(header, TARSCAN_HEADER_BYTES)) {
                take_trailer(scan);
                return 0;
        }
        if (scan->n_zero_blocks > 0)
                violate_frame(scan, "There is a single zero block amid the archive");
        if (!checksum_fits(header))
                violate_frame(scan, "The archive has a damaged header");
        if (scan->complained)
                return 0;
        if (strchr("xgLK", type) && size_bytes <= COLLECT_MAX_BYTES) {
                scan->collecting = type;
                scan->collect_bytes = size_bytes;
                scan->skip_bytes = padded(size_bytes) - size_bytes;
                return buffer_append(&scan->records, "", 0);
        }
        if (scan->pax_size >= 0)
                size_bytes = (uint64_t) scan->pax_size;
        scan->pax_size = -1;
        scan->skip_bytes = strchr("123456", type) && type ? 0 : padded(size_bytes);
        return judge_entry(scan);
}

static int take_collected(TarScan *scan)
{
        if (scan->collecting == 'L') {
                free(scan->long_name);
                scan->long_name = strndup(scan->records.data, scan->records.length);
                if (!scan->long_name)
                        return -ENOMEM;
        } else if (scan->collecting != 'K') {
                judge_records(scan);
        }
        scan->records.length = 0;
        scan->collecting = 0;
        return 0;
}

/* Takes as much as belongs to what is read now, and sets *size_bytes to it. */
static int take(TarScan *scan, const uint8_t *data, size_t *size_bytes)
{
        size_t wanted;
        int r;

        if (scan->collecting) {
                wanted = scan->collect_bytes < *size_bytes ? (size_t) scan->collect_bytes : *size_bytes;
                r = buffer_append(&scan->records, data, wanted);
                scan->collect_bytes -= wanted;
                *size_bytes = wanted;
                return r < 0 || scan->collect_bytes > 0 ? r : take_collected(scan);
        }
        if (scan->skip_bytes > 0) {
                wanted = scan->skip_bytes < *size_bytes ? (size_t) scan->skip_bytes : *size_bytes;
                scan->skip_bytes -= wanted;
                *size_bytes = wanted;
                return 0;
        }
        wanted = sizeof scan->header - scan->n_header;
        if (wanted > *size_bytes)
                wanted = *size_bytes;
        memcpy(scan->header + scan->n_header, data, wanted);
        scan->n_header += wanted;
        *size_bytes = wanted;
        if (scan->n_header < sizeof scan->header)
                return 0;
        scan->n_header = 0;
        return take_header(scan);
}

int tar_scan_feed(TarScan *scan, const void *data, size_t size_bytes)
{
        const uint8_t *next = data;

        scan->total_bytes += size_bytes;
        while (size_bytes > 0) {
                size_t taken = size_bytes;
                int r = take(scan, next, &taken);
                if (r < 0)
                        return r;
                next += taken;
                size_bytes -= taken;
        }
        return 0;
}

void tar_scan_end(TarScan *scan)
{
        if (!scan->ended)
                violate_frame(scan, "The archive is not closed by two zero blocks");
        else if (scan->total_bytes % TARSCAN_HEADER_BYTES)
                violate_frame(scan, "The archive is not padded to whole blocks");
}
