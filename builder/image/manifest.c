/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/manifest.h"

#include "base/json.h"
#include "base/strings.h"
#include "image/names.h"

#include <errno.h>
#include <string.h>
#include <time.h>

/* Raised when the meaning of a member changes. */
#define MANIFEST_VERSION 1

/* jansson takes UTF-8 only; NULL gives null. */
static json_t *text(const char *value)
{
        char printable[NAME_TEXT_MAX];

        if (!value)
                return json_null();
        json_t *string = json_string(value);
        return string ? string : json_string(name_text(value, printable));
}

static json_t *number(uint64_t value)
{
        return json_integer((json_int_t) value);
}

/* Each consumes the reference to `value`, which may be NULL when memory is short. */
static bool set(json_t *object, const char *key, json_t *value)
{
        return value && json_object_set_new(object, key, value) == 0;
}

static bool append(json_t *array, json_t *value)
{
        return value && json_array_append_new(array, value) == 0;
}

/* NULL when memory is short. */
static json_t *time_text(int64_t time_sec)
{
        char buffer[64];
        time_t value = time_sec;
        struct tm fields;

        if (!gmtime_r(&value, &fields) || strftime(buffer, sizeof buffer, "%Y-%m-%dT%H:%M:%SZ", &fields) == 0)
                return json_null();
        return json_string(buffer);
}

static json_t *make_stages(const Manifest *manifest)
{
        _cleanup_json_ json_t *array = json_array();

        for (size_t i = 0; array && i < manifest->n_stages; i++) {
                const ManifestStage *stage = &manifest->stages[i];
                json_t *object = json_object();
                if (!append(array, object) || !set(object, "kind", text(stage->kind)) ||
                    !set(object, "description", text(stage->description)) ||
                    !set(object, "digest", text(stage->digest)))
                        return NULL;
        }
        return TAKE_PTR(array);
}

static json_t *make_repositories(const AptReleases *releases)
{
        _cleanup_json_ json_t *array = json_array();

        for (size_t i = 0; array && releases && i < releases->n_items; i++) {
                const AptRelease *release = &releases->items[i];
                json_t *object = json_object();
                if (!append(array, object) || !set(object, "uri", text(release->uri)) ||
                    !set(object, "suite", text(release->suite)) ||
                    !set(object, "inrelease_sha256", text(release->sha256)) ||
                    !set(object, "date", time_text(release->date_sec)))
                        return NULL;
        }
        return TAKE_PTR(array);
}

static json_t *make_packages(const DpkgList *packages)
{
        _cleanup_json_ json_t *array = json_array();

        for (size_t i = 0; array && packages && i < packages->n_items; i++) {
                const DpkgPackage *package = &packages->items[i];
                json_t *object = json_object();
                if (!append(array, object) || !set(object, "name", text(package->name)) ||
                    !set(object, "version", text(package->version)) ||
                    !set(object, "architecture", text(package->architecture)) ||
                    !set(object, "source", text(package->source)) ||
                    !set(object, "source_version", text(package->source_version)))
                        return NULL;
        }
        return TAKE_PTR(array);
}

static json_t *make_files(const Manifest *manifest)
{
        _cleanup_json_ json_t *array = json_array();

        for (size_t i = 0; array && i < manifest->n_outputs; i++) {
                const PackOutput *output = &manifest->outputs[i];
                int level = output->level == IMAGE_LEVEL_DEFAULT ? image_format_default_level(output->format)
                                                                 : output->level;
                json_t *object = json_object();
                if (!append(array, object) || !set(object, "name", text(manifest->output_names[i])) ||
                    !set(object, "format", text(image_format_names[output->format])) ||
                    !set(object, "level", json_integer(level)) || !set(object, "size", number(output->size_bytes)) ||
                    !set(object, "sha256", text(output->sha256)))
                        return NULL;
        }
        return TAKE_PTR(array);
}

static json_t *make_allows(const LintAllows *allows)
{
        _cleanup_json_ json_t *array = json_array();

        for (size_t i = 0; array && allows && i < allows->n_items; i++) {
                const LintAllow *allow = &allows->items[i];
                json_t *object = json_object();
                if (!append(array, object) || !set(object, "check", text(lint_checks[allow->id].name)) ||
                    !set(object, "path", text(allow->path)) || !set(object, "reason", text(allow->reason)))
                        return NULL;
        }
        return TAKE_PTR(array);
}

static json_t *make_tar(const PackStatistics *statistics)
{
        _cleanup_json_ json_t *object = json_object();

        if (!object || !set(object, "size", number(statistics->tar_bytes)) ||
            !set(object, "sha256", text(statistics->tar_sha256)) ||
            !set(object, "entries", number(statistics->n_entries)) ||
            !set(object, "content_bytes", number(statistics->content_bytes)))
                return NULL;
        return TAKE_PTR(object);
}

static json_t *make_tool(void)
{
        _cleanup_json_ json_t *object = json_object();

        if (!object || !set(object, "name", text("templar")) || !set(object, "version", text(TEMPLAR_VERSION)))
                return NULL;
        return TAKE_PTR(object);
}

static json_t *make_epoch(int64_t time_sec)
{
        _cleanup_json_ json_t *object = json_object();

        if (!object || !set(object, "seconds", json_integer(time_sec)) || !set(object, "time", time_text(time_sec)))
                return NULL;
        return TAKE_PTR(object);
}

static json_t *make_manifest(const Manifest *manifest)
{
        const Recipe *recipe = manifest->recipe;
        _cleanup_json_ json_t *object = json_object();

        if (!object || !set(object, "manifest_version", json_integer(MANIFEST_VERSION)) ||
            !set(object, "tool", make_tool()) || !set(object, "name", text(recipe_name(recipe))) ||
            !set(object, "version", text(manifest->version)) ||
            !set(object, "architecture", text(recipe_architecture(recipe))) ||
            !set(object, "suite", text(recipe_suite(recipe))) ||
            !set(object, "description", text(section_string(recipe_image(recipe), "Description"))) ||
            !set(object, "recipe_sha256", text(recipe_digest(recipe))) ||
            !set(object, "source_date_epoch", make_epoch(manifest->source_date_epoch_sec)) ||
            !set(object, "stages", make_stages(manifest)) ||
            !set(object, "repositories", make_repositories(manifest->releases)) ||
            !set(object, "packages", make_packages(manifest->packages)) ||
            !set(object, "allowed", make_allows(manifest->allows)) || !set(object, "files", make_files(manifest)) || !set(object, "tar", make_tar(manifest->statistics)))
                return NULL;
        return TAKE_PTR(object);
}

static int append_compact(Buffer *buffer, const json_t *value)
{
        _cleanup_free_ char *dump = json_dumps(value, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY);

        return dump ? buffer_append_string(buffer, dump) : -ENOMEM;
}

/* One item a line, so that two manifests can be compared line by line. */
static int append_value(Buffer *buffer, const json_t *value)
{
        size_t n = json_array_size(value);
        int r = 0;

        if (n == 0)
                return append_compact(buffer, value);
        for (size_t i = 0; i < n && r == 0; i++) {
                r = buffer_append_string(buffer, i == 0 ? "[\n    " : ",\n    ");
                if (r == 0)
                        r = append_compact(buffer, json_array_get(value, i));
        }
        return r < 0 ? r : buffer_append_string(buffer, "\n  ]");
}

static int compare_keys(const void *a, const void *b)
{
        return strcmp(*(const char *const *) a, *(const char *const *) b);
}

static int append_object(Buffer *buffer, json_t *object)
{
        const char *keys[32], *key;
        json_t *value;
        size_t n = 0;

        json_object_foreach(object, key, value)
        {
                if (n == ELEMENTS(keys))
                        return -E2BIG;
                keys[n++] = key;
        }
        qsort(keys, n, sizeof *keys, compare_keys);
        for (size_t i = 0; i < n; i++) {
                int r = buffer_printf(buffer, "%s\n  \"%s\": ", i == 0 ? "{" : ",", keys[i]);
                if (r == 0)
                        r = append_value(buffer, json_object_get(object, keys[i]));
                if (r < 0)
                        return r;
        }
        return buffer_append_string(buffer, "\n}\n");
}

int manifest_format(const Manifest *manifest, char **ret_text, Error *error)
{
        _cleanup_json_ json_t *object = make_manifest(manifest);
        _cleanup_buffer_ Buffer buffer = BUFFER_INIT;

        if (!object || append_object(&buffer, object) < 0)
                return error_out_of_memory(error);
        char *result = buffer_take(&buffer);
        if (!result)
                return error_out_of_memory(error);
        *ret_text = result;
        return 0;
}
