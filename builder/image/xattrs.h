/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/error.h"
#include "image/tar.h"

/* The extended attributes that belong into an image: security.capability of regular files, and user.* of regular files
 * and directories. ACLs, SELinux labels, trusted.* and overlayfs' own marks (user.overlay.*) are the machine's business
 * and are left out. */

typedef struct XattrList {
        TarXattr *items; /* owned, sorted by the name's bytes */
        size_t n_items;
} XattrList;

void xattr_list_done(XattrList *list);
#define _cleanup_xattrs_ _cleanup_(xattr_list_done)

/* Of an open regular file or directory; `path` is for messages. A capability that counts only inside a foreign user
 * namespace is an error: on a host it would mean something else, or nothing. */
int xattrs_read(int fd, bool regular, const char *path, XattrList *ret, Error *error) _must_check_;
