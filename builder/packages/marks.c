/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "packages/marks.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/file.h"
#include "packages/deb822.h"

#define MARKS_DIRECTORY "/var/lib/apt"
#define MARKS_NAME "extended_states"
#define MARKS_LIMIT_BYTES ((uint64_t) 32 << 20)

/* "name architecture" of every marked package; sorts as it should, as a blank comes before all else. */
static int read_old(const char *text, char ***marks)
{
        Deb822 reader = DEB822_INIT(text);

        while (deb822_next_stanza(&reader)) {
                _cleanup_free_ char *name = deb822_get(reader.next, "Package");
                _cleanup_free_ char *architecture = deb822_get(reader.next, "Architecture");
                _cleanup_free_ char *marked = deb822_get(reader.next, "Auto-Installed");
                if (!string_empty(name) && !string_empty(architecture) && string_equal(marked, "1") &&
                    strv_appendf(marks, "%s %s", name, architecture) < 0)
                        return -ENOMEM;
        }
        return 0;
}

/* The mark of "name" or "name:architecture". */
static char *mark_of(const char *package, const char *architecture)
{
        const char *colon = strchr(package, ':');
        char *text;
        int length = colon ? (int) (colon - package) : (int) strlen(package);

        return asprintf(&text, "%.*s %s", length, package, colon ? colon + 1 : architecture) < 0 ? NULL : text;
}

static int drop(char **marks, const char *package, const char *architecture)
{
        _cleanup_free_ char *mark = mark_of(package, architecture);
        size_t kept = 0;

        if (!mark)
                return -ENOMEM;
        for (size_t i = 0; marks && marks[i]; i++) {
                if (strcmp(marks[i], mark) == 0)
                        free(marks[i]);
                else
                        marks[kept++] = marks[i];
        }
        if (marks)
                marks[kept] = NULL;
        return 0;
}

static int change(char ***marks, const AptTransaction *transaction, const char *architecture)
{
        for (size_t i = 0; i < transaction->n_steps; i++) {
                const AptStep *step = &transaction->steps[i];
                if ((step->action == APT_REMOVE || step->action == APT_PURGE) &&
                    drop(*marks, step->package, architecture) < 0)
                        return -ENOMEM;
        }
        for (char **name = transaction->manual; name && *name; name++)
                if (drop(*marks, *name, architecture) < 0)
                        return -ENOMEM;
        for (char **name = transaction->automatic; name && *name; name++) {
                _cleanup_free_ char *mark = mark_of(*name, architecture);
                if (!mark || (!strv_contains(*marks, mark) && strv_append(marks, mark) < 0))
                        return -ENOMEM;
        }
        return 0;
}

int marks_merge(const char *text, const AptTransaction *transaction, const char *architecture, Buffer *ret)
{
        _cleanup_strv_ char **marks = NULL;
        _cleanup_buffer_ Buffer buffer = BUFFER_INIT;
        int r = read_old(text, &marks);

        if (r == 0)
                r = change(&marks, transaction, architecture);
        if (r < 0)
                return r;
        strv_sort(marks);
        for (char **mark = marks; mark && *mark; mark++) {
                int length = (int) strcspn(*mark, " ");
                r = buffer_printf(&buffer, "Package: %.*s\nArchitecture: %s\nAuto-Installed: 1\n\n", length, *mark,
                                  *mark + length + 1);
                if (r < 0)
                        return r;
        }
        *ret = TAKE_BUFFER(buffer);
        return 0;
}

typedef struct Update {
        const AptTransaction *transaction;
        const char *architecture;
} Update;

static int call_update(int root_fd, void *userdata, Buffer *reply, Error *error)
{
        const Update *update = userdata;
        _cleanup_buffer_ Buffer before = BUFFER_INIT, after = BUFFER_INIT;
        _cleanup_close_ int directory_fd = open_in_root(root_fd, MARKS_DIRECTORY, O_RDONLY | O_DIRECTORY, 0);

        (void) reply;
        if (directory_fd == -ENOENT)
                return 0;
        if (directory_fd < 0)
                return error_set_errno(error, -directory_fd, "Can't open %s of the tree", MARKS_DIRECTORY);
        _cleanup_close_ int fd = openat(directory_fd, MARKS_NAME, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        if (fd < 0 && errno != ENOENT)
                return error_set_errno(error, errno, "Can't open apt's marks of the tree");
        int r = fd >= 0 ? read_descriptor(fd, MARKS_LIMIT_BYTES, &before) : 0;
        if (r == 0)
                r = marks_merge(before.data ? before.data : "", update->transaction, update->architecture, &after);
        if (r < 0)
                return error_set_errno(error, -r, "Can't read apt's marks of the tree");
        if (string_equal(before.data ? before.data : "", after.data ? after.data : ""))
                return 0;
        return write_file_atomic(directory_fd, MARKS_NAME, after.data ? after.data : "", after.length, 0644, error);
}

int marks_update(Sandbox *sandbox, const SandboxTree *tree, const AptTransaction *transaction, const char *architecture,
                 Error *error)
{
        Update update = { transaction, architecture };

        return sandbox_call(sandbox, tree, call_update, &update, NULL, error);
}
