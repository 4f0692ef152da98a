/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "packages/lock_diff.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "packages/dpkg.h"

typedef struct Row {
        const LockPackage *package;
        bool old;
} Row;

static int compare_names(const LockPackage *x, const LockPackage *y)
{
        int r = strcmp(x->name, y->name);

        return r == 0 ? strcmp(x->architecture, y->architecture) : r;
}

static int compare_rows(const void *a, const void *b)
{
        const Row *x = a, *y = b;
        int r = compare_names(x->package, y->package);

        if (r == 0)
                r = (int) y->old - (int) x->old;
        if (r == 0)
                r = dpkg_compare_versions(y->package->version, x->package->version);
        return r == 0 ? strcmp(x->package->sha256, y->package->sha256) : r;
}

static bool has(const Lock *lock, const LockPackage *package)
{
        for (size_t i = 0; i < lock->n_packages; i++) {
                const LockPackage *other = &lock->packages[i];
                if (compare_names(other, package) == 0 && strcmp(other->version, package->version) == 0 &&
                    strcmp(other->sha256, package->sha256) == 0 &&
                    !other->patched_sha256 == !package->patched_sha256 &&
                    (!package->patched_sha256 || strcmp(other->patched_sha256, package->patched_sha256) == 0))
                        return true;
        }
        return false;
}

static size_t add_rows(const Lock *lock, const Lock *other, bool old, Row *rows)
{
        size_t n = 0;

        for (size_t i = 0; i < lock->n_packages; i++)
                if (!has(other, &lock->packages[i]))
                        rows[n++] = (Row){ &lock->packages[i], old };
        return n;
}

int lock_compare(const Lock *before, const Lock *after, LockChange **ret, size_t *ret_n_changes)
{
        _cleanup_free_ Row *rows = calloc(before->n_packages + after->n_packages + 1, sizeof *rows);
        LockChange *changes = calloc(before->n_packages + after->n_packages + 1, sizeof *changes);
        size_t n_rows = 0, n_changes = 0;

        if (!rows || !changes) {
                free(changes);
                return -ENOMEM;
        }
        n_rows = add_rows(before, after, true, rows);
        n_rows += add_rows(after, before, false, rows + n_rows);
        if (n_rows > 1)
                qsort(rows, n_rows, sizeof *rows, compare_rows);
        for (size_t i = 0, end; i < n_rows; i = end) {
                size_t n_old = 0, n_all;
                for (end = i; end < n_rows && compare_names(rows[end].package, rows[i].package) == 0; end++)
                        n_old += rows[end].old;
                n_all = end - i;
                for (size_t j = 0; j < n_old || j < n_all - n_old; j++)
                        changes[n_changes++] = (LockChange){ j < n_old ? rows[i + j].package : NULL,
                                                             j < n_all - n_old ? rows[i + n_old + j].package : NULL };
        }
        *ret = changes;
        *ret_n_changes = n_changes;
        return 0;
}
