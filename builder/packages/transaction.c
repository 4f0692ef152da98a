/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "packages/transaction.h"

#include <errno.h>
#include <string.h>

static json_t *package_to_json(const AptPackage *package)
{
        return json_pack("{s:s, s:s, s:s, s:s*, s:s*, s:s*, s:s*, s:s, s:I, s:s*, s:s*, s:s*}", "name", package->name,
                         "version", package->version, "architecture", package->architecture, "source", package->source,
                         "source_version", package->source_version, "uri", package->uri, "file", package->file_name,
                         "sha256", package->sha256, "size", (json_int_t) package->size_bytes, "path",
                         package->local_path, "patch", package->patch_sha256, "patched", package->patched_sha256);
}

/* Takes the reference `item`. */
static int append(json_t *array, json_t *item)
{
        return item && json_array_append_new(array, item) == 0 ? 0 : -ENOMEM;
}

static int set_strings(json_t *object, const char *key, char *const *strings)
{
        json_t *array = json_array();

        if (!array || json_object_set_new(object, key, array) < 0)
                return -ENOMEM;
        for (; strings && *strings; strings++)
                if (append(array, json_string(*strings)) < 0)
                        return -ENOMEM;
        return 0;
}

json_t *apt_transaction_to_json(const AptTransaction *transaction)
{
        _cleanup_json_ json_t *object = json_pack("{s:[], s:[], s:I}", "packages", "steps", "download",
                                                  (json_int_t) transaction->download_bytes);

        if (!object || set_strings(object, "automatic", transaction->automatic) < 0 ||
            set_strings(object, "manual", transaction->manual) < 0)
                return NULL;
        for (size_t i = 0; i < transaction->n_packages; i++)
                if (append(json_object_get(object, "packages"), package_to_json(&transaction->packages[i])) < 0)
                        return NULL;
        for (size_t i = 0; i < transaction->n_steps; i++)
                if (append(json_object_get(object, "steps"),
                           json_pack("[i, s]", (int) transaction->steps[i].action, transaction->steps[i].package)) < 0)
                        return NULL;
        return TAKE_PTR(object);
}

static int copy_member(const json_t *object, const char *key, bool required, char **ret)
{
        const char *text = json_string_value(json_object_get(object, key));

        if (!text)
                return required ? -EBADMSG : 0;
        *ret = strdup(text);
        return *ret ? 0 : -ENOMEM;
}

static int package_from_json(const json_t *object, AptPackage *package)
{
        const struct {
                const char *key;
                bool required;
                char **target;
        } members[] = {
                { "name", true, &package->name },
                { "version", true, &package->version },
                { "architecture", true, &package->architecture },
                { "source", true, &package->source },
                { "source_version", true, &package->source_version },
                { "uri", false, &package->uri },
                { "file", false, &package->file_name },
                { "sha256", true, &package->sha256 },
                { "path", false, &package->local_path },
                { "patch", false, &package->patch_sha256 },
                { "patched", false, &package->patched_sha256 },
        };
        json_t *size = json_object_get(object, "size");
        int r = json_is_integer(size) && json_integer_value(size) >= 0 ? 0 : -EBADMSG;

        package->size_bytes = (uint64_t) json_integer_value(size);
        for (size_t i = 0; r == 0 && i < ELEMENTS(members); i++)
                r = copy_member(object, members[i].key, members[i].required, members[i].target);
        return r;
}

static int packages_from_json(const json_t *array, AptTransaction *transaction)
{
        transaction->packages = calloc(json_array_size(array) + 1, sizeof *transaction->packages);
        if (!transaction->packages)
                return -ENOMEM;
        for (size_t i = 0; i < json_array_size(array); i++) {
                transaction->n_packages++;
                int r = package_from_json(json_array_get(array, i), &transaction->packages[i]);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int steps_from_json(const json_t *array, AptTransaction *transaction)
{
        transaction->steps = calloc(json_array_size(array) + 1, sizeof *transaction->steps);
        if (!transaction->steps)
                return -ENOMEM;
        for (size_t i = 0; i < json_array_size(array); i++) {
                const json_t *step = json_array_get(array, i);
                json_t *action = json_array_get(step, 0);
                const char *package = json_string_value(json_array_get(step, 1));
                if (!json_is_integer(action) || !package || json_integer_value(action) < APT_UNPACK ||
                    json_integer_value(action) > APT_PURGE)
                        return -EBADMSG;
                transaction->steps[i].action = (AptAction) json_integer_value(action);
                transaction->steps[i].package = strdup(package);
                transaction->n_steps++;
                if (!transaction->steps[i].package)
                        return -ENOMEM;
        }
        return 0;
}

static int strings_from_json(const json_t *array, char ***ret)
{
        for (size_t i = 0; i < json_array_size(array); i++) {
                const char *text = json_string_value(json_array_get(array, i));
                if (!text)
                        return -EBADMSG;
                if (strv_append(ret, text) < 0)
                        return -ENOMEM;
        }
        return 0;
}

int apt_transaction_from_json(const json_t *json, AptTransaction *ret)
{
        _cleanup_transaction_ AptTransaction transaction = { 0 };
        const json_t *packages = json_object_get(json, "packages"), *steps = json_object_get(json, "steps");

        if (!json_is_array(packages) || !json_is_array(steps))
                return -EBADMSG;
        int r = packages_from_json(packages, &transaction);
        if (r == 0)
                r = steps_from_json(steps, &transaction);
        if (r == 0)
                r = strings_from_json(json_object_get(json, "automatic"), &transaction.automatic);
        if (r == 0)
                r = strings_from_json(json_object_get(json, "manual"), &transaction.manual);
        if (r < 0)
                return r;
        transaction.download_bytes = (uint64_t) json_integer_value(json_object_get(json, "download"));
        *ret = transaction;
        transaction = (AptTransaction){ 0 };
        return 0;
}

/* ------------------------------------------------------------------------------------------------ copies */

static bool copy(const char *text, char **ret)
{
        *ret = text ? strdup(text) : NULL;
        return !text || *ret;
}

int apt_package_copy(const AptPackage *package, AptPackage *ret)
{
        AptPackage new = { .size_bytes = package->size_bytes };

        if (copy(package->name, &new.name) && copy(package->version, &new.version) &&
            copy(package->architecture, &new.architecture) && copy(package->source, &new.source) &&
            copy(package->source_version, &new.source_version) && copy(package->uri, &new.uri) &&
            copy(package->file_name, &new.file_name) && copy(package->sha256, &new.sha256) &&
            copy(package->local_path, &new.local_path) && copy(package->patch_sha256, &new.patch_sha256) &&
            copy(package->patched_sha256, &new.patched_sha256)) {
                *ret = new;
                return 0;
        }
        apt_package_done(&new);
        return -ENOMEM;
}

static int copy_steps(const AptTransaction *from, AptTransaction *to)
{
        to->steps = calloc(from->n_steps + 1, sizeof *to->steps);
        if (!to->steps)
                return -ENOMEM;
        for (size_t i = 0; i < from->n_steps; i++) {
                to->steps[i].action = from->steps[i].action;
                to->n_steps++;
                if (!copy(from->steps[i].package, &to->steps[i].package))
                        return -ENOMEM;
        }
        return 0;
}

int apt_transaction_copy(const AptTransaction *transaction, AptTransaction *ret)
{
        _cleanup_transaction_ AptTransaction new = { .download_bytes = transaction->download_bytes };

        new.packages = calloc(transaction->n_packages + 1, sizeof *new.packages);
        if (!new.packages || copy_steps(transaction, &new) < 0)
                return -ENOMEM;
        for (size_t i = 0; i < transaction->n_packages; i++) {
                int r = apt_package_copy(&transaction->packages[i], &new.packages[i]);
                if (r < 0)
                        return r;
                new.n_packages++;
        }
        if (strv_extend(&new.automatic, transaction->automatic) < 0 || strv_extend(&new.manual, transaction->manual) < 0)
                return -ENOMEM;
        *ret = new;
        new = (AptTransaction){ 0 };
        return 0;
}
