/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/rules.h"

#include "base/cancel.h"
#include "base/strings.h"
#include "image/decompress.h"
#include "image/names.h"
#include "image/pathset.h"
#include "image/tarscan.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#define CHUNK_BYTES ((size_t) 1 << 18)
#define DEPTH_MAX 126u
#define ID_MAX 65535
#define LISTED_MAX 20u

typedef struct Check {
        const RuleSource *source;
        TarScan scan;
        Error read_error; /* of the source, behind libarchive's back */
        PathSet *paths;
        Buffer directory; /* the one that is open: "" is the root, else "usr/bin" */
        bool has_system, has_folder; /* usr or etc at the top; in a folder at the top */
        RuleListener listener;
        void *userdata;
        const char *entry; /* raw path of the entry that is looked at */
} Check;

static void violate(Check *check, unsigned rule, const char *text)
{
        char entry[NAME_TEXT_MAX];

        check->listener(&(RuleViolation){ .rule = rule, .entry = name_text(check->entry, entry), .text = text },
                        check->userdata);
}

static la_ssize_t read_chunk(struct archive *archive, void *userdata, const void **ret_data)
{
        Check *check = userdata;
        const void *data = NULL;
        size_t n = 0;
        int r = check->source->read(check->source->userdata, &data, &n, &check->read_error);

        if (r == 0 && tar_scan_feed(&check->scan, data, n) < 0)
                r = error_out_of_memory(&check->read_error);
        if (r == 0 && cancel_signal())
                r = error_cancelled(&check->read_error);
        if (r < 0) {
                archive_set_error(archive, -r, "can't read");
                return ARCHIVE_FATAL;
        }
        *ret_data = data;
        return (la_ssize_t) n;
}

static int archive_failed(Check *check, struct archive *archive, Error *error)
{
        const char *text = archive_error_string(archive);

        if (check->read_error.code < 0)
                return error_move(error, &check->read_error);
        return error_set(error, -EBADMSG, "It is no archive that libarchive can read: %s", text ? text : "unknown");
}

/* Without "./" at the start and "/" at the end; NULL when it is not a plain path below the root. */
static const char *normal_path(const char *path, size_t *ret_length)
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
static bool is_open(const Check *check, const char *path, size_t length)
{
        const Buffer *open = &check->directory;

        return length == 0 || (open->length >= length && memcmp(open->data, path, length) == 0 &&
                               (open->length == length || open->data[length] == '/'));
}

/* Rules 1, 2 and 4: all the way from the root down to the parent, the first that is wrong. */
static void check_parents(Check *check, const char *path, size_t length)
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

static void check_hard_link(Check *check, struct archive_entry *entry)
{
        size_t length;
        const char *target = archive_entry_hardlink(entry), *normal = target ? normal_path(target, &length) : NULL;

        if (!normal)
                violate(check, 3, "is a hard link to a path outside the tree");
        else if (!S_ISREG(path_set_type(check->paths, normal, length)))
                violate(check, 3, "is a hard link to something that is not an earlier regular file");
}

static void check_xattrs(Check *check, struct archive_entry *entry, mode_t type)
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

static void check_kind(Check *check, struct archive_entry *entry, mode_t type)
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
static void note_top(Check *check, const char *path, size_t length)
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

static int open_directory(Check *check, const char *path, size_t length)
{
        check->directory.length = 0;
        return buffer_append(&check->directory, path, length);
}

static int check_entry(Check *check, struct archive_entry *entry, Error *error)
{
        bool hard_link = archive_entry_hardlink(entry) != NULL;
        mode_t type = hard_link ? S_IFREG : archive_entry_filetype(entry);
        size_t length;

        check->entry = archive_entry_pathname(entry);
        if (!check->entry)
                return error_set(error, -EILSEQ, "An entry's name can't be read");
        const char *path = normal_path(check->entry, &length);
        if (!path) {
                violate(check, 4, check->entry[0] == '/' ? "is an absolute path" : "has \"..\", \".\" or \"//\" in it");
                return 0;
        }
        if (length > 0)
                check_parents(check, path, length);
        if (count_levels(path, length) > DEPTH_MAX)
                violate(check, 8, "lies more than 126 levels deep");
        if (hard_link)
                check_hard_link(check, entry);
        check_xattrs(check, entry, type);
        check_kind(check, entry, type);
        if (S_ISDIR(type))
                note_top(check, path, length);
        int r = path_set_add(check->paths, path, length, type);
        if (r == -EEXIST)
                violate(check, 3, "comes twice");
        if (r == -ENOMEM || open_directory(check, path, S_ISDIR(type) ? length : parent_length(path, length)) < 0)
                return error_out_of_memory(error);
        return 0;
}

static int check_entries(Check *check, struct archive *archive, Error *error)
{
        struct archive_entry *entry;
        uint64_t n_entries = 0;
        int result;

        while ((result = archive_read_next_header(archive, &entry)) == ARCHIVE_OK || result == ARCHIVE_WARN) {
                if (n_entries++ == 0 && strcmp(archive_entry_pathname(entry) ?: "", "./") != 0) {
                        check->entry = archive_entry_pathname(entry) ?: "";
                        violate(check, 1, "comes first, but the first entry must be the root, \"./\"");
                        /* said once, not for everything at the top */
                        if (path_set_add(check->paths, "", 0, S_IFDIR) < 0)
                                return error_out_of_memory(error);
                }
                int r = check_entry(check, entry, error);
                if (r < 0)
                        return r;
        }
        if (result != ARCHIVE_EOF)
                return archive_failed(check, archive, error);
        check->entry = "";
        if (check->has_folder && !check->has_system)
                violate(check, 13, "The archive holds a folder with the system's tree, not the tree itself");
        return 0;
}

/* libarchive stops reading at the archive's end; what is behind it matters as well. */
static int read_rest(Check *check, struct archive *archive, Error *error)
{
        const void *data;
        la_ssize_t n;

        while ((n = read_chunk(archive, check, &data)) > 0)
                ;
        if (n < 0)
                return error_move(error, &check->read_error);
        tar_scan_end(&check->scan);
        return 0;
}

static inline void reader_free(struct archive **archive)
{
        if (*archive)
                archive_read_free(*archive);
}

static int run_check(Check *check, Error *error)
{
        _cleanup_(reader_free) struct archive *archive = archive_read_new();

        if (!archive || archive_read_support_format_tar(archive) != ARCHIVE_OK)
                return error_out_of_memory(error);
        if (archive_read_open(archive, check, NULL, read_chunk, NULL) != ARCHIVE_OK)
                return archive_failed(check, archive, error);
        int r = check_entries(check, archive, error);
        return r < 0 ? r : read_rest(check, archive, error);
}

static int scan_source(const RuleSource *source, RuleListener listener, void *userdata, Error *error)
{
        _cleanup_path_set_ PathSet *paths = path_set_new();
        Check check = { .source = source, .paths = paths, .listener = listener, .userdata = userdata, .entry = "" };

        if (!paths)
                return error_out_of_memory(error);
        tar_scan_init(&check.scan, listener, userdata);
        int r = run_check(&check, error);
        tar_scan_done(&check.scan);
        buffer_done(&check.directory);
        error_done(&check.read_error);
        return r;
}

typedef struct FileSource {
        Decompressor *decompressor;
        uint8_t *chunk;
} FileSource;

static int read_file_source(void *userdata, const void **ret_data, size_t *ret_size_bytes, Error *error)
{
        const FileSource *file = userdata;

        *ret_data = file->chunk;
        return decompressor_read(file->decompressor, file->chunk, CHUNK_BYTES, ret_size_bytes, error);
}

int rules_scan(int fd, RuleListener listener, void *userdata, Error *error)
{
        _cleanup_decompressor_ Decompressor *decompressor = NULL;
        _cleanup_free_ uint8_t *chunk = malloc(CHUNK_BYTES);

        if (!chunk)
                return error_out_of_memory(error);
        int r = decompressor_new(fd, &decompressor, error);
        if (r < 0)
                return r;
        FileSource file = { decompressor, chunk };
        return scan_source(&(RuleSource){ read_file_source, &file }, listener, userdata, error);
}

typedef struct Findings {
        size_t n;
        char *first; /* owned */
        Buffer others;
        bool out_of_memory;
} Findings;

static void add_finding(const RuleViolation *violation, void *userdata)
{
        Findings *findings = userdata;
        const char *space = *violation->entry ? " " : "";

        if (++findings->n > LISTED_MAX)
                return;
        if (findings->n == 1) {
                if (asprintf(&findings->first, "%s%s%s", violation->entry, space, violation->text) < 0) {
                        findings->first = NULL;
                        findings->out_of_memory = true;
                }
        } else if (buffer_printf(&findings->others, "%s%s%s%s", findings->others.length > 0 ? "\n" : "",
                                 violation->entry, space, violation->text) < 0) {
                findings->out_of_memory = true;
        }
}

static int report_findings(const Findings *findings, const char *name, Error *error)
{
        if (findings->n == 0)
                return 0;
        if (findings->out_of_memory)
                return error_out_of_memory(error);
        error_set(error, -EBADMSG, "Hosts would not take %s: %s", name, findings->first);
        if (findings->n > LISTED_MAX)
                error_detail(error, "%s\n... and %zu more", findings->others.data, findings->n - LISTED_MAX);
        else if (findings->n > 1)
                error_detail(error, "%s", findings->others.data);
        return -EBADMSG;
}

/* What the scan came to. */
static int conclude(int r, Findings *findings, const char *name, Error *error)
{
        if (r < 0)
                error_wrap(error, "Can't check %s", name);
        else
                r = report_findings(findings, name, error);
        free(findings->first);
        buffer_done(&findings->others);
        return r;
}

int rules_check(int fd, const char *name, Error *error)
{
        Findings findings = { 0 };

        return conclude(rules_scan(fd, add_finding, &findings, error), &findings, name, error);
}

int rules_check_source(const RuleSource *source, const char *name, Error *error)
{
        Findings findings = { 0 };

        return conclude(scan_source(source, add_finding, &findings, error), &findings, name, error);
}
