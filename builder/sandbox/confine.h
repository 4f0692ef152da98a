/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/error.h"

/* What the sandbox's PID 1 takes from itself, and so from every program that it starts. */

/* No new privileges; of the capabilities (which count in the user namespace only) those that packages'
 * scripts need stay. See capabilities(7). */
int confine_capabilities(Error *error) _must_check_;

/* The system call filter, see seccomp(2). Needs confine_capabilities() before it, or CAP_SYS_ADMIN. */
int confine_system_calls(Error *error) _must_check_;

/* No core files, few descriptors, many but not endless processes. */
int confine_resources(Error *error) _must_check_;
