/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "verbs/diff_view.h"

#include "image/capability.h"
#include "image/names.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

const char *const diff_notice_titles[] = {
        [DIFF_SETUID] = "Programs with the rights of their owner (setuid, setgid)",
        [DIFF_CAPABILITIES] = "File capabilities",
        [DIFF_WORLD_WRITABLE] = "Writable by everybody",
        [DIFF_SERVICES] = "Enabled services",
        [DIFF_LISTENS] = "Sockets that listen",
};

const char *const diff_notice_names[] = {
        [DIFF_SETUID] = "setuid", [DIFF_CAPABILITIES] = "capability", [DIFF_WORLD_WRITABLE] = "world-writable",
        [DIFF_SERVICES] = "service", [DIFF_LISTENS] = "listens",
};

bool diff_is_same(const DiffView *view)
{
        const DiffSummary *summary = view->summary;

        return summary->n_added + summary->n_removed + summary->n_changed + summary->n_packages_added +
                       summary->n_packages_removed + summary->n_packages_changed ==
               0;
}

char *diff_name(const DiffSide *side)
{
        static const char *const suffixes[] = { ".tar", ".tar.gz", ".tar.xz", ".tar.zst", ".manifest.json", ".lock" };
        const char *slash = strrchr(side->path, '/'), *name = slash ? slash + 1 : side->path;
        size_t length = strlen(name);
        char printable[NAME_TEXT_MAX];

        for (size_t i = 0; i < ELEMENTS(suffixes); i++)
                if (string_ends_with(name, suffixes[i]) && strlen(name) > strlen(suffixes[i]))
                        length = strlen(name) - strlen(suffixes[i]);
        _cleanup_free_ char *cut = strndup(name, length);
        return cut ? strdup(name_text(cut, printable)) : NULL;
}

char *diff_growth_text(uint64_t before_bytes, uint64_t after_bytes, char buffer[static GROWTH_TEXT_MAX])
{
        bool grown = after_bytes >= before_bytes;

        buffer[0] = grown ? '+' : '-';
        size_text(grown ? after_bytes - before_bytes : before_bytes - after_bytes, buffer + 1);
        return buffer;
}

const char *diff_type_name(const IndexEntry *entry)
{
        if (entry->hard_link)
                return "hard link";
        switch (entry->mode & S_IFMT) {
        case S_IFREG:
                return "file";
        case S_IFDIR:
                return "directory";
        case S_IFLNK:
                return "link";
        case S_IFIFO:
                return "FIFO";
        case S_IFSOCK:
                return "socket";
        default:
                return "device";
        }
}

/* ------------------------------------------------------------------------------------------------ notes */

static int append_size_change(Buffer *note, const IndexEntry *before, const IndexEntry *after)
{
        char left[SIZE_TEXT_MAX], right[SIZE_TEXT_MAX];

        if (before->size_bytes == after->size_bytes)
                return buffer_append_string(note, ", content");
        return buffer_printf(note, ", %s -> %s", size_text(before->size_bytes, left),
                             size_text(after->size_bytes, right));
}

static int append_target(Buffer *note, const char *before, const char *after)
{
        char left[NAME_TEXT_MAX], right[NAME_TEXT_MAX];

        return buffer_printf(note, ", %s -> %s", name_text(before, left), name_text(after, right));
}

static int append_capability(Buffer *note, const IndexEntry *before, const IndexEntry *after)
{
        _cleanup_free_ char *left = before->capability_size > 0
                                            ? capability_text(before->capability, before->capability_size)
                                            : strdup("no capabilities");
        _cleanup_free_ char *right = after->capability_size > 0
                                             ? capability_text(after->capability, after->capability_size)
                                             : strdup("none");

        return left && right ? buffer_printf(note, ", %s -> %s", left, right) : -ENOMEM;
}

/* Each part starts with ", ". */
static int append_changes(Buffer *note, const IndexEntry *before, const IndexEntry *after, unsigned what)
{
        int r = 0;

        if (what & DIFF_TYPE)
                r = buffer_printf(note, ", %s -> %s", diff_type_name(before), diff_type_name(after));
        if (r == 0 && what & DIFF_CONTENT)
                r = append_size_change(note, before, after);
        if (r == 0 && what & DIFF_TARGET)
                r = append_target(note, before->target, after->target);
        if (r == 0 && what & DIFF_MODE)
                r = buffer_printf(note, ", mode %04o -> %04o", before->mode & 07777, after->mode & 07777);
        if (r == 0 && what & DIFF_OWNER)
                r = buffer_printf(note, ", owner %" PRIu32 ":%" PRIu32 " -> %" PRIu32 ":%" PRIu32, before->uid,
                                  before->gid, after->uid, after->gid);
        if (r == 0 && what & DIFF_CAPABILITY)
                r = append_capability(note, before, after);
        if (r == 0 && what & DIFF_XATTRS)
                r = buffer_append_string(note, ", extended attributes");
        return r;
}

static int append_only(Buffer *note, const IndexEntry *entry)
{
        char text[NAME_TEXT_MAX > SIZE_TEXT_MAX ? NAME_TEXT_MAX : SIZE_TEXT_MAX];

        if (entry->hard_link || S_ISLNK(entry->mode))
                return buffer_printf(note, ", %s to %s", diff_type_name(entry), name_text(entry->target, text));
        if (!S_ISREG(entry->mode))
                return buffer_printf(note, ", %s", diff_type_name(entry));
        return buffer_printf(note, ", %s", size_text(entry->size_bytes, text));
}

/* ------------------------------------------------------------------------------------------------ lists of files */

typedef struct Listing {
        DiffLine line;
        void *userdata;
        bool all;
        char sign;     /* of the folder that is gathered; 0: none */
        Buffer folder; /* its path */
        uint64_t n_files, bytes;
        Buffer note;
        bool out_of_memory;
} Listing;

static void put_line(Listing *listing, char sign, const char *path, bool folder)
{
        _cleanup_free_ char *absolute = NULL;
        char printable[NAME_TEXT_MAX];
        const char *note = listing->note.length > 2 ? listing->note.data + 2 : "";

        if (asprintf(&absolute, "/%s%s", path, folder && *path ? "/" : "") < 0) {
                absolute = NULL;
                listing->out_of_memory = true;
                return;
        }
        listing->line(sign, name_text(absolute, printable), note, listing->userdata);
}

static void end_folder(Listing *listing)
{
        char size[SIZE_TEXT_MAX];

        if (!listing->sign)
                return;
        listing->note.length = 0;
        int r = listing->n_files == 0
                        ? buffer_append_string(&listing->note, ", directory")
                        : buffer_printf(&listing->note, ", %" PRIu64 " file%s, %s", listing->n_files,
                                        listing->n_files == 1 ? "" : "s", size_text(listing->bytes, size));
        if (r < 0)
                listing->out_of_memory = true;
        else
                put_line(listing, listing->sign, listing->folder.data, true);
        listing->sign = 0;
}

/* Whether the entry belongs to the folder that is gathered, or starts one. */
static bool gather(Listing *listing, char sign, const IndexEntry *entry)
{
        size_t length = listing->folder.length;

        if (listing->sign == sign && strncmp(entry->path, listing->folder.data, length) == 0 &&
            entry->path[length] == '/') {
                listing->n_files += !S_ISDIR(entry->mode);
                listing->bytes += entry->size_bytes;
                return true;
        }
        end_folder(listing);
        if (listing->all || sign == '~' || !S_ISDIR(entry->mode) || !*entry->path)
                return false;
        listing->folder.length = 0;
        if (buffer_append_string(&listing->folder, entry->path) < 0)
                listing->out_of_memory = true;
        else
                listing->sign = sign;
        listing->n_files = 0;
        listing->bytes = 0;
        return true;
}

static void hear_entry(const IndexEntry *before, const IndexEntry *after, unsigned what, void *userdata)
{
        Listing *listing = userdata;
        const IndexEntry *entry = after ? after : before;
        char sign = !before ? '+' : !after ? '-' : '~';

        if ((sign == '~' && !what) || gather(listing, sign, entry))
                return;
        listing->note.length = 0;
        int r = sign == '~' ? append_changes(&listing->note, before, after, what) : append_only(&listing->note, entry);
        if (r < 0)
                listing->out_of_memory = true;
        else
                put_line(listing, sign, entry->path, S_ISDIR(entry->mode));
}

int diff_list_files(const DiffView *view, DiffLine line, void *userdata, Error *error)
{
        Listing listing = { .line = line, .userdata = userdata, .all = view->all };
        int r = diff_walk(&view->before->index, &view->after->index, hear_entry, &listing, error);

        end_folder(&listing);
        buffer_done(&listing.folder);
        buffer_done(&listing.note);
        return r == 0 && listing.out_of_memory ? error_out_of_memory(error) : r;
}
