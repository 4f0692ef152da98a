/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/compare.h"

#include "base/strings.h"
#include "image/decompress.h"
#include "image/names.h"
#include "image/stream.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define PIECE_BYTES ((size_t) 1 << 16)
#define TEXT_MAX 160

/* One of the two images: the stream, and the entry that is looked at. */
typedef struct Side {
        ImageStream *stream;
        ImageEntry entry;
        bool ended;
} Side;

typedef struct Comparison {
        Side sides[2];
        size_t limit;
        ImageDifferenceListener listener;
        void *userdata;
        uint64_t n_entries;
        bool differs; /* the entry that is looked at */
} Comparison;

static void comparison_done(Comparison *comparison)
{
        for (size_t i = 0; i < 2; i++)
                image_stream_free(comparison->sides[i].stream);
}

/* The same of both images. */
typedef Buffer Pair[2];

static void pair_done(Pair *pair)
{
        for (size_t i = 0; i < 2; i++)
                buffer_done(&(*pair)[i]);
}

#define _cleanup_pair_ _cleanup_(pair_done)

/* ------------------------------------------------------------------------------------------------ telling */

static void tell(Comparison *comparison, const ImageEntry *entry, const char *what, const char *first,
                 const char *second)
{
        char text[NAME_TEXT_MAX];
        _cleanup_free_ char *path = NULL;

        if (!comparison->differs)
                comparison->n_entries++;
        comparison->differs = true;
        if (comparison->n_entries > comparison->limit)
                return;
        if (asprintf(&path, "/%s", name_text(entry->path ?: entry->raw, text)) < 0)
                path = NULL;
        comparison->listener(&(ImageDifference){ path ?: "?", what, first, second }, comparison->userdata);
}

static void tell_numbers(Comparison *comparison, const char *what, const char *format, uint64_t first, uint64_t second)
{
        char texts[2][TEXT_MAX];

        if (first == second)
                return;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        snprintf(texts[0], TEXT_MAX, format, first);
        snprintf(texts[1], TEXT_MAX, format, second);
#pragma GCC diagnostic pop
        tell(comparison, &comparison->sides[0].entry, what, texts[0], texts[1]);
}

/* ------------------------------------------------------------------------------------------------ entries */

static const char *type_name(mode_t mode)
{
        switch (mode & S_IFMT) {
        case S_IFREG:
                return "file";
        case S_IFDIR:
                return "directory";
        case S_IFLNK:
                return "symbolic link";
        case S_IFIFO:
                return "FIFO";
        case S_IFSOCK:
                return "socket";
        default:
                return "device node";
        }
}

static const char *link_of(const ImageEntry *entry)
{
        return entry->hard_link ?: archive_entry_symlink(entry->entry) ?: "";
}

static void compare_links(Comparison *comparison, const ImageEntry *first, const ImageEntry *second)
{
        const char *targets[] = { link_of(first), link_of(second) };
        char texts[2][NAME_TEXT_MAX + 32], name[NAME_TEXT_MAX];

        if (strcmp(targets[0], targets[1]) == 0 && !first->hard_link == !second->hard_link)
                return;
        for (size_t i = 0; i < 2; i++)
                snprintf(texts[i], sizeof texts[i], "%s%s",
                         (i == 0 ? first : second)->hard_link ? "hard link to " : *targets[i] ? "" : "no link",
                         name_text(targets[i], name));
        tell(comparison, first, "link", texts[0], texts[1]);
}

static void time_text(const ImageEntry *entry, char text[static TEXT_MAX])
{
        time_t seconds = archive_entry_mtime(entry->entry);
        struct tm utc;

        if (!gmtime_r(&seconds, &utc) || strftime(text, TEXT_MAX, "%Y-%m-%d %H:%M:%S", &utc) == 0)
                snprintf(text, TEXT_MAX, "@%lld", (long long) seconds);
}

static void compare_times(Comparison *comparison, const ImageEntry *first, const ImageEntry *second)
{
        char texts[2][TEXT_MAX];

        if (archive_entry_mtime(first->entry) == archive_entry_mtime(second->entry) &&
            archive_entry_mtime_nsec(first->entry) == archive_entry_mtime_nsec(second->entry))
                return;
        time_text(first, texts[0]);
        time_text(second, texts[1]);
        tell(comparison, first, "time", texts[0], texts[1]);
}

static void compare_owners(Comparison *comparison, const ImageEntry *first, const ImageEntry *second)
{
        char texts[2][TEXT_MAX];

        for (size_t i = 0; i < 2; i++) {
                struct archive_entry *entry = (i == 0 ? first : second)->entry;
                snprintf(texts[i], TEXT_MAX, "%lld:%lld", (long long) archive_entry_uid(entry),
                         (long long) archive_entry_gid(entry));
        }
        if (strcmp(texts[0], texts[1]) != 0)
                tell(comparison, first, "owner", texts[0], texts[1]);
}

/* Their values as hexadecimal text: what is in there is short. */
static int attributes_text(struct archive_entry *entry, Buffer *ret)
{
        const char *name;
        const void *value;
        size_t size_bytes;
        int r = buffer_append(ret, "", 0);

        archive_entry_xattr_reset(entry);
        while (r == 0 && archive_entry_xattr_next(entry, &name, &value, &size_bytes) == ARCHIVE_OK) {
                r = buffer_printf(ret, "%s%s=", ret->length > 0 ? " " : "", name);
                for (size_t i = 0; r == 0 && i < size_bytes; i++)
                        r = buffer_printf(ret, "%02x", ((const uint8_t *) value)[i]);
        }
        return r;
}

static int compare_attributes(Comparison *comparison, const ImageEntry *first, const ImageEntry *second, Error *error)
{
        _cleanup_pair_ Pair texts = { BUFFER_INIT, BUFFER_INIT };
        char printable[2][NAME_TEXT_MAX];

        if (attributes_text(first->entry, &texts[0]) < 0 || attributes_text(second->entry, &texts[1]) < 0)
                return error_out_of_memory(error);
        if (strcmp(texts[0].data, texts[1].data) != 0)
                tell(comparison, first, "attributes", *texts[0].data ? name_text(texts[0].data, printable[0]) : "none",
                     *texts[1].data ? name_text(texts[1].data, printable[1]) : "none");
        return 0;
}

static size_t common_bytes(const Buffer *first, const Buffer *second)
{
        size_t shorter = first->length < second->length ? first->length : second->length, n = 0;

        while (n < shorter && first->data[n] == second->data[n])
                n++;
        return n;
}

/* Where the contents part, to the end of the shorter. */
static int compare_contents(Comparison *comparison, Error *error)
{
        _cleanup_pair_ Pair pieces = { BUFFER_INIT, BUFFER_INIT };
        char text[TEXT_MAX];

        for (uint64_t offset = 0;; offset += PIECE_BYTES) {
                for (size_t i = 0; i < 2; i++) {
                        pieces[i].length = 0;
                        int r = image_stream_collect(comparison->sides[i].stream, PIECE_BYTES, &pieces[i], error);
                        if (r < 0)
                                return r;
                }
                size_t same = common_bytes(&pieces[0], &pieces[1]);
                if (same < pieces[0].length || same < pieces[1].length) {
                        snprintf(text, sizeof text, "from byte %" PRIu64 " on", offset + same);
                        tell(comparison, &comparison->sides[0].entry, "content", text, text);
                        return 0;
                }
                if (pieces[0].length < PIECE_BYTES)
                        return 0;
        }
}

static int compare_entries(Comparison *comparison, Error *error)
{
        const ImageEntry *first = &comparison->sides[0].entry, *second = &comparison->sides[1].entry;

        comparison->differs = false;
        if ((first->mode & S_IFMT) != (second->mode & S_IFMT)) {
                tell(comparison, first, "type", type_name(first->mode), type_name(second->mode));
                return 0;
        }
        tell_numbers(comparison, "mode", "%04" PRIo64, first->mode & 07777, second->mode & 07777);
        compare_owners(comparison, first, second);
        compare_times(comparison, first, second);
        compare_links(comparison, first, second);
        int r = compare_attributes(comparison, first, second, error);
        if (r < 0 || !S_ISREG(first->mode) || first->hard_link || second->hard_link)
                return r;
        tell_numbers(comparison, "size", "%" PRIu64, first->size_bytes, second->size_bytes);
        return compare_contents(comparison, error);
}

/* ------------------------------------------------------------------------------------------------ side by side */

/* As the walk goes: by the bytes of each name, a directory before what is in it. */
static int compare_paths(const char *first, const char *second)
{
        while (*first && *first == *second)
                first++, second++;
        unsigned a = *first == '/' ? 1 : (unsigned char) *first, b = *second == '/' ? 1 : (unsigned char) *second;
        return a < b ? -1 : a > b;
}

static int advance(Side *side, Error *error)
{
        int r = side->ended ? 0 : image_stream_next(side->stream, &side->entry, error);

        if (r == 0)
                side->ended = true;
        return r < 0 ? r : 0;
}

static int order_of(const Comparison *comparison)
{
        const Side *first = &comparison->sides[0], *second = &comparison->sides[1];

        if (first->ended || second->ended)
                return first->ended ? 1 : -1;
        return compare_paths(first->entry.path ?: first->entry.raw, second->entry.path ?: second->entry.raw);
}

static int compare_streams(Comparison *comparison, Error *error)
{
        int r = advance(&comparison->sides[0], error);

        if (r == 0)
                r = advance(&comparison->sides[1], error);
        while (r == 0 && !(comparison->sides[0].ended && comparison->sides[1].ended)) {
                int order = order_of(comparison);
                comparison->differs = false;
                if (order < 0)
                        tell(comparison, &comparison->sides[0].entry, "entry", "there", "missing");
                else if (order > 0)
                        tell(comparison, &comparison->sides[1].entry, "entry", "missing", "there");
                else
                        r = compare_entries(comparison, error);
                if (r == 0 && order <= 0)
                        r = advance(&comparison->sides[0], error);
                if (r == 0 && order >= 0)
                        r = advance(&comparison->sides[1], error);
        }
        return r;
}

/* ------------------------------------------------------------------------------------------------ the whole */

/* Fills the piece but at the end of the file. `decompressor` NULL: the bytes of the file itself. */
static int read_piece(int fd, Decompressor *decompressor, uint64_t offset, Buffer *piece, Error *error)
{
        char chunk[1 << 14];

        piece->length = 0;
        while (piece->length < PIECE_BYTES) {
                size_t n = 0;
                if (decompressor) {
                        int r = decompressor_read(decompressor, chunk, sizeof chunk, &n, error);
                        if (r < 0)
                                return r;
                } else {
                        ssize_t got = pread(fd, chunk, sizeof chunk, (off_t) (offset + piece->length));
                        if (got < 0)
                                return error_set_errno(error, errno, "Can't read the image");
                        n = (size_t) got;
                }
                if (n == 0)
                        return 0;
                if (buffer_append(piece, chunk, n) < 0)
                        return error_out_of_memory(error);
        }
        return 0;
}

/* 1 and the offset, or 0 when there is no difference. */
static int find_first(const int fds[static 2], Decompressor *const decompressors[static 2], uint64_t *ret_offset,
                      Error *error)
{
        _cleanup_pair_ Pair pieces = { BUFFER_INIT, BUFFER_INIT };

        for (uint64_t offset = 0;; offset += pieces[0].length) {
                for (size_t i = 0; i < 2; i++) {
                        int r = read_piece(fds[i], decompressors[i], offset, &pieces[i], error);
                        if (r < 0)
                                return r;
                }
                size_t same = common_bytes(&pieces[0], &pieces[1]);
                *ret_offset = offset + same;
                if (same < pieces[0].length || same < pieces[1].length)
                        return 1;
                if (pieces[0].length == 0)
                        return 0;
        }
}

static void tell_whole(const Comparison *comparison, const char *what, uint64_t offset)
{
        char text[TEXT_MAX];

        snprintf(text, sizeof text, "from byte %" PRIu64 " on", offset);
        comparison->listener(&(ImageDifference){ "", what, text, text }, comparison->userdata);
}

/* No entry differs; what is left are numbers in headers that mean nothing, and how they were compressed. */
static int compare_whole(const Comparison *comparison, const int fds[static 2], Error *error)
{
        _cleanup_decompressor_ Decompressor *first = NULL;
        _cleanup_decompressor_ Decompressor *second = NULL;
        uint64_t offset = 0;

        int r = decompressor_new(fds[0], &first, error);
        if (r == 0)
                r = decompressor_new(fds[1], &second, error);
        if (r == 0)
                r = find_first(fds, (Decompressor *[]){ first, second }, &offset, error);
        if (r != 0) {
                if (r > 0)
                        tell_whole(comparison, "headers", offset);
                return r < 0 ? r : 0;
        }
        r = find_first(fds, (Decompressor *[]){ NULL, NULL }, &offset, error);
        if (r > 0)
                tell_whole(comparison, "compression", offset);
        return r < 0 ? r : 0;
}

int image_compare(int first_fd, int second_fd, size_t limit, ImageDifferenceListener listener, void *userdata,
                  uint64_t *ret_n_entries, Error *error)
{
        _cleanup_(comparison_done) Comparison comparison = {
                .limit = limit, .listener = listener, .userdata = userdata
        };
        const int fds[] = { first_fd, second_fd };
        int r = 0;

        for (size_t i = 0; r == 0 && i < 2; i++)
                r = image_stream_open(fds[i], NULL, NULL, &comparison.sides[i].stream, error);
        if (r == 0)
                r = compare_streams(&comparison, error);
        if (r == 0 && comparison.n_entries == 0)
                r = compare_whole(&comparison, fds, error);
        if (r == 0)
                *ret_n_entries = comparison.n_entries;
        return r;
}
