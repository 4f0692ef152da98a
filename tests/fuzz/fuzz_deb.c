/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/file.h"
#include "bootstrap/database.h"
#include "bootstrap/package.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Every name that is accepted stays below the directory that it is for. */
static void check_name(const char *name, size_t length)
{
        _cleanup_free_ char *copy = strndup(name, length);

        if (!copy)
                return;
        if (length > 0 && (!path_is_inside(copy) || strchr(copy, '\n')))
                __builtin_trap();
}

static void read_data(const Package *package)
{
        _cleanup_deb_reader_ DebReader reader = { .fd = -1 };
        _cleanup_error_ Error error = ERROR_INIT;
        struct archive_entry *entry;

        if (deb_reader_open(&reader, package->fd, &package->layout.data, &error) < 0)
                return;
        while (deb_reader_next(&reader, &entry, &error) > 0) {
                const char *name;
                size_t length;
                if (deb_member_name(archive_entry_pathname(entry), &name, &length, &error) < 0)
                        return;
                check_name(name, length);
        }
}

/* A stanza of dpkg's status has no blank line in it, whatever the control file has. */
static void check_stanza(const Package *package)
{
        _cleanup_buffer_ Buffer stanza = BUFFER_INIT;

        if (database_stanza(package, &stanza) < 0)
                return;
        const char *blank = strstr(stanza.data, "\n\n");
        if (!blank || blank[2] != '\0')
                __builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        AptPackage origin = { .name = (char *) "x", .version = (char *) "1", .architecture = (char *) "all",
                              .file_name = (char *) "x.deb" };
        Packages packages = { .items = calloc(1, sizeof *packages.items), .n_items = 1 };
        _cleanup_buffer_ Buffer control = BUFFER_INIT;
        _cleanup_error_ Error error = ERROR_INIT;

        if (!packages.items)
                return 0;
        Package *package = packages.items;
        *package = (Package){ .origin = &origin, .fd = memfd_create("deb", MFD_CLOEXEC) };
        if (package->fd >= 0 && write_all(package->fd, data, size) == 0 &&
            control_read(package->fd, &control, &error) == 0) {
                const char *at = control.data;
                if (control_take(&at, control.data + control.length, package, &error) < 0)
                        __builtin_trap();
                read_data(package);
                if (control_parse(package, &error) == 0)
                        check_stanza(package);
        }
        packages_done(&packages);
        return 0;
}
