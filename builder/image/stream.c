/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/stream.h"

#include "base/cancel.h"
#include "base/strings.h"
#include "image/decompress.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define CHUNK_BYTES ((size_t) 1 << 18)

struct ImageStream {
        ImageSource source;
        Decompressor *decompressor; /* of a file, where the source is the stream itself */
        uint8_t *chunk;
        struct archive *archive;
        bool scanning;
        TarScan scan;
        Error read_error; /* of the source, behind libarchive's back */
        Buffer path;
};

static la_ssize_t read_chunk(struct archive *archive, void *userdata, const void **ret_data)
{
        ImageStream *stream = userdata;
        const void *data = NULL;
        size_t n = 0;
        int r = stream->source.read(stream->source.userdata, &data, &n, &stream->read_error);

        if (r == 0 && stream->scanning && tar_scan_feed(&stream->scan, data, n) < 0)
                r = error_out_of_memory(&stream->read_error);
        if (r == 0 && cancel_signal())
                r = error_cancelled(&stream->read_error);
        if (r < 0) {
                archive_set_error(archive, -r, "can't read");
                return ARCHIVE_FATAL;
        }
        *ret_data = data;
        return (la_ssize_t) n;
}

static int archive_failed(ImageStream *stream, Error *error)
{
        const char *text = archive_error_string(stream->archive);

        if (stream->read_error.code < 0)
                return error_move(error, &stream->read_error);
        return error_set(error, -EBADMSG, "It is no archive that libarchive can read: %s", text ? text : "unknown");
}

static int read_file_source(void *userdata, const void **ret_data, size_t *ret_size_bytes, Error *error)
{
        const ImageStream *stream = userdata;

        *ret_data = stream->chunk;
        return decompressor_read(stream->decompressor, stream->chunk, CHUNK_BYTES, ret_size_bytes, error);
}

static int open_archive(ImageStream *stream, RuleListener listener, void *userdata, Error *error)
{
        stream->archive = archive_read_new();
        if (!stream->archive || archive_read_support_format_tar(stream->archive) != ARCHIVE_OK)
                return error_out_of_memory(error);
        stream->scanning = listener != NULL;
        tar_scan_init(&stream->scan, listener, userdata);
        if (archive_read_open(stream->archive, stream, NULL, read_chunk, NULL) != ARCHIVE_OK)
                return archive_failed(stream, error);
        return 0;
}

int image_stream_new(const ImageSource *source, RuleListener listener, void *userdata, ImageStream **ret, Error *error)
{
        _cleanup_image_stream_ ImageStream *stream = calloc(1, sizeof *stream);

        if (!stream)
                return error_out_of_memory(error);
        stream->source = *source;
        int r = open_archive(stream, listener, userdata, error);
        if (r == 0)
                *ret = TAKE_PTR(stream);
        return r;
}

int image_stream_open(int fd, RuleListener listener, void *userdata, ImageStream **ret, Error *error)
{
        _cleanup_image_stream_ ImageStream *stream = calloc(1, sizeof *stream);

        if (stream)
                stream->chunk = malloc(CHUNK_BYTES);
        if (!stream || !stream->chunk)
                return error_out_of_memory(error);
        stream->source = (ImageSource){ read_file_source, stream };
        int r = decompressor_new(fd, &stream->decompressor, error);
        if (r == 0)
                r = open_archive(stream, listener, userdata, error);
        if (r == 0)
                *ret = TAKE_PTR(stream);
        return r;
}

ImageStream *image_stream_free(ImageStream *stream)
{
        if (!stream)
                return NULL;
        if (stream->archive)
                archive_read_free(stream->archive);
        decompressor_free(stream->decompressor);
        tar_scan_done(&stream->scan);
        error_done(&stream->read_error);
        buffer_done(&stream->path);
        free(stream->chunk);
        free(stream);
        return NULL;
}

const char *image_plain_path(const char *path, size_t *ret_length)
{
        while (string_starts_with(path, "./"))
                path += 2;
        if (strcmp(path, ".") == 0)
                path++;
        size_t length = strlen(path);
        if (length > 0 && path[length - 1] == '/')
                length--;
        for (size_t i = 0; length > 0 && i <= length; i++) {
                size_t part = strcspn(path + i, "/");
                if (part > length - i)
                        part = length - i;
                if (part == 0 || (part == 1 && path[i] == '.') || (part == 2 && memcmp(path + i, "..", 2) == 0))
                        return NULL;
                i += part;
        }
        *ret_length = length;
        return path;
}

/* libarchive stops reading at the archive's end; what is behind it matters as well. */
static int read_rest(ImageStream *stream, Error *error)
{
        const void *data;
        la_ssize_t n;

        while ((n = read_chunk(stream->archive, stream, &data)) > 0)
                ;
        if (n < 0)
                return error_move(error, &stream->read_error);
        if (stream->scanning)
                tar_scan_end(&stream->scan);
        return 0;
}

static int fill_entry(ImageStream *stream, struct archive_entry *entry, ImageEntry *ret, Error *error)
{
        const char *hard_link = archive_entry_hardlink(entry), *raw = archive_entry_pathname(entry);
        size_t length = 0;

        if (!raw)
                return error_set(error, -EILSEQ, "An entry's name can't be read");
        const char *path = image_plain_path(raw, &length);
        stream->path.length = 0;
        if (path && buffer_append(&stream->path, path, length) < 0)
                return error_out_of_memory(error);
        *ret = (ImageEntry){
                .entry = entry,
                .raw = raw,
                .path = path ? stream->path.data : NULL,
                .path_length = length,
                .mode = hard_link ? S_IFREG | archive_entry_perm(entry) : archive_entry_mode(entry),
                .size_bytes = hard_link || archive_entry_size(entry) < 0 ? 0 : (uint64_t) archive_entry_size(entry),
                .hard_link = hard_link,
        };
        return 1;
}

int image_stream_next(ImageStream *stream, ImageEntry *ret, Error *error)
{
        struct archive_entry *entry;
        int result = archive_read_next_header(stream->archive, &entry);

        if (result == ARCHIVE_OK || result == ARCHIVE_WARN)
                return fill_entry(stream, entry, ret, error);
        return result == ARCHIVE_EOF ? read_rest(stream, error) : archive_failed(stream, error);
}

int image_stream_content(ImageStream *stream, const void **ret_data, size_t *ret_size_bytes, uint64_t *ret_offset,
                         Error *error)
{
        la_int64_t offset = 0;
        int result = archive_read_data_block(stream->archive, ret_data, ret_size_bytes, &offset);

        *ret_offset = (uint64_t) offset;
        if (result == ARCHIVE_OK || result == ARCHIVE_WARN)
                return 1;
        return result == ARCHIVE_EOF ? 0 : archive_failed(stream, error);
}

int image_stream_collect(ImageStream *stream, size_t limit_bytes, Buffer *buffer, Error *error)
{
        size_t start = buffer->length;

        while (buffer->length - start < limit_bytes) {
                size_t room = limit_bytes - (buffer->length - start), n;
                char piece[1 << 14];
                la_ssize_t got = archive_read_data(stream->archive, piece, room < sizeof piece ? room : sizeof piece);
                if (got < 0)
                        return archive_failed(stream, error);
                n = (size_t) got;
                if (n == 0)
                        break;
                if (buffer_append(buffer, piece, n) < 0)
                        return error_out_of_memory(error);
        }
        return 0;
}
