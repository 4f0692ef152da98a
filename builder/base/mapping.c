/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/mapping.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

int mapping_open(int directory_fd, const char *path, Mapping *ret)
{
        _cleanup_close_ int fd = openat(directory_fd, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        struct stat status;

        if (fd < 0 || fstat(fd, &status) < 0)
                return -errno;
        if (!S_ISREG(status.st_mode))
                return -EINVAL;
        if (status.st_size == 0) {
                /* mmap() has no maps of nothing */
                *ret = (Mapping){ .data = "" };
                return 0;
        }
        void *data = mmap(NULL, (size_t) status.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (data == MAP_FAILED)
                return -errno;
        *ret = (Mapping){ data, (size_t) status.st_size };
        return 0;
}

void mapping_close(Mapping *mapping)
{
        if (mapping->length > 0)
                munmap((void *) mapping->data, mapping->length);
        *mapping = MAPPING_INIT;
}
