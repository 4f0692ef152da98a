/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* FNV-1a with a final mix, so that all bits depend on all bytes. Stable: block boundaries are chosen by it. Not for
 * anything that must not be guessed. */
uint64_t hash_bytes(const void *data, size_t size_bytes, uint64_t seed);
