/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bootstrap/native.h"

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
static bool has_interpreter(const char *qemu, bool *ret_fixed)
{
        _cleanup_buffer_ Buffer text = BUFFER_INIT;
        _cleanup_free_ char *path = NULL;

        *ret_fixed = false;
        if (asprintf(&path, BINFMT_DIRECTORY "/qemu-%s", qemu) < 0) {
                path = NULL;
                return false;
        }
        if (read_file(AT_FDCWD, path, BINFMT_LIMIT_BYTES, &text, NULL) < 0 || !text.data ||
            !string_starts_with(text.data, "enabled"))
                return false;
        const char *flags = strstr(text.data, "\nflags:");
        *ret_fixed = flags && memchr(flags + 1, 'F', strcspn(flags + 1, "\n"));
        return true;
}

int native_check_architecture(const char *architecture, Error *error)
{
        struct utsname name;
        const char *machine = NULL, *qemu = NULL;
        bool fixed;

        if (uname(&name) < 0)
                return error_set_errno(error, errno, "Can't find out the architecture of this machine");
        for (size_t i = 0; i < ELEMENTS(known); i++)
                if (strcmp(known[i].debian, architecture) == 0) {
                        machine = known[i].machine;
                        qemu = known[i].qemu;
                }
        if (processor_knows(name.machine, architecture, machine))
                return 0;
        if (qemu && has_interpreter(qemu, &fixed)) {
                if (fixed)
                        return 0;
                error_set(error, -ENOEXEC, "This machine (%s) runs programs of %s only where their interpreter can be seen, "
                                           "which a tree does not have", name.machine, architecture);
                return error_hint(error, "Register it with the flag F (\"fix binary\"), as the package qemu-user-static does");
        }
        error_set(error, -ENOEXEC, "This machine (%s) can't run programs of %s", name.machine, architecture);
        return error_hint(error, "apt-get install qemu-user-static binfmt-support, which registers an interpreter for them");
}
