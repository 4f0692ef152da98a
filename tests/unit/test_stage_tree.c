/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "stages/tree.h"

#include "stage_fixture.h"

/* Each step runs in the tree; its code is compared, then the whole tree. */
typedef enum Verb { WRITE, LINK, REWRITE, REMOVE, EMPTY } Verb;

typedef struct Step {
        Verb verb;
        const char *path, *text;
        int code;
} Step;

static int one_step(int root_fd, const Step *step, Error *error)
{
        bool found;

        switch (step->verb) {
        case WRITE:
                return tree_write(root_fd, step->path,
                                  &(TreeFile){ .data = step->text, .size_bytes = strlen(step->text), .source_fd = -1,
                                               .mode = 04755, .uid = 5, .gid = 6 },
                                  error);
        case LINK:
                return tree_link(root_fd, step->path, step->text, 5, 6, error);
        case REWRITE:
                return tree_rewrite(root_fd, step->path, step->text, strlen(step->text), error);
        case REMOVE:
                return tree_remove(root_fd, step->path, &found, error);
        case EMPTY:
                return tree_empty_directory(root_fd, step->path, error);
        }
        return -EINVAL;
}

static int do_step(int root_fd, void *userdata, Buffer *reply, Error *error)
{
        (void) reply;
        return one_step(root_fd, userdata, error);
}

static void run_step(const Step *step)
{
        int r = sandbox_call(fixture.sandbox, &fixture.tree, do_step, (void *) step, NULL, &fixture.error);

        if (r != step->code)
                print_error("%s: %d, %s\n", step->path, r, fixture.error.message ?: "");
        assert_int_equal(r, step->code);
        error_done(&fixture.error);
}

static const TreeEntry planted[] = {
        { "/etc/file", "old", 0640 },     { "/etc/link", "-> file", 0 },     { "/etc/out", "-> /../../../../tmp/x", 0 },
        { "/etc/directory/x", "x", 0 },   { "/etc/fifo", "fifo", 0 },        { "/up", "-> ../../../..", 0 },
        { "/loop", "-> loop", 0 },        { "/log", "-> etc", 0 },           { NULL, NULL, 0 },
};

static void test_write(void **state)
{
        static const Step steps[] = {
                { WRITE, "/etc/file", "new", 0 },        { WRITE, "/etc/link", "linked", 0 },
                { WRITE, "/etc/out", "in", 0 },          { WRITE, "/a/b/c", "made", 0 },
                { WRITE, "/up/up/escaped", "in", 0 },    { WRITE, "/etc/directory", "x", -EISDIR },
                { WRITE, "/etc/fifo", "file", 0 },       { WRITE, "/etc/file/x", "x", -ENOTDIR },
                { WRITE, "/loop/x", "x", -ELOOP },       { WRITE, "/etc/..", "x", -EINVAL },
                { LINK, "/etc/new", "../usr/x", 0 },     { LINK, "/log", "elsewhere", 0 },
                { REWRITE, "/a/b/c", "again", 0 },       { REWRITE, "/etc/new", "x", -EINVAL },
                { REWRITE, "/none", "x", -ENOENT },
        };

        (void) state;
        plant_tree(planted);
        for (size_t i = 0; i < ELEMENTS(steps); i++)
                run_step(&steps[i]);
        assert_tree(
                "/a/ 0755 0:0\n/a/b/ 0755 0:0\n/a/b/c 4755 5:6 \"again\"\n/escaped 4755 5:6 \"in\"\n/etc/ 0755 0:0\n"
                "/etc/directory/ 0755 0:0\n/etc/directory/x 0644 0:0 \"x\"\n/etc/fifo 4755 5:6 \"file\"\n"
                "/etc/file 4755 5:6 \"new\"\n/etc/link 4755 5:6 \"linked\"\n/etc/new -> ../usr/x\n"
                "/etc/out 4755 5:6 \"in\"\n/log -> elsewhere\n/loop -> loop\n/up -> ../../../..\n");
}

static void test_remove(void **state)
{
        static const Step steps[] = {
                { REMOVE, "/etc/link", NULL, 0 },      { REMOVE, "/etc/out", NULL, 0 },
                { REMOVE, "/etc/directory", NULL, 0 }, { REMOVE, "/none/x", NULL, 0 },
                { REMOVE, "/etc/file/x", NULL, 0 },    { REMOVE, "/", NULL, -EINVAL },
                { REMOVE, "/etc/..", NULL, -EINVAL },  { EMPTY, "/log", NULL, 0 },
                { EMPTY, "/none", NULL, 0 },           { EMPTY, "/etc/file", NULL, 0 },
        };

        (void) state;
        plant_tree(planted);
        for (size_t i = 0; i < ELEMENTS(steps); i++)
                run_step(&steps[i]);
        assert_tree("/etc/ 0755 0:0\n/etc/fifo 0644 0:0\n/etc/file 0640 0:0 \"old\"\n/log -> etc\n/loop -> loop\n"
                    "/up -> ../../../..\n");
        run_step(&(Step){ EMPTY, "/etc", NULL, 0 });
        assert_tree("/etc/ 0755 0:0\n/log -> etc\n/loop -> loop\n/up -> ../../../..\n");
}

static int read_it(int root_fd, void *userdata, Buffer *reply, Error *error)
{
        return tree_read(root_fd, userdata, reply, error);
}

static void test_read(void **state)
{
        static const struct {
                const char *path;
                int code;
        } cases[] = {
                { "/etc/file", 0 },        { "/log/link", 0 },      { "/up/etc/file", 0 }, { "/none", -ENOENT },
                { "/etc/out", -ENOENT },   { "/etc/fifo", -EINVAL }, { "/etc", -EINVAL },   { "/loop", -ELOOP },
        };

        (void) state;
        plant_tree(planted);
        for (size_t i = 0; i < ELEMENTS(cases); i++) {
                _cleanup_buffer_ Buffer text = BUFFER_INIT;
                int r = sandbox_call(fixture.sandbox, &fixture.tree, read_it, (void *) cases[i].path, &text,
                                     &fixture.error);
                assert_int_equal(r, cases[i].code);
                if (r == 0)
                        assert_string_equal(text.data, "old");
                error_done(&fixture.error);
        }
}

int main(int argc, char **argv)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_write, fixture_setup, fixture_teardown),
                cmocka_unit_test_setup_teardown(test_remove, fixture_setup, fixture_teardown),
                cmocka_unit_test_setup_teardown(test_read, fixture_setup, fixture_teardown),
        };

        sandbox_init_hook(argc, argv);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
