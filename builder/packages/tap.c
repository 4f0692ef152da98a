/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "packages/tap.h"

static void on_line(const char *line, void *userdata)
{
        Tap *tap = userdata;

        tap->listener(line, tap->userdata);
        if (tap->previous)
                tap->previous(line, tap->previous_userdata);
}

int tap_open(Tap *tap, Output *output, OutputListener listener, void *userdata, Error *error)
{
        *tap = (Tap){ .output = output, .listener = listener, .userdata = userdata };
        if (!output) {
                int r = output_new(NULL, &tap->own, error);
                if (r < 0)
                        return r;
                tap->output = tap->own;
        }
        tap->previous = output_listener(tap->output, &tap->previous_userdata);
        output_listen(tap->output, on_line, tap);
        return 0;
}

void tap_close(Tap *tap)
{
        if (tap->output)
                output_listen(tap->output, tap->previous, tap->previous_userdata);
        output_free(tap->own);
        *tap = TAP_INIT;
}
