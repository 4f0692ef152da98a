/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "stages/python_marshal.h"

#include "base/cleanup.h"

#include <stdlib.h>
#include <string.h>

#define VERSION_FIRST 3250u /* 3.4 */
#define VERSION_3_7 3390u   /* flags in the header */
#define VERSION_3_8 3400u   /* another number in code objects; those of early alphas are of no interest */
#define VERSION_SORTED 3450u /* 3.11 */
#define MARK 0x80
#define DEPTH_MAX 500u

/* Places in the file. */
typedef struct Places {
        uint32_t *items;
        size_t n_items, allocated;
} Places;

typedef struct Reader {
        uint8_t *data, *next, *end;
        uint32_t version;
        Places marked, references; /* the types of marked objects, in order; the numbers that refer to them */
        bool broken, found_set;
} Reader;

static void reader_done(Reader *reader)
{
        free(reader->marked.items);
        free(reader->references.items);
}

static void add_place(Reader *reader, Places *places)
{
        if (places->n_items == places->allocated) {
                size_t allocated = places->allocated ? 2 * places->allocated : 64;
                uint32_t *items = reallocarray(places->items, allocated, sizeof *items);
                if (!items) {
                        reader->broken = true;
                        return;
                }
                places->items = items;
                places->allocated = allocated;
        }
        places->items[places->n_items++] = (uint32_t) (reader->next - reader->data);
}

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
        for (uint32_t i = 0; i < n && !reader->broken; i++)
                read_object(reader, depth);
}

static void read_set(Reader *reader, unsigned depth)
{
        uint32_t n = take_long(reader);

        if (!reader->broken && n > 1)
                reader->found_set = true;
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

static void read_reference(Reader *reader)
{
        add_place(reader, &reader->references);
        skip(reader, 4);
}

static void read_object(Reader *reader, unsigned depth)
{
        if (reader->next < reader->end && (*reader->next & MARK))
                add_place(reader, &reader->marked);
        uint32_t type = take_byte(reader) & ~(uint32_t) MARK;
        if (reader->broken || depth > DEPTH_MAX) {
                reader->broken = true;
                return;
        }
        switch (type) {
        case 'N': case 'T': case 'F': case 'S': case '.':
                return;
        case 'i':
                return skip(reader, 4);
        case 'r':
                return read_reference(reader);
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

static uint32_t number_at(const uint8_t *bytes)
{
        return (uint32_t) bytes[0] | (uint32_t) bytes[1] << 8 | (uint32_t) bytes[2] << 16 | (uint32_t) bytes[3] << 24;
}

/* References count marked objects, so they are counted anew. */
static bool drop_marks(Reader *reader)
{
        const Places *marked = &reader->marked, *references = &reader->references;
        _cleanup_free_ uint32_t *numbers = calloc(marked->n_items + 1, sizeof *numbers);
        uint32_t next = 0;

        for (size_t i = 0; numbers && i < references->n_items; i++) {
                uint32_t number = number_at(reader->data + references->items[i]);
                if (number >= marked->n_items)
                        return false;
                numbers[number] = 1;
        }
        if (!numbers)
                return false;
        for (size_t i = 0; i < marked->n_items; i++) {
                if (numbers[i])
                        numbers[i] = next++;
                else
                        reader->data[marked->items[i]] &= (uint8_t) ~MARK;
        }
        for (size_t i = 0; i < references->n_items; i++) {
                uint8_t *bytes = reader->data + references->items[i];
                uint32_t number = numbers[number_at(bytes)];
                for (unsigned j = 0; j < 4; j++)
                        bytes[j] = (uint8_t) (number >> (8 * j));
        }
        return true;
}

bool python_module_may_differ(uint32_t version)
{
        return version >= VERSION_FIRST && version < VERSION_SORTED;
}

PythonModule python_module_settle(uint8_t *data, size_t size_bytes, uint32_t version)
{
        _cleanup_(reader_done) Reader reader = {
                .data = data, .next = data, .end = data + size_bytes, .version = version
        };

        if (!python_module_may_differ(version) || size_bytes > UINT32_MAX)
                return PYTHON_MODULE_UNKNOWN;
        skip(&reader, version < VERSION_3_7 ? 12 : 16);
        read_object(&reader, 0);
        if (reader.broken || reader.next != reader.end)
                return PYTHON_MODULE_UNKNOWN;
        if (reader.found_set)
                return PYTHON_MODULE_DIFFERS;
        return drop_marks(&reader) ? PYTHON_MODULE_SAME : PYTHON_MODULE_UNKNOWN;
}
