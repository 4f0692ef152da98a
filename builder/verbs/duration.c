/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "verbs/duration.h"

#include "base/strings.h"

#include <errno.h>
#include <string.h>

#define DAY_SEC (24u * 60 * 60)
#define LONGEST_SEC (100ull * 365 * DAY_SEC)

int parse_duration(const char *text, uint64_t *ret_sec)
{
        static const struct {
                char letter;
                unsigned days;
        } units[] = { { 'd', 1 }, { 'w', 7 }, { 'm', 30 }, { 'y', 365 } };
        size_t length = strlen(text);
        uint64_t number;

        if (strcmp(text, "never") == 0) {
                *ret_sec = 0;
                return 0;
        }
        for (size_t i = 0; length > 1 && i < ELEMENTS(units); i++) {
                if (text[length - 1] != units[i].letter)
                        continue;
                _cleanup_free_ char *digits = strndup(text, length - 1);
                if (!digits)
                        return -ENOMEM;
                int r = parse_unsigned(digits, 1, LONGEST_SEC / DAY_SEC / units[i].days, &number);
                if (r < 0)
                        return r;
                *ret_sec = number * units[i].days * DAY_SEC;
                return 0;
        }
        return -EINVAL;
}
