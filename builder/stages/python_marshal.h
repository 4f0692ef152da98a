/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Whether modules with this number at their start are worth a look: those of Python 3.4 to 3.10. */
bool python_module_may_be_unsettled(uint32_t version);

/* Whether a compiled module holds a set of several constants (later versions sort them; `version` as above). Their order is that of a hash table with a random seed, so such a module differs
 * from run to run of the compiler. `data` is the whole file. False, too, for what can't be read. Format: Python/marshal.c,
 * version 4. */
bool python_module_is_unsettled(const uint8_t *data, size_t size_bytes, uint32_t version);
