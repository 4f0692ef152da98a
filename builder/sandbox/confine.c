/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sandbox/confine.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PROCESSES_MAX 16384
#define DESCRIPTORS_SOFT 1024
#define DESCRIPTORS_HARD 65536

/* Without CAP_SYS_ADMIN no mount, without CAP_MKNOD no device, without CAP_NET_ADMIN no change of the
 * network, without CAP_SYS_PTRACE no look into PID 1 beyond what its equals may. */
static const unsigned kept[] = {
        CAP_AUDIT_WRITE, CAP_CHOWN,  CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH,  CAP_FOWNER,       CAP_FSETID,
        CAP_IPC_OWNER,   CAP_KILL,   CAP_LEASE,        CAP_NET_BIND_SERVICE, CAP_SETFCAP,      CAP_SETGID,
        CAP_SETPCAP,     CAP_SETUID, CAP_SYS_CHROOT,   CAP_SYS_NICE,         CAP_SYS_RESOURCE,
};

static uint64_t kept_mask(void)
{
        uint64_t mask = 0;

        for (size_t i = 0; i < ELEMENTS(kept); i++)
                mask |= UINT64_C(1) << kept[i];
        return mask;
}

/* The kernel may know more capabilities than the header did. */
static int drop_bounding_set(uint64_t keep)
{
        for (unsigned capability = 0; capability < 64; capability++) {
                if (keep & (UINT64_C(1) << capability))
                        continue;
                if (prctl(PR_CAPBSET_READ, capability, 0, 0, 0) < 0)
                        return errno == EINVAL ? 0 : -errno;
                if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) < 0)
                        return -errno;
        }
        return 0;
}

static int set_capabilities(uint64_t keep)
{
        struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
        struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

        for (unsigned i = 0; i < ELEMENTS(data); i++) {
                uint32_t word = (uint32_t) (keep >> (32 * i));
                data[i] = (struct __user_cap_data_struct){ .effective = word, .permitted = word };
        }
        return syscall(SYS_capset, &header, data) < 0 ? -errno : 0;
}

int confine_capabilities(Error *error)
{
        uint64_t keep = kept_mask();
        int r = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ? -errno : 0;

        if (r == 0 && prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0)
                r = -errno;
        if (r == 0)
                r = drop_bounding_set(keep);
        if (r == 0)
                r = set_capabilities(keep);
        return r < 0 ? error_set_errno(error, -r, "Can't give up capabilities in the sandbox") : 0;
}

/* Never raised: that takes a capability of the host. */
static int lower_limit(int resource, rlim_t soft, rlim_t hard)
{
        struct rlimit limit;

        if (getrlimit((__rlimit_resource_t) resource, &limit) < 0)
                return -errno;
        if (limit.rlim_max > hard)
                limit.rlim_max = hard;
        limit.rlim_cur = soft < limit.rlim_max ? soft : limit.rlim_max;
        return setrlimit((__rlimit_resource_t) resource, &limit) < 0 ? -errno : 0;
}

int confine_resources(Error *error)
{
        int r = lower_limit(RLIMIT_CORE, 0, 0);

        if (r == 0)
                r = lower_limit(RLIMIT_NOFILE, DESCRIPTORS_SOFT, DESCRIPTORS_HARD);
        if (r == 0)
                r = lower_limit(RLIMIT_NPROC, PROCESSES_MAX, PROCESSES_MAX);
        return r < 0 ? error_set_errno(error, -r, "Can't limit resources in the sandbox") : 0;
}
