/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sandbox/sandbox.h"

/* Mounts a tree's layers, for a forked child in a private mount namespace of its own. In two steps, as an ordinary user
 * reaches the layers' paths with the own id, but mounts with the sandbox's: overlayfs makes files of its own as whoever
 * mounted it, and only the sandbox's root may then use them.
 *
 * "volatile" spares the sync of the whole file system that each unmounting would cost; a layer is synced once, when it
 * is committed. "userxattr" keeps overlayfs's marks in attributes that an ordinary user may set
 * (Documentation/filesystems/overlayfs.rst of the kernel). Both return a negative errno. */

/* Opens the layers; the descriptors stay open in the child, `ret_options` names them. */
int overlay_open(const SandboxTree *tree, Buffer *ret_options) _must_check_;

/* Mounts them; the merged root becomes the working directory. */
int overlay_mount(const SandboxTree *tree, const Buffer *options) _must_check_;
