/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/digest.h"
#include "base/error.h"
#include "sandbox/sandbox.h"

#include <stdint.h>

/* What a layer's upper directory holds, read once from end to end. */
typedef struct LayerMeasure {
        uint64_t size_bytes; /* contents of regular files, a hard link counted once */
        uint64_t n_entries;
        /* SHA-256 over every entry in byte order: path, type, mode, owner, size, time, link target or content, and the
         * extended attributes, but for overlayfs's notes: the same content gives the same digest. */
        char digest[SHA256_HEX_SIZE];
} LayerMeasure;

int layer_measure(Sandbox *sandbox, int tree_fd, LayerMeasure *ret, Error *error) _must_check_;
