/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "test.h"

#include "base/file.h"
#include "base/strings.h"
#include "bootstrap/package.h"
#include "packages/deb822.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* Packages that are made up, good and bad ones, without a program or a file. */

typedef struct MadeFile {
        const char *name; /* as it stands in the archive; NULL ends a list */
        char type;        /* 'f' (or 0), 'd', 'l' link, 'h' hard link, 'c' device, 'p' FIFO */
        const char *content; /* or where a link leads */
        mode_t mode;      /* 0: 0644, of directories 0755 */
        uid_t uid;
        gid_t gid;
        int64_t mtime_sec; /* 0: 1000 */
} MadeFile;

typedef struct MadePackage {
        const char *control; /* the text; NULL: no control file */
        const MadeFile *control_files;
        const MadeFile *files;
} MadePackage;

static la_ssize_t made_write(struct archive *archive, void *userdata, const void *data, size_t size)
{
        (void) archive;
        assert_int_equal(buffer_append(userdata, data, size), 0);
        return (la_ssize_t) size;
}

static void made_entry(struct archive *archive, const MadeFile *file)
{
        struct archive_entry *entry = archive_entry_new();
        char type = file->type ? file->type : 'f';
        bool has_data = type == 'f' && file->content;

        archive_entry_copy_pathname(entry, file->name);
        archive_entry_set_filetype(entry, type == 'd'   ? AE_IFDIR
                                          : type == 'l' ? AE_IFLNK
                                          : type == 'c' ? AE_IFCHR
                                          : type == 'p' ? AE_IFIFO
                                                        : AE_IFREG);
        archive_entry_set_perm(entry, file->mode ? file->mode : type == 'd' ? 0755 : 0644);
        archive_entry_set_uid(entry, file->uid);
        archive_entry_set_gid(entry, file->gid);
        archive_entry_set_mtime(entry, file->mtime_sec ? file->mtime_sec : 1000, 0);
        archive_entry_set_size(entry, has_data ? (int64_t) strlen(file->content) : 0);
        if (type == 'l')
                archive_entry_copy_symlink(entry, file->content);
        if (type == 'h')
                archive_entry_copy_hardlink(entry, file->content);
        assert_int_equal(archive_write_header(archive, entry), ARCHIVE_OK);
        if (has_data)
                assert_int_equal(archive_write_data(archive, file->content, strlen(file->content)), strlen(file->content));
        archive_entry_free(entry);
}

static Buffer made_tar(const MadeFile *files, int (*filter)(struct archive *))
{
        struct archive *archive = archive_write_new();
        Buffer tar = BUFFER_INIT;

        assert_int_equal(archive_write_set_format_gnutar(archive), ARCHIVE_OK);
        assert_int_equal(filter(archive), ARCHIVE_OK);
        assert_int_equal(archive_write_set_bytes_in_last_block(archive, 1), ARCHIVE_OK);
        assert_int_equal(archive_write_open(archive, &tar, NULL, made_write, NULL), ARCHIVE_OK);
        for (; files && files->name; files++)
                made_entry(archive, files);
        assert_int_equal(archive_write_close(archive), ARCHIVE_OK);
        archive_write_free(archive);
        return tar;
}

static inline void made_member(Buffer *deb, const char *name, const void *data, size_t size)
{
        if (deb->length == 0)
                assert_int_equal(buffer_append_string(deb, "!<arch>\n"), 0);
        assert_int_equal(buffer_printf(deb, "%-16s%-12d%-6d%-6d%-8s%-10zu`\n", name, 0, 0, 0, "100644", size), 0);
        assert_int_equal(buffer_append(deb, data, size), 0);
        if (size & 1)
                assert_int_equal(buffer_append(deb, "\n", 1), 0);
}

static inline Buffer made_deb_with(const MadePackage *package, const char *suffix, int (*filter)(struct archive *))
{
        MadeFile files[32] = { { .name = "./", .type = 'd' } };
        size_t n = 1;
        char control_name[17], data_name[17];
        Buffer deb = BUFFER_INIT;

        if (package->control)
                files[n++] = (MadeFile){ .name = "./control", .content = package->control };
        for (const MadeFile *file = package->control_files; file && file->name; file++)
                files[n++] = *file;
        _cleanup_buffer_ Buffer control = made_tar(files, filter), data = made_tar(package->files, filter);
        snprintf(control_name, sizeof control_name, "control.tar%s", suffix);
        snprintf(data_name, sizeof data_name, "data.tar%s", suffix);
        made_member(&deb, "debian-binary", "2.0\n", 4);
        made_member(&deb, control_name, control.data, control.length);
        made_member(&deb, data_name, data.data, data.length);
        return deb;
}

static inline Buffer made_deb(const MadePackage *package)
{
        return made_deb_with(package, ".gz", archive_write_add_filter_gzip);
}

static inline int made_descriptor(const void *data, size_t size)
{
        int fd = memfd_create("package", MFD_CLOEXEC);

        assert_true(fd >= 0);
        assert_int_equal(write_all(fd, data, size), 0);
        return fd;
}

/* What the index would say of the package: name, version and architecture of its control file. */
static inline AptPackage made_origin(const char *control)
{
        AptPackage origin = {
                .name = deb822_get(control, "Package"),
                .version = deb822_get(control, "Version"),
                .architecture = deb822_get(control, "Architecture"),
        };

        assert_true(asprintf(&origin.file_name, "%s.deb", origin.name) > 0);
        return origin;
}

static inline int made_open(const void *deb, size_t size, const AptPackage *origin, Package *ret, Error *error)
{
        _cleanup_buffer_ Buffer control = BUFFER_INIT;

        *ret = (Package){ .origin = origin, .fd = made_descriptor(deb, size) };
        int r = control_read(ret->fd, &control, error);
        if (r < 0)
                return r;
        const char *at = control.data;
        r = control_take(&at, control.data + control.length, ret, error);
        return r == 0 ? control_parse(ret, error) : r;
}

/* Packages as packages_open() makes them. Closed with made_close(). */
typedef struct MadeSet {
        AptPackage origins[16];
        Packages packages;
} MadeSet;

static inline void made_set(MadeSet *set, const MadePackage *packages, size_t n)
{
        Error error = ERROR_INIT;

        assert_true(n <= 16);
        *set = (MadeSet){ 0 };
        set->packages.items = calloc(n + 1, sizeof *set->packages.items);
        for (size_t i = 0; i < n; i++) {
                _cleanup_buffer_ Buffer deb = made_deb(&packages[i]);
                set->origins[i] = made_origin(packages[i].control);
                int r = made_open(deb.data, deb.length, &set->origins[i], &set->packages.items[i], &error);
                set->packages.n_items++;
                if (r < 0)
                        print_error("%s\n", error.message);
                assert_int_equal(r, 0);
        }
}

static inline void made_close(MadeSet *set)
{
        for (size_t i = 0; i < set->packages.n_items; i++)
                apt_package_done(&set->origins[i]);
        packages_done(&set->packages);
}

#define CONTROL(name, version, more) \
        "Package: " name "\nVersion: " version "\nArchitecture: all\nMaintainer: nobody\n" more "Description: made up\n"
