/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "layers/block_service.h"

#include "image_fixture.h"

#include <pthread.h>
#include <sys/file.h>
#include <time.h>

static const char key_a[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
static const char key_b[] = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

#define LIMIT_BYTES ((size_t) 1 << 20)

/* A store in the test's directory with its service and a client. */
typedef struct Cached {
        BlockStore *store;
        BlockService service;
        BlockCache *cache;
} Cached;

static Cached open_cached(void)
{
        _cleanup_error_ Error error = ERROR_INIT;
        Cached cached = { .service = BLOCK_SERVICE_INIT };

        if (block_store_open("cache", &cached.store, &error) < 0 ||
            block_service_start(cached.store, &cached.service, &error) < 0)
                fail_msg("%s", error.message);
        cached.cache = block_cache_new(cached.service.socket_fd);
        assert_non_null(cached.cache);
        return cached;
}

static void close_cached(Cached *cached)
{
        block_cache_free(cached->cache);
        block_service_stop(&cached->service);
        block_store_close(cached->store);
}

static void put(Cached *cached, const char *key, const char *text)
{
        StoredBlock block = { (uint8_t *) (uintptr_t) text, strlen(text), 1000 + strlen(text), 7 };

        block_cache_store(cached->cache, key, &block);
}

/* The text of the block, which the caller frees, or NULL. */
static char *get(Cached *cached, const char *key)
{
        StoredBlock block = { 0 };

        if (!block_cache_find(cached->cache, key, LIMIT_BYTES, &block))
                return NULL;
        assert_int_equal(block.input_bytes, 1000 + block.size_bytes);
        assert_int_equal(block.join, 7);
        char *text = strndup((char *) block.data, block.size_bytes);
        free(block.data);
        return text;
}

static void assert_block(Cached *cached, const char *key, const char *expected)
{
        _cleanup_free_ char *text = get(cached, key);

        if (expected)
                assert_string_equal(text, expected);
        else
                assert_null(text);
}

static size_t count_files(void)
{
        _cleanup_closedir_ DIR *directory = opendir("cache/blocks");
        size_t n = 0;

        assert_non_null(directory);
        for (struct dirent *entry; (entry = readdir(directory));)
                n += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
        return n;
}

static char *block_path(const char *key)
{
        return path_join("cache/blocks", key);
}

static void test_find_what_was_stored(void **state _unused_)
{
        Cached cached = open_cached();
        StoredBlock block;

        assert_block(&cached, key_a, NULL);
        put(&cached, key_a, "one");
        put(&cached, key_b, "");
        assert_block(&cached, key_a, "one");
        assert_block(&cached, key_b, "");
        put(&cached, key_a, "another");
        assert_block(&cached, key_a, "another");
        assert_false(block_cache_find(cached.cache, key_a, 6, &block));
        assert_int_equal(count_files(), 2);
        close_cached(&cached);

        cached = open_cached();
        assert_block(&cached, key_a, "another");
        close_cached(&cached);
}

static void test_keys_only(void **state _unused_)
{
        static const char wrong[BLOCK_KEY_SIZE] = "../../../../../../../../../../../../../../../../../../etc/passwd";
        Cached cached = open_cached();

        put(&cached, wrong, "out");
        assert_block(&cached, wrong, NULL);
        assert_int_equal(count_files(), 0);
        close_cached(&cached);
}

/* Every way in which a file can be wrong is a miss, and verify removes it. */
static void test_damage(void **state _unused_)
{
        static const struct {
                off_t at;
                char byte;
                off_t length; /* -1: as it is */
        } cases[] = {
                { 0, 'X', -1 },   /* the magic */
                { 20, 'X', -1 },  /* the digest */
                { 80, 'X', -1 },  /* the size */
                { 88, 'X', -1 },  /* the input's size */
                { 96, 'X', -1 },  /* what joining needs */
                { 105, 'X', -1 }, /* the data */
                { 0, 't', 106 },  /* cut off */
                { 0, 't', 50 },   { 0, 't', 0 }, { 0, 't', 200 },
        };
        Cached cached = open_cached();
        _cleanup_free_ char *path = block_path(key_a);

        for (size_t i = 0; i < ELEMENTS(cases); i++) {
                put(&cached, key_a, "something");
                assert_int_equal(block_store_verify(cached.store, key_a, NULL), 0);
                _cleanup_close_ int fd = open(path, O_RDWR | O_CLOEXEC);
                assert_int_equal(pwrite(fd, &cases[i].byte, 1, cases[i].at), 1);
                if (cases[i].length >= 0)
                        assert_int_equal(ftruncate(fd, cases[i].length), 0);
                if (get(&cached, key_a))
                        fail_msg("damage %zu was not seen", i);
                assert_int_equal(block_store_verify(cached.store, key_a, NULL), 1);
                assert_int_not_equal(access(path, F_OK), 0);
        }
        /* the right content under the wrong name */
        put(&cached, key_b, "something");
        _cleanup_free_ char *other = block_path(key_b);
        assert_int_equal(rename(other, path), 0);
        assert_block(&cached, key_a, NULL);
        close_cached(&cached);
}

static void test_use_is_noted(void **state _unused_)
{
        Cached cached = open_cached();
        _cleanup_free_ char *path = block_path(key_a);
        _cleanup_free_ BlockEntry *entries = NULL;
        struct timespec times[2] = { { .tv_sec = 1000 }, { .tv_sec = 1000 } };
        struct stat status;
        size_t n_entries = 0;

        put(&cached, key_a, "something");
        assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
        assert_int_equal(block_store_list(cached.store, &entries, &n_entries, NULL), 0);
        assert_int_equal(n_entries, 1);
        assert_string_equal(entries[0].key, key_a);
        assert_int_equal(entries[0].used_sec, 1000);
        assert_int_equal(entries[0].size_bytes, 104 + strlen("something"));
        assert_block(&cached, key_a, "something");
        assert_int_equal(stat(path, &status), 0);
        assert_true(status.st_mtim.tv_sec > 1000);
        assert_int_equal(block_store_remove(cached.store, key_a, NULL), 0);
        assert_int_equal(block_store_remove(cached.store, key_a, NULL), 0);
        assert_int_equal(count_files(), 0);
        close_cached(&cached);
}

/* What a killed process left goes with the next opening; what somebody still writes stays. */
static void test_drafts_are_collected(void **state _unused_)
{
        Cached cached = open_cached();

        put_text("cache/blocks/.new-1-1", "left");
        put_text("cache/blocks/.new-2-2", "in the making");
        _cleanup_close_ int fd = open("cache/blocks/.new-2-2", O_RDONLY | O_CLOEXEC);
        assert_int_equal(flock(fd, LOCK_EX), 0);
        close_cached(&cached);
        cached = open_cached();
        assert_int_equal(access("cache/blocks/.new-2-2", F_OK), 0);
        assert_int_equal(count_files(), 1);
        close_cached(&cached);
}

/* The one who packs goes on without those who answer. */
static void test_nobody_answers(void **state _unused_)
{
        Cached cached = open_cached();

        put(&cached, key_a, "something");
        assert_int_equal(kill(cached.service.pid, SIGKILL), 0);
        put(&cached, key_b, "something");
        assert_block(&cached, key_a, NULL);
        close_cached(&cached);
        assert_int_equal(count_files(), 1);
}

typedef struct Worker {
        Cached *cached;
        unsigned number;
} Worker;

static void *store_and_find(void *userdata)
{
        Worker *worker = userdata;
        char key[BLOCK_KEY_SIZE], text[32];

        /* all write the shared key, with the same content, and each a row of its own */
        for (unsigned i = 0; i < 50; i++) {
                put(worker->cached, key_a, "shared");
                assert_block(worker->cached, key_a, "shared");
                snprintf(key, sizeof key, "%060u%04u", worker->number, i);
                snprintf(text, sizeof text, "%u %u", worker->number, i);
                put(worker->cached, key, text);
                assert_block(worker->cached, key, text);
        }
        return NULL;
}

static void test_threads(void **state _unused_)
{
        Cached cached = open_cached();
        pthread_t threads[4];
        Worker workers[ELEMENTS(threads)];

        for (unsigned i = 0; i < ELEMENTS(threads); i++) {
                workers[i] = (Worker){ &cached, i };
                assert_int_equal(pthread_create(&threads[i], NULL, store_and_find, &workers[i]), 0);
        }
        for (unsigned i = 0; i < ELEMENTS(threads); i++)
                pthread_join(threads[i], NULL);
        assert_int_equal(count_files(), 1 + 50 * ELEMENTS(threads));
        close_cached(&cached);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                IMAGE_TEST(test_find_what_was_stored),
                IMAGE_TEST(test_keys_only),
                IMAGE_TEST(test_damage),
                IMAGE_TEST(test_use_is_noted),
                IMAGE_TEST(test_drafts_are_collected),
                IMAGE_TEST(test_nobody_answers),
                IMAGE_TEST(test_threads),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
