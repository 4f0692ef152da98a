/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "stages/bootstrap_used.h"

#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>

#define ARCHIVES_PATH "/var/cache/apt/archives"

/* "SHA256 SIZE NAME" */
static int describe_package(int directory_fd, const char *name, Buffer *reply, Error *error)
{
        char hex[SHA256_HEX_SIZE];
        uint64_t size_bytes = 0;
        int r = digest_file(directory_fd, name, &size_bytes, hex, error);

        if (r < 0)
                return r;
        return buffer_printf(reply, "%s %" PRIu64 " %s\n", hex, size_bytes, name) < 0 ? error_out_of_memory(error) : 0;
}

static int list_packages(int root_fd, void *userdata _unused_, Buffer *reply, Error *error)
{
        int fd = open_in_root(root_fd, ARCHIVES_PATH, O_RDONLY | O_DIRECTORY, 0);
        _cleanup_closedir_ DIR *directory = fd < 0 ? NULL : fdopendir(fd);
        int r = 0;

        if (fd < 0)
                return error_set_errno(error, -fd, "Can't look into %s of the tree", ARCHIVES_PATH);
        if (!directory) {
                close(fd);
                return error_out_of_memory(error);
        }
        for (struct dirent *entry; r == 0 && (entry = directory_next(directory));)
                if (string_ends_with(entry->d_name, ".deb"))
                        r = describe_package(dirfd(directory), entry->d_name, reply, error);
        return r;
}

static int take_line(const char *line, AptPackage *package, Error *error)
{
        int name_offset = 0;
        char hex[SHA256_HEX_SIZE];

        if (sscanf(line, "%64s %" SCNu64 " %n", hex, &package->size_bytes, &name_offset) != 2 || name_offset == 0)
                return error_set(error, -EBADMSG, "The tree's packages can't be told apart");
        package->sha256 = strdup(hex);
        package->file_name = strdup(line + name_offset);
        return package->sha256 && package->file_name ? apt_split_file_name(package, error) : error_out_of_memory(error);
}

static int take_lines(char *const *lines, AptTransaction *ret, Error *error)
{
        ret->packages = calloc(strv_length(lines) + 1, sizeof *ret->packages);
        if (!ret->packages)
                return error_out_of_memory(error);
        for (; lines && *lines; lines++) {
                int r = take_line(*lines, &ret->packages[ret->n_packages++], error);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* The index names paths below the repository. */
static int complete_uris(const Bootstrap *bootstrap, AptTransaction *transaction)
{
        for (size_t i = 0; i < transaction->n_packages; i++) {
                char **uri = &transaction->packages[i].uri, *whole = NULL;
                if (!*uri)
                        continue;
                if (asprintf(&whole, "%s/%s", bootstrap->repository->uris[0], *uri) < 0)
                        return -ENOMEM;
                free(*uri);
                *uri = whole;
        }
        return 0;
}

int bootstrap_tell(StageContext *context, const Bootstrap *bootstrap, Error *error)
{
        _cleanup_buffer_ Buffer text = BUFFER_INIT;
        int r = sandbox_call(context->sandbox, context->tree, list_packages, NULL, &text, error);

        if (r < 0)
                return r;
        _cleanup_strv_ char **lines = strv_split(text.data ? text.data : "", "\n");
        if (!lines)
                return text.length > 0 ? error_out_of_memory(error) : 0;
        strv_sort(lines);
        r = take_lines(lines, context->ret_used, error);
        if (r == 0)
                r = apt_select(context->apt, context->repositories, *context->pins, error);
        if (r == 0)
                r = apt_find_sources(context->apt, context->ret_used, error);
        if (r == 0 && complete_uris(bootstrap, context->ret_used) < 0)
                r = error_out_of_memory(error);
        context->ret_has_used = r == 0;
        return r;
}
