/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/pack.h"

#include "image_tree.h"

#include <sys/resource.h>
#include <sys/syscall.h>

/* What goes wrong below the packer, and what it may not take: a disk that can't be read, memory. */

#ifdef __SANITIZE_ADDRESS__
#define HAS_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define HAS_SANITIZER 1
#endif
#endif
#ifndef HAS_SANITIZER
#define HAS_SANITIZER 0
#endif

#define MEMORY_LIMIT_KIB (256L << 10)

/* The inode that can't be read beyond `readable_bytes`. */
static ino_t bad_inode;
static off_t readable_bytes;

/* In place of libc's, for the whole program. */
ssize_t read(int fd, void *data, size_t size_bytes)
{
        struct stat status;

        if (bad_inode && fstat(fd, &status) == 0 && status.st_ino == bad_inode &&
            lseek(fd, 0, SEEK_CUR) >= readable_bytes) {
                errno = EIO;
                return -1;
        }
        return syscall(SYS_read, fd, data, size_bytes);
}

static void test_read_error(void **state _unused_)
{
        static const off_t limits[] = { 0, 1 << 20, 9 << 20 };
        const size_t size_bytes = 20 << 20;
        _cleanup_free_ uint8_t *data = calloc(1, size_bytes);
        struct stat status;

        put_directory("tree/usr");
        put_text("tree/usr/before", "good");
        put_file("tree/usr/file", data, size_bytes);
        assert_int_equal(stat("tree/usr/file", &status), 0);
        for (size_t i = 0; i < ELEMENTS(limits); i++) {
                _cleanup_error_ Error error = ERROR_INIT;
                PackOutput output = { .format = IMAGE_TAR_ZST, .level = 1, .fd = memory_file() };
                PackStatistics statistics;
                bad_inode = status.st_ino;
                readable_bytes = limits[i];
                int r = pack_into("tree", &(PackOptions){ .clamp_sec = CLAMP, .n_threads = 3 }, &output,
                                  1, &statistics, &error);
                bad_inode = 0;
                close(output.fd);
                assert_int_equal(r, -EIO);
                assert_string_equal(error.message, "Can't read ./usr/file: Input/output error");
        }
}

static int pack_everything(unsigned n_threads)
{
        static const int levels[] = { 0, 12, 9, 19 };
        _cleanup_error_ Error error = ERROR_INIT;
        PackOutput outputs[IMAGE_FORMATS];
        PackStatistics statistics;

        for (int i = 0; i < IMAGE_FORMATS; i++)
                outputs[i] = (PackOutput){ .format = (ImageFormat) i,
                                           .level = levels[i],
                                           .fd = open("/dev/null", O_WRONLY | O_CLOEXEC) };
        int r = pack_into("tree", &(PackOptions){ .clamp_sec = CLAMP, .n_threads = n_threads },
                          outputs, IMAGE_FORMATS, &statistics, &error);
        if (r < 0)
                fprintf(stderr, "%s\n", error.message);
        return r;
}

/* All formats at their highest levels, on more processors than anybody has. The peak is that of a process of its own. */
static void test_memory(void **state _unused_)
{
        static const unsigned threads[] = { 1, 3, 64 };
        static uint8_t data[1 << 20];
        int status;

        if (HAS_SANITIZER) {
                print_message("SKIP: sanitizers take memory of their own\n");
                skip();
        }
        put_directory("tree/usr");
        put_file("tree/usr/holes", data, 1);
        assert_int_equal(truncate("tree/usr/holes", 100 << 20), 0);
        fill_noise(data, sizeof data, 1);
        for (int i = 0; i < 24; i++) {
                char path[64];
                snprintf(path, sizeof path, "tree/usr/noise%d", i);
                put_file(path, data, sizeof data);
        }
        for (size_t i = 0; i < ELEMENTS(threads); i++) {
                struct rusage usage;
                pid_t pid = fork();
                if (pid == 0)
                        _exit(pack_everything(threads[i]) < 0);
                assert_int_equal(wait4(pid, &status, 0, &usage), pid);
                assert_int_equal(status, 0);
                print_message("%u threads: %ld MiB\n", threads[i], usage.ru_maxrss >> 10);
                assert_true(usage.ru_maxrss <= MEMORY_LIMIT_KIB);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                IMAGE_TEST(test_read_error),
                IMAGE_TEST(test_memory),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
