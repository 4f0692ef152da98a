/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* main() for fuzz targets without a fuzzer: each file of the folders that are named is given to the target once. */

#define INPUT_SIZE_MAX (16u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay_file(int directory_fd, const char *name)
{
        _cleanup_buffer_ Buffer input = BUFFER_INIT;
        _cleanup_error_ Error error = ERROR_INIT;

        if (read_file(directory_fd, name, INPUT_SIZE_MAX, &input, &error) < 0) {
                fprintf(stderr, "%s\n", error.message);
                return -1;
        }
        /* in memory of its own, so that a sanitizer sees the first byte beyond */
        _cleanup_free_ uint8_t *data = malloc(input.length ? input.length : 1);
        if (!data)
                return -1;
        if (input.length > 0)
                memcpy(data, input.data, input.length);
        return LLVMFuzzerTestOneInput(data, input.length) == 0 ? 0 : -1;
}

static int replay_directory(const char *path, unsigned *n_inputs)
{
        _cleanup_closedir_ DIR *directory = opendir(path);

        if (!directory) {
                fprintf(stderr, "%s: %s\n", path, strerror(errno));
                return -1;
        }
        for (struct dirent *entry; (entry = readdir(directory));) {
                if (entry->d_name[0] == '.')
                        continue;
                if (replay_file(dirfd(directory), entry->d_name) < 0) {
                        fprintf(stderr, "%s/%s failed\n", path, entry->d_name);
                        return -1;
                }
                (*n_inputs)++;
        }
        return 0;
}

int main(int argc, char **argv)
{
        unsigned n_inputs = 0;

        for (int i = 1; i < argc; i++)
                if (replay_directory(argv[i], &n_inputs) < 0)
                        return 1;
        printf("%u inputs\n", n_inputs);
        return n_inputs > 0 ? 0 : 1;
}
