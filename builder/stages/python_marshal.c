/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "stages/python_marshal.h"

#include <string.h>

#define VERSION_FIRST 3250u /* 3.4 */
#define VERSION_3_7 3390u   /* flags in the header */
#define VERSION_3_8 3400u   /* another number in code objects; those of early alphas are of no interest */
#define VERSION_SORTED 3450u /* 3.11 */
#define FLAG_REFERENCED 0x80
#define DEPTH_MAX 500u

typedef struct Reader {
        const uint8_t *next, *end;
        uint32_t version;
        bool broken, found;
} Reader;

static void skip(Reader *reader, uint64_t size_bytes)
{
        if ((uint64_t) (reader->end - reader->next) < size_bytes)
                reader->broken = true;
        else
                reader->next += size_bytes;
}

static uint32_t take_byte(Reader *reader)
{
        if (reader->next == reader->end)
                reader->broken = true;
        return reader->broken ? 0 : *reader->next++;
}

static uint32_t take_long(Reader *reader)
{
        uint32_t number = 0;

        for (unsigned i = 0; i < 4; i++)
                number |= take_byte(reader) << (8 * i);
        return number;
}

static void read_object(Reader *reader, unsigned depth);

static void read_objects(Reader *reader, uint32_t n, unsigned depth)
{
        for (uint32_t i = 0; i < n && !reader->broken && !reader->found; i++)
                read_object(reader, depth);
}

static void read_set(Reader *reader, unsigned depth)
{
        uint32_t n = take_long(reader);

        if (!reader->broken && n > 1)
                reader->found = true;
        read_objects(reader, n, depth);
}

/* Counts and flags; the code, its constants, names, and where it came from; first line; line table. */
static void read_code(Reader *reader, unsigned depth)
{
        skip(reader, reader->version < VERSION_3_8 ? 20 : 24);
        read_objects(reader, 8, depth);
        skip(reader, 4);
        read_objects(reader, 1, depth);
}

/* An integer of 15 bits a digit; the sign is that of the count. */
static void skip_integer(Reader *reader)
{
        int64_t n = (int32_t) take_long(reader);

        skip(reader, 2 * (uint64_t) (n < 0 ? -n : n));
}

static void read_object(Reader *reader, unsigned depth)
{
        uint32_t type = take_byte(reader) & ~(uint32_t) FLAG_REFERENCED;

        if (reader->broken || depth > DEPTH_MAX) {
                reader->broken = true;
                return;
        }
        switch (type) {
        case 'N': case 'T': case 'F': case 'S': case '.':
                return;
        case 'i': case 'r':
                return skip(reader, 4);
        case 'g':
                return skip(reader, 8);
        case 'y':
                return skip(reader, 16);
        case 'l':
                return skip_integer(reader);
        case 'z': case 'Z':
                return skip(reader, take_byte(reader));
        case 's': case 't': case 'u': case 'a': case 'A':
                return skip(reader, take_long(reader));
        case ')':
                return read_objects(reader, take_byte(reader), depth + 1);
        case '(': case '[':
                return read_objects(reader, take_long(reader), depth + 1);
        case '<': case '>':
                return read_set(reader, depth + 1);
        case 'c':
                return read_code(reader, depth + 1);
        default:
                reader->broken = true;
        }
}

bool python_module_may_be_unsettled(uint32_t version)
{
        return version >= VERSION_FIRST && version < VERSION_SORTED;
}

bool python_module_is_unsettled(const uint8_t *data, size_t size_bytes, uint32_t version)
{
        Reader reader = { .next = data, .end = data + size_bytes, .version = version };

        if (!python_module_may_be_unsettled(version))
                return false;
        skip(&reader, version < VERSION_3_7 ? 12 : 16);
        read_object(&reader, 0);
        return reader.found;
}
