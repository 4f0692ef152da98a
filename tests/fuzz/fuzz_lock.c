/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "packages/lock.h"

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is accepted is accepted again as it is written, and says the same then. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_free_ char *text = strndup((const char *) data, size), *written = NULL, *again = NULL;
        _cleanup_lock_ Lock lock = { 0 }, second = { 0 };
        _cleanup_error_ Error error = ERROR_INIT;

        if (!text || lock_parse(text, "lock", &lock, &error) < 0)
                return 0;
        if (lock_format(&lock, &written, &error) < 0 || lock_parse(written, "lock", &second, &error) < 0 ||
            lock_format(&second, &again, &error) < 0 || strcmp(written, again) != 0)
                __builtin_trap();
        return 0;
}
