/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/index.h"

#include "base/hash.h"
#include "image/stream.h"
#include "packages/status.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define UNIT_LIMIT_BYTES ((size_t) 64 << 10)
#define LISTENS_MAX_BYTES ((size_t) 8 << 10)

/* A record: this, then path, target and listens, each with its NUL. */
typedef struct Fixed {
        uint64_t size_bytes, xattrs;
        uint32_t record_bytes, mode, uid, gid;
        bool hard_link;
        uint8_t capability_size;
        uint8_t capability[CAPABILITY_BYTES];
        char sha256[SHA256_HEX_SIZE];
} Fixed;

static const char *path_of(const void *record)
{
        return (const char *) record + sizeof(Fixed);
}

/* What ends, or goes down, comes first. */
static int rank(char byte)
{
        return byte == '\0' ? 0 : byte == '/' ? 1 : 2 + (unsigned char) byte;
}

int index_compare_paths(const char *a, const char *b)
{
        while (*a && *a == *b) {
                a++;
                b++;
        }
        return rank(*a) - rank(*b);
}

static int compare_records(const void *a, const void *b)
{
        return index_compare_paths(path_of(a), path_of(b));
}

/* ------------------------------------------------------------------------------------------------ making */

typedef struct Making {
        Index *index;
        ImageStream *stream;
        const ImageEntry *entry;
        Fixed fixed;
        Buffer content, listens, record;
} Making;

static int add_zeros(Digest *digest, uint64_t size_bytes)
{
        static const uint8_t zeros[1 << 12];
        int r = 0;

        for (; r == 0 && size_bytes > 0; size_bytes -= size_bytes < sizeof zeros ? size_bytes : sizeof zeros)
                r = digest_add(digest, zeros, size_bytes < sizeof zeros ? (size_t) size_bytes : sizeof zeros);
        return r;
}

static int digest_content(Making *making, Error *error)
{
        _cleanup_digest_ Digest *digest = NULL;
        uint64_t done = 0, offset;
        const void *data;
        size_t size_bytes;
        int r, failed = digest_new(&digest);

        while ((r = image_stream_content(making->stream, &data, &size_bytes, &offset, error)) > 0) {
                if (failed == 0 && offset > done)
                        failed = add_zeros(digest, offset - done);
                if (failed == 0)
                        failed = digest_add(digest, data, size_bytes);
                done = offset + size_bytes;
        }
        if (r < 0)
                return r;
        if (failed == 0 && making->fixed.size_bytes > done)
                failed = add_zeros(digest, making->fixed.size_bytes - done);
        if (failed == 0)
                failed = digest_finish(digest, making->fixed.sha256);
        return failed < 0 ? error_out_of_memory(error) : 0;
}

/* "/etc/systemd/system/ssh.socket", "/usr/lib/systemd/system/ssh.socket.d/x.conf" */
static bool is_socket_unit(const char *path)
{
        static const char *const folders[] = { "etc/systemd/system/", "usr/lib/systemd/system/",
                                               "lib/systemd/system/" };

        for (size_t i = 0; i < ELEMENTS(folders); i++) {
                if (!string_starts_with(path, folders[i]))
                        continue;
                const char *name = path + strlen(folders[i]), *slash = strchr(name, '/');
                if (!slash)
                        return string_ends_with(name, ".socket");
                return slash - name > 9 && memcmp(slash - 9, ".socket.d", 9) == 0 && string_ends_with(slash, ".conf");
        }
        return false;
}

/* Collects "ListenStream=22", one after the other, parted by spaces. */
static int parse_unit(Making *making)
{
        char *next = making->content.data, *line;
        int r = 0;

        while (r == 0 && (line = strsep(&next, "\n"))) {
                line += strspn(line, " \t");
                char *value = strchr(line, '=');
                if (!string_starts_with(line, "Listen") || !value)
                        continue;
                size_t name_length = strcspn(line, "= \t");
                value += 1 + strspn(value + 1, " \t");
                value[strcspn(value, " \t\r")] = '\0';
                if (*value && making->listens.length + strlen(value) < LISTENS_MAX_BYTES)
                        r = buffer_printf(&making->listens, "%s%.*s=%s", making->listens.length > 0 ? " " : "",
                                          (int) name_length, line, value);
        }
        return r;
}

/* Into making->content, with the digest of it. */
static int collect_content(Making *making, size_t limit_bytes, Error *error)
{
        Buffer *content = &making->content;

        content->length = 0;
        int r = image_stream_collect(making->stream, limit_bytes, content, error);
        if (r == 0 && (buffer_append(content, "", 0) < 0 ||
                       digest_buffer(content->data, content->length, making->fixed.sha256) < 0))
                return error_out_of_memory(error);
        return r;
}

static int read_content(Making *making, Error *error)
{
        const ImageEntry *entry = making->entry;
        int r;

        if (entry->size_bytes <= UNIT_LIMIT_BYTES && is_socket_unit(entry->path)) {
                r = collect_content(making, UNIT_LIMIT_BYTES, error);
                if (r == 0 && parse_unit(making) < 0)
                        return error_out_of_memory(error);
                return r;
        }
        if (strcmp(entry->path, &STATUS_PATH[1]) == 0 &&
            entry->size_bytes <= STATUS_LIMIT_BYTES) {
                r = collect_content(making, STATUS_LIMIT_BYTES, error);
                if (r == 0) {
                        buffer_done(&making->index->status);
                        making->index->status = TAKE_BUFFER(making->content);
                }
                return r;
        }
        return digest_content(making, error);
}

/* The order in which an archive has them doesn't count. */
static void read_xattrs(Making *making)
{
        Fixed *fixed = &making->fixed;
        const char *name;
        const void *value;
        size_t size_bytes;

        archive_entry_xattr_reset(making->entry->entry);
        while (archive_entry_xattr_next(making->entry->entry, &name, &value, &size_bytes) == ARCHIVE_OK) {
                if (strcmp(name, "security.capability") == 0 && size_bytes > 0 && size_bytes <= CAPABILITY_BYTES) {
                        memcpy(fixed->capability, value, size_bytes);
                        fixed->capability_size = (uint8_t) size_bytes;
                } else {
                        fixed->xattrs += hash_bytes(value, size_bytes, hash_bytes(name, strlen(name), 0)) | 1;
                }
        }
}

/* The path that a hard link means, where it is one of the tree. */
static const char *link_target(const ImageEntry *entry)
{
        size_t length;
        const char *target = entry->hard_link ? image_plain_path(entry->hard_link, &length) : NULL;

        if (target)
                return target;
        target = entry->hard_link ? entry->hard_link : archive_entry_symlink(entry->entry);
        return target ? target : "";
}

static int add_record(Making *making, Error *error)
{
        Buffer *record = &making->record;
        const char *const strings[] = { making->entry->path, link_target(making->entry), making->listens.data ?: "" };

        record->length = 0;
        if (buffer_append(record, &making->fixed, sizeof making->fixed) < 0)
                return error_out_of_memory(error);
        for (size_t i = 0; i < ELEMENTS(strings); i++)
                if (buffer_append(record, strings[i], strlen(strings[i]) + 1) < 0)
                        return error_out_of_memory(error);
        ((Fixed *) (void *) record->data)->record_bytes = (uint32_t) record->length;
        return runs_add(making->index->runs, record->data, record->length, error);
}

static int add_entry(Making *making, Error *error)
{
        const ImageEntry *entry = making->entry;

        if (!entry->path)
                return 0;
        making->fixed = (Fixed){
                .size_bytes = entry->size_bytes,
                .mode = entry->mode,
                .uid = (uint32_t) archive_entry_uid(entry->entry),
                .gid = (uint32_t) archive_entry_gid(entry->entry),
                .hard_link = entry->hard_link,
        };
        making->listens.length = 0;
        if (making->listens.data)
                *making->listens.data = '\0';
        read_xattrs(making);
        making->index->n_entries++;
        making->index->content_bytes += entry->size_bytes;
        int r = S_ISREG(entry->mode) && !entry->hard_link ? read_content(making, error) : 0;
        return r < 0 ? r : add_record(making, error);
}

static int make(int fd, Index *index, Error *error)
{
        _cleanup_image_stream_ ImageStream *stream = NULL;
        Making making = { .index = index };
        ImageEntry entry;
        int r = image_stream_open(fd, NULL, NULL, &stream, error);

        making.stream = stream;
        making.entry = &entry;
        while (r >= 0 && (r = image_stream_next(stream, &entry, error)) > 0)
                r = add_entry(&making, error);
        buffer_done(&making.content);
        buffer_done(&making.listens);
        buffer_done(&making.record);
        return r < 0 ? r : runs_end(index->runs, error);
}

int index_image(int fd, Index *ret, Error *error)
{
        _cleanup_index_ Index index = { .runs = runs_new(INDEX_MEMORY_BYTES, compare_records) };

        if (!index.runs)
                return error_out_of_memory(error);
        int r = make(fd, &index, error);
        if (r < 0)
                return r;
        *ret = index;
        index = (Index){ 0 };
        return 0;
}

void index_done(Index *index)
{
        runs_free(index->runs);
        buffer_done(&index->status);
        *index = (Index){ 0 };
}

/* ------------------------------------------------------------------------------------------------ reading */

int index_read(const Index *index, IndexReader *ret, Error *error)
{
        *ret = (IndexReader){ 0 };
        return runs_read(index->runs, &ret->reader, error);
}

void index_reader_done(IndexReader *reader)
{
        runs_reader_free(reader->reader);
        free(reader->copies[0]);
        free(reader->copies[1]);
        *reader = (IndexReader){ 0 };
}

/* The next record into the copy that is not current. */
static int read_ahead(IndexReader *reader, Error *error)
{
        unsigned other = !reader->current;
        const void *record;
        int r = runs_next(reader->reader, &record, error);

        reader->has_next = r > 0;
        if (r <= 0)
                return r;
        size_t size_bytes = ((const Fixed *) record)->record_bytes;
        if (size_bytes > reader->allocated[other]) {
                void *grown = malloc(size_bytes);
                if (!grown)
                        return error_out_of_memory(error);
                free(reader->copies[other]);
                reader->copies[other] = grown;
                reader->allocated[other] = size_bytes;
        }
        memcpy(reader->copies[other], record, size_bytes);
        return 0;
}

static void fill_entry(const void *record, IndexEntry *ret)
{
        const Fixed *fixed = record;
        const char *path = path_of(record), *target = path + strlen(path) + 1;

        *ret = (IndexEntry){
                .size_bytes = fixed->size_bytes,
                .xattrs = fixed->xattrs,
                .mode = fixed->mode,
                .uid = fixed->uid,
                .gid = fixed->gid,
                .hard_link = fixed->hard_link,
                .capability_size = fixed->capability_size,
                .path = path,
                .target = target,
                .listens = target + strlen(target) + 1,
        };
        memcpy(ret->capability, fixed->capability, sizeof ret->capability);
        memcpy(ret->sha256, fixed->sha256, sizeof ret->sha256);
}

int index_next(IndexReader *reader, const IndexEntry **ret, Error *error)
{
        int r = reader->started ? 0 : read_ahead(reader, error);

        reader->started = true;
        for (;;) {
                if (r < 0)
                        return r;
                if (!reader->has_next)
                        return 0;
                reader->current = !reader->current;
                r = read_ahead(reader, error);
                if (r < 0)
                        return r;
                /* of a path that comes twice the last one counts */
                if (!reader->has_next ||
                    compare_records(reader->copies[reader->current], reader->copies[!reader->current]) != 0)
                        break;
        }
        fill_entry(reader->copies[reader->current], &reader->entry);
        *ret = &reader->entry;
        return 1;
}
