/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/file.h"
#include "image/diff.h"

#include <stdint.h>
#include <sys/mman.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct Seen {
        uint64_t n;
        char last[4096];
} Seen;

static void hear(const IndexEntry *before, const IndexEntry *after, unsigned what, void *userdata)
{
        Seen *seen = userdata;

        if (!before || !after || what || (seen->n > 0 && index_compare_paths(seen->last, after->path) >= 0))
                __builtin_trap();
        snprintf(seen->last, sizeof seen->last, "%s", after->path);
        seen->n++;
}

/* Any archive is the same as itself, each path comes once and in order, and against nothing all of it was added. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_index_ Index index = { 0 };
        _cleanup_package_set_ PackageSet packages = { 0 };
        _cleanup_diff_summary_ DiffSummary summary = { 0 };
        _cleanup_close_ int fd = memfd_create("image", MFD_CLOEXEC);
        const PackageSet none = { 0 };
        Seen seen = { 0 };

        if (fd < 0 || write_all(fd, data, size) < 0 || index_image(fd, &index, NULL) < 0)
                return 0;
        if (diff_walk(&index, &index, hear, &seen, NULL) < 0 || seen.n > index.n_entries)
                __builtin_trap();
        if (index.status.data && package_set_from_status(index.status.data, &packages, NULL) < 0)
                return 0;
        if (diff_summarize(&index, &index, &none, &packages, &summary, NULL) < 0 ||
            summary.n_added + summary.n_removed + summary.n_changed > 0 || summary.n_packages_added != packages.n_items)
                __builtin_trap();
        return 0;
}
