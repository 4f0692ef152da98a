/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test.h"

#include "base/file.h"
#include "base/mapping.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void test_mapping(void **state)
{
        (void) state;
        char directory[] = "/tmp/templar-mapping.XXXXXX";
        Mapping mapping = MAPPING_INIT;

        assert_non_null(mkdtemp(directory));
        _cleanup_close_ int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_true(fd >= 0);
        assert_int_equal(write_file_atomic(fd, "file", "text", 4, 0644, NULL), 0);
        assert_int_equal(write_file_atomic(fd, "empty", "", 0, 0644, NULL), 0);
        assert_int_equal(symlinkat("file", fd, "link"), 0);
        assert_int_equal(mkfifoat(fd, "pipe", 0644), 0);

        assert_int_equal(mapping_open(fd, "file", &mapping), 0);
        assert_int_equal(mapping.length, 4);
        assert_memory_equal(mapping.data, "text", 4);
        mapping_close(&mapping);
        assert_null(mapping.data);
        mapping_close(&mapping);

        assert_int_equal(mapping_open(fd, "empty", &mapping), 0);
        assert_non_null(mapping.data);
        assert_int_equal(mapping.length, 0);
        mapping_close(&mapping);

        assert_int_equal(mapping_open(fd, "none", &mapping), -ENOENT);
        assert_int_equal(mapping_open(fd, "link", &mapping), -ELOOP);
        assert_int_equal(mapping_open(fd, "pipe", &mapping), -EINVAL);
        assert_int_equal(mapping_open(fd, ".", &mapping), -EINVAL);
        assert_int_equal(remove_tree(AT_FDCWD, directory, NULL), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = { cmocka_unit_test(test_mapping) };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
