/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/error.h"
#include "base/output.h"

/* Listens to an Output for a while; the listener that was there gets every line as well, after ours. */

typedef struct Tap {
        Output *output; /* to be handed to what is run */
        Output *own;    /* when the caller has none */
        OutputListener listener, previous;
        void *userdata, *previous_userdata;
} Tap;

#define TAP_INIT ((Tap){ 0 })

/* `output` may be NULL. The tap must stay where it is until it is closed. */
int tap_open(Tap *tap, Output *output, OutputListener listener, void *userdata, Error *error) _must_check_;
void tap_close(Tap *tap);
#define _cleanup_tap_ _cleanup_(tap_close)
