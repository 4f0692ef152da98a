/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/capability.h"

#include "base/strings.h"

#include <endian.h>
#include <linux/capability.h>
#include <string.h>

static const char *const names[] = {
        "chown", "dac_override", "dac_read_search", "fowner", "fsetid", "kill", "setgid", "setuid", "setpcap",
        "linux_immutable", "net_bind_service", "net_broadcast", "net_admin", "net_raw", "ipc_lock", "ipc_owner",
        "sys_module", "sys_rawio", "sys_chroot", "sys_ptrace", "sys_pacct", "sys_admin", "sys_boot", "sys_nice",
        "sys_resource", "sys_time", "sys_tty_config", "mknod", "lease", "audit_write", "audit_control", "setfcap",
        "mac_override", "mac_admin", "syslog", "wake_alarm", "block_suspend", "audit_read", "perfmon", "bpf",
        "checkpoint_restore",
};

#define CAPABILITIES 64u

static uint32_t word_at(const uint8_t *data, size_t index)
{
        uint32_t word;

        memcpy(&word, data + 4 * index, sizeof word);
        return le32toh(word);
}

static int append_name(Buffer *text, unsigned bit)
{
        const char *comma = text->length > 0 && text->data[text->length - 1] != ' ' ? "," : "";

        return bit < ELEMENTS(names) ? buffer_printf(text, "%scap_%s", comma, names[bit])
                                     : buffer_printf(text, "%s%u", comma, bit);
}

/* Those that have the same flags, as one word. */
static int append_group(Buffer *text, uint64_t bits, const char *flags)
{
        int r = bits && text->length > 0 ? buffer_append_string(text, " ") : 0;

        for (unsigned bit = 0; r == 0 && bit < CAPABILITIES; bit++)
                if (bits >> bit & 1)
                        r = append_name(text, bit);
        return r == 0 && bits ? buffer_printf(text, "=%s", flags) : r;
}

/* linux/capability.h: struct vfs_cap_data, struct vfs_ns_cap_data */
char *capability_text(const uint8_t *data, size_t size_bytes)
{
        _cleanup_buffer_ Buffer text = BUFFER_INIT;
        uint64_t permitted, inheritable;

        if (size_bytes < 12)
                return strdup("damaged");
        bool effective = word_at(data, 0) & VFS_CAP_FLAGS_EFFECTIVE, wide = size_bytes >= 20;
        permitted = word_at(data, 1) | (wide ? (uint64_t) word_at(data, 3) << 32 : 0);
        inheritable = word_at(data, 2) | (wide ? (uint64_t) word_at(data, 4) << 32 : 0);
        int r = append_group(&text, permitted & ~inheritable, effective ? "ep" : "p");
        if (r == 0)
                r = append_group(&text, permitted & inheritable, effective ? "eip" : "ip");
        if (r == 0)
                r = append_group(&text, inheritable & ~permitted, effective ? "ei" : "i");
        return r < 0 ? NULL : text.length > 0 ? buffer_take(&text) : strdup("none");
}
