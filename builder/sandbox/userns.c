/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sandbox/userns.h"

#include "base/cancel.h"
#include "base/file.h"
#include "base/output.h"
#include "base/process.h"
#include "base/strings.h"
#include "sandbox/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>

int die_with_parent(pid_t parent)
{
        if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
                return -errno;
        /* it may have ended before prctl() */
        return getppid() == parent ? 0 : -ESRCH;
}

int user_namespace_enter(int fd, Error *error)
{
        if (setns(fd, CLONE_NEWUSER) < 0)
                return error_set_errno(error, errno, "Can't enter the sandbox's user namespace");
        return 0;
}

int user_namespace_become_root(Error *error)
{
        if (setgroups(0, NULL) < 0 || setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0)
                return error_set_errno(error, errno, "Can't become root in the sandbox");
        return 0;
}

static bool kernel_switch_is(const char *path, char value)
{
        _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
        char first = '\0';

        return fd >= 0 && read(fd, &first, 1) == 1 && first == value;
}

static int no_namespace_error(int errnum, Error *error)
{
        error_set_errno(error, errnum, "Can't make a user namespace");
        if (kernel_switch_is("/proc/sys/user/max_user_namespaces", '0'))
                return error_hint(error, "They are switched off: sysctl user.max_user_namespaces=10000");
        if (kernel_switch_is("/proc/sys/kernel/unprivileged_userns_clone", '0'))
                return error_hint(error, "They are kept for root: sysctl kernel.unprivileged_userns_clone=1");
        if (kernel_switch_is("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", '1'))
                return error_hint(
                        error,
                        "AppArmor refuses them: sysctl kernel.apparmor_restrict_unprivileged_userns=0");
        return error_hint(error, "In a container the container's manager has to allow them");
}

/* The child that a namespace is made with. */
typedef struct Holder {
        pid_t pid;
        int answer_fd; /* its errno of unshare() */
        int go_fd;     /* closed by us: the ids are mapped */
} Holder;

static _Noreturn void hold(UserNamespaceKind kind, pid_t parent, int answer_fd, int go_fd)
{
        int failure = 0;
        char byte;

        cancel_reset_in_child();
        if (die_with_parent(parent) < 0)
                _exit(1);
        if (unshare(CLONE_NEWUSER) < 0)
                failure = errno;
        if (write_all(answer_fd, &failure, sizeof failure) < 0 || failure != 0)
                _exit(1);
        if (read(go_fd, &byte, 1) != 1)
                _exit(1);
        if (kind == USER_NAMESPACE_SANDBOX) {
                /* Programs inside can't nest. Where /proc/sys is read only (containers), seccomp alone has to
                 * do. */
                int fd = open("/proc/sys/user/max_user_namespaces", O_WRONLY | O_CLOEXEC);
                int r = fd >= 0 ? write_all(fd, "0", 1) : 0;
                _exit(r < 0);
        }
        _exit(0);
}

static int start_holder(UserNamespaceKind kind, Holder *ret, Error *error)
{
        int answer[2] = { -1, -1 }, go[2] = { -1, -1 }, failure = 0;
        pid_t parent = getpid(), pid = -1;

        if (pipe2(answer, O_CLOEXEC) < 0 || pipe2(go, O_CLOEXEC) < 0) {
                error_set_errno(error, errno, "Can't make a pipe");
        } else {
                pid = fork();
                if (pid < 0)
                        error_set_errno(error, errno, "Can't start a process");
                if (pid == 0) {
                        close(go[1]);
                        hold(kind, parent, answer[1], go[0]);
                }
        }
        cleanup_close(&answer[1]);
        cleanup_close(&go[0]);
        if (pid < 0 || read(answer[0], &failure, sizeof failure) != sizeof failure || failure != 0) {
                cleanup_close(&answer[0]);
                cleanup_close(&go[1]);
                if (pid < 0)
                        return -EAGAIN;
                int status, r = process_wait(pid, &status);
                (void) r;
                return no_namespace_error(failure ? failure : EIO, error);
        }
        *ret = (Holder){ pid, answer[0], go[1] };
        return 0;
}

/* The mapping in the kernel's words, one range a line. */
static int write_map(pid_t pid, const char *file, const char *text, Error *error)
{
        char path[64];

        snprintf(path, sizeof path, "/proc/%d/%s", (int) pid, file);
        _cleanup_close_ int fd = open(path, O_WRONLY | O_CLOEXEC);
        int r = fd < 0 ? -errno : write_all(fd, text, strlen(text));
        if (r == 0)
                return 0;
        error_set_errno(error, -r, "Can't map ids into the sandbox's user namespace");
        return r == -EPERM
                       ? error_hint(error,
                                    "Root of a container has too few ids of its own: add a line for root to "
                                    "/etc/subuid and /etc/subgid with 65536 ids that the container has")
                       : r;
}

static int run_newidmap(const char *program, pid_t pid, const char *text, Error *error)
{
        _cleanup_strv_ char **arguments = NULL, **numbers = strv_split(text, " \n");
        _cleanup_output_ Output *output = NULL;
        int r = output_new(NULL, &output, error);

        if (r < 0)
                return r;
        if (!numbers || strv_append(&arguments, program) < 0 ||
            strv_appendf(&arguments, "%d", (int) pid) < 0 || strv_extend(&arguments, numbers) < 0)
                return error_out_of_memory(error);
        r = process_run(&(ProcessCommand){ .argv = (const char *const *) arguments,
                                           .stdin_fd = -1,
                                           .output = output },
                        error);
        if (r == -ENOENT)
                return error_hint(error, "Install the package uidmap, which has newuidmap and newgidmap");
        return r < 0 ? error_wrap(error, "Can't map ids into the sandbox's user namespace") : 0;
}

static int map_ids(const IdMap *map, UserNamespaceKind kind, pid_t pid, Error *error)
{
        char uids[64], gids[64];

        if (kind == USER_NAMESPACE_OWNER) {
                snprintf(uids, sizeof uids, "0 %u 1\n1 %u %u\n", (unsigned) geteuid(), map->uid_base,
                         SANDBOX_IDS);
                snprintf(gids, sizeof gids, "0 %u 1\n1 %u %u\n", (unsigned) getegid(), map->gid_base,
                         SANDBOX_IDS);
        } else {
                snprintf(uids, sizeof uids, "0 %u %u\n", map->uid_base, SANDBOX_IDS);
                snprintf(gids, sizeof gids, "0 %u %u\n", map->gid_base, SANDBOX_IDS);
        }
        int r = map->privileged ? write_map(pid, "uid_map", uids, error)
                                : run_newidmap("newuidmap", pid, uids, error);
        if (r < 0)
                return r;
        return map->privileged ? write_map(pid, "gid_map", gids, error)
                               : run_newidmap("newgidmap", pid, gids, error);
}

int user_namespace_new(const IdMap *map, UserNamespaceKind kind, int *ret_fd, Error *error)
{
        char path[64];
        Holder holder = { 0 };
        int status = 0;

        int r = start_holder(kind, &holder, error);
        if (r < 0)
                return r;
        snprintf(path, sizeof path, "/proc/%d/ns/user", (int) holder.pid);
        _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
        r = fd < 0 ? error_set_errno(error, errno, "Can't open the sandbox's user namespace")
                   : map_ids(map, kind, holder.pid, error);
        if (r == 0 && write_all(holder.go_fd, "", 1) < 0)
                r = error_set(error, -EPIPE, "The process that makes the sandbox's user namespace is gone");
        close(holder.go_fd);
        close(holder.answer_fd);
        int waited = process_wait(holder.pid, &status);
        if (r == 0 && (waited < 0 || status != 0))
                r = error_set(error, -EIO, "Can't set up the sandbox's user namespace");
        if (r == 0)
                *ret_fd = TAKE_FD(fd);
        return r;
}
