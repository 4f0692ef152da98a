/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/error.h"

#include <stdbool.h>

/* A GnuPG home with secret keys, while it is in use.
 *
 * gpg starts a gpg-agent for a home and leaves it running. For a home that templar is given by path, the last
 * user (by a shared flock on the directory) ends the agent again, unless it was there before; the user's own
 * default home (NULL) is left to the user.
 *
 * The agent's sockets live in the home, and a socket's path has at most 107 bytes (unix(7)): a longer home is
 * reached through a symbolic link /tmp/templar-gpg-UID-HASH, removed by the last user. */

typedef struct GnupgHome {
        char *path; /* to hand to gpg; NULL: the user's own */
        char *link; /* NULL: none was needed */
        char *socket;
        int lock_fd;
} GnupgHome;

#define GNUPG_HOME_INIT ((GnupgHome){ .lock_fd = -1 })

/* `home` must be there. */
int gnupg_home_open(const char *home, GnupgHome *ret, Error *error) _must_check_;
void gnupg_home_close(GnupgHome *home);
#define _cleanup_gnupg_home_ _cleanup_(gnupg_home_close)

/* Makes the directory, 0700, with its parents; one that is there must be a directory. */
int gnupg_home_make(const char *home, Error *error) _must_check_;
