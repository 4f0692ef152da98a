/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "stages/normalise.h"
#include "stages/python_marshal.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is known is the same when it is normalised once more. */
static void normalise(Normaliser normaliser, const Buffer *content)
{
        static const NormaliseDates dates = { .epoch_sec = 1700000000, .since_sec = 1800000000 };
        _cleanup_buffer_ Buffer once = BUFFER_INIT, twice = BUFFER_INIT;

        if (normaliser(content, &dates, &once) < 0 || normaliser(&once, &dates, &twice) < 0)
                return;
        if (once.length != twice.length || (once.length > 0 && memcmp(once.data, twice.data, once.length) != 0))
                abort();
}

/* The files of an image that packages and scripts have made: anything can be in them. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static const Normaliser normalisers[] = { normalise_shadow,  normalise_shells, normalise_keystore,
                                                  normalise_aliases, normalise_mdadm,  normalise_initiator };
        _cleanup_buffer_ Buffer content = BUFFER_INIT, menu = BUFFER_INIT;

        /* a menu with empty lines inside of entries has other sections after that */
        if (buffer_append(&content, data, size) < 0 || normalise_info_menu(&content, NULL, &menu) == -ENOMEM)
                return 0;
        for (size_t i = 0; i < ELEMENTS(normalisers); i++)
                normalise(normalisers[i], &content);
        if (size >= 4)
                python_module_settle((uint8_t *) content.data, size, (uint32_t) data[0] | (uint32_t) data[1] << 8);
        return 0;
}
