/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Compiled modules of Python 3.4 to 3.10 differ from one run of the compiler to the next in two ways: the constants
 * of a set come in the order of a hash table with a random seed, and objects are marked as referenced later when
 * anything at all in the compiler refers to them. (Later versions sort sets, and no difference was seen.) `version`
 * is the number that a module begins with. Format: Python/marshal.c, version 4. */

bool python_module_may_differ(uint32_t version);

typedef enum PythonModule {
        PYTHON_MODULE_SAME,    /* the same from run to run, now that marks without a reference are taken away */
        PYTHON_MODULE_DIFFERS, /* it holds a set of several constants */
        PYTHON_MODULE_UNKNOWN, /* it can't be read, or memory is short; nothing was changed */
} PythonModule;

/* `data` is the whole file, with its header, and is changed in place. */
PythonModule python_module_settle(uint8_t *data, size_t size_bytes, uint32_t version);
