/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "packages/deb_tree.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/file.h"
#include "packages/deb822.h"

#define CONTROL_LIMIT_BYTES ((uint64_t) 4 << 20)

void deb_control_done(DebControl *control)
{
        free(control->package);
        free(control->version);
        free(control->architecture);
        *control = (DebControl){ 0 };
}

/* What may stand in the name of a file and of a directory of documentation. */
static bool is_harmless(const char *text, const char *others)
{
        if (!text || !isalnum((unsigned char) *text))
                return false;
        for (; *text; text++)
                if (!isalnum((unsigned char) *text) && !strchr(others, *text))
                        return false;
        return true;
}

static int read_text(int root_fd, const char *path, Buffer *ret, Error *error)
{
        _cleanup_close_ int fd = open_in_root(root_fd, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0);
        int r = fd < 0 ? fd : read_descriptor(fd, CONTROL_LIMIT_BYTES, ret);

        return r < 0 ? error_set_errno(error, -r, "Can't read %s of the package", path) : 0;
}

static int parse_control(const char *text, DebControl *ret, Error *error)
{
        _cleanup_control_ DebControl control = {
                .package = deb822_get(text, "Package"),
                .version = deb822_get(text, "Version"),
                .architecture = deb822_get(text, "Architecture"),
        };

        if (!is_harmless(control.package, "+-.") || !is_harmless(control.version, "+-.~:") ||
            !is_harmless(control.architecture, "-"))
                return error_set(error, -EINVAL,
                                 "The package's control file has no proper Package, Version and Architecture");
        *ret = control;
        control = (DebControl){ 0 };
        return 0;
}

int deb_tree_read_control(int root_fd, DebControl *ret, Error *error)
{
        _cleanup_buffer_ Buffer text = BUFFER_INIT;
        int r = read_text(root_fd, "DEBIAN/control", &text, error);

        return r < 0 ? r : parse_control(text.data, ret, error);
}

static bool line_is(const char *line, const char *name)
{
        return strncasecmp(line, name, strlen(name)) == 0 && line[strlen(name)] == ':';
}

int deb_control_edit(const char *text, const char *version, uint64_t installed_kib, Buffer *ret)
{
        for (size_t length; *text; text += length) {
                length = strcspn(text, "\n");
                length += text[length] == '\n';
                int r = line_is(text, "Version")          ? buffer_printf(ret, "Version: %s\n", version)
                        : line_is(text, "Installed-Size") ? buffer_printf(ret, "Installed-Size: %llu\n",
                                                                          (unsigned long long) installed_kib)
                                                          : buffer_append(ret, text, length);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* The old file goes first: it may be a link to another file of the package, or have another name as well. */
static int replace(int root_fd, const char *path, const Buffer *text, Error *error)
{
        _cleanup_free_ char *name = NULL;
        _cleanup_close_ int directory_fd = open_parent_in_root(root_fd, path, false, &name);

        if (directory_fd < 0)
                return error_set_errno(error, -directory_fd, "Can't write %s of the package", path);
        return write_file_atomic(directory_fd, name, text->data ? text->data : "", text->length, 0644, error);
}

/* patch(1) makes new files without the bit that dpkg-deb asks for. */
static int make_executable(int root_fd, Error *error)
{
        static const char *const scripts[] = { "preinst", "postinst", "prerm", "postrm", "config" };
        _cleanup_close_ int directory_fd = open_in_root(root_fd, "DEBIAN", O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);

        if (directory_fd < 0)
                return error_set_errno(error, -directory_fd, "Can't open DEBIAN of the package");
        for (size_t i = 0; i < ELEMENTS(scripts); i++) {
                _cleanup_close_ int fd =
                        openat(directory_fd, scripts[i], O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
                struct stat status;
                if (fd < 0 && errno == ENOENT)
                        continue;
                if (fd < 0 || fstat(fd, &status) < 0 || !S_ISREG(status.st_mode) || fchmod(fd, 0755) < 0)
                        return error_set_errno(error, errno, "Can't make DEBIAN/%s executable", scripts[i]);
        }
        return 0;
}

int deb_tree_finish(int root_fd, const DebEntry *entry, DebControl *ret, Error *error)
{
        _cleanup_control_ DebControl control = { 0 };
        _cleanup_buffer_ Buffer text = BUFFER_INIT, edited = BUFFER_INIT;
        _cleanup_free_ char *version = NULL;
        uint64_t installed_kib = 0;

        int r = read_text(root_fd, "DEBIAN/control", &text, error);
        if (r == 0)
                r = parse_control(text.data, &control, error);
        if (r < 0)
                return r;
        if (asprintf(&version, "%s%s", control.version, entry->suffix) < 0) {
                version = NULL;
                return error_out_of_memory(error);
        }
        r = deb_tree_add_changelog(root_fd, &control, version, entry, error);
        if (r == 0)
                r = make_executable(root_fd, error);
        if (r == 0)
                r = deb_tree_write_sums(root_fd, &installed_kib, error);
        if (r == 0 && deb_control_edit(text.data, version, installed_kib, &edited) < 0)
                r = error_out_of_memory(error);
        if (r == 0)
                r = replace(root_fd, "DEBIAN/control", &edited, error);
        if (r < 0)
                return r;
        free(control.version);
        control.version = TAKE_PTR(version);
        *ret = control;
        control = (DebControl){ 0 };
        return 0;
}
