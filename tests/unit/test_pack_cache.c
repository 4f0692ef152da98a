/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/pack.h"

#include "image/compress.h"
#include "image_tree.h"

/* Packing with the cache of compressed blocks: never other bytes than without, and only what has changed is compressed. */

#define N_FORMATS IMAGE_FORMATS

typedef struct Digests {
        char sha256[N_FORMATS][SHA256_HEX_SIZE];
} Digests;

static void pack_formats(BlockCache *cache, unsigned n_threads, int zst_level, Digests *ret)
{
        _cleanup_error_ Error error = ERROR_INIT;
        PackOptions options = { .clamp_sec = CLAMP, .n_threads = n_threads, .cache = cache };
        PackOutput outputs[N_FORMATS];
        PackStatistics statistics;

        for (int i = 0; i < N_FORMATS; i++)
                outputs[i] = (PackOutput){ .format = (ImageFormat) i,
                                           .level = i == IMAGE_TAR_ZST ? zst_level : i == IMAGE_TAR_GZ,
                                           .fd = memory_file() };
        if (pack_into("tree", &options, outputs, N_FORMATS, &statistics, &error) < 0)
                fail_msg("pack_tree: %s", error.message);
        for (int i = 0; i < N_FORMATS; i++) {
                close(outputs[i].fd);
                memcpy(ret->sha256[i], outputs[i].sha256, SHA256_HEX_SIZE);
        }
}

static void pack_cached(unsigned n_threads, int zst_level, Digests *ret)
{
        _cleanup_error_ Error error = ERROR_INIT;
        _cleanup_block_store_ BlockStore *store = NULL;
        BlockService service = BLOCK_SERVICE_INIT;

        if (block_store_open("cache", &store, &error) < 0 || block_service_start(store, &service, &error) < 0)
                fail_msg("%s", error.message);
        BlockCache *cache = block_cache_new(service.socket_fd);
        assert_non_null(cache);
        pack_formats(cache, n_threads, zst_level, ret);
        block_cache_free(cache);
        block_service_stop(&service);
}

static void assert_same(const Digests *a, const Digests *b, const char *what)
{
        for (int i = 0; i < N_FORMATS; i++)
                if (strcmp(a->sha256[i], b->sha256[i]) != 0)
                        fail_msg("%s: the %s differs", what, image_format_names[i]);
}

/* The names of all blocks, sorted; the caller frees. */
static char **block_names(void)
{
        _cleanup_closedir_ DIR *directory = opendir("cache/blocks");
        char **names = NULL;

        assert_non_null(directory);
        for (struct dirent *entry; (entry = readdir(directory));)
                if (entry->d_name[0] != '.')
                        assert_int_equal(strv_append(&names, entry->d_name), 0);
        strv_sort(names);
        return names;
}

static size_t count_blocks(void)
{
        _cleanup_strv_ char **names = block_names();

        return strv_length(names);
}

/* Several blocks: large files between small ones. */
static void make_tree(void)
{
        const size_t size_bytes = 7 << 20;
        _cleanup_free_ uint8_t *data = malloc(size_bytes);
        char path[64];

        put_directory("tree/usr");
        for (unsigned i = 0; i < 4; i++) {
                fill_words(data, size_bytes, i);
                snprintf(path, sizeof path, "tree/usr/%u", i);
                put_file(path, data, size_bytes);
                put_time(path, 1600000000);
        }
        put_text("tree/usr/small", "one");
}

static void test_same_bytes(void **state _unused_)
{
        Digests plain, cold, warm, threads;

        make_tree();
        pack_formats(NULL, 2, 1, &plain);
        pack_cached(2, 1, &cold);
        assert_same(&plain, &cold, "a new cache");
        size_t n_blocks = count_blocks();
        assert_in_range(n_blocks, 12, 18);
        pack_cached(1, 1, &warm);
        assert_same(&plain, &warm, "a full cache");
        pack_cached(7, 1, &threads);
        assert_same(&plain, &threads, "a full cache and other threads");
        assert_int_equal(count_blocks(), n_blocks);
}

static void test_only_what_changed(void **state _unused_)
{
        Digests plain, cached;

        make_tree();
        pack_cached(2, 1, &cached);
        size_t n_blocks = count_blocks();
        put_text("tree/usr/small", "another, longer text");
        pack_formats(NULL, 2, 1, &plain);
        pack_cached(2, 1, &cached);
        assert_same(&plain, &cached, "after a change");
        /* one block in each of three formats */
        assert_int_equal(count_blocks(), n_blocks + 3);
        pack_formats(NULL, 2, 3, &plain);
        pack_cached(2, 3, &cached);
        assert_same(&plain, &cached, "after a change of one level");
        assert_in_range(count_blocks(), n_blocks + 6, n_blocks + 10);
}

/* Whole blocks with other content under a block's key are taken: so the others, too, come from the cache. */
static void test_blocks_are_taken(void **state _unused_)
{
        Digests plain, cached;
        StoredBlock other = { (uint8_t *) (uintptr_t) "text", 4, 0, 0 };

        make_tree();
        pack_cached(2, 1, &plain);
        _cleanup_strv_ char **names = block_names();
        for (char **name = names; *name; name++) {
                StoredBlock block;
                _cleanup_free_ char *path = path_join("cache/blocks", *name);
                _cleanup_close_ int fd = open(path, O_RDWR | O_CLOEXEC);
                assert_int_equal(stored_block_read(fd, *name, PIECE_MAX_BYTES, &block), 0);
                free(block.data);
                other.input_bytes = block.input_bytes;
                other.join = block.join;
                assert_int_equal(ftruncate(fd, 0), 0);
                assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
                assert_int_equal(stored_block_write(fd, *name, &other), 0);
        }
        pack_cached(2, 1, &cached);
        assert_string_equal(cached.sha256[IMAGE_TAR], plain.sha256[IMAGE_TAR]);
        for (int i = IMAGE_TAR_GZ; i < IMAGE_FORMATS; i++)
                assert_string_not_equal(cached.sha256[i], plain.sha256[i]);
}

/* Damaged ones are not, and are made anew. */
static void test_damaged_blocks(void **state _unused_)
{
        Digests plain, cached;
        BlockStore *store = NULL;

        make_tree();
        pack_cached(2, 1, &plain);
        _cleanup_strv_ char **names = block_names();
        for (size_t i = 0; names[i]; i++) {
                _cleanup_free_ char *path = path_join("cache/blocks", names[i]);
                _cleanup_close_ int fd = open(path, O_RDWR | O_CLOEXEC);
                if (i % 2 == 0)
                        assert_int_equal(ftruncate(fd, 5000), 0);
                else
                        assert_int_equal(pwrite(fd, "damage", 6, 3000), 6);
        }
        pack_cached(2, 1, &cached);
        assert_same(&plain, &cached, "with damaged blocks");
        assert_int_equal(block_store_open("cache", &store, NULL), 0);
        for (size_t i = 0; names[i]; i++)
                assert_int_equal(block_store_verify(store, names[i], NULL), 0);
        block_store_close(store);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                IMAGE_TEST(test_same_bytes),
                IMAGE_TEST(test_only_what_changed),
                IMAGE_TEST(test_blocks_are_taken),
                IMAGE_TEST(test_damaged_blocks),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
