/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "packages/readable.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/strings.h"

int readable_directory(const char *path, Error *error)
{
        int r = make_directories(path, 0755, error);

        return r == 0 && chmod(path, 0755) < 0 ? error_set_errno(error, errno, "Can't make %s readable", path) : r;
}

int readable_path(const char *path, const char *directory, const char *name, char **ret, Error *error)
{
        _cleanup_close_ int in = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        struct stat status;

        if (in < 0 || fstat(in, &status) < 0)
                return error_set_errno(error, errno, "Can't open %s", path);
        if (!S_ISREG(status.st_mode))
                return error_set(error, -EINVAL, "%s is not a regular file", path);
        bool readable = status.st_mode & S_IROTH;
        _cleanup_free_ char *result = readable ? strdup(path) : path_join(directory, name);
        if (!result)
                return error_out_of_memory(error);
        if (!readable) {
                if (unlink(result) < 0 && errno != ENOENT)
                        return error_set_errno(error, errno, "Can't replace %s", result);
                _cleanup_close_ int out = open(result, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
                int r = out < 0 ? -errno : copy_bytes(in, out);
                if (r == 0 && fchmod(out, 0644) < 0)
                        r = -errno;
                if (r < 0)
                        return error_set_errno(error, -r, "Can't copy %s to %s", path, result);
        }
        *ret = TAKE_PTR(result);
        return 0;
}
