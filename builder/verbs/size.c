/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "verbs/size.h"

#include "base/strings.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

static const char units[] = "KMGT";

/* The power of 1024 of a unit, or -1. */
static int unit_power(const char *unit)
{
        const char *found = *unit ? strchr(units, *unit & ~0x20) : NULL;

        if (!*unit)
                return 0;
        if (!found || (unit[1] && strcasecmp(unit + 1, "B") != 0 && strcasecmp(unit + 1, "iB") != 0))
                return -1;
        return (int) (found - units) + 1;
}

int parse_size(const char *text, uint64_t *ret_bytes)
{
        size_t length = strspn(text, "0123456789");
        int power = unit_power(text + length);
        char digits[24];
        uint64_t value;

        if (length == 0 || power < 0)
                return -EINVAL;
        if (length >= sizeof digits)
                return -ERANGE;
        memcpy(digits, text, length);
        digits[length] = '\0';
        int r = parse_unsigned(digits, 1, UINT64_MAX >> (10 * power), &value);
        if (r < 0)
                return r;
        *ret_bytes = value << (10 * power);
        return 0;
}
