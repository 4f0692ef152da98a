/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/cleanup.h"
#include "base/file.h"
#include "sandbox/idmap.h"
#include "sandbox/message.h"
#include "sandbox/spec.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* The parts of the sandbox that need no namespace. */

static void test_lookup(void **state)
{
        static const struct {
                const char *subids;
                uint32_t start;
        } cases[] = {
                { "", 0 },
                { "\n\n", 0 },
                { "me:100000:65536\n", 100000 },
                { "me:100000:65536", 100000 },
                { "other:1:65536\nme:200000:65536\n", 200000 },
                { "me:100000:65535\nme:300000:65536\n", 300000 },
                { "1000:400000:70000\n", 400000 },
                { "me2:100000:65536\n", 0 },
                { "me:100000\n", 0 },
                { "me:100000:\n", 0 },
                { "me:x:65536\n", 0 },
                { "me:-5:65536\n", 0 },
                { "me:100000:65536:1\n", 0 },
                { "me:0:65536\n", 0 },
                { "me:4294967295:65536\n", 0 },
                { "me:99999999999999999999:65536\nme:7:65536\n", 7 },
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTS(cases); i++)
                assert_int_equal(idmap_lookup(cases[i].subids, "me", 1000), cases[i].start);
}

static void test_free_start(void **state)
{
        static const struct {
                const char *subids;
                uint32_t start;
        } cases[] = {
                { "", 100000 },
                { "a:100000:65536\n", 165536 },
                { "a:500000:65536\nb:100000:65536\nbroken\n", 565536 },
                { "a:1000:10\n", 100000 },
                { "a:1879048192:65536\n", 100000 },
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTS(cases); i++)
                assert_int_equal(idmap_free_start(cases[i].subids), cases[i].start);
}

/* What comes out of a pipe after `send`. */
static Buffer received(int (*send)(int fd, const void *what), const void *what)
{
        Buffer buffer = BUFFER_INIT;
        int fds[2];

        assert_int_equal(pipe(fds), 0);
        assert_int_equal(send(fds[1], what), 0);
        close(fds[1]);
        assert_int_equal(read_descriptor(fds[0], 1 << 20, &buffer), 0);
        close(fds[0]);
        return buffer;
}

static int send_error(int fd, const void *what)
{
        return message_send_error(fd, what);
}

static int send_status(int fd, const void *what)
{
        return message_send_status(fd, *(const int *) what);
}

static int send_reply(int fd, const void *what)
{
        return message_send_reply(fd, what);
}

static void test_messages(void **state)
{
        Buffer bytes = { (char *) "a\0E", 3, 0 };
        int status = 0x1234;

        (void) state;
        _cleanup_buffer_ Buffer got_status = received(send_status, &status);
        _cleanup_buffer_ Buffer got_reply = received(send_reply, &bytes);
        _cleanup_buffer_ Buffer got_nothing = received(send_reply, &BUFFER_INIT);
        status = 0;
        assert_int_equal(message_kind(&got_status), MESSAGE_STATUS);
        assert_int_equal(message_status(&got_status, &status), 0);
        assert_int_equal(status, 0x1234);
        assert_int_equal(message_kind(&got_reply), MESSAGE_REPLY);
        assert_int_equal(got_reply.length, 3);
        assert_memory_equal(got_reply.data, "a\0E", 3);
        assert_int_equal(message_kind(&got_nothing), MESSAGE_REPLY);
        assert_int_equal(got_nothing.length, 0);
        assert_int_equal(message_status(&got_reply, &status), -EBADMSG);
}

static void test_error_message(void **state)
{
        _cleanup_error_ Error error = ERROR_INIT, copy = ERROR_INIT;

        (void) state;
        error_set(&error, -EXDEV, "Bad\x1b[31m thing\n");
        error_hint(&error, "Hint");
        _cleanup_buffer_ Buffer got = received(send_error, &error);
        assert_int_equal(message_kind(&got), MESSAGE_ERROR);
        assert_int_equal(message_error(&got, &copy), -EXDEV);
        assert_string_equal(copy.message, "Bad?[31m thing\n");
        assert_null(copy.detail);
        assert_string_equal(copy.hint, "Hint");
        assert_int_equal(message_error(&got, NULL), -EXDEV);
}

/* Every cut of a true message, and random ones: an error each time, and no crash. */
static void test_broken_messages(void **state)
{
        _cleanup_error_ Error error = ERROR_INIT;

        (void) state;
        error_set(&error, -EXDEV, "Message");
        error_detail(&error, "Detail");
        error_hint(&error, "Hint");
        _cleanup_buffer_ Buffer got = received(send_error, &error);
        for (size_t length = 0; length < got.length; length++) {
                _cleanup_buffer_ Buffer cut = BUFFER_INIT;
                _cleanup_error_ Error result = ERROR_INIT;
                assert_int_equal(buffer_append(&cut, got.data, length), 0);
                MessageKind kind = message_kind(&cut);
                assert_true(kind == MESSAGE_NONE || length < got.length);
                assert_true(message_error(&cut, &result) < 0);
                assert_non_null(result.message);
        }
        srandom(1);
        for (int i = 0; i < 10000; i++) {
                _cleanup_buffer_ Buffer noise = BUFFER_INIT;
                _cleanup_error_ Error result = ERROR_INIT;
                size_t length = (size_t) random() % 40;
                for (size_t j = 0; j < length; j++) {
                        char byte = (char) random();
                        assert_int_equal(buffer_append(&noise, &byte, 1), 0);
                }
                int status;
                assert_true(message_error(&noise, &result) < 0);
                int r = message_status(&noise, &status);
                assert_int_equal(r, length == 4 ? 0 : -EBADMSG);
        }
}

static void test_spec(void **state)
{
        static const char *const argv[] = { "sh", "-c", "", "line\nline", NULL };
        static const char *const environment[] = { "A=1", NULL };
        const SandboxMount mounts[] = { { "/from", "/run/to", true }, { "here", "/mnt", false } };
        SandboxTree tree = { .directory_fd = 3 };
        const SandboxCommand command = { .root = SANDBOX_ROOT_TOOLS,
                                         .tree = &tree,
                                         .argv = argv,
                                         .environment = environment,
                                         .mounts = mounts,
                                         .n_mounts = 2,
                                         .network = true };
        _cleanup_buffer_ Buffer encoded = BUFFER_INIT;
        _cleanup_spec_ Spec spec = { 0 };

        (void) state;
        assert_int_equal(chdir("/usr"), 0);
        assert_int_equal(spec_encode(&command, "nameserver ::1\n", &encoded), 0);
        assert_int_equal(spec_decode(&encoded, &spec), 0);
        assert_int_equal(spec.root, SANDBOX_ROOT_TOOLS);
        assert_true(spec.has_tree && spec.network);
        assert_int_equal(spec.parent, getpid());
        assert_string_equal(spec.resolv_conf, "nameserver ::1\n");
        assert_int_equal(strv_length(spec.argv), 4);
        assert_string_equal(spec.argv[2], "");
        assert_string_equal(spec.argv[3], "line\nline");
        assert_int_equal(strv_length(spec.environment), 1);
        assert_string_equal(spec.environment[0], "A=1");
        assert_int_equal(spec.n_mounts, 2);
        assert_string_equal(spec.mounts[0].source, "/from");
        assert_string_equal(spec.mounts[0].target, "/run/to");
        assert_true(spec.mounts[0].writable);
        assert_string_equal(spec.mounts[1].source, "/usr/here");
        assert_false(spec.mounts[1].writable);
}

static void test_spec_defaults(void **state)
{
        static const char *const argv[] = { "true", NULL };
        const SandboxCommand command = { .argv = argv };
        _cleanup_buffer_ Buffer encoded = BUFFER_INIT;
        _cleanup_spec_ Spec spec = { 0 };

        (void) state;
        assert_int_equal(spec_encode(&command, "", &encoded), 0);
        assert_int_equal(spec_decode(&encoded, &spec), 0);
        assert_int_equal(spec.root, SANDBOX_ROOT_TREE);
        assert_false(spec.has_tree || spec.network);
        assert_string_equal(spec.environment[0], sandbox_environment[0]);
        for (size_t length = 0; length < encoded.length; length++) {
                _cleanup_buffer_ Buffer cut = BUFFER_INIT;
                _cleanup_spec_ Spec broken = { 0 };
                assert_int_equal(buffer_append(&cut, encoded.data, length), 0);
                /* the last number may lose its NUL, which the buffer has again */
                assert_int_equal(spec_decode(&cut, &broken), length == encoded.length - 1 ? 0 : -EBADMSG);
        }
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_lookup),          cmocka_unit_test(test_free_start),
                cmocka_unit_test(test_messages),        cmocka_unit_test(test_error_message),
                cmocka_unit_test(test_broken_messages), cmocka_unit_test(test_spec),
                cmocka_unit_test(test_spec_defaults),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
