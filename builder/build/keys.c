/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "build/keys.h"

#include "base/file.h"
#include "stages/stage.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>

/* Raised when layers are made in another way, for all kinds of stages. */
#define LAYERS_VERSION "templar layer 2"

#define MASK_CHARACTERS 8

static bool is_secret(const KeySchema *key)
{
        return string_equal(key->name, "Hash");
}

/* Enough to see that it changed. */
static json_t *masked(const char *text)
{
        char hex[SHA256_HEX_SIZE];

        if (digest_buffer(text, strlen(text), hex) < 0)
                return NULL;
        hex[MASK_CHARACTERS] = '\0';
        return json_string(hex);
}

static int add_values(const RecipeSection *section, json_t *inputs, Error *error)
{
        json_t *values = json_object();

        if (!values || json_object_set_new(inputs, "values", values) < 0)
                return error_out_of_memory(error);
        for (const KeySchema *key = section_schema(section)->keys; key->name; key++) {
                const char *text = section_has(section, key->name) ? section_string(section, key->name) : NULL;
                if (text && json_object_set_new(values, key->name, is_secret(key) ? masked(text) : json_string(text)) < 0)
                        return error_out_of_memory(error);
        }
        return 0;
}

static int add_file(json_t *files, const char *name, const char *path, Error *error)
{
        char hex[SHA256_HEX_SIZE];
        int r = digest_file(AT_FDCWD, path, NULL, hex, error);

        if (r < 0)
                return r;
        return json_object_set_new(files, name, json_string(hex)) < 0 ? error_out_of_memory(error) : 0;
}

/* KEY_HOST_FILE is not among them: one may hold a password, and the kinds digest what counts of it. */
static int add_files(const RecipeSection *section, json_t *inputs, Error *error)
{
        json_t *files = json_object();

        if (!files || json_object_set_new(inputs, "files", files) < 0)
                return error_out_of_memory(error);
        for (const KeySchema *key = section_schema(section)->keys; key->name; key++) {
                int r = 0;
                if (key->type == KEY_SOURCE && section_path(section, key->name))
                        r = add_file(files, section_string(section, key->name), section_path(section, key->name), error);
                char *const *names = key->type == KEY_SOURCE_LIST ? section_list(section, key->name) : NULL;
                char *const *paths = names ? section_paths(section, key->name) : NULL;
                for (size_t i = 0; r == 0 && names && names[i]; i++)
                        r = add_file(files, names[i], paths[i], error);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int add_package(json_t *packages, const AptPackage *package)
{
        _cleanup_free_ char *name = NULL, *identity = NULL;

        if (asprintf(&name, "%s:%s", package->name, package->architecture) < 0) {
                name = NULL;
                return -ENOMEM;
        }
        if (asprintf(&identity, "%s %s", package->version, package->sha256) < 0) {
                identity = NULL;
                return -ENOMEM;
        }
        return json_object_set_new(packages, name, json_string(identity)) < 0 ? -ENOMEM : 0;
}

static int add_transaction(const AptTransaction *transaction, json_t *inputs)
{
        json_t *packages = json_object(), *removed = json_array();
        int r = 0;

        if (!packages || json_object_set_new(inputs, "packages", packages) < 0)
                r = -ENOMEM;
        if (!removed || json_object_set_new(inputs, "removed", removed) < 0 || r < 0)
                return -ENOMEM;
        for (size_t i = 0; r == 0 && i < transaction->n_packages; i++)
                r = add_package(packages, &transaction->packages[i]);
        for (size_t i = 0; r == 0 && i < transaction->n_steps; i++) {
                const AptStep *step = &transaction->steps[i];
                if ((step->action == APT_REMOVE || step->action == APT_PURGE) &&
                    json_array_append_new(removed, json_string(step->package)) < 0)
                        r = -ENOMEM;
        }
        return r;
}

static int add_strings(json_t *inputs, const char *name, char *const *strings)
{
        json_t *array = json_array();

        if (!array || json_object_set_new(inputs, name, array) < 0)
                return -ENOMEM;
        for (; strings && *strings; strings++)
                if (json_array_append_new(array, json_string(*strings)) < 0)
                        return -ENOMEM;
        return 0;
}

static int add_stage(const RecipeSection *section, json_t *inputs, Error *error)
{
        _cleanup_digest_ Digest *digest = NULL;
        char hex[SHA256_HEX_SIZE];

        if (digest_new(&digest) < 0)
                return error_out_of_memory(error);
        int r = stage_digest(section, digest, error);
        if (r < 0)
                return r;
        if (digest_finish(digest, hex) < 0 || json_object_set_new(inputs, "stage", json_string(hex)) < 0)
                return error_out_of_memory(error);
        return 0;
}

int stage_inputs(const KeyInputs *key, json_t **ret, Error *error)
{
        const StageKind *kind = stage_kind_of(key->section);
        _cleanup_json_ json_t *inputs = json_object();
        int r;

        if (!inputs)
                return error_out_of_memory(error);
        r = add_stage(key->section, inputs, error);
        if (r == 0)
                r = add_values(key->section, inputs, error);
        if (r == 0)
                r = add_files(key->section, inputs, error);
        if (r < 0)
                return r;
        if ((key->transaction && add_transaction(key->transaction, inputs) < 0) ||
            (kind->installs_packages && !key->transaction &&
             add_strings(inputs, "repositories", key->repositories) < 0) ||
            (kind->sees_environment && add_strings(inputs, "environment", key->environment) < 0))
                return error_out_of_memory(error);
        *ret = TAKE_PTR(inputs);
        return 0;
}

int stage_key(const char *previous, const json_t *inputs, char ret_key[static LAYER_KEY_SIZE], Error *error)
{
        _cleanup_json_ json_t *deciding = json_copy((json_t *) inputs);
        _cleanup_digest_ Digest *digest = NULL;

        if (!deciding || json_object_del(deciding, "values") < 0)
                return error_out_of_memory(error);
        _cleanup_free_ char *text = json_dumps(deciding, JSON_SORT_KEYS | JSON_COMPACT);
        if (!text || digest_new(&digest) < 0 || digest_add_field(digest, previous) < 0 ||
            digest_add_field(digest, text) < 0 || digest_finish(digest, ret_key) < 0)
                return error_out_of_memory(error);
        return 0;
}

int empty_tree_key(Sandbox *sandbox, const char *architecture, char ret_key[static LAYER_KEY_SIZE], Error *error)
{
        _cleanup_digest_ Digest *digest = NULL;
        uint32_t uid_base, gid_base;
        char ids[32];

        sandbox_id_base(sandbox, &uid_base, &gid_base);
        snprintf(ids, sizeof ids, "%" PRIu32 " %" PRIu32, uid_base, gid_base);
        if (digest_new(&digest) < 0 || digest_add_field(digest, LAYERS_VERSION) < 0 ||
            digest_add_field(digest, ids) < 0 || digest_add_field(digest, architecture) < 0 ||
            digest_finish(digest, ret_key) < 0)
                return error_out_of_memory(error);
        return 0;
}
