/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/blocks.h"

#include "image_fixture.h"

#define MEMBERS 6000

typedef struct Member {
        char path[64];
        uint64_t size_bytes;
} Member;

/* Some 150 MB in files of the sizes that a system has: most are small, a few are large. */
static Member *make_members(void)
{
        Member *members = calloc(MEMBERS + 1, sizeof *members);
        uint64_t seed = 11;

        assert_non_null(members);
        for (size_t i = 0; i < MEMBERS; i++) {
                seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
                snprintf(members[i].path, sizeof members[i].path, "./usr/share/doc/%05zu/copyright", i);
                members[i].size_bytes = 512 + ((seed >> 40) % (i % 50 == 0 ? 1500000 : 20000)) / 512 * 512;
        }
        return members;
}

/* Indexes of the members that start a block; returns how many. */
static size_t cut(const Member *members, size_t n_members, size_t *ret_first, uint64_t *ret_sizes)
{
        size_t n = 0, filled = 0;

        for (size_t i = 0; i < n_members; i++) {
                if (i == 0 || block_ends_before(filled, members[i].path, members[i].size_bytes)) {
                        if (i > 0)
                                ret_sizes[n - 1] = filled;
                        ret_first[n++] = i;
                        filled = 0;
                }
                filled += members[i].size_bytes;
        }
        ret_sizes[n - 1] = filled;
        return n;
}

static void test_sizes(void **state _unused_)
{
        _cleanup_free_ Member *members = make_members();
        size_t first[MEMBERS], total = 0;
        uint64_t sizes[MEMBERS];
        size_t n = cut(members, MEMBERS, first, sizes);

        assert_in_range(n, 10, 100);
        for (size_t i = 0; i < n; i++) {
                assert_in_range(sizes[i], i + 1 < n ? BLOCK_MIN_BYTES : 1, BLOCK_MAX_BYTES);
                total += sizes[i];
        }
        /* not only cut where a block is full */
        assert_in_range(total / n, BLOCK_MIN_BYTES, BLOCK_MAX_BYTES - (1 << 20));
}

/* Wherever a file is added: the blocks before it stay, and after some blocks all boundaries are the old ones. */
static void test_insertion(void **state _unused_)
{
        _cleanup_free_ Member *members = make_members(), *more = calloc(MEMBERS + 1, sizeof *more);
        size_t first[MEMBERS], first_more[MEMBERS], worst = 0, all = 0;
        uint64_t sizes[MEMBERS];
        size_t n = cut(members, MEMBERS, first, sizes);

        for (size_t at = 0; at < MEMBERS; at += 100) {
                memcpy(more, members, at * sizeof *more);
                snprintf(more[at].path, sizeof more[at].path, "./new");
                more[at].size_bytes = 300032;
                memcpy(more + at + 1, members + at, (MEMBERS - at) * sizeof *more);
                size_t n_more = cut(more, MEMBERS + 1, first_more, sizes), kept = 0;
                for (size_t i = 0, j = 0; i < n && j < n_more;) {
                        size_t old = first_more[j] > at ? first_more[j] - 1 : first_more[j];
                        kept += old == first[i];
                        if (old < first[i])
                                j++;
                        else
                                i++;
                }
                all += n - kept;
                if (n - kept > worst)
                        worst = n - kept;
        }
        /* of some twenty boundaries, on average */
        assert_in_range(all, 0, 4 * (MEMBERS / 100));
        assert_true(worst < n);
}

static void test_limits(void **state _unused_)
{
        /* an empty block takes whatever comes */
        assert_false(block_ends_before(0, "./x", BLOCK_MAX_BYTES * 10));
        /* what doesn't fit starts a new one */
        assert_false(block_ends_before(1000, "./x", BLOCK_MAX_BYTES - 1000));
        assert_true(block_ends_before(1000, "./x", BLOCK_MAX_BYTES - 999));
        /* below the minimum nothing else ends a block, above it a large enough member always does */
        assert_false(block_ends_before(BLOCK_MIN_BYTES - 1, "./x", BLOCK_SPREAD_BYTES));
        assert_true(block_ends_before(BLOCK_MIN_BYTES, "./x", BLOCK_SPREAD_BYTES));
        assert_false(block_ends_before(BLOCK_MIN_BYTES, "./x", 0));
}

/* The real thing, on three members: one that fills a block and a half stands by itself, header apart. */
static void test_large_content(void **state _unused_)
{
        _cleanup_error_ Error error = ERROR_INIT;
        _cleanup_pipeline_ Pipeline *pipeline = NULL;
        PackOutput tar;
        uint8_t *room;
        size_t size_bytes;

        assert_int_equal(pipeline_new(NULL, 0, &(PipelineOptions){ .n_threads = 1 }, &pipeline, &error), 0);
        Blocks blocks = { .pipeline = pipeline };
        blocks_start_member(&blocks, "./small", 512, 1024);
        assert_int_equal(blocks_put_zeros(&blocks, 1536, &error), 0);
        blocks_start_member(&blocks, "./large", 512, BLOCK_MAX_BYTES + 512);
        assert_int_equal(blocks.current->size_bytes, 1536);
        assert_int_equal(blocks_put_zeros(&blocks, 512, &error), 0);
        assert_int_equal(blocks.current->size_bytes, 2048);
        blocks_start_content(&blocks, BLOCK_MAX_BYTES + 512);
        assert_null(blocks.current);
        assert_int_equal(blocks_room(&blocks, &room, &size_bytes, &error), 0);
        assert_int_equal(size_bytes, BLOCK_MAX_BYTES);
        memset(room, 0, size_bytes);
        blocks_used(&blocks, size_bytes);
        assert_int_equal(blocks_put_zeros(&blocks, 512, &error), 0);
        assert_int_equal(blocks.current->size_bytes, 512);
        blocks_end(&blocks);
        assert_int_equal(pipeline_finish(pipeline, NULL, 0, &tar, &error), 0);
        assert_int_equal(tar.size_bytes, 2048 + BLOCK_MAX_BYTES + 512);
        assert_int_equal(blocks.total_bytes, tar.size_bytes);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_sizes),
                cmocka_unit_test(test_insertion),
                cmocka_unit_test(test_limits),
                cmocka_unit_test(test_large_content),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
