/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bootstrap/package.h"

#include <errno.h>
#include <string.h>
#include <sys/resource.h>

#define DESCRIPTORS_BESIDE 256

static void package_done(Package *package)
{
        for (size_t i = 0; i < package->n_files; i++) {
                free(package->files[i].name);
                free(package->files[i].data);
        }
        for (size_t i = 0; i < package->n_conffiles; i++)
                free(package->conffiles[i].path);
        cleanup_close(&package->fd);
        free(package->files);
        free(package->conffiles);
        free(package->priority);
        relations_done(&package->depends);
        relations_done(&package->pre_depends);
        relations_done(&package->provides);
        relations_done(&package->replaces);
        buffer_done(&package->paths);
        buffer_done(&package->md5sums);
}

void packages_done(Packages *packages)
{
        for (size_t i = 0; i < packages->n_items; i++)
                package_done(&packages->items[i]);
        free(packages->items);
        *packages = (Packages){ 0 };
}

const ControlFile *package_file(const Package *package, const char *name)
{
        for (size_t i = 0; i < package->n_files; i++)
                if (strcmp(package->files[i].name, name) == 0)
                        return &package->files[i];
        return NULL;
}

int package_error(const Package *package, Error *error)
{
        return error_wrap(error, "%s %s (%s)", package->origin->name, package->origin->version,
                          package->origin->file_name);
}

bool package_replaces(const Package *package, const Package *other)
{
        for (size_t i = 0; i < package->replaces.n_items; i++)
                if (relation_matches(&package->replaces.items[i], other->origin->name, other->origin->version))
                        return true;
        return false;
}

/* ------------------------------------------------------------------------------------------------ opening */

/* All packages are open at once, as the workers that unpack them can't reach the store. */
static int allow_descriptors(size_t n, Error *error)
{
        struct rlimit limit;
        rlim_t wanted = (rlim_t) n + DESCRIPTORS_BESIDE;

        if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
                return error_set_errno(error, errno, "Can't get the limit of open files");
        if (limit.rlim_cur >= wanted)
                return 0;
        if (limit.rlim_max < wanted)
                return error_set(error, -EMFILE, "%zu packages at once are more than the limit of open files allows", n);
        limit.rlim_cur = wanted;
        return setrlimit(RLIMIT_NOFILE, &limit) < 0
                       ? error_set_errno(error, errno, "Can't raise the limit of open files") : 0;
}

static int open_all(const Apt *apt, const AptTransaction *transaction, Packages *packages, Error *error)
{
        for (size_t i = 0; i < transaction->n_packages; i++) {
                Package *package = &packages->items[packages->n_items++];
                *package = (Package){ .origin = &transaction->packages[i], .fd = -1 };
                int r = apt_open_package(apt, package->origin, &package->fd, error);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int call_read(int root_fd _unused_, void *userdata, Buffer *reply, Error *error)
{
        const Packages *packages = userdata;

        for (size_t i = 0; i < packages->n_items; i++) {
                int r = control_read(packages->items[i].fd, reply, error);
                if (r < 0)
                        return package_error(&packages->items[i], error);
        }
        return 0;
}

static int read_all(Sandbox *sandbox, const SandboxTree *tree, Packages *packages, Error *error)
{
        _cleanup_buffer_ Buffer reply = BUFFER_INIT;
        int r = sandbox_call(sandbox, tree, call_read, packages, &reply, error);
        const char *at = reply.data ? reply.data : "", *end = at + reply.length;

        for (size_t i = 0; r == 0 && i < packages->n_items; i++) {
                r = control_take(&at, end, &packages->items[i], error);
                if (r == 0)
                        r = control_parse(&packages->items[i], error);
                if (r < 0)
                        package_error(&packages->items[i], error);
        }
        return r;
}

int packages_open(Sandbox *sandbox, const SandboxTree *tree, const Apt *apt, const AptTransaction *transaction,
                  Packages *ret, Error *error)
{
        _cleanup_packages_ Packages packages = { 0 };
        int r = allow_descriptors(transaction->n_packages, error);

        packages.items = calloc(transaction->n_packages + 1, sizeof *packages.items);
        if (r == 0 && !packages.items)
                r = error_out_of_memory(error);
        if (r == 0)
                r = open_all(apt, transaction, &packages, error);
        if (r == 0)
                r = read_all(sandbox, tree, &packages, error);
        if (r < 0)
                return r;
        *ret = packages;
        packages = (Packages){ 0 };
        return 0;
}
