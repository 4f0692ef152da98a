/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/error.h"
#include "base/strings.h"

#include <stdint.h>
#include <sys/types.h>

/* The tree's own /etc/passwd, /etc/group and /etc/shadow, as text: names in a recipe mean the users of the image, never
 * those of the host. passwd(5), group(5), shadow(5). */

/* The id (third field) of `name` in the text of a passwd or group file; -ENOENT without a message. */
int users_find_id(const char *text, const char *name, uint32_t *ret_id) _must_check_;
/* The first fields of all lines, for "did you mean". */
int users_names(const char *text, char ***ret_names) _must_check_;

/* "user", "user:group", ":group"; names or numbers. Without a group it is 0. To be called inside sandbox_call(). */
int users_resolve_owner(int root_fd, const char *owner, uid_t *ret_uid, gid_t *ret_gid, Error *error) _must_check_;

/* `text` with the password of `user` replaced by `hash`, and the day of its last change by `day` (since 1970). All else
 * stays as it is, byte for byte. -ENOENT without a message when there is no such user. */
int shadow_set_password(const char *text, const char *user, const char *hash, int64_t day, Buffer *ret) _must_check_;
/* Days of a last change that are `since_day` or later, or later than `day`, become `day`. */
int shadow_clamp_days(const char *text, int64_t day, int64_t since_day, Buffer *ret) _must_check_;
