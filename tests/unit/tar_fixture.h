/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "image_fixture.h"
#include "image/tar.h"

/* Archives in memory, member by member. Directories are made when they are needed. */

typedef struct File {
        const char *path;    /* "etc/passwd"; with "/" behind it: a directory; NULL: end of a list */
        const char *content; /* may be NULL */
        mode_t mode;         /* 0: 0644, 0755 for directories */
        const char *link;    /* a symbolic link's target; "=etc/x": a hard link */
        size_t size_bytes;   /* of the content where it isn't text */
        const char *capability; /* 20 bytes, or NULL */
        uid_t uid;
        int64_t mtime_sec;   /* 0: CLAMP */
} File;

static inline void put_member(Buffer *tar, const char *path, mode_t mode, const File *file)
{
        _cleanup_error_ Error error = ERROR_INIT;
        const char *content = file && file->content ? file->content : "";
        size_t size_bytes = file && file->size_bytes ? file->size_bytes : strlen(content), padding;
        bool hard_link = file && file->link && file->link[0] == '=';
        TarXattr capability = { .name = (char *) "security.capability", .size_bytes = 20 };
        char name[600], target[600] = "";
        static const char zeros[512];

        if (file && file->capability)
                capability.value = (void *) file->capability;
        snprintf(name, sizeof name, *path ? "./%s" : ".", path);
        if (file && file->link)
                snprintf(target, sizeof target, "%s%s", hard_link ? "./" : "", file->link + hard_link);
        TarEntry entry = { .path = name,
                           .mode = mode,
                           .size_bytes = S_ISREG(mode) ? size_bytes : 0,
                           .mtime_sec = file && file->mtime_sec ? file->mtime_sec : CLAMP,
                           .link_target = *target ? target : NULL,
                           .hard_link = hard_link,
                           .xattrs = &capability,
                           .n_xattrs = capability.value != NULL,
                           .uid = file ? file->uid : 0 };
        if (tar_encode(&entry, tar, &error) < 0)
                fail_msg("%s: %s", path, error.message);
        if (!S_ISREG(mode) || hard_link)
                return;
        padding = tar_padding(size_bytes);
        assert_int_equal(buffer_append(tar, content, size_bytes), 0);
        assert_int_equal(buffer_append(tar, zeros, padding), 0);
}

/* Directories on the way to `path` that the member before it did not have. */
static inline void put_parents(Buffer *tar, const char *before, const char *path)
{
        for (const char *slash = path; (slash = strchr(slash, '/')); slash++) {
                char parent[600];
                size_t length = (size_t) (slash - path);
                if (!slash[1] || (strncmp(before, path, length) == 0 && (before[length] == '/' || !before[length])))
                        continue;
                snprintf(parent, sizeof parent, "%.*s", (int) length, path);
                put_member(tar, parent, S_IFDIR | 0755, NULL);
        }
}

static inline void put_trailer(Buffer *tar)
{
        static const char zeros[2 * TAR_RECORD_BYTES];

        assert_int_equal(buffer_append(tar, zeros, tar_trailer(tar->length)), 0);
}

/* In the order in which they are given, which should be that of the bytes. */
static inline void put_archive(Buffer *tar, const File *files)
{
        const char *before = "";

        put_member(tar, "", S_IFDIR | 0755, NULL);
        for (const File *file = files; file->path; before = file->path, file++) {
                bool directory = string_ends_with(file->path, "/");
                mode_t type = directory ? S_IFDIR : file->link && file->link[0] != '=' ? S_IFLNK : S_IFREG;
                mode_t mode = file->mode ? file->mode : directory ? 0755 : S_ISLNK(type) ? 0777 : 0644;
                _cleanup_free_ char *path = strndup(file->path, strlen(file->path) - directory);
                assert_non_null(path);
                put_parents(tar, before, path);
                put_member(tar, path, type | mode, file);
        }
        put_trailer(tar);
}

/* The archive in a file without a name. */
static inline int archive_file(const File *files)
{
        _cleanup_buffer_ Buffer tar = BUFFER_INIT;
        int fd = memory_file();

        put_archive(&tar, files);
        assert_int_equal(write_all(fd, tar.data, tar.length), 0);
        return fd;
}
