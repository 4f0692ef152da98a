/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/cleanup.h"

#include <stddef.h>

/* A whole regular file in memory, read only, for as long as it is not cut short by somebody else. Not closed by a NUL. */
typedef struct Mapping {
        const char *data; /* never NULL once it is open */
        size_t length;
} Mapping;

#define MAPPING_INIT ((Mapping){ 0 })

/* No symbolic link is followed; -EINVAL: it is not a regular file. */
int mapping_open(int directory_fd, const char *path, Mapping *ret) _must_check_;
void mapping_close(Mapping *mapping);
#define _cleanup_mapping_ _cleanup_(mapping_close)
