/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "packages/inventory.h"

#include "base/file.h"
#include "packages/status.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

/* The answer is the texts one after the other, each closed by a NUL: status, os-release, then one for each package. */

void inventory_done(Inventory *inventory)
{
        dpkg_list_done(&inventory->packages);
        free(inventory->copyrights);
        buffer_done(&inventory->text);
        *inventory = (Inventory){ 0 };
}

static int append_closed(Buffer *reply, const Buffer *text)
{
        bool whole = text->length > 0 && !memchr(text->data, '\0', text->length);
        int r = whole ? buffer_append(reply, text->data, text->length) : 0;

        return r < 0 ? r : buffer_append(reply, "", 1);
}

/* Whatever has that name must not hang us or fill the memory. */
static int read_text(int root_fd, const char *path, Buffer *ret)
{
        _cleanup_close_ int fd = open_in_root(root_fd, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
        struct stat status;

        if (fd < 0 || fstat(fd, &status) < 0 || !S_ISREG(status.st_mode) ||
            (uint64_t) status.st_size > INVENTORY_FILE_BYTES)
                return 0;
        int r = read_descriptor(fd, INVENTORY_FILE_BYTES, ret);
        if (r < 0)
                buffer_done(ret);
        return r == -ENOMEM ? r : 0;
}

static int append_os_release(int root_fd, Buffer *reply)
{
        _cleanup_buffer_ Buffer text = BUFFER_INIT;
        int r = read_text(root_fd, "/etc/os-release", &text);

        if (r == 0 && text.length == 0)
                r = read_text(root_fd, "/usr/lib/os-release", &text);
        return r < 0 ? r : append_closed(reply, &text);
}

static int append_copyright(int root_fd, const DpkgPackage *package, uint64_t *left_bytes, Buffer *reply)
{
        _cleanup_buffer_ Buffer text = BUFFER_INIT;
        _cleanup_free_ char *path = NULL;
        int r = 0;

        if (asprintf(&path, "/usr/share/doc/%s/copyright", package->name) < 0) {
                path = NULL;
                return -ENOMEM;
        }
        if (!strchr(package->name, '/') && *left_bytes > 0)
                r = read_text(root_fd, path, &text);
        if (r == 0 && text.length > *left_bytes) {
                buffer_done(&text);
                *left_bytes = 0;
        }
        *left_bytes -= text.length;
        return r < 0 ? r : append_closed(reply, &text);
}

static int collect(int root_fd, void *userdata, Buffer *reply, Error *error)
{
        _cleanup_dpkg_list_ DpkgList list = { 0 };
        _cleanup_buffer_ Buffer status = BUFFER_INIT;
        uint64_t left_bytes = INVENTORY_TOTAL_BYTES;

        (void) userdata;
        int r = status_read(root_fd, &status, error);
        if (r < 0)
                return r;
        if (status.length > 0 && memchr(status.data, '\0', status.length))
                return error_set(error, -EINVAL, "%s of the tree holds a NUL", STATUS_PATH);
        r = status_parse(status.data ? status.data : "", &list, error);
        if (r < 0)
                return r;
        if (append_closed(reply, &status) < 0 || append_os_release(root_fd, reply) < 0)
                return error_out_of_memory(error);
        buffer_done(&status);
        for (size_t i = 0; i < list.n_items; i++)
                if (append_copyright(root_fd, &list.items[i], &left_bytes, reply) < 0)
                        return error_out_of_memory(error);
        return 0;
}

/* The next text; the answer must not end before. */
static const char *take_text(const Buffer *reply, size_t *position)
{
        if (*position >= reply->length)
                return NULL;
        const char *text = reply->data + *position;
        *position += strlen(text) + 1;
        return text;
}

int inventory_read(Sandbox *sandbox, const SandboxTree *tree, Inventory *ret, Error *error)
{
        _cleanup_inventory_ Inventory inventory = { 0 };
        size_t position = 0;
        int r = sandbox_call(sandbox, tree, collect, NULL, &inventory.text, error);

        if (r < 0)
                return r;
        const char *status = take_text(&inventory.text, &position);
        inventory.os_release = take_text(&inventory.text, &position);
        if (!status || !inventory.os_release)
                return error_set(error, -EPROTO, "The list of the tree's packages is cut short");
        r = status_parse(status, &inventory.packages, error);
        if (r < 0)
                return r;
        inventory.copyrights = calloc(inventory.packages.n_items + 1, sizeof *inventory.copyrights);
        if (!inventory.copyrights)
                return error_out_of_memory(error);
        for (size_t i = 0; i < inventory.packages.n_items; i++) {
                inventory.copyrights[i] = take_text(&inventory.text, &position);
                if (!inventory.copyrights[i])
                        return error_set(error, -EPROTO, "The copyright texts of the tree are cut short");
        }
        *ret = inventory;
        inventory = (Inventory){ 0 };
        return 0;
}
