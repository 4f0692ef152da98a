/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "build/archive_index.h"

#include "base/digest.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <strings.h>
#include <time.h>

/* What the index says itself, and a control file has no business to. */
static bool is_own_field(const char *line)
{
        static const char *const fields[] = { "Filename", "Size", "MD5sum", "SHA1", "SHA256", "SHA512" };

        for (size_t i = 0; i < ELEMENTS(fields); i++)
                if (strncasecmp(line, fields[i], strlen(fields[i])) == 0 && line[strlen(fields[i])] == ':')
                        return true;
        return false;
}

static int add_control(const ArchiveEntry *entry, Buffer *ret, Error *error)
{
        const char *text = entry->control;
        size_t length = strlen(text);

        while (length > 0 && text[length - 1] == '\n')
                length--;
        for (const char *line = text, *end = text + length; line < end;) {
                size_t line_length = strcspn(line, "\n");
                if (line_length > (size_t) (end - line))
                        line_length = (size_t) (end - line);
                if (line_length == 0 || is_own_field(line))
                        return error_set(error, -EBADMSG, "The package %s %s has a control file that can't stand in an index",
                                         entry->package->name, entry->package->version);
                if (buffer_printf(ret, "%.*s\n", (int) line_length, line) < 0)
                        return error_out_of_memory(error);
                line += line_length + 1;
        }
        return 0;
}

static int add_package(const ArchiveEntry *entry, Buffer *ret, Error *error)
{
        const AptPackage *package = entry->package;
        int r = add_control(entry, ret, error);

        if (r < 0)
                return r;
        return buffer_printf(ret, "Filename: %s\nSize: %" PRIu64 "\nSHA256: %s\n\n", entry->path, package->size_bytes,
                             package->sha256) < 0
                       ? error_out_of_memory(error)
                       : 0;
}

int archive_packages(const ArchiveIndex *index, const char *architecture, Buffer *ret, Error *error)
{
        int r = 0;

        for (size_t i = 0; r == 0 && i < index->n_entries; i++) {
                const char *own = index->entries[i].package->architecture;
                if (strcmp(own, architecture) == 0 || strcmp(own, "all") == 0)
                        r = add_package(&index->entries[i], ret, error);
        }
        return r;
}

int archive_release_start(const ArchiveIndex *index, Buffer *ret, Error *error)
{
        _cleanup_free_ char *architectures = strv_join(index->architectures, " ");
        time_t date = (time_t) index->date_sec;
        char text[64];
        struct tm utc;

        if (!gmtime_r(&date, &utc) || strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S UTC", &utc) == 0)
                return error_set(error, -EINVAL, "The date of the lock can't be written");
        if (!architectures ||
            buffer_printf(ret,
                          "Origin: templar\nLabel: %s\nSuite: %s\nCodename: %s\nDate: %s\nArchitectures: %s\n"
                          "Components: main\nDescription: Packages of the image %s %s\nSHA256:\n",
                          index->image, index->suite, index->suite, text, architectures, index->image, index->version) < 0)
                return error_out_of_memory(error);
        return 0;
}

int archive_release_add(const char *architecture, const Buffer *packages, Buffer *ret,
                        Error *error)
{
        char hex[SHA256_HEX_SIZE];


        if (digest_buffer(packages->data ? packages->data : "", packages->length, hex) < 0 ||
            buffer_printf(ret, " %s %zu main/binary-%s/Packages\n", hex, packages->length, architecture) < 0)
                return error_out_of_memory(error);
        return 0;
}
