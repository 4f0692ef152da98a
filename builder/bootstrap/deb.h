/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/cleanup.h"
#include "base/error.h"

#include <archive.h>
#include <archive_entry.h>
#include <stdint.h>
#include <sys/types.h>

/* The .deb format, deb(5): an ar archive of "debian-binary", "control.tar.*" and "data.tar.*". It is read where it lies,
 * through a descriptor that nobody else moves (pread), and nothing of it is believed. Errors name what is wrong with the
 * file, not the file. To be called inside sandbox_call(). */

typedef struct DebMember {
        char name[17];
        off_t offset; /* of its content */
        uint64_t size_bytes;
} DebMember;

typedef struct DebLayout {
        DebMember control, data;
} DebLayout;

/* -EBADMSG: not a .deb, or one that is cut off. */
int deb_layout(int fd, DebLayout *ret, Error *error) _must_check_;

/* About what reading the member takes: the window of its compression. */
uint64_t deb_member_memory(int fd, const DebMember *member);

/* One of the two tar archives, entry by entry. The reader must stay where it is. */
typedef struct DebReader {
        int fd;
        off_t offset;
        uint64_t left_bytes;
        int read_errno; /* of pread(), 0: none */
        char *buffer;
        struct archive *archive;
} DebReader;

int deb_reader_open(DebReader *reader, int fd, const DebMember *member, Error *error) _must_check_;
void deb_reader_close(DebReader *reader);
#define _cleanup_deb_reader_ _cleanup_(deb_reader_close)

/* 1: *ret is the next entry, until the next call; 0: that was all of them. */
int deb_reader_next(DebReader *reader, struct archive_entry **ret, Error *error) _must_check_;
/* What libarchive has to say after one of its functions failed. */
int deb_reader_error(const DebReader *reader, Error *error);

/* The name of an entry without "./" before and "/" behind it ("" for the archive's root), in *ret_length bytes. Absolute
 * names and such with ".." are -EBADMSG, and so are line breaks, for which dpkg's lists have no room. */
int deb_member_name(const char *name, const char **ret, size_t *ret_length, Error *error) _must_check_;
