/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/walk.h"

#include "image_fixture.h"

#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>
#include <sys/un.h>

typedef struct Seen {
        Buffer text; /* a line an entry: PATH[ -> TARGET][ CONTENT] */
} Seen;

static int note(const WalkEntry *entry, void *userdata, Error *error _unused_)
{
        Seen *seen = userdata;
        char content[16] = "";

        assert_true((entry->fd >= 0) == (S_ISREG(entry->status.st_mode) || S_ISDIR(entry->status.st_mode)));
        assert_true((entry->link_target != NULL) == S_ISLNK(entry->status.st_mode));
        if (S_ISREG(entry->status.st_mode))
                assert_true(read(entry->fd, content, sizeof content - 1) >= 0);
        return buffer_printf(&seen->text, "%s%s%s%s%s\n", entry->path, entry->link_target ? " -> " : "",
                             entry->link_target ?: "", *content ? " " : "", content);
}

static int walk(Seen *seen, Error *error)
{
        _cleanup_close_ int fd = open("tree", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        assert_true(fd >= 0);
        return walk_tree(fd, note, seen, error);
}

static void walk_fails(int code, const char *message)
{
        _cleanup_error_ Error error = ERROR_INIT;
        Seen seen = { 0 };

        assert_int_equal(walk(&seen, &error), code);
        if (!error.message || !strstr(error.message, message))
                fail_msg("\"%s\" is not in: %s", message, error.message);
        buffer_done(&seen.text);
}

static void test_order(void **state _unused_)
{
        _cleanup_error_ Error error = ERROR_INIT;
        Seen seen = { 0 };

        put_directory("tree/b");
        put_text("tree/b/z", "3");
        put_text("tree/b/\xff", "5");
        put_text("tree/b/\xc3\xa9", "4");
        put_text("tree/b-", "2");
        put_text("tree/B", "1");
        put_text("tree/a\nb", "");
        put_link("/etc/passwd", "tree/link");
        put_directory("tree/empty");
        assert_int_equal(mkfifo("tree/fifo", 0600), 0);
        if (walk(&seen, &error) < 0)
                fail_msg("%s", error.message);
        /* "b" and all that is in it comes before "b-", though "-" is less than "/" */
        assert_string_equal(seen.text.data, ".\n./B 1\n./a\nb\n./b\n./b/z 3\n./b/\xc3\xa9 4\n./b/\xff 5\n./b- 2\n"
                                            "./empty\n./fifo\n./link -> /etc/passwd\n");
        buffer_done(&seen.text);
}

static void test_socket(void **state _unused_)
{
        struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = "tree/socket" };
        _cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        assert_int_equal(bind(fd, (struct sockaddr *) &address, sizeof address), 0);
        walk_fails(-EINVAL, "./socket is a socket");
}

static void test_device(void **state _unused_)
{
        if (skip_unless_root("device nodes can't be made"))
                skip();
        put_directory("tree/dev");
        assert_int_equal(mknod("tree/dev/null", S_IFCHR | 0666, makedev(1, 3)), 0);
        walk_fails(-EINVAL, "./dev/null is a device node");
}

static void test_owner(void **state _unused_)
{
        if (skip_unless_root("files can't be given away"))
                skip();
        put_text("tree/f", "");
        assert_int_equal(chown("tree/f", 65535, 65535), 0);
        Seen seen = { 0 };
        assert_int_equal(walk(&seen, NULL), 0);
        buffer_done(&seen.text);
        assert_int_equal(chown("tree/f", 65536, 0), 0);
        walk_fails(-ERANGE, "./f belongs to user 65536 and group 0");
        assert_int_equal(chown("tree/f", 0, 100000), 0);
        walk_fails(-ERANGE, "./f belongs to user 0 and group 100000");
}

static void make_levels(unsigned n)
{
        _cleanup_close_ int fd = open("tree", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        for (unsigned i = 0; i < n; i++) {
                assert_int_equal(mkdirat(fd, "d", 0755), 0);
                int next = openat(fd, "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
                assert_true(next >= 0);
                close(fd);
                fd = next;
        }
}

static void test_depth(void **state _unused_)
{
        Seen seen = { 0 };

        make_levels(126);
        assert_int_equal(walk(&seen, NULL), 0);
        buffer_done(&seen.text);
        assert_int_equal(remove_tree(AT_FDCWD, "tree/d", NULL), 0);
        make_levels(127);
        walk_fails(-ELOOP, "levels deep; hosts unpack 126 at most");
}

static void test_mount(void **state _unused_)
{
        if (skip_unless_root("nothing can be mounted"))
                skip();
        put_directory("tree/proc");
        if (mount("none", "tree/proc", "tmpfs", 0, NULL) < 0) {
                print_message("SKIP: mount: %s\n", strerror(errno));
                skip();
        }
        _cleanup_error_ Error error = ERROR_INIT;
        Seen seen = { 0 };
        int r = walk(&seen, &error);
        assert_int_equal(umount("tree/proc"), 0);
        buffer_done(&seen.text);
        assert_int_equal(r, -EXDEV);
        assert_string_equal(error.message, "Something is mounted on ./proc");
}

static void test_unreadable(void **state _unused_)
{
        uid_t before = geteuid();

        put_text("tree/secret\n", "x");
        assert_int_equal(chmod("tree/secret\n", 0), 0);
        assert_int_equal(chmod(".", 0755), 0);
        if (before == 0)
                assert_int_equal(seteuid(65534), 0);
        walk_fails(-EACCES, "Can't open ./secret\\x0a: Permission denied");
        assert_int_equal(seteuid(before), 0);
}

static int add_entry(const WalkEntry *entry, void *userdata _unused_, Error *error _unused_)
{
        if (strcmp(entry->path, "./d/a") == 0)
                put_text("tree/d/b", "");
        return 0;
}

static void test_changing_directory(void **state _unused_)
{
        _cleanup_error_ Error error = ERROR_INIT;
        _cleanup_close_ int fd = open("tree", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        put_directory("tree/d");
        put_text("tree/d/a", "");
        put_time("tree/d", 1000); /* so that the change is seen however coarse the clock is */
        assert_int_equal(walk_tree(fd, add_entry, NULL, &error), -EBUSY);
        assert_string_equal(error.message, "The directory ./d changed while it was packed");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                IMAGE_TEST(test_order), IMAGE_TEST(test_socket),     IMAGE_TEST(test_device),
                IMAGE_TEST(test_owner), IMAGE_TEST(test_depth),      IMAGE_TEST(test_mount),
                IMAGE_TEST(test_unreadable), IMAGE_TEST(test_changing_directory),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
