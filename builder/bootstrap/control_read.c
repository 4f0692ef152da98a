/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bootstrap/package.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#define FILES_MAX 256
#define FILE_LIMIT_BYTES ((uint64_t) 32 << 20)

/* In front of each package, and of each of its files. */
typedef struct Head {
        DebLayout layout;
        uint32_t n_files;
} Head;

typedef struct FileHead {
        uint32_t mode;
        uint32_t name_length;
        uint64_t size_bytes;
} FileHead;

static bool is_name(const char *name, size_t length)
{
        for (size_t i = 0; i < length; i++)
                if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-._", name[i]))
                        return false;
        return length > 0 && length < 100 && name[0] != '.';
}

static int read_content(DebReader *reader, uint64_t size_bytes, Buffer *ret, Error *error)
{
        _cleanup_free_ char *data = malloc((size_t) size_bytes + 1);

        if (!data)
                return error_out_of_memory(error);
        for (uint64_t done = 0; done < size_bytes;) {
                la_ssize_t n = archive_read_data(reader->archive, data + done, (size_t) (size_bytes - done));
                if (n < 0)
                        return deb_reader_error(reader, error);
                if (n == 0)
                        return error_set(error, -EBADMSG, "it is damaged: a file of its control archive is cut off");
                done += (uint64_t) n;
        }
        return buffer_append(ret, data, (size_t) size_bytes) < 0 ? error_out_of_memory(error) : 0;
}

static int read_entry(DebReader *reader, struct archive_entry *entry, uint32_t *n_files, Buffer *ret, Error *error)
{
        const char *name;
        size_t length;
        int r = deb_member_name(archive_entry_pathname(entry), &name, &length, error);

        if (r < 0 || length == 0)
                return r;
        int64_t size = archive_entry_size(entry);
        if (archive_entry_filetype(entry) != AE_IFREG || archive_entry_hardlink(entry) || !is_name(name, length))
                return error_set(error, -EBADMSG, "its control archive has something that does not belong there: %s", name);
        if (size < 0 || (uint64_t) size > FILE_LIMIT_BYTES || *n_files >= FILES_MAX)
                return error_set(error, -EBADMSG, "its control archive is too big");
        FileHead head = {
                .mode = archive_entry_perm(entry) & 0777,
                .name_length = (uint32_t) length,
                .size_bytes = (uint64_t) size,
        };
        if (buffer_append(ret, &head, sizeof head) < 0 || buffer_append(ret, name, length) < 0)
                return error_out_of_memory(error);
        (*n_files)++;
        return read_content(reader, head.size_bytes, ret, error);
}

int control_read(int fd, Buffer *ret, Error *error)
{
        _cleanup_deb_reader_ DebReader reader = { .fd = -1 };
        struct archive_entry *entry;
        Head head = { 0 };
        size_t start = ret->length;
        int r = deb_layout(fd, &head.layout, error);

        if (r == 0 && buffer_append(ret, &head, sizeof head) < 0)
                r = error_out_of_memory(error);
        if (r == 0)
                r = deb_reader_open(&reader, fd, &head.layout.control, error);
        while (r == 0 && (r = deb_reader_next(&reader, &entry, error)) > 0)
                r = read_entry(&reader, entry, &head.n_files, ret, error);
        if (r == 0)
                memcpy(ret->data + start, &head, sizeof head);
        return r;
}

/* ------------------------------------------------------------------------------------------------ back again */

static bool take(const char **at, const char *end, void *data, size_t size)
{
        if (size > (size_t) (end - *at))
                return false;
        memcpy(data, *at, size);
        *at += size;
        return true;
}

static char *take_text(const char **at, const char *end, uint64_t size)
{
        if (size > (uint64_t) (end - *at))
                return NULL;
        char *text = malloc((size_t) size + 1);
        if (!text)
                return NULL;
        memcpy(text, *at, (size_t) size);
        text[size] = '\0';
        *at += size;
        return text;
}

static int take_file(const char **at, const char *end, Package *package)
{
        ControlFile *file = &package->files[package->n_files];
        FileHead head;

        if (!take(at, end, &head, sizeof head))
                return -EBADMSG;
        file->mode = head.mode & 0777;
        file->size_bytes = (size_t) head.size_bytes;
        file->name = take_text(at, end, head.name_length);
        file->data = file->name ? take_text(at, end, head.size_bytes) : NULL;
        package->n_files++;
        return file->data && is_name(file->name, strlen(file->name)) ? 0 : -EBADMSG;
}

int control_take(const char **at, const char *end, Package *package, Error *error)
{
        Head head;
        int r = take(at, end, &head, sizeof head) && head.n_files <= FILES_MAX ? 0 : -EBADMSG;

        if (r == 0) {
                package->layout = head.layout;
                package->layout.control.name[sizeof package->layout.control.name - 1] = '\0';
                package->layout.data.name[sizeof package->layout.data.name - 1] = '\0';
                package->files = calloc(head.n_files + 1, sizeof *package->files);
                if (!package->files)
                        return error_out_of_memory(error);
        }
        for (uint32_t i = 0; r == 0 && i < head.n_files; i++)
                r = take_file(at, end, package);
        return r < 0 ? error_set(error, r, "what the sandbox says of it can't be understood") : 0;
}
