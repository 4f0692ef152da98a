/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/cleanup.h"
#include "base/error.h"
#include "base/file.h"
#include "base/strings.h"
#include "image/pack.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* For the tests of the image room: trees in a temporary directory, packing into memory, raw headers, programs. Every
 * test gets a directory of its own as its working directory (setup and teardown below) and makes the tree in "tree". */

#define CLAMP 1700000000

typedef struct Fixture {
        char *directory; /* absolute */
        int before_fd;   /* the working directory before */
} Fixture;

static inline int fixture_setup(void **state)
{
        Fixture *fixture = calloc(1, sizeof *fixture);
        const char *parent = getenv("TMPDIR");

        assert_non_null(fixture);
        umask(022);
        fixture->before_fd = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
        assert_int_equal(make_temporary_directory(parent ?: "/tmp", "templar-image-", &fixture->directory, NULL), 0);
        assert_int_equal(chdir(fixture->directory), 0);
        assert_int_equal(mkdir("tree", 0755), 0);
        *state = fixture;
        return 0;
}

static inline int fixture_teardown(void **state)
{
        Fixture *fixture = *state;

        assert_int_equal(fchdir(fixture->before_fd), 0);
        close(fixture->before_fd);
        assert_int_equal(remove_tree(AT_FDCWD, fixture->directory, NULL), 0);
        free(fixture->directory);
        free(fixture);
        return 0;
}

#define IMAGE_TEST(function) cmocka_unit_test_setup_teardown(function, fixture_setup, fixture_teardown)

static inline void put_file(const char *path, const void *data, size_t size_bytes)
{
        int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

        assert_true(fd >= 0);
        assert_int_equal(write_all(fd, data, size_bytes), 0);
        assert_int_equal(close(fd), 0);
}

static inline void put_text(const char *path, const char *text)
{
        put_file(path, text, strlen(text));
}

static inline void put_directory(const char *path)
{
        assert_int_equal(mkdir(path, 0755), 0);
}

static inline void put_link(const char *target, const char *path)
{
        assert_int_equal(symlink(target, path), 0);
}

static inline void put_time(const char *path, int64_t time_sec)
{
        struct timespec times[2] = { { .tv_sec = time_sec, .tv_nsec = 5 }, { .tv_sec = time_sec, .tv_nsec = 5 } };

        assert_int_equal(utimensat(AT_FDCWD, path, times, AT_SYMLINK_NOFOLLOW), 0);
}

/* Pseudo-random bytes: the same every time. */
static inline void fill_noise(uint8_t *data, size_t size_bytes, uint64_t seed)
{
        for (size_t i = 0; i < size_bytes; i++) {
                seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
                data[i] = (uint8_t) (seed >> 56);
        }
}

/* Something like text: compresses, but not to nothing. */
static inline void fill_words(uint8_t *data, size_t size_bytes, uint64_t seed)
{
        for (size_t i = 0; i < size_bytes; i++) {
                seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
                data[i] = (uint8_t) "aaaaabbbccdefgh \n"[(seed >> 58) % 17];
        }
}

static inline int pack_into(const char *tree, const PackOptions *options, PackOutput *outputs, size_t n_outputs,
                            PackStatistics *ret_statistics, Error *error)
{
        _cleanup_close_ int fd = open(tree, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        assert_true(fd >= 0);
        return pack_tree(fd, options, outputs, n_outputs, ret_statistics, error);
}

static inline int memory_file(void)
{
        int fd = memfd_create("image", MFD_CLOEXEC);

        assert_true(fd >= 0);
        return fd;
}

static inline void read_whole(int fd, Buffer *ret)
{
        assert_true(lseek(fd, 0, SEEK_SET) == 0);
        assert_int_equal(read_descriptor(fd, UINT64_C(1) << 32, ret), 0);
}

/* Packs `tree` as a plain archive; caller frees the buffer. */
static inline void pack_plain(const char *tree, Buffer *ret)
{
        _cleanup_error_ Error error = ERROR_INIT;
        _cleanup_close_ int fd = memory_file();
        PackOutput output = { .format = IMAGE_TAR, .level = IMAGE_LEVEL_DEFAULT, .fd = fd };
        PackStatistics statistics;

        int r = pack_into(tree, &(PackOptions){ .clamp_sec = CLAMP, .n_threads = 2 }, &output, 1, &statistics, &error);
        if (r < 0)
                fail_msg("pack_tree: %s", error.message);
        read_whole(fd, ret);
        assert_int_equal(ret->length, output.size_bytes);
        assert_int_equal(ret->length, statistics.tar_bytes);
        assert_string_equal(output.sha256, statistics.tar_sha256);
}

/* The error of packing "tree"; it must fail. */
static inline void pack_fails(int code, const char *message)
{
        _cleanup_error_ Error error = ERROR_INIT;
        PackStatistics statistics;

        int r = pack_into("tree", &(PackOptions){ .clamp_sec = CLAMP, .n_threads = 1 }, NULL, 0, &statistics, &error);
        assert_int_equal(r, code);
        assert_non_null(error.message);
        if (!strstr(error.message, message))
                fail_msg("\"%s\" is not in: %s", message, error.message);
}

/* The raw header with this name (name field; with prefix: "PREFIX/NAME") and a type other than x, L, K; NULL: none. */
static inline const uint8_t *find_header(const Buffer *tar, const char *name)
{
        for (size_t i = 0; i + 512 <= tar->length;) {
                const char *header = tar->data + i;
                char full[260], type = header[156];
                if (!*header)
                        break;
                snprintf(full, sizeof full, "%.155s%s%.100s", header + 345, header[345] ? "/" : "", header);
                if (strcmp(full, name) == 0 && !strchr("xLK", type))
                        return (const uint8_t *) header;
                size_t size_bytes = strtoull(header + 124, NULL, 8);
                i += 512 + (size_bytes + 511) / 512 * 512;
        }
        return NULL;
}

/* Runs a program and returns its exit status; stdout goes into `ret_output` (may be NULL), stderr to ours. `input_fd`
 * is its stdin (-1: ours). */
static inline int run_program(const char *const *argv, int input_fd, Buffer *ret_output)
{
        int pipe_fds[2], status;

        assert_int_equal(pipe2(pipe_fds, O_CLOEXEC), 0);
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
                if (input_fd >= 0 && lseek(input_fd, 0, SEEK_SET) == 0)
                        dup2(input_fd, STDIN_FILENO);
                dup2(pipe_fds[1], STDOUT_FILENO);
                execvp(argv[0], (char *const *) argv);
                _exit(127);
        }
        close(pipe_fds[1]);
        Buffer output = BUFFER_INIT;
        assert_int_equal(read_descriptor(pipe_fds[0], 1 << 30, &output), 0);
        close(pipe_fds[0]);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        if (ret_output)
                *ret_output = output;
        else
                buffer_done(&output);
        return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

#define RUN(input_fd, ret_output, ...)                                                                       \
        run_program((const char *const[]){ __VA_ARGS__, NULL }, (input_fd), (ret_output))

static inline bool skip_unless_root(const char *why)
{
        if (geteuid() == 0)
                return false;
        print_message("SKIP: not root: %s\n", why);
        return true;
}
