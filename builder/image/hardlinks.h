/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/cleanup.h"

#include <sys/stat.h>

/* Remembers under which path a file with several names came first. */

typedef struct HardLinks HardLinks;

HardLinks *hard_links_new(void); /* NULL when memory is short */
void hard_links_free(HardLinks *links);
DEFINE_CLEANUP(HardLinks, hard_links_free)
#define _cleanup_hard_links_ _cleanup_(hard_links_free_ptr)

/* *ret_first is NULL for the first name of a file (which is remembered), else the path of that first name, valid until
 * the next call. Returns 0 or -ENOMEM. */
int hard_links_seen(HardLinks *links, const struct stat *status, const char *path, const char **ret_first)
        _must_check_;
