/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/file.h"
#include "image/lint.h"

#include <stdint.h>
#include <sys/mman.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Any file is an image to look through; the counts agree with the findings, which hold printable texts alone. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static const LintWord words[] = { { LINT_SECRET, "s3cr3t-word" }, { LINT_BUILD_PATH, "/srv/build" } };
        _cleanup_lint_report_ LintReport report = { 0 };
        _cleanup_error_ Error error = ERROR_INIT;
        _cleanup_close_ int fd = memfd_create("image", MFD_CLOEXEC);
        size_t n_open = 0, n_found = 0;

        if (fd < 0 || write_all(fd, data, size) < 0 ||
            lint_image(fd, &(LintOptions){ .words = words, .n_words = ELEMENTS(words) }, &report, &error) < 0)
                return 0;
        for (size_t i = 0; i < report.n_items; i++) {
                n_open += !report.items[i].allow;
                for (const char *next = report.items[i].path; *next; next++)
                        if ((unsigned char) *next < 0x20)
                                __builtin_trap();
        }
        for (unsigned id = 0; id < LINT_N_CHECKS; id++)
                n_found += report.n_found[id];
        if (n_found != report.n_errors + report.n_warnings || n_open > n_found || report.n_allowed > 0)
                __builtin_trap();
        return 0;
}
