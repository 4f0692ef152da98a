/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/error.h"
#include "base/strings.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Headers of a tar archive: POSIX ustar with pax records (pax(1)), and GNU's long names where pax must not be used.
 *
 * This is not libarchive's writer because that one puts every name outside ASCII into a pax `path=` record, also with
 * hdrcharset=BINARY, and systemd from 259 on can't unpack that in the C locale. Here
 *  - a name goes raw into the header's name and prefix fields when it fits there, whatever its bytes;
 *  - a longer name in ASCII goes into `path=` or `linkpath=`;
 *  - a longer name outside ASCII goes raw into GNU's 'L' or 'K' entry, which GNU tar and libarchive both read.
 *
 * Only what the unpackers need is written: mode, numeric owner, size, modification time in whole seconds, link target,
 * extended attributes as SCHILY.xattr.NAME records. Sizes and times that don't fit into eleven octal digits (from 8 GiB
 * on; before 1970 and after 2242) go into the records `size=` and `mtime=`, which GNU tar and libarchive both read. */

#define TAR_BLOCK_BYTES 512u
/* The archive is padded to a multiple of this, as GNU tar does. */
#define TAR_RECORD_BYTES 10240u

typedef struct TarXattr {
        char *name;  /* owned by whoever made it */
        void *value;
        size_t size_bytes;
} TarXattr;

typedef struct TarEntry {
        const char *path;        /* "." is the root, else "./usr/bin"; no slash at the end */
        mode_t mode;             /* with the type: regular file, directory, symbolic link or FIFO */
        uid_t uid, gid;
        uint64_t size_bytes;     /* regular files that are no hard links; otherwise not looked at */
        int64_t mtime_sec;
        const char *link_target; /* of a symbolic link; of a hard link: the path of the earlier entry */
        bool hard_link;
        const TarXattr *xattrs;
        size_t n_xattrs;
} TarEntry;

/* Appends everything that precedes the entry's content. Errors: attributes that a pax record can't hold (the name of
 * one contains "=" or "%", or all of them together are larger than what libarchive reads). */
int tar_encode(const TarEntry *entry, Buffer *buffer, Error *error) _must_check_;

/* Zero bytes after a content of this size. */
size_t tar_padding(uint64_t size_bytes);
/* Zero bytes after the last entry: the two closing blocks and what fills the record. */
size_t tar_trailer(uint64_t archive_bytes);
