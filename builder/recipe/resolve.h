/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/cleanup.h"
#include "recipe/model.h"

#include <stddef.h>

/* One key's assignments into the value that the rest of the program asks for. */

typedef struct Checker {
        Recipe *recipe;
        Diagnostics *diagnostics;
        int directory_fd; /* the recipe's folder; -1: files aren't looked at */
} Checker;

/* Fills all of section->values[index]; may be done again when the version has become known. 0 or -ENOMEM. */
int resolve_value(Checker *checker, RecipeSection *section, size_t index) _must_check_;
