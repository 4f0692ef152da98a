/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/cancel.h"
#include "base/file.h"
#include "base/process.h"
#include "sandbox/internal.h"
#include "sandbox/message.h"
#include "sandbox/tree.h"
#include "sandbox/userns.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define REPLY_LIMIT_BYTES ((size_t) 256 << 20)

typedef struct Call {
        int user_namespace_fd;
        const SandboxTree *tree; /* NULL: as the owner, without a tree */
        SandboxFunction function;
        void *userdata;
        bool cancellable;
} Call;

/* A mount's descriptor is for paths alone; the function may want to read or change the directory itself. */
static int open_root(int tree_fd, int *ret, Error *error)
{
        int fd = openat(tree_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        if (fd < 0)
                return error_set_errno(error, errno, "Can't open the staging tree");
        *ret = fd;
        return 0;
}

static int enter(const Call *call, pid_t parent, int *ret_root_fd, Error *error)
{
        TreeEntry entry = { .user_namespace_fd = call->user_namespace_fd, .tree = call->tree };
        int r = die_with_parent(parent);

        if (r == 0 && call->tree) {
                int tree_fd = -1;
                r = tree_enter(&entry, &tree_fd, NULL, error);
                if (r == 0)
                        r = open_root(tree_fd, ret_root_fd, error);
        } else if (r == 0) {
                r = user_namespace_enter(call->user_namespace_fd, error);
                if (r == 0)
                        r = user_namespace_become_root(error);
        }
        if (r < 0)
                return r;
        umask(022);
        return die_with_parent(parent);
}

static _Noreturn void do_call(const Call *call, pid_t parent, int answer_fd)
{
        _cleanup_buffer_ Buffer reply = BUFFER_INIT;
        _cleanup_error_ Error error = ERROR_INIT;
        int root_fd = -1;

        cancel_reset_in_child();
        int r = enter(call, parent, &root_fd, &error);
        if (r == 0)
                r = call->function(root_fd, call->userdata, &reply, &error);
        if (r < 0 && error.code == 0)
                error_set_errno(&error, -r, "The work in the sandbox failed");
        r = r < 0 ? message_send_error(answer_fd, &error) : message_send_reply(answer_fd, &reply);
        _exit(r < 0);
}

static int take_answer(const Call *call, int answer_fd, Buffer *ret, Error *error)
{
        ProcessPipe pipe = { answer_fd, NULL, ret, REPLY_LIMIT_BYTES };

        if (call->cancellable)
                return process_pump(&pipe, 1, error);
        int r = read_descriptor(answer_fd, REPLY_LIMIT_BYTES, ret);
        return r < 0 ? error_set_errno(error, -r, "Can't take the answer of the sandbox") : 0;
}

static int finish(const Call *call, pid_t pid, int answer_fd, Buffer *ret_reply, Error *error)
{
        _cleanup_buffer_ Buffer answer = BUFFER_INIT;
        int status = 0, r = take_answer(call, answer_fd, &answer, error);

        if (r < 0)
                kill(pid, SIGKILL);
        int waited = process_wait(pid, &status);
        if (r < 0)
                return r;
        if (waited < 0)
                return error_set_errno(error, -waited, "Can't wait for the sandbox");
        switch (message_kind(&answer)) {
        case MESSAGE_REPLY:
                if (status != 0)
                        break;
                if (ret_reply)
                        *ret_reply = TAKE_BUFFER(answer);
                return 0;
        case MESSAGE_ERROR:
                return message_error(&answer, error);
        default:
                break;
        }
        return process_status_error(status, "The work in the sandbox", NULL, error);
}

static int call_forked(const Call *call, Buffer *ret_reply, Error *error)
{
        int fds[2];

        if (pipe2(fds, O_CLOEXEC) < 0)
                return error_set_errno(error, errno, "Can't make a pipe");
        _cleanup_close_ int answer_fd = fds[0];
        pid_t parent = getpid(), pid = fork();
        if (pid == 0)
                do_call(call, parent, fds[1]);
        int fork_errno = errno;
        close(fds[1]);
        if (pid < 0)
                return error_set_errno(error, fork_errno, "Can't start a process");
        return finish(call, pid, answer_fd, ret_reply, error);
}

int sandbox_call_full(Sandbox *sandbox, const SandboxTree *tree, SandboxFunction function, void *userdata,
                      bool cancellable, Buffer *ret_reply, Error *error)
{
        Call call = { sandbox->user_namespace_fd, tree, function, userdata, cancellable };

        return call_forked(&call, ret_reply, error);
}

int sandbox_call(Sandbox *sandbox, const SandboxTree *tree, SandboxFunction function, void *userdata,
                 Buffer *ret_reply, Error *error)
{
        return sandbox_call_full(sandbox, tree, function, userdata, true, ret_reply, error);
}

int sandbox_call_as_owner(Sandbox *sandbox, SandboxFunction function, void *userdata, Buffer *ret_reply, Error *error)
{
        if (sandbox->owner_namespace_fd < 0) {
                int r = user_namespace_new(&sandbox->map, USER_NAMESPACE_OWNER, &sandbox->owner_namespace_fd,
                                           error);
                if (r < 0)
                        return r;
        }
        Call call = { sandbox->owner_namespace_fd, NULL, function, userdata, false };
        return call_forked(&call, ret_reply, error);
}

int sandbox_call_as_caller(Sandbox *sandbox, SandboxFunction function, void *userdata, Buffer *ret_reply, Error *error)
{
        _cleanup_buffer_ Buffer reply = BUFFER_INIT;

        if (!sandbox->map.privileged)
                return sandbox_call_as_owner(sandbox, function, userdata, ret_reply, error);
        int r = function(-1, userdata, &reply, error);
        if (r == 0 && ret_reply)
                *ret_reply = TAKE_BUFFER(reply);
        return r;
}
