/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "layers/store.h"

#include "sandbox_fixture.h"

#include "base/clamp.h"

#include <sys/file.h>
#include <time.h>

#define EPOCH_SEC 1700000000
#define LIMIT_BYTES ((uint64_t) 1 << 30)

static const char key_a[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
static const char key_b[] = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";
static const char key_c[] = "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc";

static LayerStore *store;
static char *cache;

/* A store of each test's own. */
static void open_store(const char *name, uint64_t limit_bytes)
{
        needs_fixture();
        cache = path_join(fixture.directory, name);
        assert_non_null(cache);
        assert_ok(make_directories(cache, 0700, &fixture.error));
        assert_ok(layer_store_open(fixture.sandbox, cache, limit_bytes, &store, &fixture.error));
}

static int close_store(void **state)
{
        (void) state;
        store = layer_store_close(store);
        free(TAKE_PTR(cache));
        return 0;
}

/* "name name ", sorted, of a directory of the store. */
static char *names_in(const char *part)
{
        _cleanup_free_ char *path = path_join(cache, part), *joined = NULL;
        _cleanup_closedir_ DIR *directory = opendir(path);
        _cleanup_strv_ char **names = NULL;

        assert_non_null(directory);
        for (struct dirent *entry; (entry = readdir(directory));)
                if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
                    strcmp(entry->d_name, ".locks") != 0)
                        assert_int_equal(strv_append(&names, entry->d_name), 0);
        strv_sort(names);
        joined = strv_join(names, " ");
        assert_non_null(joined);
        return TAKE_PTR(joined);
}

#define assert_names(part, expected)                                                                                   \
        do {                                                                                                           \
                _cleanup_free_ char *names_ = names_in(part);                                                          \
                assert_string_equal(names_, expected);                                                                 \
        } while (0)

static int write_text(int root_fd, void *userdata, Buffer *reply, Error *error)
{
        (void) reply;
        return write_file_atomic(root_fd, "file", userdata, strlen(userdata), 0644, error);
}

static void fill(LayerDraft *draft, const char *text)
{
        SandboxTree tree = { .directory_fd = layer_draft_upper_fd(draft) };

        assert_ok(sandbox_call(fixture.sandbox, &tree, write_text, (void *) (uintptr_t) text, NULL, &fixture.error));
}

static LayerDraft *begin(const char *key)
{
        LayerDraft *draft = NULL;
        Layer *layer = NULL;

        assert_ok(layer_begin(store, key, NULL, NULL, NULL, &layer, &draft, &fixture.error));
        assert_null(layer);
        assert_non_null(draft);
        return draft;
}

static Layer *make_layer(const char *key, const char *text)
{
        LayerDraft *draft = begin(key);
        _cleanup_json_ json_t *info = json_pack("{s:s}", "kind", "Test");
        Layer *layer = NULL;

        fill(draft, text);
        assert_ok(layer_draft_seal(draft, EPOCH_SEC, &fixture.error));
        assert_ok(layer_commit(draft, info, &layer, &fixture.error));
        assert_non_null(layer);
        return layer;
}

static bool has_layer(const char *key)
{
        _cleanup_layer_ Layer *layer = NULL;

        assert_ok(layer_find(store, key, &layer, &fixture.error));
        return layer != NULL;
}

static void read_back(const Layer *layer, const char *expected)
{
        _cleanup_buffer_ Buffer text = BUFFER_INIT;
        struct stat status;

        assert_ok(read_file(layer_tree_fd(layer), "file", 1000, &text, &fixture.error));
        assert_string_equal(text.data, expected);
        assert_int_equal(fstatat(layer_tree_fd(layer), "file", &status, 0), 0);
        assert_int_equal(status.st_mtim.tv_sec, EPOCH_SEC);
        assert_int_equal(status.st_mtim.tv_nsec, CLAMP_NSEC);
}

static void test_make_and_find(void **state)
{
        (void) state;
        open_store("make", LIMIT_BYTES);
        assert_false(has_layer(key_a));
        Layer *made = make_layer(key_a, "one");
        read_back(made, "one");
        assert_string_equal(layer_key(made), key_a);
        layer_release(made);

        Layer *found = NULL;
        LayerDraft *draft = NULL;
        assert_ok(layer_find(store, key_a, &found, &fixture.error));
        assert_non_null(found);
        read_back(found, "one");
        assert_string_equal(json_string_value(json_object_get(layer_info(found), "kind")), "Test");
        assert_int_equal(json_integer_value(json_object_get(layer_info(found), "size_bytes")), 3);
        assert_int_equal(json_integer_value(json_object_get(layer_info(found), "entries")), 1);
        layer_release(found);

        assert_ok(layer_begin(store, key_a, NULL, NULL, NULL, &found, &draft, &fixture.error));
        assert_non_null(found);
        assert_null(draft);
        layer_release(found);
        assert_names("layers", key_a);
        assert_names("layers/.locks", "");
}

static void test_abandon_and_scratch(void **state)
{
        LayerDraft *draft = NULL;

        (void) state;
        open_store("abandon", LIMIT_BYTES);
        layer_abandon(begin(key_a));
        assert_ok(layer_scratch(store, NULL, &draft, &fixture.error));
        fill(draft, "x");
        layer_abandon(draft);
        layer_abandon(NULL);
        assert_names("layers", "");
        assert_names("layers/.locks", "");
        assert_false(has_layer(key_a));
}

/* The root of a new upper directory is that of the tree below. */
static int change_root(int root_fd, void *userdata, Buffer *reply, Error *error)
{
        const struct timespec times[] = { { .tv_sec = 5 }, { .tv_sec = 1000000000, .tv_nsec = 7 } };

        (void) userdata;
        (void) reply;
        return fchmod(root_fd, 0751) < 0 || fchown(root_fd, 3, 4) < 0 || futimens(root_fd, times) < 0
                       ? error_set_errno(error, errno, "no")
                       : 0;
}

static void test_root(void **state)
{
        _cleanup_layer_draft_ LayerDraft *below = NULL, *above = NULL;
        struct stat first, second;

        (void) state;
        open_store("root", LIMIT_BYTES);
        assert_ok(layer_scratch(store, NULL, &below, &fixture.error));
        SandboxTree tree = { .directory_fd = layer_draft_upper_fd(below) };
        assert_ok(sandbox_call(fixture.sandbox, &tree, change_root, NULL, NULL, &fixture.error));
        assert_ok(layer_scratch(store, layer_draft_upper_path(below), &above, &fixture.error));
        assert_int_equal(fstat(layer_draft_upper_fd(below), &first), 0);
        assert_int_equal(fstat(layer_draft_upper_fd(above), &second), 0);
        assert_int_equal(second.st_mode, S_IFDIR | 0751);
        assert_int_equal(second.st_uid, first.st_uid);
        assert_int_equal(second.st_gid, first.st_gid);
        assert_int_equal(second.st_mtim.tv_sec, 1000000000);
        assert_int_equal(second.st_mtim.tv_nsec, 7);
        /* and is not taken for something that the stage made */
        assert_ok(layer_draft_seal(above, EPOCH_SEC, &fixture.error));
        assert_int_equal(fstat(layer_draft_upper_fd(above), &second), 0);
        assert_int_equal(second.st_mtim.tv_sec, 1000000000);
}

/* ------------------------------------------------------------------------------------------------ other processes */

/* A child with a store of its own tells when it has the draft. */
static pid_t build_beside(const char *key, int *ret_ready_fd, bool commit)
{
        int fds[2];

        assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
                LayerStore *own = NULL;
                LayerDraft *draft = NULL;
                Layer *layer = NULL;
                json_t *info = json_object();
                int r = layer_store_open(fixture.sandbox, cache, LIMIT_BYTES, &own, NULL);
                if (r == 0)
                        r = layer_begin(own, key, NULL, NULL, NULL, &layer, &draft, NULL);
                if (r < 0 || write(fds[1], "", 1) != 1)
                        _exit(1);
                if (!commit)
                        pause();
                nanosleep(&(struct timespec){ .tv_nsec = 300000000 }, NULL);
                _exit(layer_commit(draft, info, &layer, NULL) < 0);
        }
        close(fds[1]);
        *ret_ready_fd = fds[0];
        return pid;
}

static void await_ready(int fd)
{
        char byte;

        assert_int_equal(read(fd, &byte, 1), 1);
        close(fd);
}

static void count_wait(void *userdata)
{
        (*(unsigned *) userdata)++;
}

static void test_waiting(void **state)
{
        unsigned waited = 0;
        Layer *layer = NULL;
        LayerDraft *draft = NULL;
        int ready_fd, status;

        (void) state;
        open_store("waiting", LIMIT_BYTES);
        pid_t pid = build_beside(key_a, &ready_fd, true);
        await_ready(ready_fd);
        assert_ok(layer_begin(store, key_a, NULL, count_wait, &waited, &layer, &draft, &fixture.error));
        assert_non_null(layer);
        assert_null(draft);
        assert_int_equal(waited, 1);
        layer_release(layer);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
        assert_names("layers/.locks", "");
}

static void test_killed(void **state)
{
        int ready_fd, status;

        (void) state;
        open_store("killed", LIMIT_BYTES);
        pid_t pid = build_beside(key_a, &ready_fd, false);
        await_ready(ready_fd);
        /* not while it lives */
        LayerStore *second = NULL;
        assert_ok(layer_store_open(fixture.sandbox, cache, LIMIT_BYTES, &second, &fixture.error));
        layer_store_close(second);
        _cleanup_free_ char *draft = names_in("layers");
        assert_true(string_starts_with(draft, ".new-"));

        kill(pid, SIGKILL);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_ok(layer_store_open(fixture.sandbox, cache, LIMIT_BYTES, &second, &fixture.error));
        layer_store_close(second);
        assert_names("layers", "");
        layer_release(make_layer(key_a, "again"));
        assert_names("layers", key_a);
        assert_names("layers/.locks", "");
}

/* ------------------------------------------------------------------------------------------------ room and damage */

static void used_at(const char *key, time_t when_sec)
{
        _cleanup_free_ char *path = NULL;
        const struct timespec times[] = { { .tv_sec = when_sec }, { .tv_sec = when_sec } };

        assert_true(asprintf(&path, "%s/layers/%s/info.json", cache, key) > 0);
        assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

static void test_prune(void **state)
{
        StorePruned pruned = { 0 };

        (void) state;
        open_store("prune", LIMIT_BYTES);
        Layer *used = make_layer(key_a, "12345");
        layer_release(make_layer(key_b, "12345"));
        layer_release(make_layer(key_c, "12345"));
        used_at(key_a, 1000);
        used_at(key_b, 3000);
        used_at(key_c, 2000);

        LayerEntry *entries = NULL;
        size_t n_entries = 0;
        assert_ok(layer_list(store, &entries, &n_entries, &fixture.error));
        assert_int_equal(n_entries, 3);
        assert_string_equal(entries[0].key, key_a);
        assert_string_equal(entries[1].key, key_c);
        assert_true(entries[0].in_use);
        assert_false(entries[1].in_use);
        assert_int_equal(entries[1].used_sec, 2000);
        layer_entries_free(entries, n_entries);

        assert_ok(layer_store_prune(store, 15, &pruned, &fixture.error));
        assert_int_equal(pruned.n_layers, 0);
        assert_ok(layer_store_prune(store, 10, &pruned, &fixture.error));
        assert_int_equal(pruned.n_layers, 1);
        assert_int_equal(pruned.freed_bytes, 5);
        assert_true(has_layer(key_a) && has_layer(key_b) && !has_layer(key_c));
        assert_ok(layer_store_prune(store, 0, &pruned, &fixture.error));
        assert_names("layers", key_a);
        layer_release(used);
        assert_ok(layer_store_prune(store, 0, &pruned, &fixture.error));
        assert_names("layers", "");
}

static void put_block(const char *key, int64_t used_sec)
{
        struct timespec times[2] = { { .tv_sec = used_sec }, { .tv_sec = used_sec } };
        int directory_fd = block_store_fd(layer_store_blocks(store));

        assert_ok(write_file_atomic(directory_fd, key, "12345", 5, 0600, &fixture.error));
        assert_int_equal(utimensat(directory_fd, key, times, 0), 0);
}

/* Layers and blocks in one order. */
static void test_prune_blocks(void **state)
{
        StorePruned pruned = { 0 };

        (void) state;
        open_store("prune-blocks", LIMIT_BYTES);
        layer_release(make_layer(key_a, "12345"));
        layer_release(make_layer(key_b, "12345"));
        used_at(key_a, 1000);
        used_at(key_b, 3000);
        put_block(key_a, 2000);
        put_block(key_b, 4000);

        assert_ok(layer_store_prune(store, 19, &pruned, &fixture.error));
        assert_int_equal(pruned.n_layers, 1);
        assert_int_equal(pruned.n_blocks, 0);
        assert_names("layers", key_b);
        assert_ok(layer_store_prune(store, 14, &pruned, &fixture.error));
        assert_int_equal(pruned.n_layers, 0);
        assert_int_equal(pruned.n_blocks, 1);
        assert_names("blocks", key_b);
        assert_ok(layer_store_prune(store, 0, &pruned, &fixture.error));
        assert_int_equal(pruned.n_layers, 1);
        assert_int_equal(pruned.n_blocks, 1);
        assert_int_equal(pruned.freed_bytes, 10);
        assert_names("layers", "");
        assert_names("blocks", "");
}

static void test_trim(void **state)
{
        (void) state;
        open_store("trim", 8);
        layer_release(make_layer(key_a, "12345"));
        used_at(key_a, 2000);
        put_block(key_b, 1000);
        assert_ok(layer_store_trim(store, &fixture.error));
        assert_names("layers", key_a);
        assert_names("blocks", "");
        assert_ok(layer_store_trim(store, &fixture.error));
        assert_names("layers", key_a);
}

/* A new draft makes room. */
static void test_limit(void **state)
{
        (void) state;
        open_store("limit", 8);
        layer_release(make_layer(key_a, "12345"));
        used_at(key_a, 1000);
        layer_release(make_layer(key_b, "12345"));
        used_at(key_b, 2000);
        layer_abandon(begin(key_c));
        assert_false(has_layer(key_a));
        assert_true(has_layer(key_b));
}

static int append_text(int root_fd, void *userdata, Buffer *reply, Error *error)
{
        _cleanup_close_ int fd = openat(root_fd, "file", O_WRONLY | O_APPEND);

        (void) userdata;
        (void) reply;
        return fd < 0 || write(fd, "x", 1) != 1 ? error_set_errno(error, errno, "no") : 0;
}

static void test_verify(void **state)
{
        _cleanup_free_ char *damage = NULL, *info = NULL;

        (void) state;
        open_store("verify", LIMIT_BYTES);
        Layer *layer = make_layer(key_a, "good");
        SandboxTree tree = { .directory_fd = layer_tree_fd(layer) };
        assert_ok(layer_verify(store, key_a, &damage, &fixture.error));
        assert_null(damage);
        assert_ok(sandbox_call(fixture.sandbox, &tree, append_text, NULL, NULL, &fixture.error));
        assert_ok(layer_verify(store, key_a, &damage, &fixture.error));
        assert_string_equal(damage, "its files are not those that were stored");
        layer_release(layer);
        free(TAKE_PTR(damage));
        assert_ok(layer_verify(store, key_a, &damage, &fixture.error));
        assert_non_null(damage);
        assert_names("layers", "");

        /* without its description it is no layer, and the next one takes its place */
        layer_release(make_layer(key_b, "good"));
        assert_true(asprintf(&info, "%s/layers/%s/info.json", cache, key_b) > 0);
        assert_ok(write_file_atomic(AT_FDCWD, info, "{", 1, 0600, &fixture.error));
        assert_false(has_layer(key_b));
        layer = make_layer(key_b, "new");
        read_back(layer, "new");
        layer_release(layer);
}

#define store_test(function) cmocka_unit_test_teardown(function, close_store)

int main(int argc, char **argv)
{
        sandbox_init_hook(argc, argv);
        const struct CMUnitTest tests[] = {
                store_test(test_make_and_find), store_test(test_abandon_and_scratch),
                store_test(test_root),          store_test(test_waiting),
                store_test(test_killed),        store_test(test_prune),
                store_test(test_prune_blocks),  store_test(test_trim),
                store_test(test_limit),         store_test(test_verify),
                cmocka_unit_test(test_as_ordinary_user),
        };

        return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
