/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "packages/lock.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/strings.h"
#include "packages/apt_internal.h"
#include "packages/lock_internal.h"

/* Member order is that of the code, never that of a hash. */
#define COMPACT_FLAGS (JSON_ENSURE_ASCII | JSON_ENCODE_ANY)

const char *const lock_actions[] = { "unpack", "configure", "remove", "purge", NULL };

static void package_done(LockPackage *package)
{
        free(package->name);
        free(package->version);
        free(package->architecture);
        free(package->source);
        free(package->source_version);
        free(package->uri);
        free(package->sha256);
        free(package->patch_sha256);
        free(package->patched_sha256);
        *package = (LockPackage){ 0 };
}

static void repositories_done(Lock *lock)
{
        AptReleases releases = { .items = lock->repositories, .n_items = lock->n_repositories };

        apt_releases_done(&releases);
}

void lock_done(Lock *lock)
{
        for (size_t i = 0; i < lock->n_packages; i++)
                package_done(&lock->packages[i]);
        free(lock->packages);
        for (size_t i = 0; i < lock->n_bases; i++) {
                free(lock->bases[i].image);
                free(lock->bases[i].version);
        }
        free(lock->bases);
        for (size_t i = 0; i < lock->n_stages; i++) {
                free(lock->stages[i].kind);
                free(lock->stages[i].sha256);
                apt_transaction_done(&lock->stages[i].transaction);
        }
        free(lock->stages);
        repositories_done(lock);
        free(lock->tool_version);
        free(lock->recipe_sha256);
        free(lock->image);
        free(lock->architecture);
        free(lock->version);
        *lock = (Lock){ 0 };
}

/* ------------------------------------------------------------------------------------------------ packages */

static int compare_packages(const void *a, const void *b)
{
        const LockPackage *x = a, *y = b;
        int r = strcmp(x->name, y->name);

        if (r == 0)
                r = strcmp(x->version, y->version);
        if (r == 0)
                r = strcmp(x->architecture, y->architecture);
        return r == 0 ? strcmp(x->sha256, y->sha256) : r;
}

void lock_sort(Lock *lock)
{
        if (lock->n_packages > 1)
                qsort(lock->packages, lock->n_packages, sizeof *lock->packages, compare_packages);
}

bool lock_is_sorted(const LockPackage *packages, size_t n_packages)
{
        return n_packages < 2 || compare_packages(&packages[n_packages - 2], &packages[n_packages - 1]) < 0;
}

static bool is_package(const LockPackage *package, const AptPackage *wanted)
{
        return strcmp(package->name, wanted->name) == 0 && strcmp(package->version, wanted->version) == 0 &&
               strcmp(package->architecture, wanted->architecture) == 0 && strcmp(package->sha256, wanted->sha256) == 0;
}

const LockPackage *lock_find(const Lock *lock, const AptPackage *package)
{
        for (size_t i = 0; i < lock->n_packages; i++)
                if (is_package(&lock->packages[i], package))
                        return &lock->packages[i];
        return NULL;
}

char *lock_uri(const char *uri)
{
        const char *authority = strstr(uri, "://");

        if (!authority)
                return strdup(uri);
        authority += strlen("://");
        const char *at = memrchr(authority, '@', strcspn(authority, "/?#"));
        char *clean = NULL;
        if (!at)
                return strdup(uri);
        return asprintf(&clean, "%.*s%s", (int) (authority - uri), uri, at + 1) < 0 ? NULL : clean;
}

static bool copy(const char *text, char **ret)
{
        *ret = text ? strdup(text) : NULL;
        return !text || *ret;
}

/* The changed one, where several stages take the same file. */
static int add_patch(LockPackage *package, const AptPackage *from)
{
        if (package->patched_sha256 || !from->patched_sha256)
                return 0;
        return copy(from->patch_sha256, &package->patch_sha256) && copy(from->patched_sha256, &package->patched_sha256)
                       ? 0
                       : -ENOMEM;
}

int lock_add_package(Lock *lock, const AptPackage *package)
{
        LockPackage *known = (LockPackage *) (uintptr_t) lock_find(lock, package);

        if (known)
                return add_patch(known, package);
        LockPackage *grown = reallocarray(lock->packages, lock->n_packages + 1, sizeof *grown);
        if (!grown)
                return -ENOMEM;
        lock->packages = grown;
        LockPackage *added = &grown[lock->n_packages];
        *added = (LockPackage){ .size_bytes = package->size_bytes };
        added->uri = package->local_path || !package->uri ? strdup("") : lock_uri(package->uri);
        if (added->uri && copy(package->name, &added->name) && copy(package->version, &added->version) &&
            copy(package->architecture, &added->architecture) && copy(package->sha256, &added->sha256) &&
            copy(package->source ?: package->name, &added->source) &&
            copy(package->source_version ?: package->version, &added->source_version) && add_patch(added, package) == 0) {
                lock->n_packages++;
                return 0;
        }
        package_done(added);
        return -ENOMEM;
}

int lock_package_copy(const LockPackage *package, AptPackage *ret)
{
        AptPackage new = { .size_bytes = package->size_bytes,
                           .file_name = apt_file_name(package->name, package->version, package->architecture) };

        if (new.file_name && copy(package->name, &new.name) && copy(package->version, &new.version) &&
            copy(package->architecture, &new.architecture) && copy(package->source, &new.source) &&
            copy(package->source_version, &new.source_version) && copy(package->uri, &new.uri) &&
            copy(package->sha256, &new.sha256) && copy(package->patch_sha256, &new.patch_sha256) &&
            copy(package->patched_sha256, &new.patched_sha256)) {
                *ret = new;
                return 0;
        }
        apt_package_done(&new);
        return -ENOMEM;
}

/* ------------------------------------------------------------------------------------------------ references */

/* NAME:ARCHITECTURE=VERSION, and @SHA256 where that names several. */
char *lock_reference(const Lock *lock, const LockPackage *package)
{
        bool unique = true;
        char *text = NULL;

        for (size_t i = 0; i < lock->n_packages; i++) {
                const LockPackage *other = &lock->packages[i];
                unique = unique && (other == package || strcmp(other->name, package->name) != 0 ||
                                    strcmp(other->version, package->version) != 0 ||
                                    strcmp(other->architecture, package->architecture) != 0);
        }
        return asprintf(&text, "%s:%s=%s%s%s", package->name, package->architecture, package->version,
                        unique ? "" : "@", unique ? "" : package->sha256) < 0
                       ? NULL
                       : text;
}

/* ------------------------------------------------------------------------------------------------ writing */

typedef struct Writer {
        Buffer text;
        bool open; /* the line before wants a comma */
        bool failed;
} Writer;

static void put(Writer *writer, const char *text)
{
        if (!writer->failed && buffer_append_string(&writer->text, text) < 0)
                writer->failed = true;
}

/* Takes the reference. */
static void put_json(Writer *writer, json_t *json)
{
        _cleanup_json_ json_t *owned = json;
        _cleanup_free_ char *text = owned ? json_dumps(owned, COMPACT_FLAGS) : NULL;

        if (text)
                put(writer, text);
        else
                writer->failed = true;
}

/* `name` is NULL for an element of a list. */
static void put_line(Writer *writer, const char *name, json_t *value)
{
        put(writer, writer->open ? ",\n" : "\n");
        put(writer, name ? " " : "  ");
        if (name) {
                put_json(writer, json_string(name));
                put(writer, ": ");
        }
        put_json(writer, value);
        writer->open = true;
}

static void open_list(Writer *writer, const char *name)
{
        put(writer, ",\n ");
        put_json(writer, json_string(name));
        put(writer, ": [");
        writer->open = false;
}

static void close_list(Writer *writer)
{
        put(writer, "\n ]");
        writer->open = true;
}

static void put_packages(Writer *writer, const Lock *lock)
{
        open_list(writer, "packages");
        for (size_t i = 0; i < lock->n_packages; i++) {
                const LockPackage *package = &lock->packages[i];
                put_line(writer, NULL,
                         json_pack("{s:s, s:s, s:s, s:s, s:s, s:I, s:s, s:s, s:s*, s:s*}", "name", package->name,
                                   "version", package->version, "architecture", package->architecture, "source",
                                   package->source, "source_version", package->source_version, "size",
                                   (json_int_t) package->size_bytes, "sha256", package->sha256, "uri", package->uri,
                                   "patch_sha256", package->patch_sha256, "patched_sha256", package->patched_sha256));
        }
        close_list(writer);
}

static void put_strings(Writer *writer, size_t stage, const char *name, char *const *strings, size_t n)
{
        json_t *array = json_array();

        for (size_t i = 0; i < n; i++)
                if (json_array_append_new(array, json_string(strings[i])) < 0)
                        writer->failed = true;
        put_line(writer, NULL, json_pack("{s:I, s:o}", "stage", (json_int_t) stage, name, array));
}

static int put_references(Writer *writer, const Lock *lock, size_t stage, Error *error)
{
        const AptTransaction *transaction = &lock->stages[stage].transaction;
        _cleanup_strv_ char **references = NULL;

        for (size_t i = 0; i < transaction->n_packages; i++) {
                const LockPackage *package = lock_find(lock, &transaction->packages[i]);
                if (!package)
                        return error_set(error, -EINVAL, "The lock lacks the package %s %s",
                                         transaction->packages[i].name, transaction->packages[i].version);
                _cleanup_free_ char *reference = lock_reference(lock, package);
                if (!reference || strv_append(&references, reference) < 0)
                        return error_out_of_memory(error);
        }
        if (references)
                put_strings(writer, stage + 1, "packages", references, transaction->n_packages);
        return 0;
}

/* Steps of one kind that follow each other stand in one line. */
static int put_steps(Writer *writer, size_t stage, const AptTransaction *transaction, Error *error)
{
        _cleanup_free_ char **names = calloc(transaction->n_steps + 1, sizeof *names);
        size_t n;

        if (!names)
                return error_out_of_memory(error);
        for (size_t i = 0; i < transaction->n_steps; i += n) {
                const AptStep *first = &transaction->steps[i];
                for (n = 0; i + n < transaction->n_steps && first[n].action == first->action; n++)
                        names[n] = first[n].package;
                put_strings(writer, stage + 1, lock_actions[first->action], names, n);
        }
        return 0;
}

static int put_stage(Writer *writer, const Lock *lock, size_t index, Error *error)
{
        const LockStage *stage = &lock->stages[index];
        const AptTransaction *transaction = &stage->transaction;

        put_line(writer, NULL,
                 json_pack("{s:I, s:s, s:s, s:b}", "stage", (json_int_t) index + 1, "kind", stage->kind, "sha256",
                           stage->sha256, "resolved", stage->resolved));
        int r = put_references(writer, lock, index, error);
        if (r == 0)
                r = put_steps(writer, index, transaction, error);
        if (r == 0 && strv_length(transaction->automatic) > 0)
                put_strings(writer, index + 1, "automatic", transaction->automatic, strv_length(transaction->automatic));
        if (r == 0 && strv_length(transaction->manual) > 0)
                put_strings(writer, index + 1, "manual", transaction->manual, strv_length(transaction->manual));
        return r;
}

static void put_head(Writer *writer, const Lock *lock)
{
        put(writer, "{");
        put_line(writer, "format", json_integer(LOCK_FORMAT));
        put_line(writer, "tool", json_string(lock->tool_version));
        put_line(writer, "image", json_string(lock->image));
        put_line(writer, "version", json_string(lock->version));
        put_line(writer, "architecture", json_string(lock->architecture));
        put_line(writer, "source_date_epoch", json_integer(lock->source_date_epoch_sec));
        put_line(writer, "recipe_sha256", json_string(lock->recipe_sha256));
        open_list(writer, "bases");
        for (size_t i = 0; i < lock->n_bases; i++)
                put_line(writer, NULL,
                         json_pack("{s:s, s:s, s:I}", "image", lock->bases[i].image, "version", lock->bases[i].version,
                                   "source_date_epoch", (json_int_t) lock->bases[i].source_date_epoch_sec));
        close_list(writer);
        open_list(writer, "repositories");
        for (size_t i = 0; i < lock->n_repositories; i++) {
                const AptRelease *release = &lock->repositories[i];
                _cleanup_free_ char *uri = lock_uri(release->uri);
                put_line(writer, NULL,
                         json_pack("{s:s, s:s, s:I, s:s}", "uri", uri, "suite", release->suite, "date",
                                   (json_int_t) release->date_sec, "sha256", release->sha256));
        }
        close_list(writer);
}

int lock_format(const Lock *lock, char **ret_text, Error *error)
{
        Writer writer = { .text = BUFFER_INIT };
        int r = 0;

        put_head(&writer, lock);
        put_packages(&writer, lock);
        open_list(&writer, "stages");
        for (size_t i = 0; r == 0 && i < lock->n_stages; i++)
                r = put_stage(&writer, lock, i, error);
        close_list(&writer);
        put(&writer, "\n}\n");
        _cleanup_buffer_ Buffer text = writer.text;
        if (r < 0)
                return r;
        if (writer.failed)
                return error_out_of_memory(error);
        *ret_text = TAKE_PTR(text.data);
        return 0;
}
