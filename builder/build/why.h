/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/error.h"
#include "base/json.h"

/* What differs between the inputs of a stage (see keys.h) in an earlier build and now, as phrases for people, appended to
 * *ret: "package dbus 1.14.10-1~deb12u1 -> 1.14.10-1~deb12u2", "file motd changed", "Mode= 0644 -> 0755". Nothing is
 * appended when nothing differs. What `now` does not have is not compared: it isn't known. Returns 0 or -ENOMEM. */
int why_differ(const json_t *before, const json_t *now, char ***ret) _must_check_;
