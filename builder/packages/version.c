/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "packages/dpkg.h"

#include <ctype.h>
#include <string.h>

typedef struct Part {
        const char *text, *end;
} Part;

/* "~" before everything, even the end; then letters; then the rest. Digits end a run of non-digits. */
static int order(const Part *part)
{
        unsigned char c = part->text < part->end ? (unsigned char) *part->text : 0;

        if (c == 0 || isdigit(c))
                return 0;
        if (c == '~')
                return -1;
        return isalpha(c) ? c : c + 256;
}

static bool at_digit(const Part *part)
{
        return part->text < part->end && isdigit((unsigned char) *part->text);
}

/* Numbers of any length: without leading zeroes the longer is the greater, else the first difference tells. */
static int compare_numbers(Part *a, Part *b)
{
        int first = 0;

        while (a->text < a->end && *a->text == '0')
                a->text++;
        while (b->text < b->end && *b->text == '0')
                b->text++;
        while (at_digit(a) && at_digit(b)) {
                if (first == 0)
                        first = *a->text - *b->text;
                a->text++;
                b->text++;
        }
        return at_digit(a) ? 1 : at_digit(b) ? -1 : first;
}

static int compare_parts(Part a, Part b)
{
        while (a.text < a.end || b.text < b.end) {
                while ((a.text < a.end && !at_digit(&a)) || (b.text < b.end && !at_digit(&b))) {
                        int difference = order(&a) - order(&b);
                        if (difference != 0)
                                return difference;
                        a.text += a.text < a.end;
                        b.text += b.text < b.end;
                }
                int difference = compare_numbers(&a, &b);
                if (difference != 0)
                        return difference;
        }
        return 0;
}

/* [epoch:]upstream[-revision] */
static void split(const char *version, Part *epoch, Part *upstream, Part *revision)
{
        const char *end = version + strlen(version), *colon = strchr(version, ':');
        const char *start = colon ? colon + 1 : version, *dash = strrchr(start, '-');

        *epoch = (Part){ version, colon ? colon : version };
        *upstream = (Part){ start, dash ? dash : end };
        *revision = (Part){ dash ? dash + 1 : end, end };
}

int dpkg_compare_versions(const char *a, const char *b)
{
        Part epoch_a, upstream_a, revision_a, epoch_b, upstream_b, revision_b;

        split(a, &epoch_a, &upstream_a, &revision_a);
        split(b, &epoch_b, &upstream_b, &revision_b);
        int r = compare_parts(epoch_a, epoch_b);
        if (r == 0)
                r = compare_parts(upstream_a, upstream_b);
        return r != 0 ? r : compare_parts(revision_a, revision_b);
}
