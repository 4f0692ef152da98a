/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/xattrs.h"

#include "image/names.h"

#include <errno.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/xattr.h>

#define CAPABILITY "security.capability"

void xattr_list_done(XattrList *list)
{
        for (size_t i = 0; i < list->n_items; i++) {
                free(list->items[i].name);
                free(list->items[i].value);
        }
        free(list->items);
        *list = (XattrList){ 0 };
}

static bool is_wanted(const char *name, bool regular)
{
        if (strcmp(name, CAPABILITY) == 0)
                return regular;
        return string_starts_with(name, "user.") && !string_starts_with(name, "user.overlay.");
}

/* The size may change between two calls: ask again then. Returns the size or a negative errno. */
static ssize_t read_value(int fd, const char *name, void **ret_value)
{
        for (;;) {
                ssize_t size = fgetxattr(fd, name, NULL, 0);
                if (size < 0)
                        return -errno;
                _cleanup_free_ void *value = malloc((size_t) size + 1);
                if (!value)
                        return -ENOMEM;
                ssize_t n = fgetxattr(fd, name, value, (size_t) size + 1); /* 0 would only ask */
                if (n < 0 && errno == ERANGE)
                        continue;
                if (n < 0)
                        return -errno;
                *ret_value = TAKE_PTR(value);
                return n;
        }
}

/* The kernel hands out revision 3 only where the namespace's root is not our own. */
static bool is_foreign_capability(const TarXattr *xattr)
{
        uint32_t magic = 0;

        if (strcmp(xattr->name, CAPABILITY) != 0 || xattr->size_bytes < sizeof magic)
                return false;
        const uint8_t *bytes = xattr->value;
        magic = (uint32_t) bytes[3] << 24; /* little endian on disk, whatever the machine */
        return (magic & VFS_CAP_REVISION_MASK) == VFS_CAP_REVISION_3;
}

static int add_value(int fd, const char *name, XattrList *list)
{
        TarXattr *items = reallocarray(list->items, list->n_items + 1, sizeof *items);
        if (!items)
                return -ENOMEM;
        list->items = items;
        TarXattr *item = &items[list->n_items];
        *item = (TarXattr){ .name = strdup(name) };
        if (!item->name)
                return -ENOMEM;
        list->n_items++;
        ssize_t size = read_value(fd, name, &item->value);
        if (size < 0)
                return (int) size;
        item->size_bytes = (size_t) size;
        return 0;
}

static int compare_xattrs(const void *a, const void *b)
{
        return strcmp(((const TarXattr *) a)->name, ((const TarXattr *) b)->name);
}

/* Returns the length of the names or a negative errno. */
static ssize_t list_names(int fd, char **ret_names)
{
        ssize_t size = flistxattr(fd, NULL, 0);

        if (size <= 0)
                return size == 0 || errno == ENOTSUP ? 0 : -errno;
        _cleanup_free_ char *names = malloc(XATTR_LIST_MAX);
        if (!names)
                return -ENOMEM;
        size = flistxattr(fd, names, XATTR_LIST_MAX);
        if (size < 0)
                return -errno;
        *ret_names = TAKE_PTR(names);
        return size;
}

int xattrs_read(int fd, bool regular, const char *path, XattrList *ret, Error *error)
{
        _cleanup_xattrs_ XattrList list = { 0 };
        _cleanup_free_ char *names = NULL;
        char text[NAME_TEXT_MAX];
        ssize_t size = list_names(fd, &names);

        if (size < 0)
                return error_set_errno(error, (int) -size, "Can't list the extended attributes of %s",
                                       name_text(path, text));
        for (const char *name = names; name && name < names + size; name += strlen(name) + 1) {
                int r = is_wanted(name, regular) ? add_value(fd, name, &list) : 0;
                if (r < 0)
                        return error_set_errno(error, -r, "Can't read the extended attribute %s of %s", name,
                                               name_text(path, text));
        }
        for (size_t i = 0; i < list.n_items; i++)
                if (is_foreign_capability(&list.items[i]))
                        return error_set(error, -EINVAL,
                                         "The capabilities of %s belong to another user namespace than the tree",
                                         name_text(path, text));
        if (list.n_items > 1)
                qsort(list.items, list.n_items, sizeof *list.items, compare_xattrs);
        *ret = list;
        list = (XattrList){ 0 };
        return 0;
}
