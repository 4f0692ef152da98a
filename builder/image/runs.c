/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/runs.h"

#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ALIGNMENT _Alignof(max_align_t)
#define READ_BYTES ((size_t) 1 << 16)

/* Before each record, in memory and in the file; what follows is padded to ALIGNMENT. */
typedef struct Head {
        _Alignas(max_align_t) uint32_t size_bytes;
} Head;

/* A sorted piece of the file. */
typedef struct Run {
        uint64_t start, end;
} Run;

struct Runs {
        RunsCompare compare;
        uint8_t *memory;
        size_t memory_bytes, used;
        size_t *offsets; /* of the records in `memory`, once sorted in their order */
        size_t n_records, n_allocated;
        void *last; /* the greatest record that was written; where the next piece starts behind it, it is the same run
                     */
        Run *runs;
        size_t n_runs;
        int fd; /* -1: everything fits into the memory */
        uint64_t file_bytes;
};

static size_t padded(size_t size_bytes)
{
        return (size_bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

Runs *runs_new(size_t memory_bytes, RunsCompare compare)
{
        Runs *runs = calloc(1, sizeof *runs);

        if (!runs)
                return NULL;
        *runs = (Runs){ .compare = compare, .memory_bytes = memory_bytes, .fd = -1, .memory = malloc(memory_bytes) };
        return runs->memory ? runs : runs_free(runs);
}

Runs *runs_free(Runs *runs)
{
        if (!runs)
                return NULL;
        if (runs->fd >= 0)
                close(runs->fd);
        free(runs->memory);
        free(runs->offsets);
        free(runs->last);
        free(runs->runs);
        free(runs);
        return NULL;
}

static int open_file(Error *error)
{
        const char *directory = getenv("TMPDIR");
        _cleanup_free_ char *path = NULL;

        if (!directory || !*directory)
                directory = "/var/tmp";
        int fd = open(directory, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
        if (fd >= 0)
                return fd;
        if (asprintf(&path, "%s/templar-XXXXXX", directory) < 0) {
                path = NULL;
                return error_out_of_memory(error);
        }
        fd = mkostemp(path, O_CLOEXEC);
        if (fd < 0)
                return error_set_errno(error, errno, "Can't make a temporary file in %s", directory);
        unlink(path);
        return fd;
}

static const void *record_at(const uint8_t *memory, size_t offset)
{
        return memory + offset + sizeof(Head);
}

static int compare_offsets(const void *a, const void *b, void *userdata)
{
        const Runs *runs = userdata;
        size_t left = *(const size_t *) a, right = *(const size_t *) b;
        int order = runs->compare(record_at(runs->memory, left), record_at(runs->memory, right));

        return order != 0 ? order : (left > right) - (left < right);
}

static bool in_order(const Runs *runs)
{
        for (size_t i = 1; i < runs->n_records; i++)
                if (compare_offsets(&runs->offsets[i - 1], &runs->offsets[i], (void *) runs) > 0)
                        return false;
        return true;
}

static void sort(Runs *runs)
{
        if (!in_order(runs))
                qsort_r(runs->offsets, runs->n_records, sizeof *runs->offsets, compare_offsets, runs);
}

static size_t whole_size(const uint8_t *memory, size_t offset)
{
        return sizeof(Head) + padded(((const Head *) (const void *) (memory + offset))->size_bytes);
}

/* The greatest record of the memory, as the last one written. */
static int remember_last(Runs *runs)
{
        size_t offset = runs->offsets[runs->n_records - 1],
               size_bytes = whole_size(runs->memory, offset) - sizeof(Head);
        void *copy = malloc(size_bytes + 1);

        if (!copy)
                return -ENOMEM;
        memcpy(copy, record_at(runs->memory, offset), size_bytes);
        free(runs->last);
        runs->last = copy;
        return 0;
}

/* Whether what is in memory continues the run that was written last. */
static bool continues(const Runs *runs)
{
        return runs->n_runs > 0 && runs->compare(runs->last, record_at(runs->memory, runs->offsets[0])) <= 0;
}

static int write_records(Runs *runs)
{
        _cleanup_free_ uint8_t *piece = malloc(READ_BYTES + RUNS_RECORD_MAX + 2 * sizeof(Head));
        size_t n = 0;
        int r = piece ? 0 : -ENOMEM;

        for (size_t i = 0; r == 0 && i < runs->n_records; i++) {
                size_t offset = runs->offsets[i], size_bytes = whole_size(runs->memory, offset);
                memcpy(piece + n, runs->memory + offset, size_bytes);
                n += size_bytes;
                if (n >= READ_BYTES || i + 1 == runs->n_records) {
                        r = write_all(runs->fd, piece, n);
                        runs->file_bytes += n;
                        n = 0;
                }
        }
        return r;
}

static int spill(Runs *runs, Error *error)
{
        if (runs->n_records == 0)
                return 0;
        if (runs->fd < 0 && (runs->fd = open_file(error)) < 0)
                return error ? error->code : -EIO;
        sort(runs);
        bool same_run = continues(runs);
        Run *grown = same_run ? runs->runs : reallocarray(runs->runs, runs->n_runs + 1, sizeof *grown);
        if (!grown || remember_last(runs) < 0)
                return error_out_of_memory(error);
        runs->runs = grown;
        uint64_t start = runs->file_bytes;
        int r = write_records(runs);
        if (r < 0)
                return error_set_errno(error, -r, "Can't write to a temporary file");
        if (!same_run)
                runs->runs[runs->n_runs++].start = start;
        runs->runs[runs->n_runs - 1].end = runs->file_bytes;
        runs->n_records = 0;
        runs->used = 0;
        return 0;
}

int runs_add(Runs *runs, const void *record, size_t size_bytes, Error *error)
{
        size_t whole = sizeof(Head) + padded(size_bytes);

        if (size_bytes > RUNS_RECORD_MAX || whole > runs->memory_bytes)
                return error_set(error, -E2BIG, "A record of %zu bytes is too long", size_bytes);
        if (runs->used + whole > runs->memory_bytes) {
                int r = spill(runs, error);
                if (r < 0)
                        return r;
        }
        if (runs->n_records == runs->n_allocated) {
                size_t n = runs->n_allocated ? 2 * runs->n_allocated : 1024;
                size_t *grown = reallocarray(runs->offsets, n, sizeof *grown);
                if (!grown)
                        return error_out_of_memory(error);
                runs->offsets = grown;
                runs->n_allocated = n;
        }
        uint8_t *place = runs->memory + runs->used;
        *(Head *) (void *) place = (Head){ .size_bytes = (uint32_t) size_bytes };
        memcpy(place + sizeof(Head), record, size_bytes);
        memset(place + sizeof(Head) + size_bytes, 0, padded(size_bytes) - size_bytes);
        runs->offsets[runs->n_records++] = runs->used;
        runs->used += whole;
        return 0;
}

int runs_end(Runs *runs, Error *error)
{
        if (runs->fd < 0) {
                sort(runs);
                return 0;
        }
        int r = spill(runs, error);
        free(TAKE_PTR(runs->memory));
        return r;
}

/* ------------------------------------------------------------------------------------------------ reading */

/* A run that is read: a part of it is in `data`. */
typedef struct Cursor {
        uint64_t next, end; /* of the file */
        uint8_t *data;      /* owned */
        size_t allocated, n, at; /* bytes in `data`, and where the current record starts */
        size_t number; /* of the run: of equal records that of the earlier one comes first */
} Cursor;

/* The cursors are a heap, the least record on top. */
struct RunsReader {
        const Runs *runs;
        Cursor *cursors;
        size_t n_cursors;
        size_t index; /* without a file: of the next record */
        bool started;
};

static int read_whole(int fd, void *data, size_t size_bytes, uint64_t offset)
{
        for (uint8_t *next = data; size_bytes > 0;) {
                ssize_t n = pread(fd, next, size_bytes, (off_t) offset);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        return n < 0 ? -errno : -EIO;
                next += n;
                offset += (uint64_t) n;
                size_bytes -= (size_t) n;
        }
        return 0;
}

/* At least `wanted` bytes from the current record on. */
static int fill(const Runs *runs, Cursor *cursor, size_t wanted)
{
        size_t left = cursor->n - cursor->at;

        if (left >= wanted)
                return 0;
        size_t size_bytes = wanted > READ_BYTES ? wanted : READ_BYTES;
        if (size_bytes > cursor->allocated) {
                uint8_t *grown = malloc(size_bytes);
                if (!grown)
                        return -ENOMEM;
                if (left > 0)
                        memcpy(grown, cursor->data + cursor->at, left);
                free(cursor->data);
                cursor->data = grown;
                cursor->allocated = size_bytes;
        } else if (left > 0) {
                memmove(cursor->data, cursor->data + cursor->at, left);
        }
        cursor->at = 0;
        cursor->n = left;
        size_t more = cursor->allocated - left;
        if (more > cursor->end - cursor->next)
                more = (size_t) (cursor->end - cursor->next);
        int r = left + more < wanted ? -EIO : read_whole(runs->fd, cursor->data + left, more, cursor->next);
        if (r < 0)
                return r;
        cursor->next += more;
        cursor->n += more;
        return 0;
}

/* 1: a whole record is there; 0: the run is at its end. */
static int load(const Runs *runs, Cursor *cursor)
{
        if (cursor->at == cursor->n && cursor->next == cursor->end)
                return 0;
        int r = fill(runs, cursor, sizeof(Head));
        if (r == 0)
                r = fill(runs, cursor, whole_size(cursor->data, cursor->at));
        return r < 0 ? r : 1;
}

static bool comes_before(const Runs *runs, const Cursor *a, const Cursor *b)
{
        int order = runs->compare(record_at(a->data, a->at), record_at(b->data, b->at));

        return order != 0 ? order < 0 : a->number < b->number;
}

static void sift_down(RunsReader *reader, size_t i)
{
        Cursor *heap = reader->cursors;

        for (;;) {
                size_t least = i;
                for (size_t child = 2 * i + 1; child <= 2 * i + 2 && child < reader->n_cursors; child++)
                        if (comes_before(reader->runs, &heap[child], &heap[least]))
                                least = child;
                if (least == i)
                        return;
                Cursor cursor = heap[i];
                heap[i] = heap[least];
                heap[least] = cursor;
                i = least;
        }
}

int runs_read(const Runs *runs, RunsReader **ret, Error *error)
{
        _cleanup_runs_reader_ RunsReader *reader = calloc(1, sizeof *reader);

        if (!reader || !(reader->cursors = calloc(runs->n_runs + 1, sizeof *reader->cursors)))
                return error_out_of_memory(error);
        reader->runs = runs;
        for (size_t i = 0; i < runs->n_runs; i++) {
                Cursor *cursor = &reader->cursors[reader->n_cursors++];
                *cursor = (Cursor){ .next = runs->runs[i].start, .end = runs->runs[i].end, .number = i };
                int r = load(runs, cursor);
                if (r < 0)
                        return error_set_errno(error, -r, "Can't read from a temporary file");
        }
        for (size_t i = reader->n_cursors; i-- > 0;)
                sift_down(reader, i);
        *ret = TAKE_PTR(reader);
        return 0;
}

RunsReader *runs_reader_free(RunsReader *reader)
{
        if (!reader)
                return NULL;
        for (size_t i = 0; i < reader->n_cursors; i++)
                free(reader->cursors[i].data);
        free(reader->cursors);
        free(reader);
        return NULL;
}

/* Past the record that was given last. */
static int advance(RunsReader *reader)
{
        Cursor *top = &reader->cursors[0];

        top->at += whole_size(top->data, top->at);
        int r = load(reader->runs, top);
        if (r < 0)
                return r;
        if (r == 0) {
                free(top->data);
                *top = reader->cursors[--reader->n_cursors];
        }
        sift_down(reader, 0);
        return 0;
}

int runs_next(RunsReader *reader, const void **ret, Error *error)
{
        const Runs *runs = reader->runs;

        if (runs->fd < 0) {
                if (reader->index == runs->n_records)
                        return 0;
                *ret = record_at(runs->memory, runs->offsets[reader->index++]);
                return 1;
        }
        int r = reader->started && reader->n_cursors > 0 ? advance(reader) : 0;
        if (r < 0)
                return error_set_errno(error, -r, "Can't read from a temporary file");
        reader->started = true;
        if (reader->n_cursors == 0)
                return 0;
        *ret = record_at(reader->cursors[0].data, reader->cursors[0].at);
        return 1;
}
