/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/cleanup.h"
#include "base/error.h"

/* What systemd 247 to 262 take for an image: thirteen rules, found out by running their unpackers (GNU tar up to 258,
 * libarchive since). Checked on a finished file, with decoders and a tar reader that are not those which wrote it
 * (libarchive, and the raw headers for what it doesn't show):
 *
 *    1  an entry for every parent directory
 *    2  depth first, a directory before what it holds, never reopened
 *    3  the target of a hard link comes earlier, is a regular file and comes once
 *    4  no path through a symbolic link, no "..", no absolute path
 *    5  extended attributes only as SCHILY.xattr: security.capability, and user.* on files and directories
 *    6  no ACL records
 *    7  no SELinux labels
 *    8  at most 126 levels
 *    9  names outside ASCII raw in the header, not in pax records
 *   10  one archive in a file, closed and padded, nothing behind it; gzip of one member
 *   11  no sockets, no device nodes
 *   12  owners below 65536
 *   13  the root of the archive is the tree of the system, not a folder around it */

#define RULES 13u

typedef struct RuleViolation {
        unsigned rule;     /* 1 to RULES */
        const char *entry; /* printable; "" for the whole archive */
        const char *text;  /* "is a device node" */
} RuleViolation;

typedef void (*RuleListener)(const RuleViolation *violation, void *userdata);

/* Reads all of `fd` (seekable, borrowed; its offset is moved) and tells of each violation. A file that can't be read or
 * is damaged is an error. */
int rules_scan(int fd, RuleListener listener, void *userdata, Error *error) _must_check_;

/* The same for who reads the image anyway: give the listener to the stream as well, then every entry to
 * rule_check_entry(), and end with rule_check_end(). */
typedef struct ImageEntry ImageEntry;
typedef struct RuleCheck RuleCheck;

RuleCheck *rule_check_new(RuleListener listener, void *userdata); /* NULL when memory is short */
RuleCheck *rule_check_free(RuleCheck *check);
static inline void rule_check_free_ptr(RuleCheck **check)
{
        rule_check_free(*check);
}
#define _cleanup_rule_check_ _cleanup_(rule_check_free_ptr)

/* Returns 0 or -ENOMEM. */
int rule_check_entry(RuleCheck *check, const ImageEntry *entry) _must_check_;
void rule_check_end(RuleCheck *check);
