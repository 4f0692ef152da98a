/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "packages/apt_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/file.h"
#include "packages/status.h"

#define MARKS_PATH "/var/lib/apt/extended_states"
#define MARKS_LIMIT_BYTES ((uint64_t) 32 << 20)

static int read_marks(int root_fd, Buffer *ret, Error *error)
{
        struct stat status;
        _cleanup_close_ int fd = open_in_root(root_fd, MARKS_PATH, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);

        if (fd == -ENOENT || fd == -ENOTDIR)
                return 0;
        if (fd < 0)
                return error_set_errno(error, -fd, "Can't open %s of the tree", MARKS_PATH);
        if (fstat(fd, &status) < 0 || !S_ISREG(status.st_mode))
                return error_set(error, -EINVAL, "%s of the tree is not a regular file", MARKS_PATH);
        int r = read_descriptor(fd, MARKS_LIMIT_BYTES, ret);
        return r < 0 ? error_set_errno(error, -r, "Can't read %s of the tree", MARKS_PATH) : 0;
}

/* The reply: the length of the status, the status, the marks. */
static int call_read(int root_fd, void *userdata, Buffer *reply, Error *error)
{
        _cleanup_buffer_ Buffer status = BUFFER_INIT, marks = BUFFER_INIT;

        (void) userdata;
        int r = status_read(root_fd, &status, error);
        if (r == 0)
                r = read_marks(root_fd, &marks, error);
        if (r < 0)
                return r;
        uint64_t length = status.length;
        if (buffer_append(reply, &length, sizeof length) < 0 || buffer_append(reply, status.data, status.length) < 0 ||
            buffer_append(reply, marks.data, marks.length) < 0)
                return error_out_of_memory(error);
        return 0;
}

static int take_reply(Apt *apt, const Buffer *reply, Buffer *ret_status, Error *error)
{
        _cleanup_buffer_ Buffer status = BUFFER_INIT;
        uint64_t length = 0;

        if (reply->length < sizeof length)
                return error_set(error, -EBADMSG, "The sandbox gave no package status");
        memcpy(&length, reply->data, sizeof length);
        if (length > reply->length - sizeof length)
                return error_set(error, -EBADMSG, "The sandbox gave half a package status");
        if (buffer_append(&status, reply->data + sizeof length, length) < 0)
                return error_out_of_memory(error);
        int r = apt_write(apt, "status", status.data, status.length, error);
        if (r == 0)
                r = apt_write(apt, "extended_states", reply->data + sizeof length + length,
                              reply->length - sizeof length - length, error);
        if (r == 0)
                *ret_status = TAKE_BUFFER(status);
        return r;
}

int apt_take_status(Apt *apt, const SandboxTree *tree, Buffer *ret_status, Error *error)
{
        _cleanup_buffer_ Buffer reply = BUFFER_INIT;
        int r = sandbox_call(apt->sandbox, tree, call_read, NULL, &reply, error);

        return r < 0 ? r : take_reply(apt, &reply, ret_status, error);
}
