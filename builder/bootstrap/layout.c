/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bootstrap/layout.h"

#include "base/file.h"
#include "bootstrap/paths.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

/* All that some architecture has, see setup_merged_usr() of debootstrap; most keep three or four of them. */
static const char *const merged[] = { "bin", "sbin", "lib", "lib32", "lib64", "libo32", "libx32" };

#define ALWAYS 3 /* the first of them are kept in any case */

int layout_merge_usr(int root_fd, Error *error)
{
        if (mkdirat(root_fd, "usr", 0755) < 0 && errno != EEXIST)
                return error_set_errno(error, errno, "Can't make /usr in the tree");
        for (size_t i = 0; i < ELEMENTS(merged); i++) {
                char target[16];
                snprintf(target, sizeof target, "usr/%s", merged[i]);
                if (mkdirat(root_fd, target, 0755) < 0 || symlinkat(target, root_fd, merged[i]) < 0)
                        return error_set_errno(error, errno, "Can't make /%s in the tree", merged[i]);
        }
        return 0;
}

static bool is_packaged(const Packages *packages, const char *name)
{
        for (size_t i = 0; i < packages->n_items; i++) {
                const char *path;
                PathType type;
                for (size_t at = 0; (path = paths_next(&packages->items[i].paths, &at, &type));)
                        if (strcmp(path + 1, name) == 0 ||
                            (string_starts_with(path, "/usr/") && strcmp(path + strlen("/usr/"), name) == 0))
                                return true;
        }
        return false;
}

int layout_finish(int root_fd, const Packages *packages, Error *error)
{
        for (size_t i = ALWAYS; i < ELEMENTS(merged); i++) {
                char content[16], target[16];
                snprintf(target, sizeof target, "usr/%s", merged[i]);
                ssize_t n = readlinkat(root_fd, merged[i], content, sizeof content);
                if (n != (ssize_t) strlen(target) || memcmp(content, target, (size_t) n) != 0 ||
                    is_packaged(packages, merged[i]))
                        continue;
                if (unlinkat(root_fd, target, AT_REMOVEDIR) < 0) {
                        if (errno == ENOTEMPTY || errno == EEXIST)
                                continue;
                        return error_set_errno(error, errno, "Can't remove /%s of the tree", target);
                }
                if (unlinkat(root_fd, merged[i], 0) < 0)
                        return error_set_errno(error, errno, "Can't remove /%s of the tree", merged[i]);
        }
        return 0;
}

static int write_new(int root_fd, const char *path, const char *text, Error *error)
{
        _cleanup_free_ char *name = NULL;
        _cleanup_close_ int directory_fd = open_parent_in_root(root_fd, path, true, &name);

        if (directory_fd < 0)
                return error_set_errno(error, -directory_fd, "Can't open the directory of %s in the tree", path);
        _cleanup_close_ int fd = openat(directory_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
        if (fd < 0 && errno == EEXIST)
                return 0;
        int r = fd < 0 ? -errno : write_all(fd, text, strlen(text));
        return r < 0 ? error_set_errno(error, -r, "Can't write %s in the tree", path) : 0;
}

int layout_write_files(int root_fd, const char *sources, bool keeps_unmerged, Error *error)
{
        int r = write_new(root_fd, "/etc/apt/sources.list", sources, error);

        if (r == 0)
                r = write_new(root_fd, "/etc/fstab", "# UNCONFIGURED FSTAB FOR BASE SYSTEM\n", error);
        if (r == 0 && keeps_unmerged)
                r = write_new(root_fd, "/etc/unsupported-skip-usrmerge-conversion",
                              "this system will not be supported in the future\n", error);
        return r;
}

int layout_empty(int root_fd, Error *error)
{
        int fd = openat(root_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        _cleanup_closedir_ DIR *directory = fd < 0 ? NULL : fdopendir(fd);
        int r = 0;

        if (!directory) {
                int errnum = errno;
                if (fd >= 0)
                        close(fd);
                return error_set_errno(error, errnum, "Can't read the tree");
        }
        for (struct dirent *entry; r == 0 && (entry = readdir(directory));)
                if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
                        r = remove_tree(root_fd, entry->d_name, error);
        return r;
}
