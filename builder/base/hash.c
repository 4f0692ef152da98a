/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/hash.h"

uint64_t hash_bytes(const void *data, size_t size_bytes, uint64_t seed)
{
        const unsigned char *bytes = data;
        uint64_t hash = UINT64_C(0xcbf29ce484222325) ^ seed;

        for (size_t i = 0; i < size_bytes; i++)
                hash = (hash ^ bytes[i]) * UINT64_C(0x100000001b3);
        hash = (hash ^ (hash >> 33)) * UINT64_C(0xff51afd7ed558ccd);
        hash = (hash ^ (hash >> 33)) * UINT64_C(0xc4ceb9fe1a85ec53);
        return hash ^ (hash >> 33);
}
