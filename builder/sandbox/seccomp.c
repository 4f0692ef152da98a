/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sandbox/confine.h"

#include <errno.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/socket.h>

/* Successful without any effect: a build syncs its result once, at its end, and dpkg's thousands of syncs
 * before that take most of its time. A crash in between leaves nothing that anyone would take for a result.
 */
static const int skipped[] = {
        SCMP_SYS(fdatasync), SCMP_SYS(fsync),           SCMP_SYS(msync),
        SCMP_SYS(sync),      SCMP_SYS(sync_file_range), SCMP_SYS(syncfs),
};

/* Refused with EPERM. Most want a capability that is gone; the filter keeps their code out of reach as well.
 */
static const int refused[] = {
        /* mounts and namespaces */
        SCMP_SYS(fsconfig),
        SCMP_SYS(fsmount),
        SCMP_SYS(fsopen),
        SCMP_SYS(fspick),
        SCMP_SYS(mount),
        SCMP_SYS(mount_setattr),
        SCMP_SYS(move_mount),
        SCMP_SYS(open_tree),
        SCMP_SYS(pivot_root),
        SCMP_SYS(setns),
        SCMP_SYS(umount),
        SCMP_SYS(umount2),
        /* the kernel's keyrings are not all namespaced */
        SCMP_SYS(add_key),
        SCMP_SYS(keyctl),
        SCMP_SYS(request_key),
        /* ways into the kernel with a history */
        SCMP_SYS(bpf),
        SCMP_SYS(fanotify_init),
        SCMP_SYS(io_uring_enter),
        SCMP_SYS(io_uring_register),
        SCMP_SYS(io_uring_setup),
        SCMP_SYS(perf_event_open),
        SCMP_SYS(userfaultfd),
        /* other processes and files without a path */
        SCMP_SYS(kcmp),
        SCMP_SYS(lookup_dcookie),
        SCMP_SYS(open_by_handle_at),
        SCMP_SYS(pidfd_getfd),
        SCMP_SYS(process_vm_readv),
        SCMP_SYS(process_vm_writev),
        SCMP_SYS(ptrace),
        /* the machine */
        SCMP_SYS(acct),
        SCMP_SYS(adjtimex),
        SCMP_SYS(clock_adjtime),
        SCMP_SYS(clock_adjtime64),
        SCMP_SYS(clock_settime),
        SCMP_SYS(clock_settime64),
        SCMP_SYS(delete_module),
        SCMP_SYS(finit_module),
        SCMP_SYS(init_module),
        SCMP_SYS(ioperm),
        SCMP_SYS(iopl),
        SCMP_SYS(kexec_file_load),
        SCMP_SYS(kexec_load),
        SCMP_SYS(nfsservctl),
        SCMP_SYS(quotactl),
        SCMP_SYS(quotactl_fd),
        SCMP_SYS(reboot),
        SCMP_SYS(settimeofday),
        SCMP_SYS(stime),
        SCMP_SYS(swapoff),
        SCMP_SYS(swapon),
        SCMP_SYS(syslog),
        SCMP_SYS(vhangup),
};

/* The other instruction sets that the kernel runs on this machine, or they would be a way around the filter.
 */
static int add_architectures(scmp_filter_ctx filter)
{
        static const struct {
                uint32_t native, other;
        } others[] = {
                { SCMP_ARCH_X86_64, SCMP_ARCH_X86 },      { SCMP_ARCH_X86_64, SCMP_ARCH_X32 },
                { SCMP_ARCH_AARCH64, SCMP_ARCH_ARM },     { SCMP_ARCH_S390X, SCMP_ARCH_S390 },
                { SCMP_ARCH_MIPSEL64, SCMP_ARCH_MIPSEL }, { SCMP_ARCH_MIPSEL64, SCMP_ARCH_MIPSEL64N32 },
                { SCMP_ARCH_PPC64, SCMP_ARCH_PPC },       { SCMP_ARCH_PARISC64, SCMP_ARCH_PARISC },
        };

        for (size_t i = 0; i < ELEMENTS(others); i++) {
                if (others[i].native != seccomp_arch_native())
                        continue;
                int r = seccomp_arch_add(filter, others[i].other);
                if (r < 0 && r != -EEXIST)
                        return r;
        }
        return 0;
}

static int add_rules(scmp_filter_ctx filter, const int *calls, size_t n_calls, uint32_t action)
{
        for (size_t i = 0; i < n_calls; i++) {
                int r = seccomp_rule_add(filter, action, calls[i], 0);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int refuse_user_namespaces(scmp_filter_ctx filter)
{
        const uint32_t refuse = SCMP_ACT_ERRNO(EPERM);
        /* on s390 the flags come second, see clone(2) */
        const unsigned flags = seccomp_arch_native() == SCMP_ARCH_S390X ? 1 : 0;
        int r = seccomp_rule_add(filter, refuse, SCMP_SYS(unshare), 1,
                                 SCMP_CMP(0, SCMP_CMP_MASKED_EQ, CLONE_NEWUSER, CLONE_NEWUSER));

        if (r == 0)
                r = seccomp_rule_add(filter, refuse, SCMP_SYS(clone), 1,
                                     SCMP_CMP(flags, SCMP_CMP_MASKED_EQ, CLONE_NEWUSER, CLONE_NEWUSER));
        /* its flags lie in memory, where no filter can see them; libc falls back to clone */
        if (r == 0)
                r = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
        return r;
}

static int fill_filter(scmp_filter_ctx filter)
{
        int r = add_architectures(filter);

        if (r == 0)
                r = add_rules(filter, skipped, ELEMENTS(skipped), SCMP_ACT_ERRNO(0));
        if (r == 0)
                r = add_rules(filter, refused, ELEMENTS(refused), SCMP_ACT_ERRNO(EPERM));
        return r == 0 ? refuse_user_namespaces(filter) : r;
}

/* Only local, Internet and netlink sockets. AF_VSOCK, AF_QIPCRTR and the like know no network namespace and
 * would reach beyond it. A filter of its own, for the native calls alone: on 32-bit x86 socketcall(2) keeps
 * the family in memory, and libseccomp would refuse all its sockets. */
static int fill_socket_filter(scmp_filter_ctx filter)
{
        const uint32_t refuse = SCMP_ACT_ERRNO(EAFNOSUPPORT);
        int r = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ALLOW);

        if (r == 0)
                r = seccomp_rule_add(filter, refuse, SCMP_SYS(socket), 1,
                                     SCMP_A0(SCMP_CMP_GT, AF_NETLINK, 0));
        for (unsigned family = 0; r == 0 && family < AF_NETLINK; family++)
                if (family != AF_UNIX && family != AF_INET && family != AF_INET6)
                        r = seccomp_rule_add(filter, refuse, SCMP_SYS(socket), 1,
                                             SCMP_A0(SCMP_CMP_EQ, family, 0));
        return r;
}

static int load(int (*fill)(scmp_filter_ctx))
{
        scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);

        if (!filter)
                return -ENOMEM;
        int r = fill(filter);
        if (r == 0)
                r = seccomp_load(filter);
        seccomp_release(filter);
        return r;
}

int confine_system_calls(Error *error)
{
        int r = load(fill_filter);

        if (r == 0)
                r = load(fill_socket_filter);
        return r < 0 ? error_set_errno(error, -r, "Can't filter system calls in the sandbox") : 0;
}
