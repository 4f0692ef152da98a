/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "signing/sums.h"

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is accepted says the same when it is written again: only "*" becomes a space. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_buffer_ Buffer again = BUFFER_INIT;
        _cleanup_error_ Error error = ERROR_INIT;
        SumsLine *lines = NULL;
        size_t n_lines = 0;

        if (sums_parse((const char *) data, size, &lines, &n_lines, &error) < 0)
                return 0;
        for (size_t i = 0; i < n_lines; i++) {
                if (sums_best_before(&lines[i], 0, &error) < 0)
                        error_done(&error);
                if (sums_append(&again, lines[i].sha256, lines[i].name) < 0)
                        __builtin_trap();
        }
        if (again.length != size)
                __builtin_trap();
        for (size_t i = 0; i < size; i++)
                if (data[i] != (uint8_t) again.data[i] && !(data[i] == '*' && again.data[i] == ' '))
                        __builtin_trap();
        sums_free(lines, n_lines);
        return 0;
}
