/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sandbox/idmap.h"

#include "base/file.h"
#include "base/strings.h"
#include "sandbox/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <string.h>

/* Above the range from which systemd-nspawn and machines pick (524288 to 1879048191), below 2^31, which some
 * file systems and programs take for negative. */
#define FIXED_BASE 0x70000000u
#define FIRST_FREE_START 100000u
#define SUBIDS_LIMIT_BYTES (4u << 20)

typedef struct Entry {
        char *name;
        uint64_t start;
        uint64_t count;
} Entry;

/* Takes the line apart in place; false for anything but "name:start:count". */
static bool parse_entry(char *line, Entry *ret)
{
        char *start = strchr(line, ':'), *count = start ? strchr(start + 1, ':') : NULL;
        Entry entry = { .name = line };

        if (!count)
                return false;
        *start++ = '\0';
        *count++ = '\0';
        if (parse_unsigned(start, 0, UINT32_MAX, &entry.start) < 0 ||
            parse_unsigned(count, 0, UINT32_MAX, &entry.count) < 0 || entry.start + entry.count > UINT32_MAX)
                return false;
        *ret = entry;
        return true;
}

uint32_t idmap_lookup(const char *subids, const char *name, uint32_t uid)
{
        _cleanup_strv_ char **lines = strv_split(subids, "\n");
        uint64_t number;
        Entry entry;

        for (char **line = lines; line && *line; line++) {
                if (!parse_entry(*line, &entry) || entry.count < SANDBOX_IDS || entry.start == 0)
                        continue;
                if (string_equal(entry.name, name) ||
                    (parse_unsigned(entry.name, 0, UINT32_MAX, &number) == 0 && number == uid))
                        return (uint32_t) entry.start;
        }
        return 0;
}

uint32_t idmap_free_start(const char *subids)
{
        _cleanup_strv_ char **lines = strv_split(subids, "\n");
        uint64_t free_start = FIRST_FREE_START;
        Entry entry;

        for (char **line = lines; line && *line; line++)
                if (parse_entry(*line, &entry) && entry.start + entry.count > free_start)
                        free_start = entry.start + entry.count;
        return free_start + SANDBOX_IDS > FIXED_BASE ? FIRST_FREE_START : (uint32_t) free_start;
}

/* A missing file is an empty one. */
static int read_subids(const char *path, Buffer *ret, Error *error)
{
        int r = read_file(AT_FDCWD, path, SUBIDS_LIMIT_BYTES, ret, error);

        if (r != -ENOENT)
                return r;
        error_done(error);
        return buffer_append(ret, "", 0) < 0 ? error_out_of_memory(error) : 0;
}

static int no_entry_error(const char *path, const char *name, const char *subuids, const char *subgids,
                          Error *error)
{
        uint32_t uids = idmap_free_start(subuids), gids = idmap_free_start(subgids);
        uint32_t start = uids > gids ? uids : gids;

        error_set(error, -ENOENT, "No %u subordinate ids for the user %s in %s", SANDBOX_IDS, name, path);
        return error_hint(error,
                          "As root, add the line \"%s:%u:%u\" to /etc/subuid and to /etc/subgid (any start "
                          "that no other "
                          "line there covers), and install the package uidmap",
                          name, start, SANDBOX_IDS);
}

int idmap_find(IdMap *ret, Error *error)
{
        _cleanup_buffer_ Buffer subuids = BUFFER_INIT, subgids = BUFFER_INIT;
        IdMap map = { .privileged = geteuid() == 0 };
        char number[16];

        int r = read_subids("/etc/subuid", &subuids, error);
        if (r == 0)
                r = read_subids("/etc/subgid", &subgids, error);
        if (r < 0)
                return r;
        snprintf(number, sizeof number, "%u", (unsigned) geteuid());
        const struct passwd *user = getpwuid(geteuid());
        const char *name = map.privileged ? "root" : user ? user->pw_name : number;
        map.uid_base = idmap_lookup(subuids.data, name, geteuid());
        map.gid_base = idmap_lookup(subgids.data, name, geteuid());
        if (map.privileged && (map.uid_base < SANDBOX_IDS || map.gid_base < SANDBOX_IDS))
                map.uid_base = map.gid_base = FIXED_BASE;
        if (map.uid_base == 0 || map.gid_base == 0)
                return no_entry_error(map.uid_base == 0 ? "/etc/subuid" : "/etc/subgid", name, subuids.data,
                                      subgids.data, error);
        *ret = map;
        return 0;
}
