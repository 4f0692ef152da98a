/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* The value of a security.capability attribute as getcap(8) says it: "cap_net_raw=ep". The caller frees; NULL when
 * memory is short. */
char *capability_text(const uint8_t *data, size_t size_bytes);
