/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/cleanup.h"
#include "base/strings.h"
#include "recipe/diagnostics.h"

/* How one error looks: "file:line:column: message", the line of the text, and a caret under what is wrong. Whatever the
 * text holds, a terminal gets printable bytes only: others are shown as "?". Of a long line a window around the caret
 * is shown. User and password of an address (scheme://user:password@host) are shown as "*". */

/* Without a newline at the end; 0 or -ENOMEM. */
int excerpt_append(Buffer *buffer, const Diagnostic *diagnostic) _must_check_;
