/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/rules.h"

#include "base/strings.h"
#include "image/names.h"
#include "image/pathset.h"
#include "image/stream.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#define DEPTH_MAX 126u
#define ID_MAX 65535

struct RuleCheck {
        PathSet *paths;
        Buffer directory; /* the one that is open: "" is the root, else "usr/bin" */
        bool started;
        bool has_system, has_folder; /* usr or etc at the top; in a folder at the top */
        RuleListener listener;
        void *userdata;
        const char *entry; /* raw path of the entry that is looked at */
};

static void violate(RuleCheck *check, unsigned rule, const char *text)
{
        char entry[NAME_TEXT_MAX];

        check->listener(&(RuleViolation){ .rule = rule, .entry = name_text(check->entry, entry), .text = text },
                        check->userdata);
}

static size_t parent_length(const char *path, size_t length)
{
        while (length > 0 && path[length - 1] != '/')
                length--;
        return length > 0 ? length - 1 : 0;
}

static unsigned count_levels(const char *path, size_t length)
{
        unsigned levels = length > 0;

        for (size_t i = 0; i < length; i++)
                levels += path[i] == '/';
        return levels;
}

/* Whether `path` is the directory that is open, or one of those around it. */
static bool is_open(const RuleCheck *check, const char *path, size_t length)
{
        const Buffer *open = &check->directory;

        return length == 0 || (open->length >= length && memcmp(open->data, path, length) == 0 &&
                               (open->length == length || open->data[length] == '/'));
}

/* Rules 1, 2 and 4: all the way from the root down to the parent, the first that is wrong. */
static void check_parents(RuleCheck *check, const char *path, size_t length)
{
        size_t parent = parent_length(path, length);

        for (size_t i = 0; i <= parent; i++) {
                if (i < parent && path[i] != '/')
                        continue;
                mode_t type = path_set_type(check->paths, path, i);
                if (S_ISLNK(type))
                        return violate(check, 4, "has a path through a symbolic link");
                if (!S_ISDIR(type))
                        return violate(check, 1, "comes without an entry for its directory");
        }
        if (!is_open(check, path, parent))
                violate(check, 2, "comes after its directory was left");
}

static void check_hard_link(RuleCheck *check, const char *target)
{
        size_t length;
        const char *plain = image_plain_path(target, &length);

        if (!plain)
                violate(check, 3, "is a hard link to a path outside the tree");
        else if (!S_ISREG(path_set_type(check->paths, plain, length)))
                violate(check, 3, "is a hard link to something that is not an earlier regular file");
}

static void check_xattrs(RuleCheck *check, struct archive_entry *entry, mode_t type)
{
        const char *name;
        const void *value;
        size_t size_bytes;

        archive_entry_xattr_reset(entry);
        while (archive_entry_xattr_next(entry, &name, &value, &size_bytes) == ARCHIVE_OK) {
                if (strcmp(name, "security.capability") == 0 && S_ISREG(type))
                        continue;
                if (string_starts_with(name, "user.") && (S_ISREG(type) || S_ISDIR(type)))
                        continue;
                /* these two have rules of their own, seen in the raw records */
                if (strcmp(name, "security.selinux") == 0 || string_starts_with(name, "system.posix_acl_"))
                        continue;
                violate(check, 5, "has an extended attribute that hosts refuse");
        }
}

static void check_kind(RuleCheck *check, struct archive_entry *entry, mode_t type)
{
        if (S_ISBLK(type) || S_ISCHR(type))
                violate(check, 11, "is a device node");
        else if (S_ISSOCK(type))
                violate(check, 11, "is a socket");
        if (archive_entry_uid(entry) < 0 || archive_entry_uid(entry) > ID_MAX || archive_entry_gid(entry) < 0 ||
            archive_entry_gid(entry) > ID_MAX)
                violate(check, 12, "has an owner above 65535");
}

/* For rule 13. */
static void note_top(RuleCheck *check, const char *path, size_t length)
{
        const char *slash = memchr(path, '/', length);
        size_t top = slash ? (size_t) (slash - path) + 1 : 0;

        if (length - top != 3 || (memcmp(path + top, "usr", 3) != 0 && memcmp(path + top, "etc", 3) != 0))
                return;
        if (top == 0)
                check->has_system = true;
        else
                check->has_folder = true;
}

static int open_directory(RuleCheck *check, const char *path, size_t length)
{
        check->directory.length = 0;
        return buffer_append(&check->directory, path, length);
}

int rule_check_entry(RuleCheck *check, const ImageEntry *entry)
{
        mode_t type = entry->mode & S_IFMT;
        const char *path = entry->path;
        size_t length = entry->path_length;

        check->entry = entry->raw;
        if (!check->started && strcmp(entry->raw, "./") != 0) {
                violate(check, 1, "comes first, but the first entry must be the root, \"./\"");
                /* said once, not for everything at the top */
                if (path_set_add(check->paths, "", 0, S_IFDIR) < 0)
                        return -ENOMEM;
        }
        check->started = true;
        if (!path) {
                violate(check, 4, entry->raw[0] == '/' ? "is an absolute path" : "has \"..\", \".\" or \"//\" in it");
                return 0;
        }
        if (length > 0)
                check_parents(check, path, length);
        if (count_levels(path, length) > DEPTH_MAX)
                violate(check, 8, "lies more than 126 levels deep");
        if (entry->hard_link)
                check_hard_link(check, entry->hard_link);
        check_xattrs(check, entry->entry, type);
        check_kind(check, entry->entry, type);
        if (S_ISDIR(type))
                note_top(check, path, length);
        int r = path_set_add(check->paths, path, length, type);
        if (r == -EEXIST)
                violate(check, 3, "comes twice");
        if (r == -ENOMEM)
                return r;
        return open_directory(check, path, S_ISDIR(type) ? length : parent_length(path, length));
}

void rule_check_end(RuleCheck *check)
{
        check->entry = "";
        if (check->has_folder && !check->has_system)
                violate(check, 13, "The archive holds a folder with the system's tree, not the tree itself");
}

RuleCheck *rule_check_new(RuleListener listener, void *userdata)
{
        RuleCheck *check = calloc(1, sizeof *check);

        if (!check)
                return NULL;
        *check = (RuleCheck){ .paths = path_set_new(), .listener = listener, .userdata = userdata, .entry = "" };
        return check->paths ? check : rule_check_free(check);
}

RuleCheck *rule_check_free(RuleCheck *check)
{
        if (!check)
                return NULL;
        path_set_free(check->paths);
        buffer_done(&check->directory);
        free(check);
        return NULL;
}

int rules_scan(int fd, RuleListener listener, void *userdata, Error *error)
{
        _cleanup_image_stream_ ImageStream *stream = NULL;
        _cleanup_rule_check_ RuleCheck *check = rule_check_new(listener, userdata);
        ImageEntry entry;
        int r;

        if (!check)
                return error_out_of_memory(error);
        r = image_stream_open(fd, listener, userdata, &stream, error);
        if (r < 0)
                return r;
        while ((r = image_stream_next(stream, &entry, error)) > 0)
                if (rule_check_entry(check, &entry) < 0)
                        return error_out_of_memory(error);
        if (r == 0)
                rule_check_end(check);
        return r;
}
