/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/tar.h"

#include "image/names.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

/* Eleven octal digits. */
#define OCTAL_MAX INT64_C(077777777777)
/* libarchive refuses more than 1 MiB of pax records for one entry. */
#define PAX_MAX_BYTES ((1u << 20) - 4096)

typedef struct TarHeader {
        char name[100];
        char mode[8];
        char uid[8];
        char gid[8];
        char size[12];
        char mtime[12];
        char checksum[8];
        char type;
        char link_name[100];
        char magic[6];
        char version[2];
        char user_name[32];
        char group_name[32];
        char device_major[8];
        char device_minor[8];
        char prefix[155];
        char unused[12];
} TarHeader;

_Static_assert(sizeof(TarHeader) == TAR_BLOCK_BYTES, "a tar header is one block");

size_t tar_padding(uint64_t size_bytes)
{
        return (size_t) (-size_bytes & (TAR_BLOCK_BYTES - 1));
}

size_t tar_trailer(uint64_t archive_bytes)
{
        uint64_t end = archive_bytes + 2 * TAR_BLOCK_BYTES;

        return (size_t) ((end + TAR_RECORD_BYTES - 1) / TAR_RECORD_BYTES * TAR_RECORD_BYTES - archive_bytes);
}

/* Octal with leading zeros and a NUL at the end: `size_bytes` - 1 digits. */
static void put_octal(char *field, size_t size_bytes, uint64_t value)
{
        field[size_bytes - 1] = '\0';
        for (size_t i = size_bytes - 1; i-- > 0; value >>= 3)
                field[i] = (char) ('0' + (value & 7));
}

static TarHeader make_header(char type, mode_t mode, uid_t uid, gid_t gid, uint64_t size_bytes, uint64_t mtime_sec)
{
        TarHeader header = { .type = type };

        put_octal(header.mode, sizeof header.mode, mode & 07777);
        put_octal(header.uid, sizeof header.uid, uid);
        put_octal(header.gid, sizeof header.gid, gid);
        put_octal(header.size, sizeof header.size, size_bytes);
        put_octal(header.mtime, sizeof header.mtime, mtime_sec);
        put_octal(header.device_major, sizeof header.device_major, 0);
        put_octal(header.device_minor, sizeof header.device_minor, 0);
        memcpy(header.magic, "ustar", 6);
        memcpy(header.version, "00", 2);
        return header;
}

static int append_header(TarHeader *header, Buffer *buffer)
{
        const unsigned char *bytes = (const unsigned char *) header;
        unsigned sum = 0;

        memset(header->checksum, ' ', sizeof header->checksum);
        for (size_t i = 0; i < sizeof *header; i++)
                sum += bytes[i];
        put_octal(header->checksum, 7, sum); /* six digits, a NUL, and the space stays */
        return buffer_append(buffer, header, sizeof *header);
}

static int append_padded(Buffer *buffer, const void *data, size_t size_bytes)
{
        static const char zeros[TAR_BLOCK_BYTES];

        int r = buffer_append(buffer, data, size_bytes);
        return r < 0 ? r : buffer_append(buffer, zeros, tar_padding(size_bytes));
}

/* Into the name field, or split at a slash into prefix and name. When neither fits, the start of the name is put there
 * for people who look at the raw header, and false is returned. */
static bool put_name(TarHeader *header, const char *name)
{
        size_t length = strlen(name);

        if (length <= sizeof header->name) {
                memcpy(header->name, name, length);
                return true;
        }
        /* the slash at the end of a directory's name can't be the one: the name field must not be empty */
        const char *slash = strchr(name + length - sizeof header->name - 1, '/');
        if (slash && slash[1] && (size_t) (slash - name) <= sizeof header->prefix) {
                memcpy(header->prefix, name, (size_t) (slash - name));
                memcpy(header->name, slash + 1, strlen(slash + 1));
                return true;
        }
        memcpy(header->name, name, sizeof header->name);
        return false;
}

static bool put_link_name(TarHeader *header, const char *target)
{
        size_t length = strlen(target);
        bool fits = length <= sizeof header->link_name;

        memcpy(header->link_name, target, fits ? length : sizeof header->link_name);
        return fits;
}

/* "LENGTH KEY=VALUE\n", where LENGTH counts itself. */
static int append_record(Buffer *records, const char *prefix, const char *key, const void *value, size_t size_bytes)
{
        size_t rest = strlen(prefix) + strlen(key) + size_bytes + strlen(" =\n"), digits = 1;
        size_t limit = 10;

        while (rest + digits >= limit) {
                digits++;
                limit *= 10;
        }
        int r = buffer_printf(records, "%zu %s%s=", rest + digits, prefix, key);
        if (r == 0)
                r = buffer_append(records, value, size_bytes);
        return r < 0 ? r : buffer_append(records, "\n", 1);
}

static int append_number_record(Buffer *records, const char *key, int64_t value)
{
        char text[32];

        int length = snprintf(text, sizeof text, "%" PRId64, value);
        return append_record(records, "", key, text, (size_t) length);
}

/* GNU's way for a name of any bytes and length; the NUL belongs to it. */
static int append_gnu_name(Buffer *buffer, char type, const char *name)
{
        size_t size_bytes = strlen(name) + 1;
        TarHeader header = make_header(type, 0, 0, 0, size_bytes, 0);

        strcpy(header.name, "././@LongLink");
        int r = append_header(&header, buffer);
        return r < 0 ? r : append_padded(buffer, name, size_bytes);
}

/* Where there is no room in the header: a record if it may be one, otherwise GNU's entry. */
static int append_long_name(Buffer *buffer, Buffer *records, char gnu_type, const char *key, const char *name)
{
        if (name_is_ascii(name))
                return append_record(records, "", key, name, strlen(name));
        return append_gnu_name(buffer, gnu_type, name);
}

static int append_xattrs(const TarEntry *entry, Buffer *records, Error *error)
{
        char text[NAME_TEXT_MAX], attribute[NAME_TEXT_MAX];

        for (size_t i = 0; i < entry->n_xattrs; i++) {
                const TarXattr *xattr = &entry->xattrs[i];
                /* "=" would end the key, and GNU tar alone decodes %3D and %25 */
                if (strpbrk(xattr->name, "=%")) {
                        error_set(error, -EINVAL,
                                  "Can't pack %s: the name of its extended attribute %s contains \"=\" or \"%%\"",
                                  name_text(entry->path, text), name_text(xattr->name, attribute));
                        return error_hint(error, "Remove it with setfattr -x in a [Script]");
                }
                if (append_record(records, "SCHILY.xattr.", xattr->name, xattr->value, xattr->size_bytes) < 0)
                        return error_out_of_memory(error);
        }
        if (records->length > PAX_MAX_BYTES)
                return error_set(error, -E2BIG, "Can't pack %s: its extended attributes take %zu bytes, %u fit",
                                 name_text(entry->path, text), records->length, PAX_MAX_BYTES);
        return 0;
}

static int append_records(Buffer *buffer, const TarEntry *entry, const Buffer *records)
{
        static const char directory[] = "./PaxHeaders/";
        const char *slash = strrchr(entry->path, '/'), *name = slash ? slash + 1 : entry->path;
        size_t room = sizeof(((TarHeader *) 0)->name) - strlen(directory), length = strlen(name);

        if (records->length == 0)
                return 0;
        TarHeader header = make_header('x', 0644, 0, 0, records->length, 0);
        memcpy(header.name, directory, strlen(directory));
        memcpy(header.name + strlen(directory), name, length < room ? length : room);
        int r = append_header(&header, buffer);
        return r < 0 ? r : append_padded(buffer, records->data, records->length);
}

static char entry_type(const TarEntry *entry)
{
        if (entry->hard_link)
                return '1';
        switch (entry->mode & S_IFMT) {
        case S_IFLNK:
                return '2';
        case S_IFDIR:
                return '5';
        case S_IFIFO:
                return '6';
        default:
                return '0';
        }
}

/* A directory's name ends with a slash. */
static char *entry_name(const TarEntry *entry)
{
        char *name = NULL;

        return asprintf(&name, "%s%s", entry->path, S_ISDIR(entry->mode) ? "/" : "") < 0 ? NULL : name;
}

int tar_encode(const TarEntry *entry, Buffer *buffer, Error *error)
{
        _cleanup_buffer_ Buffer records = BUFFER_INIT;
        _cleanup_free_ char *name = entry_name(entry);
        char type = entry_type(entry);
        uint64_t size_bytes = type == '0' ? entry->size_bytes : 0;
        bool size_fits = size_bytes <= (uint64_t) OCTAL_MAX;
        bool mtime_fits = entry->mtime_sec >= 0 && entry->mtime_sec <= OCTAL_MAX;
        TarHeader header = make_header(type, entry->mode, entry->uid, entry->gid, size_fits ? size_bytes : 0,
                                       mtime_fits ? (uint64_t) entry->mtime_sec : 0);
        int r = 0;

        if (!name)
                return error_out_of_memory(error);
        if (entry->link_target && !put_link_name(&header, entry->link_target))
                r = append_long_name(buffer, &records, 'K', "linkpath", entry->link_target);
        if (r == 0 && !put_name(&header, name))
                r = append_long_name(buffer, &records, 'L', "path", name);
        if (r == 0 && !size_fits)
                r = append_number_record(&records, "size", (int64_t) size_bytes);
        if (r == 0 && !mtime_fits)
                r = append_number_record(&records, "mtime", entry->mtime_sec);
        if (r < 0)
                return error_out_of_memory(error);
        r = append_xattrs(entry, &records, error);
        if (r < 0)
                return r;
        if (append_records(buffer, entry, &records) < 0 || append_header(&header, buffer) < 0)
                return error_out_of_memory(error);
        return 0;
}
