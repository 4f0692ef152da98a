/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "packages/status.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "packages/deb822.h"

static void package_done(DpkgPackage *package)
{
        free(package->name);
        free(package->version);
        free(package->architecture);
        free(package->source);
        free(package->source_version);
        free(package->maintainer);
        *package = (DpkgPackage){ 0 };
}

void dpkg_list_done(DpkgList *list)
{
        for (size_t i = 0; i < list->n_items; i++)
                package_done(&list->items[i]);
        free(list->items);
        *list = (DpkgList){ 0 };
}

/* "install ok installed": the third word is the state. */
static bool is_unpacked(const char *status)
{
        static const char *const absent[] = { "not-installed", "config-files", "half-installed" };
        const char *state = strrchr(status, ' ');

        if (!state)
                return false;
        for (size_t i = 0; i < ELEMENTS(absent); i++)
                if (strcmp(state + 1, absent[i]) == 0)
                        return false;
        return true;
}

/* "Source: name (version)"; either part may be that of the package itself. */
static int complete_source(DpkgPackage *package)
{
        char *open = package->source ? strchr(package->source, '(') : NULL;

        if (open) {
                package->source_version = strndup(open + 1, strcspn(open + 1, ")"));
                while (open > package->source && open[-1] == ' ')
                        open--;
                *open = '\0';
        } else {
                package->source_version = strdup(package->version);
        }
        if (!package->source)
                package->source = strdup(package->name);
        return package->source && package->source_version ? 0 : -ENOMEM;
}

static int parse_stanza(Deb822 *reader, DpkgPackage *package, bool *ret_unpacked)
{
        Deb822Field field;
        int r;

        *ret_unpacked = false;
        while ((r = deb822_next_field(reader, &field)) > 0) {
                char **target = deb822_is(&field, "Package")        ? &package->name
                                : deb822_is(&field, "Version")      ? &package->version
                                : deb822_is(&field, "Architecture") ? &package->architecture
                                : deb822_is(&field, "Source")       ? &package->source
                                : deb822_is(&field, "Maintainer")   ? &package->maintainer
                                                                    : NULL;
                if (target && !*target) {
                        *target = deb822_value(&field);
                        if (!*target)
                                return -ENOMEM;
                } else if (deb822_is(&field, "Status")) {
                        _cleanup_free_ char *status = deb822_value(&field);
                        if (!status)
                                return -ENOMEM;
                        *ret_unpacked = is_unpacked(status);
                }
        }
        *ret_unpacked = *ret_unpacked && package->name && package->version && package->architecture;
        return r < 0 || !*ret_unpacked ? r : complete_source(package);
}

static int take_package(DpkgList *list, size_t *allocated, DpkgPackage *package)
{
        if (list->n_items == *allocated) {
                size_t size = *allocated ? 2 * *allocated : 256;
                DpkgPackage *grown = reallocarray(list->items, size, sizeof *grown);
                if (!grown)
                        return -ENOMEM;
                list->items = grown;
                *allocated = size;
        }
        list->items[list->n_items++] = *package;
        *package = (DpkgPackage){ 0 };
        return 0;
}

static int compare_packages(const void *a, const void *b)
{
        const DpkgPackage *left = a, *right = b;
        int r = strcmp(left->name, right->name);

        return r != 0 ? r : strcmp(left->architecture, right->architecture);
}

int status_parse(const char *text, DpkgList *ret, Error *error)
{
        _cleanup_dpkg_list_ DpkgList list = { 0 };
        Deb822 reader = DEB822_INIT(text);
        size_t allocated = 0;

        while (deb822_next_stanza(&reader)) {
                DpkgPackage package = { 0 };
                bool unpacked;
                int r = parse_stanza(&reader, &package, &unpacked);
                if (r == 0 && unpacked)
                        r = take_package(&list, &allocated, &package);
                package_done(&package);
                if (r == -EINVAL)
                        return error_set(error, r, "dpkg's status file is damaged at line %u", reader.line);
                if (r < 0)
                        return error_out_of_memory(error);
        }
        if (list.n_items > 1)
                qsort(list.items, list.n_items, sizeof *list.items, compare_packages);
        *ret = list;
        list = (DpkgList){ 0 };
        return 0;
}

int status_read(int root_fd, Buffer *ret, Error *error)
{
        struct stat status;
        /* O_NONBLOCK: whatever the tree has under that name must not hang us */
        _cleanup_close_ int fd = open_in_root(root_fd, STATUS_PATH, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);

        if (fd == -ENOENT || fd == -ENOTDIR)
                return 0;
        if (fd < 0)
                return error_set_errno(error, -fd, "Can't open %s of the tree", STATUS_PATH);
        if (fstat(fd, &status) < 0 || !S_ISREG(status.st_mode))
                return error_set(error, -EINVAL, "%s of the tree is not a regular file", STATUS_PATH);
        int r = read_descriptor(fd, STATUS_LIMIT_BYTES, ret);
        return r < 0 ? error_set_errno(error, -r, "Can't read %s of the tree", STATUS_PATH) : 0;
}

static int call_status_read(int root_fd, void *userdata, Buffer *reply, Error *error)
{
        (void) userdata;
        return status_read(root_fd, reply, error);
}

int dpkg_list(Sandbox *sandbox, const SandboxTree *tree, DpkgList *ret, Error *error)
{
        _cleanup_buffer_ Buffer text = BUFFER_INIT;
        int r = sandbox_call(sandbox, tree, call_status_read, NULL, &text, error);

        return r < 0 ? r : status_parse(text.data ? text.data : "", ret, error);
}

const DpkgPackage *dpkg_list_find(const DpkgList *list, const char *name)
{
        size_t low = 0, high = list->n_items;

        /* the first of that name */
        while (low < high) {
                size_t middle = low + (high - low) / 2;
                if (strcmp(list->items[middle].name, name) < 0)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low < list->n_items && strcmp(list->items[low].name, name) == 0 ? &list->items[low] : NULL;
}
