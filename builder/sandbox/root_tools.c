/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sandbox/root.h"

#include "base/file.h"
#include "base/strings.h"
#include "sandbox/mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The host's programs without the host's state: /usr and /etc read only (as an id that owns nothing there),
 * the rest empty. */

static const char *const from_host[] = { "usr",   "etc",   "bin",    "sbin",  "lib",
                                         "lib32", "lib64", "libx32", "libo32" };

/* Secrets in spite of wrong permissions, and apt's configuration, on which no build shall depend. */
static const char *const hidden[] = { "etc/apt", "etc/ssh", "etc/ssl/private" };

static const struct {
        const char *path;
        const char *mode;
} empty[] = {
        { "var", "0755" },
        { "root", "0700" },
        { "home", "0755" },
};

static const char *const var_directories[] = {
        "cache", "lib", "lib/dpkg", "lib/dpkg/info", "lib/dpkg/updates", "log"
};

static int copy_link(int root_fd, const char *path, const char *name, Error *error)
{
        char target[PATH_MAX];
        ssize_t length = readlink(path, target, sizeof target - 1);

        if (length < 0)
                return error_set_errno(error, errno, "Can't read the link %s", path);
        target[length] = '\0';
        if (symlinkat(target, root_fd, name) < 0)
                return error_set_errno(error, errno, "Can't make %s in the sandbox", path);
        return 0;
}

static int take_from_host(int root_fd, const char *name, Error *error)
{
        struct stat status;
        char path[16];

        snprintf(path, sizeof path, "/%s", name);
        if (lstat(path, &status) < 0)
                return errno == ENOENT ? 0 : error_set_errno(error, errno, "Can't look at %s", path);
        if (S_ISLNK(status.st_mode))
                return copy_link(root_fd, path, name, error);
        _cleanup_close_ int clone = mount_clone(AT_FDCWD, path, MOUNT_SAFE | MOUNT_ATTR_RDONLY);
        if (clone < 0)
                return error_set_errno(error, -clone, "Can't take %s into the sandbox", path);
        return mount_attach(clone, root_fd, name, MOUNT_POINT_DIRECTORY, true, error);
}

static int mount_empty(int root_fd, const char *path, const char *mode, bool make, Error *error)
{
        _cleanup_close_ int tmpfs = mount_new_tmpfs(mode, MOUNT_SAFE);

        if (tmpfs < 0)
                return error_set_errno(error, -tmpfs, "Can't mount /%s in the sandbox", path);
        return mount_attach(tmpfs, root_fd, path, MOUNT_POINT_DIRECTORY, make, error);
}

static int hide(int root_fd, const char *path, Error *error)
{
        _cleanup_error_ Error failure = ERROR_INIT;
        int r = mount_empty(root_fd, path, "0755", false, &failure);

        return r == 0 || r == -ENOENT ? 0 : error_move(error, &failure);
}

/* dpkg wants its directories and a status file, even to look at a package. */
static int fill_var(int root_fd)
{
        for (size_t i = 0; i < ELEMENTS(var_directories); i++) {
                char path[64];
                snprintf(path, sizeof path, "var/%s", var_directories[i]);
                if (mkdirat(root_fd, path, 0755) < 0)
                        return -errno;
        }
        if (mkdirat(root_fd, "var/tmp", 01777) < 0 || fchmodat(root_fd, "var/tmp", 01777, 0) < 0 ||
            symlinkat("/run", root_fd, "var/run") < 0 || symlinkat("/run/lock", root_fd, "var/lock") < 0)
                return -errno;
        int status = openat(root_fd, "var/lib/dpkg/status", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
        if (status < 0)
                return -errno;
        close(status);
        return 0;
}

int root_make_tools(int *ret_root_fd, Error *error)
{
        _cleanup_close_ int root = mount_new_tmpfs("0755", MOUNT_SAFE);

        if (root < 0)
                return error_set_errno(error, -root, "Can't mount / in the sandbox");
        if (move_mount(root, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH) < 0)
                return error_set_errno(error, errno, "Can't mount / in the sandbox");
        int r = 0;
        for (size_t i = 0; r == 0 && i < ELEMENTS(from_host); i++)
                r = take_from_host(root, from_host[i], error);
        for (size_t i = 0; r == 0 && i < ELEMENTS(hidden); i++)
                r = hide(root, hidden[i], error);
        for (size_t i = 0; r == 0 && i < ELEMENTS(empty); i++)
                r = mount_empty(root, empty[i].path, empty[i].mode, true, error);
        if (r < 0)
                return r;
        r = fill_var(root);
        if (r < 0)
                return error_set_errno(error, -r, "Can't fill /var in the sandbox");
        *ret_root_fd = TAKE_FD(root);
        return 0;
}
