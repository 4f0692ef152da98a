/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/error.h"
#include "sandbox/idmap.h"

#include <sys/types.h>

/* User namespaces, held by a descriptor: no process has to stay alive for them. See user_namespaces(7). */

typedef enum UserNamespaceKind {
        USER_NAMESPACE_SANDBOX, /* ids 0 to 65535 are the map's; no user namespace can be made inside */
        USER_NAMESPACE_OWNER,   /* id 0 is the caller, 1 to 65536 are the map's: hands files over */
} UserNamespaceKind;

/* Errors: switched off (with a hint where), newuidmap(1) missing or refusing. */
int user_namespace_new(const IdMap *map, UserNamespaceKind kind, int *ret_fd, Error *error) _must_check_;

/* In a forked child: into the namespace; the ids stay the host's, the capabilities are the namespace's. */
int user_namespace_enter(int fd, Error *error) _must_check_;
/* After that: ids 0, no supplementary groups. Clears the signal that die_with_parent() asked for. */
int user_namespace_become_root(Error *error) _must_check_;

/* In a forked child: SIGKILL when the thread that forked it ends. `parent` is its process id from before the
 * fork; 0 where it lies in another pid namespace. -ESRCH: it is gone already. To be repeated after a change
 * of ids. */
int die_with_parent(pid_t parent) _must_check_;
