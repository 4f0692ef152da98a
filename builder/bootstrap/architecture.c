/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bootstrap/architecture.h"

#include "base/file.h"
#include "base/strings.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/utsname.h>

#define BINFMT_DIRECTORY "/proc/sys/fs/binfmt_misc"
#define BINFMT_LIMIT_BYTES ((uint64_t) 16 << 10)

/* Names: Debian's, the kernel's (uname -m), qemu's. */
static const struct {
        const char *debian, *machine, *qemu;
} known[] = {
        { "amd64", "x86_64", "x86_64" },    { "i386", "i686", "i386" },        { "arm64", "aarch64", "aarch64" },
        { "armhf", "armv7l", "arm" },       { "armel", "armv5tel", "arm" },    { "riscv64", "riscv64", "riscv64" },
        { "ppc64el", "ppc64le", "ppc64le" }, { "s390x", "s390x", "s390x" },    { "mips64el", "mips64", "mips64el" },
        { "loong64", "loongarch64", "loongarch64" },
};

static bool processor_knows(const char *machine, const char *architecture, const char *own)
{
        if (own && strcmp(machine, own) == 0)
                return true;
        if (strcmp(machine, "x86_64") == 0)
                return strcmp(architecture, "i386") == 0;
        if (strcmp(machine, "aarch64") == 0)
                return strcmp(architecture, "armhf") == 0 || strcmp(architecture, "armel") == 0;
        return machine[0] == 'i' && strcmp(machine + 2, "86") == 0 && strcmp(architecture, "i386") == 0;
}

/* "enabled", and among the flags "F": the interpreter was opened when it was registered, outside of any tree. */
static bool is_enabled(const char *binfmt, bool *ret_fixed)
{
        if (!binfmt || !string_starts_with(binfmt, "enabled"))
                return false;
        const char *flags = strstr(binfmt, "\nflags:");
        *ret_fixed = flags && memchr(flags + 1, 'F', strcspn(flags + 1, "\n"));
        return true;
}

int architecture_check(const char *architecture, const char *machine, const char *binfmt, Error *error)
{
        const char *own = NULL;
        bool fixed = false;

        for (size_t i = 0; i < ELEMENTS(known); i++)
                if (strcmp(known[i].debian, architecture) == 0)
                        own = known[i].machine;
        if (processor_knows(machine, architecture, own))
                return 0;
        if (is_enabled(binfmt, &fixed)) {
                if (fixed)
                        return 0;
                error_set(error, -ENOEXEC, "This machine (%s) runs programs of %s only where their interpreter can be seen, "
                                           "which a tree does not have", machine, architecture);
                return error_hint(error, "Register it with the flag F (\"fix binary\"), as the package qemu-user-static does");
        }
        error_set(error, -ENOEXEC, "This machine (%s) can't run programs of %s", machine, architecture);
        return error_hint(error, "apt-get install qemu-user-static binfmt-support, which registers an interpreter for them");
}

static int read_binfmt(const char *architecture, Buffer *ret)
{
        for (size_t i = 0; i < ELEMENTS(known); i++) {
                char path[sizeof BINFMT_DIRECTORY + 32];
                if (strcmp(known[i].debian, architecture) != 0)
                        continue;
                snprintf(path, sizeof path, BINFMT_DIRECTORY "/qemu-%s", known[i].qemu);
                return read_file(AT_FDCWD, path, BINFMT_LIMIT_BYTES, ret, NULL);
        }
        return -ENOENT;
}

int architecture_can_run(const char *architecture, Error *error)
{
        _cleanup_buffer_ Buffer binfmt = BUFFER_INIT;
        struct utsname name;

        if (uname(&name) < 0)
                return error_set_errno(error, errno, "Can't find out the architecture of this machine");
        int r = read_binfmt(architecture, &binfmt);
        return architecture_check(architecture, name.machine, r == 0 ? binfmt.data : NULL, error);
}
