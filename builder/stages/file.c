/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/file.h"
#include "stages/clean.h"
#include "stages/kinds.h"
#include "stages/tree.h"
#include "stages/users.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

/* What the recipe wants, handed to the function that runs in the tree. */
typedef struct FileJob {
        const char *path;
        const char *content;   /* or */
        int source_fd;         /* or */
        char *const *append;   /* or */
        const char *link;      /* exactly one of them */
        const char *owner;
        bool owner_set, mode_set;
        mode_t mode;
} FileJob;

static int check(const RecipeSection *section, Error *error)
{
        int n = section_has(section, "Content") + section_has(section, "Source") + section_has(section, "Append") +
                section_has(section, "Link");

        if (n != 1)
                return error_set_usage(error, -EINVAL,
                                       "[File] needs exactly one of Content=, Source=, Append= and Link=");
        if (section_has(section, "Link") && section_has(section, "Mode"))
                return error_set_usage(error, -EINVAL, "a symbolic link has no mode: Mode= can't stand beside Link=");
        if (section_has(section, "Append") && !section_list(section, "Append"))
                return error_set_usage(error, -EINVAL, "Append= is empty");
        const char *last = strrchr(section_string(section, "Path"), '/');
        if (!last || !last[1] || strcmp(last, "/.") == 0 || strcmp(last, "/..") == 0)
                return error_set_usage(error, -EINVAL, "Path= must name a file");
        return 0;
}

static int check_owner(const char *value, Error *error)
{
        const char *colon = strchr(value, ':');

        if (!*value || (colon && strchr(colon + 1, ':')))
                return error_set_usage(error, -EINVAL, "expected user, user:group or :group, as names or numbers");
        return 0;
}

/* 0755 for a source that can be run, as with cp; else 0644. */
static mode_t default_mode(const char *source)
{
        struct stat status;

        return source && stat(source, &status) == 0 && (status.st_mode & S_IXUSR) ? 0755 : 0644;
}

static int digest(const RecipeSection *section, Digest *digest, Error *error)
{
        const char *path;

        if (!section_has(section, "Source"))
                return 0;
        path = section_path(section, "Source");
        int r = stage_digest_file(digest, path, error);
        if (r < 0)
                return r;
        r = digest_add_field(digest, default_mode(path) == 0755 ? "x" : "-");
        return r < 0 ? error_set_errno(error, -r, "Can't digest %s", path) : 0;
}

static char *describe(const RecipeSection *section)
{
        char *words[] = { (char *) section_string(section, "Path"), NULL };

        return stage_describe(section_has(section, "Append") ? "Append to"
                              : section_has(section, "Link") ? "Link"
                                                             : "File",
                              words);
}

static bool has_line(const char *text, const char *line)
{
        size_t length = strlen(line);

        for (; *text; text += strcspn(text, "\n"), text += *text == '\n')
                if (strcspn(text, "\n") == length && memcmp(text, line, length) == 0)
                        return true;
        return false;
}

/* Adds the lines that `text` lacks. */
static int append_lines(Buffer *text, char *const *lines)
{
        for (; *lines; lines++) {
                if (text->data && has_line(text->data, *lines))
                        continue;
                bool open_line = text->length > 0 && text->data[text->length - 1] != '\n';
                int r = buffer_printf(text, "%s%s\n", open_line ? "\n" : "", *lines);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* In place, so that a link in the tree is followed and the file behind it keeps what it is. */
static int append_to_existing(int root_fd, const FileJob *job, uid_t uid, gid_t gid, const char *added, Error *error)
{
        _cleanup_close_ int fd = open_in_root(root_fd, job->path, O_WRONLY | O_APPEND | O_NONBLOCK | O_NOCTTY, 0);
        struct stat status;

        if (fd < 0 || fstat(fd, &status) < 0)
                return error_set_errno(error, fd < 0 ? -fd : errno, "Can't open %s in the tree", job->path);
        int r = write_all(fd, added, strlen(added));
        if (r == 0 && job->owner_set && fchown(fd, uid, gid) < 0)
                r = -errno;
        if (r == 0 && (job->mode_set || job->owner_set) &&
            fchmod(fd, job->mode_set ? job->mode : status.st_mode & 07777) < 0)
                r = -errno;
        return r < 0 ? error_set_errno(error, -r, "Can't append to %s in the tree", job->path) : 0;
}

static int append(int root_fd, const FileJob *job, uid_t uid, gid_t gid, Error *error)
{
        _cleanup_buffer_ Buffer text = BUFFER_INIT;

        int r = tree_read(root_fd, job->path, &text, error);
        bool missing = r == -ENOENT;
        if (r < 0 && !missing)
                return r;
        size_t before = text.length;
        r = append_lines(&text, job->append);
        if (r < 0)
                return error_out_of_memory(error);
        if (missing)
                return tree_write(root_fd, job->path,
                                  &(TreeFile){ .data = text.data, .size_bytes = text.length, .source_fd = -1,
                                               .mode = job->mode, .uid = uid, .gid = gid },
                                  error);
        return append_to_existing(root_fd, job, uid, gid, text.data + before, error);
}

static int make_file(int root_fd, void *userdata, Buffer *reply _unused_, Error *error)
{
        const FileJob *job = userdata;
        uid_t uid = 0;
        gid_t gid = 0;

        int r = users_resolve_owner(root_fd, job->owner, &uid, &gid, error);
        if (r < 0)
                return r;
        if (job->link)
                return tree_link(root_fd, job->path, job->link, uid, gid, error);
        if (job->append)
                return append(root_fd, job, uid, gid, error);
        return tree_write(root_fd, job->path,
                          &(TreeFile){ .data = job->content, .size_bytes = job->content ? strlen(job->content) : 0,
                                       .source_fd = job->source_fd, .mode = job->mode, .uid = uid, .gid = gid },
                          error);
}

static void warn_when_cleaned(StageContext *context, const char *path)
{
        const char *entry = clean_entry_of(path);

        if (entry && !strv_contains(section_list(recipe_image(context->recipe), "Keep"), entry))
                report_warning(context->report, "[File] Path=%s is taken out by the cleaning at the end; "
                               "[Image] Keep=%s leaves it", path, entry);
}

static int run(StageContext *context, Error *error)
{
        const RecipeSection *section = context->section;
        const char *source = section_has(section, "Source") ? section_path(section, "Source") : NULL;
        const char *mode = section_has(section, "Mode") ? section_string(section, "Mode") : NULL;
        _cleanup_close_ int source_fd = source ? open(source, O_RDONLY | O_NOCTTY | O_CLOEXEC) : -1;
        FileJob job = {
                .path = section_string(section, "Path"),
                .content = section_has(section, "Content") ? section_string(section, "Content") ?: "" : NULL,
                .source_fd = source_fd,
                .append = section_has(section, "Append") ? section_list(section, "Append") : NULL,
                .link = section_has(section, "Link") ? section_string(section, "Link") : NULL,
                .owner = section_string(section, "Owner"),
                .owner_set = section_has(section, "Owner"),
                .mode_set = mode != NULL,
                .mode = mode ? (mode_t) strtoul(mode, NULL, 8) : default_mode(source),
        };

        if (source && source_fd < 0)
                return error_set_errno(error, errno, "Can't open %s", source);
        warn_when_cleaned(context, job.path);
        return sandbox_call(context->sandbox, context->tree, make_file, &job, NULL, error);
}

static const KeySchema keys[] = {
        { .name = "Path", .type = KEY_TARGET, .required = true,
          .help = "The file in the image; missing directories above it are made." },
        { .name = "Content", .type = KEY_TEXT, .help = "The file's text." },
        { .name = "Source", .type = KEY_SOURCE, .help = "A file of the recipe's folder to copy." },
        { .name = "Append", .type = KEY_LINES,
          .help = "A line to append to the file unless it is there; may repeat. A missing file is made." },
        { .name = "Link", .type = KEY_STRING, .help = "Makes a symbolic link to this target." },
        { .name = "Mode", .type = KEY_MODE,
          .help = "The mode, in octal; without it 0644, or 0755 for a Source= that can be run." },
        { .name = "Owner", .type = KEY_WORD, .fallback = "root:root", .check = check_owner,
          .help = "user:group, as names of the image or numbers." },
        { .name = NULL },
};

const SectionSchema stage_file_schema = {
        .name = "File",
        .help = "Makes or changes a file of the image. A symbolic link at Path= is replaced, not followed, except by "
                "Append=; no link leads out of the image.",
        .keys = keys,
        .check = check,
};

const StageKind stage_file = {
        .schema = &stage_file_schema, .version = 1, .digest = digest, .describe = describe, .run = run
};
