/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/strings.h"
#include "packages/reach.h"

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int on_stanza(const char *stanza, size_t length, void *userdata)
{
        if (buffer_append(userdata, stanza, length) < 0)
                return -1;
        return buffer_append_string(userdata, stanza[length - 1] == '\n' ? "\n" : "\n\n");
}

/* false when memory is short */
static bool reached_of(const char *text, size_t size, Buffer *ret)
{
        _cleanup_reach_ Reach *reach = NULL;
        _cleanup_buffer_ Buffer rivals = BUFFER_INIT;

        return reach_new(&reach) == 0 && reach_add(reach, text, size, REACH_STANDARD) == 0 &&
               reach_want(reach, "a", 1) == 0 && reach_follow(reach, true) == 0 &&
               reach_rivals(reach, "amd64", true, &rivals) == 0 && reach_each(reach, 0, on_stanza, ret) == 0;
}

/* What was reached is all that can be reached in it. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_buffer_ Buffer once = BUFFER_INIT, twice = BUFFER_INIT;

        if (!reached_of((const char *) data, size, &once))
                return 0;
        if (!reached_of(once.data ? once.data : "", once.length, &twice))
                return 0;
        if (once.length != twice.length ||
            (once.length > 0 && memcmp(once.data, twice.data, once.length) != 0))
                __builtin_trap();
        return 0;
}
