/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/error.h"
#include "sandbox/spec.h"

/* The file systems that a program in the sandbox sees. Everything here runs in the sandbox's PID 1, in its
 * mount and pid namespaces, before it gives up its capabilities. */

/* Builds "/" as `spec` asks for, out of the mounts from tree_enter(), and makes it the root directory. */
int root_build(const Spec *spec, int tree_fd, const int *mount_fds, Error *error) _must_check_;

/* "/proc", "/sys", "/dev", "/run" and "/tmp" below `root_fd`, each over an empty file system of its own. */
int root_mount_api(int root_fd, Error *error) _must_check_;
int root_mount_proc(int root_fd, Error *error) _must_check_;
int root_mount_dev(int root_fd, Error *error) _must_check_;

/* The tools root: a new, attached tmpfs with the host's programs. */
int root_make_tools(int *ret_root_fd, Error *error) _must_check_;

/* `text` in /etc/resolv.conf below `root_fd`, without a change to the tree. Where that file is missing, or
 * leads nowhere but below /run, nothing is done. */
int root_mount_resolv_conf(int root_fd, const char *text, Error *error) _must_check_;
