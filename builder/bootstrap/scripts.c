/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bootstrap/scripts.h"

#include "base/file.h"
#include "bootstrap/database.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define CONTROL_PATH DATABASE_PATH "/tmp.ci"

/* One after the other, as a shell that stays is less than a sandbox for each. Its arguments are triples: name,
 * architecture, where the control archive lies. What it says of a failure is what dpkg says. */
static const char driver[] =
        "cd / || exit 2\n"
        "while [ $# -gt 0 ]; do\n"
        "        name=$1 architecture=$2 control=$3\n"
        "        shift 3\n"
        "        echo \"Preparing to unpack $name ...\"\n"
        "        rm -rf " CONTROL_PATH " && mv \"$control\" " CONTROL_PATH " || exit 2\n"
        "        status=0\n"
        "        DPKG_MAINTSCRIPT_PACKAGE=$name DPKG_MAINTSCRIPT_ARCH=$architecture " CONTROL_PATH
        "/preinst install || status=$?\n"
        "        if [ $status -ne 0 ]; then\n"
        "                echo \"dpkg: error processing package $name (--unpack):\" >&2\n"
        "                echo \" new $name package pre-installation script subprocess returned error exit status $status\" >&2\n"
        "                exit 1\n"
        "        fi\n"
        "done\n"
        "rm -rf " CONTROL_PATH "\n";

static int write_control(int directory_fd, const ControlFile *file)
{
        _cleanup_close_ int fd = openat(directory_fd, file->name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                                        file->mode);
        int r = fd < 0 ? -errno : write_all(fd, file->data, file->size_bytes);

        return r == 0 && fchmod(fd, file->mode) < 0 ? -errno : r;
}

static int prepare(int database_fd, const Package *package, Error *error)
{
        _cleanup_free_ char *name = NULL;
        int r = 0;

        if (asprintf(&name, "tmp.ci-%s", package->origin->name) < 0) {
                name = NULL;
                return error_out_of_memory(error);
        }
        if (mkdirat(database_fd, name, 0755) < 0)
                return error_set_errno(error, errno, "Can't make " DATABASE_PATH "/%s of the tree", name);
        _cleanup_close_ int fd = openat(database_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0)
                r = -errno;
        for (size_t i = 0; r == 0 && i < package->n_files; i++)
                r = write_control(fd, &package->files[i]);
        return r < 0 ? error_set_errno(error, -r, "Can't write " DATABASE_PATH "/%s of the tree", name) : 0;
}

int scripts_prepare(int root_fd, const Packages *packages, const size_t *numbers, size_t n_numbers, Error *error)
{
        _cleanup_close_ int fd = open_in_root(root_fd, DATABASE_PATH, O_RDONLY | O_DIRECTORY, 0);
        int r = fd < 0 ? error_set_errno(error, -fd, "Can't open " DATABASE_PATH " of the tree") : 0;

        for (size_t i = 0; r == 0 && i < n_numbers; i++)
                r = prepare(fd, &packages->items[numbers[i]], error);
        return r;
}

static int make_arguments(const Packages *packages, const size_t *numbers, size_t n_numbers, char ***ret)
{
        _cleanup_strv_ char **argv = NULL;
        int r = strv_append(&argv, "/bin/sh");

        if (r == 0)
                r = strv_append(&argv, "-c");
        if (r == 0)
                r = strv_append(&argv, driver);
        if (r == 0)
                r = strv_append(&argv, "preinst");
        for (size_t i = 0; r == 0 && i < n_numbers; i++) {
                const AptPackage *package = packages->items[numbers[i]].origin;
                r = strv_append(&argv, package->name);
                if (r == 0)
                        r = strv_append(&argv, package->architecture);
                if (r == 0)
                        r = strv_appendf(&argv, CONTROL_PATH "-%s", package->name);
        }
        *ret = TAKE_PTR(argv);
        return r;
}

/* See dpkg(1), "Environment": what every script of a package finds. */
static int make_environment(const DpkgTask *task, const char *dpkg_version, char ***ret)
{
        _cleanup_strv_ char **environment = strv_copy((char *const *) task->environment);
        int r = environment ? strv_append(&environment, "DPKG_MAINTSCRIPT_NAME=preinst") : -ENOMEM;

        if (r == 0)
                r = strv_append(&environment, "DPKG_MAINTSCRIPT_PACKAGE_REFCOUNT=1");
        if (r == 0)
                r = strv_append(&environment, "DPKG_MAINTSCRIPT_DEBUG=0");
        if (r == 0)
                r = strv_append(&environment, "DPKG_ROOT=");
        if (r == 0)
                r = strv_append(&environment, "DPKG_ADMINDIR=" DATABASE_PATH);
        /* without the revision */
        if (r == 0)
                r = strv_appendf(&environment, "DPKG_RUNNING_VERSION=%.*s", (int) strcspn(dpkg_version, "-"), dpkg_version);
        *ret = TAKE_PTR(environment);
        return r;
}

int scripts_run(const DpkgTask *task, const Packages *packages, const size_t *numbers, size_t n_numbers,
                const char *dpkg_version, Error *error)
{
        _cleanup_strv_ char **argv = NULL, **environment = NULL;
        DpkgTask own = *task;

        if (n_numbers == 0)
                return 0;
        if (make_arguments(packages, numbers, n_numbers, &argv) < 0 ||
            make_environment(task, dpkg_version, &environment) < 0)
                return error_out_of_memory(error);
        own.environment = (const char *const *) environment;
        return dpkg_run(&own, argv, error);
}
