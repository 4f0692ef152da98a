/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/cleanup.h"
#include "base/file.h"
#include "base/strings.h"
#include "sandbox/sandbox.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/* A sandbox and an empty tree for each test; trees are written and shown as text. */

typedef struct StageFixture {
        char *directory; /* of ours */
        char *tree_path;
        Sandbox *sandbox;
        SandboxTree tree;
        Error error;
} StageFixture;

static StageFixture fixture;

#define assert_ok(call)                                                                                      \
        do {                                                                                                 \
                int r_ = (call);                                                                             \
                if (r_ < 0)                                                                                  \
                        print_error("%s: %s (%s)\n", #call, fixture.error.message ?: "", fixture.error.detail ?: ""); \
                assert_int_equal(r_, 0);                                                                     \
        } while (0)

#define assert_fails(call, code, text)                                                                       \
        do {                                                                                                 \
                assert_int_equal(call, code);                                                                \
                assert_non_null(fixture.error.message);                                                      \
                if (!strstr(fixture.error.message, text))                                                    \
                        print_error("%s\n", fixture.error.message);                                          \
                assert_non_null(strstr(fixture.error.message, text));                                        \
                error_done(&fixture.error);                                                                  \
        } while (0)

/* "path/" a directory, "path" with content, or with "-> target" a link, "mode" as given. */
typedef struct TreeEntry {
        const char *path;
        const char *content;
        mode_t mode; /* 0: 0644, 0755 for directories */
} TreeEntry;

static inline int plant_entry(int root_fd, const TreeEntry *entry)
{
        size_t length = strlen(entry->path);
        _cleanup_free_ char *name = NULL;

        if (entry->path[length - 1] == '/')
                return make_directories_in_root(root_fd, entry->path, entry->mode ?: 0755);
        _cleanup_close_ int parent_fd = open_parent_in_root(root_fd, entry->path, true, &name);
        if (parent_fd < 0)
                return parent_fd;
        if (string_starts_with(entry->content, "-> "))
                return symlinkat(entry->content + 3, parent_fd, name) < 0 ? -errno : 0;
        if (strcmp(entry->content, "fifo") == 0)
                return mkfifoat(parent_fd, name, 0644) < 0 ? -errno : 0;
        _cleanup_close_ int fd = openat(parent_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (fd < 0)
                return -errno;
        int r = write_all(fd, entry->content, strlen(entry->content));
        return r < 0 ? r : fchmod(fd, entry->mode ?: 0644) < 0 ? -errno : 0;
}

static inline int plant(int root_fd, void *userdata, Buffer *reply, Error *error)
{
        (void) reply;
        for (const TreeEntry *entry = userdata; entry->path; entry++) {
                int r = plant_entry(root_fd, entry);
                if (r < 0)
                        return error_set_errno(error, -r, "planting %s", entry->path);
        }
        return 0;
}

static inline int compare_names(const struct dirent **a, const struct dirent **b)
{
        return strcmp((*a)->d_name, (*b)->d_name);
}

static inline int show_directory(int fd, const char *prefix, Buffer *reply);

/* These run in the sandbox's process, where an assertion would go on with the next test: codes only. */
static inline int show_content(int fd, Buffer *reply)
{
        _cleanup_buffer_ Buffer content = BUFFER_INIT;
        int r = read_descriptor(fd, 4096, &content);

        if (r < 0)
                return r == -EFBIG ? buffer_append_string(reply, " (large)") : r;
        for (char *c = content.data; *c; c++)
                *c = *c == '\n' ? '|' : *c;
        return buffer_printf(reply, " \"%s\"", content.data);
}

static inline int show_entry(int fd, const char *prefix, const char *name, Buffer *reply)
{
        _cleanup_free_ char *path = NULL;
        char target[256] = "";
        struct stat status;

        if (asprintf(&path, "%s/%s", prefix, name) < 0 || fstatat(fd, name, &status, AT_SYMLINK_NOFOLLOW) < 0)
                return -errno;
        if (S_ISLNK(status.st_mode))
                return readlinkat(fd, name, target, sizeof target - 1) < 0
                               ? -errno
                               : buffer_printf(reply, "%s -> %s\n", path, target);
        int r = buffer_printf(reply, "%s%s %04o %u:%u", path, S_ISDIR(status.st_mode) ? "/" : "",
                              status.st_mode & 07777, status.st_uid, status.st_gid);
        _cleanup_close_ int child = openat(fd, name, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
        if (child < 0)
                return -errno;
        if (r == 0 && S_ISREG(status.st_mode))
                r = show_content(child, reply);
        if (r == 0)
                r = buffer_append_string(reply, "\n");
        return r == 0 && S_ISDIR(status.st_mode) ? show_directory(child, path, reply) : r;
}

static inline int show_directory(int fd, const char *prefix, Buffer *reply)
{
        struct dirent **names = NULL;
        int n = scandirat(fd, ".", &names, NULL, compare_names), r = n < 0 ? -errno : 0;

        for (int i = 0; i < n; i++) {
                if (r == 0 && strcmp(names[i]->d_name, ".") != 0 && strcmp(names[i]->d_name, "..") != 0)
                        r = show_entry(fd, prefix, names[i]->d_name, reply);
                free(names[i]);
        }
        free(names);
        return r;
}

static inline int show(int root_fd, void *userdata, Buffer *reply, Error *error)
{
        (void) userdata;
        int r = show_directory(root_fd, "", reply);
        return r < 0 ? error_set_errno(error, -r, "showing the tree") : 0;
}

static inline void plant_tree(const TreeEntry *entries)
{
        assert_ok(sandbox_call(fixture.sandbox, &fixture.tree, plant, (void *) entries, NULL, &fixture.error));
}

/* Each file a line: "/etc/x 0644 0:0 "line|line|"", "/link -> target", "/dir/ 0755 0:0". Caller frees. */
static inline char *show_tree(void)
{
        _cleanup_buffer_ Buffer reply = BUFFER_INIT;

        assert_ok(sandbox_call(fixture.sandbox, &fixture.tree, show, NULL, &reply, &fixture.error));
        return reply.data ? buffer_take(&reply) : strdup("");
}

static inline void assert_tree(const char *expected)
{
        _cleanup_free_ char *text = show_tree();

        assert_string_equal(text, expected);
}

static inline int fixture_setup(void **state)
{
        (void) state;
        fixture = (StageFixture){ .tree.directory_fd = -1 };
        if (make_temporary_directory(getenv("TMPDIR") ?: "/tmp", "templar-test-stage.", &fixture.directory,
                                     &fixture.error) < 0 ||
            sandbox_open(&fixture.sandbox, &fixture.error) < 0 ||
            sandbox_make_directory(fixture.sandbox, fixture.directory, "tree", &fixture.error) < 0) {
                print_error("%s\n%s\n", fixture.error.message, fixture.error.hint ?: "");
                return -1;
        }
        fixture.tree_path = path_join(fixture.directory, "tree");
        fixture.tree.directory_fd = open(fixture.tree_path, O_PATH | O_DIRECTORY | O_CLOEXEC);
        return fixture.tree.directory_fd < 0 ? -1 : 0;
}

static inline int fixture_teardown(void **state)
{
        (void) state;
        int r = 0;

        cleanup_close(&fixture.tree.directory_fd);
        if (fixture.sandbox)
                r = sandbox_remove_tree(fixture.sandbox, fixture.directory, &fixture.error);
        sandbox_close(fixture.sandbox);
        error_done(&fixture.error);
        free(fixture.directory);
        free(fixture.tree_path);
        return r;
}
