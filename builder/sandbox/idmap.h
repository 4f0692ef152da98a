/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

/* Which ids of the host a sandbox gets, see subuid(5), subgid(5) and https://systemd.io/UIDS-GIDS. */

typedef struct IdMap {
        bool privileged; /* we are root: maps are written by ourselves, not by newuidmap(1) */
        uint32_t uid_base;
        uint32_t gid_base;
} IdMap;

/* As root the first entry of "root" with SANDBOX_IDS ids, or a fixed range where there is none; as an
 * ordinary user the first such entry of ours, by name or number. Errors: no entry; the hint has the line to
 * add. */
int idmap_find(IdMap *ret, Error *error) _must_check_;

/* The first start >= 100000 with SANDBOX_IDS free ids behind all entries of `subids` (the text of a subuid(5)
 * file). */
uint32_t idmap_free_start(const char *subids);

/* The start of the first entry of `name` or `uid` in `subids` with SANDBOX_IDS ids or more; 0 when there is
 * none. */
uint32_t idmap_lookup(const char *subids, const char *name, uint32_t uid);
