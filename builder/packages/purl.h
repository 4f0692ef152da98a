/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/cleanup.h"

/* Package URLs of Debian packages, in their canonical form: pkg:deb/debian/g%2B%2B@4:12.2.0-3?arch=amd64&distro=debian-12
 *
 * Source: the Package-URL specification, "Character encoding" (only letters, digits and ".-_~:" stand for themselves) and
 * the definition of the type "deb" (vendor and name in lower case; arch=source for source packages). */

typedef struct Purl {
        const char *vendor; /* "debian" */
        const char *name, *version, *architecture;
        const char *distribution; /* "debian-12"; "" leaves it out */
} Purl;

/* The caller frees; NULL when memory is short. */
char *purl_format(const Purl *purl);
