/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/error.h"
#include "bootstrap/package.h"

#include <stdbool.h>

/* What of a tree comes from no package. Inside sandbox_call(). */

/* /bin, /lib and so on as links to the directories of the same names in /usr. */
int layout_merge_usr(int root_fd, Error *error) _must_check_;
/* Once the base is unpacked: those of the links go that nothing of it needed. */
int layout_finish(int root_fd, const Packages *packages, Error *error) _must_check_;
/* /etc/apt/sources.list, /etc/fstab, and with `keeps_unmerged` the file that keeps the package usrmerge from its work. */
int layout_write_files(int root_fd, const char *sources, bool keeps_unmerged, Error *error) _must_check_;
/* Removes all that is in the tree. */
int layout_empty(int root_fd, Error *error) _must_check_;
