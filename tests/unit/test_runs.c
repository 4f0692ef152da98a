/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/runs.h"

#include "test.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct Record {
        uint64_t key, sequence;
        char filler[40];
} Record;

static int compare(const void *a, const void *b)
{
        const Record *left = a, *right = b;

        return (left->key > right->key) - (left->key < right->key);
}

/* Several readers get all of them, in order, equal ones as they came; whatever the memory. */
static void check_order(size_t memory_bytes, size_t n, uint64_t (*key)(size_t))
{
        _cleanup_error_ Error error = ERROR_INIT;
        _cleanup_runs_ Runs *runs = runs_new(memory_bytes, compare);

        assert_non_null(runs);
        for (size_t i = 0; i < n; i++) {
                Record record = { .key = key(i), .sequence = i };
                snprintf(record.filler, sizeof record.filler, "%zu", i);
                assert_int_equal(runs_add(runs, &record, sizeof record - i % 8, &error), 0);
        }
        assert_int_equal(runs_end(runs, &error), 0);
        for (int round = 0; round < 2; round++) {
                _cleanup_runs_reader_ RunsReader *reader = NULL;
                uint64_t last_key = 0, last_sequence = 0;
                const void *next;
                size_t n_read = 0;
                assert_int_equal(runs_read(runs, &reader, &error), 0);
                while (runs_next(reader, &next, &error) == 1) {
                        const Record *record = next;
                        char filler[40];
                        snprintf(filler, sizeof filler, "%zu", (size_t) record->sequence);
                        assert_string_equal(record->filler, filler);
                        assert_int_equal(record->key, key((size_t) record->sequence));
                        if (n_read > 0 && record->key == last_key)
                                assert_true(record->sequence > last_sequence);
                        else if (n_read > 0)
                                assert_true(record->key > last_key);
                        last_key = record->key;
                        last_sequence = record->sequence;
                        n_read++;
                }
                assert_int_equal(n_read, n);
                assert_int_equal(runs_next(reader, &next, &error), 0);
        }
}

static uint64_t ascending(size_t i)
{
        return i;
}

static uint64_t descending(size_t i)
{
        return UINT64_MAX - i;
}

static uint64_t scattered(size_t i)
{
        return (i * UINT64_C(6364136223846793005) >> 40) % 977;
}

static void test_orders(void **state _unused_)
{
        static uint64_t (*const keys[])(size_t) = { ascending, descending, scattered };
        static const size_t memories[] = { 200, 4096, 1 << 20 }, counts[] = { 0, 1, 2, 1000, 5000 };

        for (size_t i = 0; i < ELEMENTS(keys); i++)
                for (size_t j = 0; j < ELEMENTS(memories); j++)
                        for (size_t k = 0; k < ELEMENTS(counts); k++)
                                if (memories[j] > 200 || counts[k] <= 1000)
                                        check_order(memories[j], counts[k], keys[i]);
}

static int compare_first(const void *a, const void *b)
{
        return memcmp(a, b, 1);
}

static void test_long_records(void **state _unused_)
{
        _cleanup_error_ Error error = ERROR_INIT;
        _cleanup_runs_ Runs *runs = runs_new((size_t) 3 << 19, compare_first);
        _cleanup_free_ char *record = malloc(RUNS_RECORD_MAX + 1);
        _cleanup_runs_reader_ RunsReader *reader = NULL;
        const void *next;

        assert_non_null(record);
        for (int i = 9; i >= 0; i--) {
                memset(record, '0' + i, RUNS_RECORD_MAX);
                assert_int_equal(runs_add(runs, record, RUNS_RECORD_MAX - (size_t) i, &error), 0);
        }
        assert_int_equal(runs_add(runs, record, RUNS_RECORD_MAX + 1, &error), -E2BIG);
        assert_int_equal(runs_end(runs, NULL), 0);
        assert_int_equal(runs_read(runs, &reader, NULL), 0);
        for (int i = 0; i < 10; i++) {
                assert_int_equal(runs_next(reader, &next, NULL), 1);
                memset(record, '0' + i, RUNS_RECORD_MAX);
                assert_memory_equal(next, record, RUNS_RECORD_MAX - (size_t) i);
        }
        assert_int_equal(runs_next(reader, &next, NULL), 0);
}

static void test_no_room(void **state _unused_)
{
        _cleanup_error_ Error error = ERROR_INIT;
        _cleanup_runs_ Runs *runs = runs_new(200, compare);
        const char *before = getenv("TMPDIR");
        _cleanup_free_ char *kept = before ? strdup(before) : NULL;
        Record record = { .key = 1 };
        int r = 0;

        setenv("TMPDIR", "/nonexistent", 1);
        for (int i = 0; i < 9 && r == 0; i++)
                r = runs_add(runs, &record, sizeof record, &error);
        if (kept)
                setenv("TMPDIR", kept, 1);
        else
                unsetenv("TMPDIR");
        assert_int_equal(r, -ENOENT);
        assert_string_equal(error.message, "Can't make a temporary file in /nonexistent: No such file or directory");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_orders),
                cmocka_unit_test(test_long_records),
                cmocka_unit_test(test_no_room),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
