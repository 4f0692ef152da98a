/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/error.h"
#include "base/strings.h"

#include <stdint.h>

/* A package taken apart (dpkg-deb -R): its files, and DEBIAN/ beside them. All of it may be hostile, so every path is
 * resolved below `root_fd`. The functions run inside sandbox_call(). */

typedef struct DebControl {
        char *package, *version, *architecture;
} DebControl;

void deb_control_done(DebControl *control);
#define _cleanup_control_ _cleanup_(deb_control_done)

/* Reads DEBIAN/control; names that could not be part of a file name are refused. */
int deb_tree_read_control(int root_fd, DebControl *ret, Error *error) _must_check_;

/* The text with another Version and, where it has that field, another Installed-Size; the rest as it is. */
int deb_control_edit(const char *text, const char *version, uint64_t installed_kib, Buffer *ret) _must_check_;

typedef struct DebEntry {
        const char *patch_name; /* for the changelog */
        const char *suffix;     /* of the version */
        int64_t date_sec;
} DebEntry;

/* After the patch: version, changelog, modes of maintainer scripts, md5sums, Installed-Size. *ret: as it is then. */
int deb_tree_finish(int root_fd, const DebEntry *entry, DebControl *ret, Error *error) _must_check_;

/* Puts an entry at the head of the package's changelog; a documentation directory that is a link is left alone. */
int deb_tree_add_changelog(int root_fd, const DebControl *control, const char *new_version, const DebEntry *entry,
                           Error *error) _must_check_;

/* Writes DEBIAN/md5sums, sorted, without conffiles; *ret_installed_kib as dpkg-gencontrol(1) counts. */
int deb_tree_write_sums(int root_fd, uint64_t *ret_installed_kib, Error *error) _must_check_;
