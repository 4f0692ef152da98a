/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/error.h"

#include <stdbool.h>

/* What must be known of a suite by its name. What debootstrap knows, it is asked: its scripts' names are the suites,
 * and the links between them tell Debian from Ubuntu. */

#define SUITES_SCRIPTS_DIRECTORY "/usr/share/debootstrap/scripts"

/* The debootstrap script for `suite`; `like` (NULL: none) stands for a suite that debootstrap does not know. Errors: no
 * debootstrap, unknown suite (with the nearest known one). Points to one of the arguments. */
int suite_script(const char *suite, const char *like, const char **ret_script, Error *error) _must_check_;

/* Of a script's name. */
bool suite_is_ubuntu(const char *script);

/* Whether a new tree of the suite has /bin, /lib and so on as links to /usr: as debootstrap decides, for the suite or the
 * one that it is like. *ret_kept: it has not, but the package usrmerge, which might be installed one day, would make it
 * so. */
bool suite_is_merged(const char *script, const char *variant, bool *ret_kept);

/* True for suites whose apt (before 1.1) reads neither deb822 sources nor Signed-By: Debian up to jessie, Ubuntu up to
 * wily. Pockets count as their suite ("trusty-updates"). */
bool suite_needs_one_line(const char *suite);
