/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bootstrap/deb.h"

#include "base/strings.h"

#include <ar.h>
#include <ctype.h>
#include <errno.h>
#include <lzma.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define BUFFER_BYTES ((size_t) 1 << 17)
#define MEMBERS_MAX 64
#define VERSION_BYTES 64
#define USUAL_WINDOW_BYTES ((uint64_t) 8 << 20) /* of xz -6 and zstd -19 */

/* ------------------------------------------------------------------------------------------------ ar */

static int read_at(int fd, off_t offset, void *data, size_t size)
{
        size_t done = 0;

        while (done < size) {
                ssize_t n = pread(fd, (char *) data + done, size - done, offset + (off_t) done);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                if (n == 0)
                        return -ENODATA;
                done += (size_t) n;
        }
        return 0;
}

static int read_error(int r, Error *error)
{
        return r == -ENODATA ? error_set(error, -EBADMSG, "it is cut off") : error_set_errno(error, -r, "can't read it");
}

/* Digits, then blanks to the end of the field. */
static int parse_size(const char *field, size_t length, uint64_t *ret)
{
        uint64_t value = 0;
        size_t i = 0;

        for (; i < length && isdigit((unsigned char) field[i]); i++)
                value = value * 10 + (uint64_t) (field[i] - '0');
        if (i == 0)
                return -EBADMSG;
        for (; i < length; i++)
                if (field[i] != ' ')
                        return -EBADMSG;
        *ret = value;
        return 0;
}

static int read_member(int fd, off_t at, uint64_t end, DebMember *ret, Error *error)
{
        struct ar_hdr header;
        int r = read_at(fd, at, &header, sizeof header);

        if (r < 0)
                return read_error(r, error);
        if (memcmp(header.ar_fmag, ARFMAG, sizeof header.ar_fmag) != 0 ||
            parse_size(header.ar_size, sizeof header.ar_size, &ret->size_bytes) < 0)
                return error_set(error, -EBADMSG, "it is damaged: a member of the archive has no proper header");
        memcpy(ret->name, header.ar_name, sizeof header.ar_name);
        size_t length = sizeof header.ar_name;
        while (length > 0 && ret->name[length - 1] == ' ')
                length--;
        /* as GNU ar writes it */
        if (length > 0 && ret->name[length - 1] == '/')
                length--;
        ret->name[length] = '\0';
        ret->offset = at + (off_t) sizeof header;
        if ((uint64_t) ret->offset > end || ret->size_bytes > end - (uint64_t) ret->offset)
                return error_set(error, -EBADMSG, "it is cut off");
        return 0;
}

static int check_version(int fd, const DebMember *member, Error *error)
{
        char text[VERSION_BYTES + 1] = { 0 };
        size_t size = member->size_bytes < VERSION_BYTES ? (size_t) member->size_bytes : VERSION_BYTES;
        int r;

        if (strcmp(member->name, "debian-binary") != 0)
                return error_set(error, -EBADMSG, "it is no Debian package (its first member is not debian-binary)");
        r = read_at(fd, member->offset, text, size);
        if (r < 0)
                return read_error(r, error);
        if (!string_starts_with(text, "2."))
                return error_set(error, -EBADMSG, "it has a format that is not known: only 2.0 is");
        return 0;
}

/* Members whose names start with "_" are for others. */
static int find_members(int fd, uint64_t end, DebLayout *ret, Error *error)
{
        off_t at = SARMAG;
        int found = 0;

        for (int i = 0; i < MEMBERS_MAX && (uint64_t) at < end; i++) {
                DebMember member = { 0 };
                int r = read_member(fd, at, end, &member, error);
                if (r == 0 && i == 0)
                        r = check_version(fd, &member, error);
                if (r < 0)
                        return r;
                at = member.offset + (off_t) (member.size_bytes + (member.size_bytes & 1));
                if (i == 0 || member.name[0] == '_')
                        continue;
                const char *expected = found == 0 ? "control.tar" : "data.tar";
                if (!string_starts_with(member.name, expected))
                        return error_set(error, -EBADMSG, "it is damaged: %s stands where %s should", member.name,
                                         expected);
                *(found == 0 ? &ret->control : &ret->data) = member;
                if (++found == 2)
                        return 0;
        }
        return error_set(error, -EBADMSG, "it is cut off: it has no %s", found == 0 ? "control.tar" : "data.tar");
}

int deb_layout(int fd, DebLayout *ret, Error *error)
{
        char magic[SARMAG];
        struct stat status;
        DebLayout layout = { 0 };

        if (fstat(fd, &status) < 0)
                return error_set_errno(error, errno, "can't read it");
        int r = read_at(fd, 0, magic, sizeof magic);
        if (r < 0)
                return read_error(r, error);
        if (memcmp(magic, ARMAG, SARMAG) != 0)
                return error_set(error, -EBADMSG, "it is no Debian package");
        r = find_members(fd, (uint64_t) status.st_size, &layout, error);
        if (r == 0)
                *ret = layout;
        return r;
}

/* ------------------------------------------------------------------------------------------------ tar */

/* What the header of the first block says; 0 when it can't be read. */
static uint64_t xz_window(const uint8_t *data, size_t size)
{
        lzma_filter filters[LZMA_FILTERS_MAX + 1];
        lzma_block block = { .check = LZMA_CHECK_NONE, .filters = filters };
        uint64_t window_bytes = 0;

        if (size <= LZMA_STREAM_HEADER_SIZE || data[LZMA_STREAM_HEADER_SIZE] == 0)
                return 0;
        block.header_size = lzma_block_header_size_decode(data[LZMA_STREAM_HEADER_SIZE]);
        if (block.header_size > size - LZMA_STREAM_HEADER_SIZE ||
            lzma_block_header_decode(&block, NULL, data + LZMA_STREAM_HEADER_SIZE) != LZMA_OK)
                return 0;
        for (size_t i = 0; filters[i].id != LZMA_VLI_UNKNOWN; i++) {
                if (filters[i].id == LZMA_FILTER_LZMA2)
                        window_bytes = ((const lzma_options_lzma *) filters[i].options)->dict_size;
                free(filters[i].options);
        }
        return window_bytes;
}

uint64_t deb_member_memory(int fd, const DebMember *member)
{
        uint8_t data[LZMA_STREAM_HEADER_SIZE + LZMA_BLOCK_HEADER_SIZE_MAX] = { 0 };
        size_t size = member->size_bytes < sizeof data ? (size_t) member->size_bytes : sizeof data;

        if (!string_ends_with(member->name, ".xz") || read_at(fd, member->offset, data, size) < 0)
                return USUAL_WINDOW_BYTES;
        uint64_t window_bytes = xz_window(data, size);
        return window_bytes > 0 ? window_bytes : USUAL_WINDOW_BYTES;
}

static la_ssize_t on_read(struct archive *archive, void *userdata, const void **ret_data)
{
        DebReader *reader = userdata;
        size_t size = reader->left_bytes < BUFFER_BYTES ? (size_t) reader->left_bytes : BUFFER_BYTES;
        ssize_t n = 0;

        while (size > 0 && (n = pread(reader->fd, reader->buffer, size, reader->offset)) < 0 && errno == EINTR)
                ;
        if (n < 0) {
                reader->read_errno = errno;
                archive_set_error(archive, errno, "%s", strerror(errno));
                return ARCHIVE_FATAL;
        }
        reader->offset += n;
        reader->left_bytes -= (uint64_t) n;
        *ret_data = reader->buffer;
        return n;
}

static int add_filter(struct archive *archive, const char *suffix)
{
        static const struct {
                const char *suffix;
                int (*add)(struct archive *archive);
        } filters[] = {
                { "", archive_read_support_filter_none },       { ".gz", archive_read_support_filter_gzip },
                { ".xz", archive_read_support_filter_xz },      { ".zst", archive_read_support_filter_zstd },
                { ".bz2", archive_read_support_filter_bzip2 },  { ".lzma", archive_read_support_filter_lzma },
        };

        for (size_t i = 0; i < ELEMENTS(filters); i++)
                if (strcmp(suffix, filters[i].suffix) == 0)
                        return filters[i].add(archive);
        return ARCHIVE_FATAL;
}

int deb_reader_error(const DebReader *reader, Error *error)
{
        const char *text = archive_error_string(reader->archive);

        if (reader->read_errno > 0)
                return error_set_errno(error, reader->read_errno, "can't read it");
        return error_set(error, -EBADMSG, "it is damaged: %s", text ? text : "unknown reason");
}

int deb_reader_open(DebReader *reader, int fd, const DebMember *member, Error *error)
{
        *reader = (DebReader){ .fd = fd, .offset = member->offset, .left_bytes = member->size_bytes };
        reader->buffer = malloc(BUFFER_BYTES);
        reader->archive = archive_read_new();
        if (!reader->buffer || !reader->archive) {
                deb_reader_close(reader);
                return error_out_of_memory(error);
        }
        const char *suffix = strstr(member->name, ".tar") + strlen(".tar");
        int r = 0;
        if (add_filter(reader->archive, suffix) != ARCHIVE_OK)
                r = error_set(error, -EBADMSG, "%s is compressed in a way that is not known", member->name);
        else if (archive_read_support_format_tar(reader->archive) != ARCHIVE_OK ||
                 archive_read_open(reader->archive, reader, NULL, on_read, NULL) != ARCHIVE_OK)
                r = deb_reader_error(reader, error);
        if (r < 0)
                deb_reader_close(reader);
        return r;
}

void deb_reader_close(DebReader *reader)
{
        if (reader->archive)
                archive_read_free(reader->archive);
        free(reader->buffer);
        *reader = (DebReader){ .fd = -1 };
}

int deb_reader_next(DebReader *reader, struct archive_entry **ret, Error *error)
{
        int r = archive_read_next_header(reader->archive, ret);

        if (r == ARCHIVE_EOF)
                return 0;
        /* a warning is about names that the locale can't show, which are none of ours */
        if (r != ARCHIVE_OK && r != ARCHIVE_WARN)
                return deb_reader_error(reader, error);
        return 1;
}

int deb_member_name(const char *name, const char **ret, size_t *ret_length, Error *error)
{
        const char *component, *next;

        if (!name)
                return error_set(error, -EBADMSG, "it has a file without a name that can be read");
        if (*name == '/')
                return error_set(error, -EBADMSG, "it has a file with an absolute name: %s", name);
        if (strchr(name, '\n'))
                return error_set(error, -EBADMSG, "it has a file with a line break in its name");
        while (string_starts_with(name, "./"))
                name += 2 + strspn(name + 2, "/");
        if (strcmp(name, ".") == 0)
                name++;
        size_t length = strlen(name);
        while (length > 0 && name[length - 1] == '/')
                length--;
        for (component = name; component < name + length; component = next) {
                size_t n = strcspn(component, "/");
                next = component + n + 1;
                if (n == 0 || (n == 1 && *component == '.') || (n == 2 && strncmp(component, "..", 2) == 0))
                        return error_set(error, -EBADMSG, "it has a file with a name that leads elsewhere: %s", name);
        }
        *ret = name;
        *ret_length = length;
        return 0;
}
