/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/error.h"
#include "base/json.h"
#include "packages/copyright.h"

/* From the licences of a debian/copyright file to an SPDX licence expression.
 *
 * Debian's short names are no SPDX identifiers: some are spelled otherwise (Expat, GPL-2+), some say less (Artistic, BSD),
 * most are made up for one package (public-domain, BSD-like). What has an exact equal on the SPDX licence list becomes
 * that; everything else becomes a LicenseRef-, with the text that the file gives for it.
 *
 * Source: copyright-format 1.0, "License field" and "License syntax"; SPDX 2.3, annex D; the SPDX licence list 3.18. */

/* The identifier for one short name in any case ("gpl-2+" gives "GPL-2.0-or-later"), in `buffer` or a literal; NULL when
 * the list has no equal. "Perl" is the only one that gives an expression. */
#define LICENCE_ID_MAX 64
const char *licence_id(const char *name, char buffer[static LICENCE_ID_MAX]);

/* All that the file declares, joined with AND: "(Artistic-1.0-Perl OR GPL-1.0-or-later) AND MIT". "NOASSERTION" when it
 * declares nothing, or more than anybody would read. What is not on the list is added to `references`, an object
 * {"LicenseRef-...": {name, text}}. An identifier there holds a digest of name and text, so that the same one means the
 * same text in every package. The caller frees. Returns 0 or -ENOMEM. */
int licence_declared(const Copyright *copyright, json_t *references, char **ret_expression) _must_check_;
