/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/error.h"
#include "packages/dpkg.h"

/* dpkg's status file as a list. */

#define STATUS_PATH "/var/lib/dpkg/status"
#define STATUS_LIMIT_BYTES ((uint64_t) 128 << 20)

/* What is unpacked at least; packages of which only configuration files are left are not in it. */
int status_parse(const char *text, DpkgList *ret, Error *error) _must_check_;

/* The whole file of a tree; *ret is empty when there is none. `root_fd` as in sandbox_call(), inside which it runs. */
int status_read(int root_fd, Buffer *ret, Error *error) _must_check_;
