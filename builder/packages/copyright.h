/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/cleanup.h"
#include "base/strings.h"

#include <stdbool.h>
#include <stddef.h>

/* Machine-readable debian/copyright files. Their text comes from a staging tree, so it may be anything.
 *
 * Source: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/ */

/* More stanzas, or more different licences, than any package has. */
#define COPYRIGHT_STANZAS_MAX 20000
#define COPYRIGHT_LICENCES_MAX 500

typedef struct CopyrightLicence {
        char *name; /* as it stands, white space aside: "GPL-2+ or MIT" */
        char *text; /* "" when the file has none */
} CopyrightLicence;

typedef struct Copyright {
        CopyrightLicence *licences; /* owned; all that are named or explained, each once */
        size_t n_licences;
        char **declared; /* the names that stanzas for files, or the header, give to something; each once */
} Copyright;

void copyright_done(Copyright *copyright);
#define _cleanup_copyright_ _cleanup_(copyright_done)

/* `text` is closed by a NUL at `length`. -EBADMSG: it is not of that form; -ENOMEM. */
int copyright_parse(const char *text, size_t length, Copyright *ret) _must_check_;

/* The text of the licence with that name (in any case), "" when there is none. */
const char *copyright_text(const Copyright *copyright, const char *name);
