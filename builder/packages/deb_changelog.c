/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "packages/deb_tree.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <zlib.h>

#include "base/file.h"

#define CHANGELOG_LIMIT_BYTES ((size_t) 64 << 20)
#define GZIP_WINDOW (15 + 16) /* zlib: the largest window, gzip's header */
#define GZIP_OS_UNIX 3

/* All members one after the other, as gzip(1) does. */
static int gunzip(const Buffer *from, Buffer *ret)
{
        z_stream stream = { .next_in = (Bytef *) from->data, .avail_in = (uInt) from->length };
        char chunk[32768];
        int r = 0, z = inflateInit2(&stream, GZIP_WINDOW);

        if (z != Z_OK)
                return -ENOMEM;
        while (r == 0 && z == Z_OK) {
                stream.next_out = (Bytef *) chunk;
                stream.avail_out = sizeof chunk;
                z = inflate(&stream, Z_NO_FLUSH);
                size_t length = sizeof chunk - stream.avail_out;
                if (z != Z_OK && z != Z_STREAM_END)
                        r = -EBADMSG;
                else if (ret->length + length > CHANGELOG_LIMIT_BYTES)
                        r = -EFBIG;
                else
                        r = buffer_append(ret, chunk, length);
                if (r == 0 && z == Z_STREAM_END && stream.avail_in > 0)
                        z = inflateReset(&stream);
        }
        inflateEnd(&stream);
        return r;
}

/* Without name and time, so that the same text gives the same bytes. */
static int gzip(const Buffer *from, Buffer *ret)
{
        z_stream stream = { .next_in = (Bytef *) from->data, .avail_in = (uInt) from->length };
        gz_header header = { .os = GZIP_OS_UNIX };

        if (deflateInit2(&stream, Z_BEST_COMPRESSION, Z_DEFLATED, GZIP_WINDOW, 8, Z_DEFAULT_STRATEGY) != Z_OK)
                return -ENOMEM;
        size_t bound = deflateBound(&stream, (uLong) from->length) + sizeof header;
        _cleanup_free_ char *data = malloc(bound);
        stream.next_out = (Bytef *) data;
        stream.avail_out = (uInt) bound;
        int r = data && deflateSetHeader(&stream, &header) == Z_OK && deflate(&stream, Z_FINISH) == Z_STREAM_END
                        ? buffer_append(ret, data, bound - stream.avail_out)
                        : -ENOMEM;
        deflateEnd(&stream);
        return r;
}

/* RFC 5322, whatever the locale. */
static int append_date(Buffer *text, int64_t date_sec)
{
        static const char days[][4] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };
        static const char months[][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                          "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
        time_t seconds = (time_t) date_sec;
        struct tm time;

        if (!gmtime_r(&seconds, &time))
                return -EOVERFLOW;
        return buffer_printf(text, "%s, %02d %s %d %02d:%02d:%02d +0000", days[time.tm_wday], time.tm_mday,
                             months[time.tm_mon], time.tm_year + 1900, time.tm_hour, time.tm_min, time.tm_sec);
}

/* "source (version) suite; urgency=..." is the first line of what is there; source and suite are taken from it. */
static int make_text(const char *old, const DebControl *control, const char *new_version, const DebEntry *entry,
                     Buffer *ret)
{
        size_t source_length = strcspn(old, " \n");
        const char *close = strchr(old, ')'), *line_end = strchr(old, '\n');
        const char *suite = close && (!line_end || close < line_end) ? close + 1 + strspn(close + 1, " ") : "";
        size_t suite_length = strcspn(suite, ";\n");
        bool known = source_length > 0 && suite_length > 0;

        int r = buffer_printf(ret,
                              "%.*s (%s) %.*s; urgency=medium\n\n  * Patched with %s.\n\n"
                              " -- templar <templar@localhost>  ",
                              known ? (int) source_length : (int) strlen(control->package),
                              known ? old : control->package, new_version, known ? (int) suite_length : 8,
                              known ? suite : "unstable", entry->patch_name);
        if (r == 0)
                r = append_date(ret, entry->date_sec);
        return r == 0 ? buffer_printf(ret, "\n%s%s", *old ? "\n" : "", old) : r;
}

/* The file that has the changelog: of a native package (without a revision) under upstream's name. */
static const char *choose_name(int directory_fd, const char *version)
{
        static const char *const names[] = { "changelog.Debian.gz", "changelog.Debian", "changelog.gz", "changelog" };
        struct stat status;

        for (size_t i = 0; i < ELEMENTS(names); i++)
                if ((i < 2 || !strchr(version, '-')) &&
                    fstatat(directory_fd, names[i], &status, AT_SYMLINK_NOFOLLOW) == 0)
                        return S_ISREG(status.st_mode) ? names[i] : NULL;
        return strchr(version, '-') ? "changelog.Debian.gz" : "changelog.gz";
}

static int read_old(int directory_fd, const char *name, Buffer *ret)
{
        _cleanup_close_ int fd = openat(directory_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        _cleanup_buffer_ Buffer raw = BUFFER_INIT;
        int r;

        if (fd < 0)
                return errno == ENOENT ? 0 : -errno;
        r = read_descriptor(fd, CHANGELOG_LIMIT_BYTES, &raw);
        if (r == 0 && !string_ends_with(name, ".gz"))
                *ret = TAKE_BUFFER(raw);
        else if (r == 0)
                r = gunzip(&raw, ret);
        return r;
}

static int edit_changelog(int directory_fd, const DebControl *control, const char *new_version, const DebEntry *entry)
{
        _cleanup_buffer_ Buffer old = BUFFER_INIT, text = BUFFER_INIT, packed = BUFFER_INIT;
        const char *name = choose_name(directory_fd, control->version);

        if (!name)
                return 0;
        int r = read_old(directory_fd, name, &old);
        if (r == 0)
                r = make_text(old.data ? old.data : "", control, new_version, entry, &text);
        if (r == 0 && string_ends_with(name, ".gz"))
                r = gzip(&text, &packed);
        if (r < 0)
                return r;
        const Buffer *content = packed.data ? &packed : &text;
        return write_file_atomic(directory_fd, name, content->data, content->length, 0644, NULL);
}

int deb_tree_add_changelog(int root_fd, const DebControl *control, const char *new_version, const DebEntry *entry,
                           Error *error)
{
        _cleanup_close_ int parent_fd = -1, directory_fd = -1;

        int r = make_directories_in_root(root_fd, "/usr/share/doc", 0755);
        if (r == 0) {
                parent_fd = open_in_root(root_fd, "/usr/share/doc", O_RDONLY | O_DIRECTORY, 0);
                r = parent_fd < 0 ? parent_fd : 0;
        }
        if (r == 0 && mkdirat(parent_fd, control->package, 0755) < 0 && errno != EEXIST)
                r = -errno;
        if (r == 0) {
                directory_fd = openat(parent_fd, control->package, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
                if (directory_fd < 0 && (errno == ELOOP || errno == ENOTDIR))
                        return 0;
                r = directory_fd < 0 ? -errno : edit_changelog(directory_fd, control, new_version, entry);
        }
        return r < 0 ? error_set_errno(error, -r, "Can't add to the changelog of %s", control->package) : 0;
}
