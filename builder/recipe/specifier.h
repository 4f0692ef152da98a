/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/strings.h"

#include <stdbool.h>
#include <stddef.h>

/* %i image, %v version, %a architecture, %s suite, %% a percent sign. Expansions aren't expanded again. */

typedef struct SpecifierValues {
        const char *image;
        const char *version; /* NULL: not known yet */
        const char *architecture;
        const char *suite; /* "": there is none */
} SpecifierValues;

typedef enum SpecifierResult {
        SPECIFIER_OK,
        SPECIFIER_PENDING,    /* holds %v, and the version isn't known: it stays as it is */
        SPECIFIER_UNKNOWN,    /* as are all others below: *ret_offset is that of the percent sign */
        SPECIFIER_UNFINISHED, /* a percent sign at the end */
        SPECIFIER_NO_SUITE,
        SPECIFIER_NO_MEMORY,
} SpecifierResult;

typedef struct SpecifierFound {
        bool version;  /* %v is used */
        size_t offset; /* of what is wrong */
} SpecifierFound;

/* Appends to `buffer`. */
SpecifierResult specifier_expand(const SpecifierValues *values, const char *text, size_t length, Buffer *buffer,
                                 SpecifierFound *ret);
