/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "packages/repository.h"

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is accepted can be written, and what is written is accepted again with as many repositories. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_repository_list_ RepositoryList list = { 0 }, again = { 0 };
        _cleanup_buffer_ Buffer text = BUFFER_INIT;
        _cleanup_error_ Error error = ERROR_INIT;
        _cleanup_free_ char *input = strndup((const char *) data, size);

        if (!input || repository_parse(input, "fuzz.sources", "/nonexistent", &list, &error) < 0)
                return 0;
        _cleanup_free_ char **keyrings = calloc(list.n_items + 1, sizeof *keyrings);
        if (!keyrings || list.n_items == 0)
                return 0;
        if (repository_format(&list, keyrings, false, &text) < 0)
                __builtin_trap();
        if (repository_parse(text.data, "again.sources", "/nonexistent", &again, &error) < 0 ||
            again.n_items != list.n_items)
                __builtin_trap();
        return 0;
}
