/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/package_set.h"

#include "base/strings.h"
#include "packages/deb822.h"
#include "packages/dpkg.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define KIB 1024u
#define SIZE_KIB_MAX (UINT64_MAX / KIB)

static void package_done(SetPackage *package)
{
        free(package->name);
        free(package->architecture);
        free(package->version);
        *package = (SetPackage){ 0 };
}

void package_set_done(PackageSet *set)
{
        for (size_t i = 0; i < set->n_items; i++)
                package_done(&set->items[i]);
        free(set->items);
        *set = (PackageSet){ 0 };
}

/* Takes what `package` holds, also on failure. */
static int take_package(PackageSet *set, SetPackage *package)
{
        SetPackage *items = reallocarray(set->items, set->n_items + 1, sizeof *items);

        if (items)
                set->items = items;
        if (!items || !package->name || !package->architecture || !package->version) {
                package_done(package);
                return -ENOMEM;
        }
        items[set->n_items++] = *package;
        *package = (SetPackage){ 0 };
        return 0;
}

static int compare_names(const SetPackage *a, const SetPackage *b)
{
        int order = strcmp(a->name, b->name);

        return order != 0 ? order : strcmp(a->architecture, b->architecture);
}

static int compare_packages(const void *a, const void *b)
{
        int order = compare_names(a, b);

        return order != 0 ? order
                          : dpkg_compare_versions(((const SetPackage *) a)->version, ((const SetPackage *) b)->version);
}

static void put_in_order(PackageSet *set)
{
        size_t n = 0;

        if (set->n_items == 0)
                return;
        qsort(set->items, set->n_items, sizeof *set->items, compare_packages);
        for (size_t i = 0; i < set->n_items; i++) {
                if (i + 1 < set->n_items && compare_names(&set->items[i], &set->items[i + 1]) == 0)
                        package_done(&set->items[i]);
                else
                        set->items[n++] = set->items[i];
        }
        set->n_items = n;
}

static int give(int r, PackageSet *set, PackageSet *ret, Error *error)
{
        if (r == -ENOMEM)
                return error_out_of_memory(error);
        if (r < 0)
                return r;
        put_in_order(set);
        *ret = *set;
        *set = (PackageSet){ 0 };
        return 0;
}

/* ------------------------------------------------------------------------------------------------ sources */

/* "install ok installed": neither gone nor only its configuration files left. */
static bool is_there(const char *status)
{
        const char *state = status ? strrchr(status, ' ') : NULL;

        return state && strcmp(state + 1, "not-installed") != 0 && strcmp(state + 1, "config-files") != 0 &&
               strcmp(state + 1, "half-installed") != 0;
}

static int take_field(const Deb822Field *field, SetPackage *package, bool *there)
{
        _cleanup_free_ char *value = deb822_value(field);
        uint64_t size_kib;

        if (!value)
                return -ENOMEM;
        char **target = deb822_is(field, "Package")        ? &package->name
                        : deb822_is(field, "Architecture") ? &package->architecture
                        : deb822_is(field, "Version")      ? &package->version
                                                           : NULL;
        if (target && !*target)
                *target = TAKE_PTR(value);
        else if (deb822_is(field, "Status"))
                *there = is_there(value);
        else if (deb822_is(field, "Installed-Size") && parse_unsigned(value, 0, SIZE_KIB_MAX, &size_kib) == 0)
                package->size_bytes = size_kib * KIB;
        return 0;
}

static int take_stanza(Deb822 *reader, PackageSet *set)
{
        SetPackage package = { 0 };
        Deb822Field field;
        bool there = false;
        int r;

        while ((r = deb822_next_field(reader, &field)) > 0)
                if ((deb822_is(&field, "Package") || deb822_is(&field, "Architecture") ||
                     deb822_is(&field, "Version") || deb822_is(&field, "Status") ||
                     deb822_is(&field, "Installed-Size")) &&
                    take_field(&field, &package, &there) < 0) {
                        r = -ENOMEM;
                        break;
                }
        if (r == 0 && there && package.name && package.architecture && package.version)
                r = take_package(set, &package);
        package_done(&package);
        return r;
}

int package_set_from_status(const char *text, PackageSet *ret, Error *error)
{
        _cleanup_package_set_ PackageSet set = { 0 };
        Deb822 reader = DEB822_INIT(text);
        int r = 0;

        while (r == 0 && deb822_next_stanza(&reader))
                r = take_stanza(&reader, &set);
        if (r == -EINVAL)
                return error_set(error, r, "dpkg's status file is damaged at line %u", reader.line);
        return give(r, &set, ret, error);
}

int package_set_from_manifest(const json_t *manifest, PackageSet *ret, Error *error)
{
        _cleanup_package_set_ PackageSet set = { 0 };
        json_t *list = json_object_get(manifest, "packages");
        int r = 0;

        if (!json_is_array(list))
                return error_set(error, -EINVAL, "It has no list of packages");
        for (size_t i = 0; r == 0 && i < json_array_size(list); i++) {
                const char *name, *architecture, *version;
                if (json_unpack(json_array_get(list, i), "{s:s, s:s, s:s}", "name", &name, "architecture",
                                &architecture, "version", &version) < 0)
                        return error_set(error, -EINVAL, "Its package %zu has no name, architecture or version", i + 1);
                SetPackage package = { .name = strdup(name), .architecture = strdup(architecture),
                                       .version = strdup(version) };
                r = take_package(&set, &package);
        }
        return give(r, &set, ret, error);
}

int package_set_from_lock(const Lock *lock, PackageSet *ret, Error *error)
{
        _cleanup_package_set_ PackageSet set = { 0 };
        int r = 0;

        for (size_t i = 0; r == 0 && i < lock->n_packages; i++) {
                const LockPackage *locked = &lock->packages[i];
                SetPackage package = { .name = strdup(locked->name), .architecture = strdup(locked->architecture),
                                       .version = strdup(locked->version) };
                r = take_package(&set, &package);
        }
        return give(r, &set, ret, error);
}

/* ------------------------------------------------------------------------------------------------ comparing */

void package_set_compare(const PackageSet *before, const PackageSet *after, PackageListener listener, void *userdata)
{
        size_t i = 0, j = 0;

        while (i < before->n_items || j < after->n_items) {
                const SetPackage *left = i < before->n_items ? &before->items[i] : NULL;
                const SetPackage *right = j < after->n_items ? &after->items[j] : NULL;
                int order = !left ? 1 : !right ? -1 : compare_names(left, right);
                if (order != 0 || strcmp(left->version, right->version) != 0)
                        listener(order <= 0 ? left : NULL, order >= 0 ? right : NULL, userdata);
                i += order <= 0;
                j += order >= 0;
        }
}
