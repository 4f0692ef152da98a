/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stddef.h>

/* Which build of a library is loaded: the hexadecimal build id (ld(1), --build-id) of the object that holds the function
 * at `address`, which is another one after each upgrade, also where the version stays; `fallback` when it has none. */
void library_identity(const void *address, const char *fallback, char *ret, size_t size);
