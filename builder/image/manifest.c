/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/manifest.h"

#include "base/json.h"

/* Raised when the meaning of a member changes. */
#define MANIFEST_VERSION 1

static json_t *number(uint64_t value)
{
        return json_integer((json_int_t) value);
}

static json_t *make_stages(const Manifest *manifest)
{
        _cleanup_json_ json_t *array = json_array();

        for (size_t i = 0; array && i < manifest->n_stages; i++) {
                const ManifestStage *stage = &manifest->stages[i];
                json_t *object = json_object();
                if (!json_add(array, object) || !json_put(object, "kind", json_text(stage->kind)) ||
                    !json_put(object, "description", json_text(stage->description)) ||
                    !json_put(object, "digest", json_text(stage->digest)))
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
                if (!json_add(array, object) || !json_put(object, "uri", json_text(release->uri)) ||
                    !json_put(object, "suite", json_text(release->suite)) ||
                    !json_put(object, "inrelease_sha256", json_text(release->sha256)) ||
                    !json_put(object, "date", json_time(release->date_sec)))
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
                if (!json_add(array, object) || !json_put(object, "name", json_text(package->name)) ||
                    !json_put(object, "version", json_text(package->version)) ||
                    !json_put(object, "architecture", json_text(package->architecture)) ||
                    !json_put(object, "source", json_text(package->source)) ||
                    !json_put(object, "source_version", json_text(package->source_version)))
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
                if (!json_add(array, object) ||
                    !json_put(object, "name", json_text(manifest->output_names[i])) ||
                    !json_put(object, "format", json_text(image_format_names[output->format])) ||
                    !json_put(object, "level", json_integer(level)) ||
                    !json_put(object, "size", number(output->size_bytes)) ||
                    !json_put(object, "sha256", json_text(output->sha256)))
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
                if (!json_add(array, object) || !json_put(object, "check", json_text(lint_checks[allow->id].name)) ||
                    !json_put(object, "path", json_text(allow->path)) || !json_put(object, "reason", json_text(allow->reason)))
                        return NULL;
        }
        return TAKE_PTR(array);
}

static json_t *make_tar(const PackStatistics *statistics)
{
        _cleanup_json_ json_t *object = json_object();

        if (!object || !json_put(object, "size", number(statistics->tar_bytes)) ||
            !json_put(object, "sha256", json_text(statistics->tar_sha256)) ||
            !json_put(object, "entries", number(statistics->n_entries)) ||
            !json_put(object, "content_bytes", number(statistics->content_bytes)))
                return NULL;
        return TAKE_PTR(object);
}

static json_t *make_tool(void)
{
        _cleanup_json_ json_t *object = json_object();

        if (!object || !json_put(object, "name", json_text("templar")) ||
            !json_put(object, "version", json_text(TEMPLAR_VERSION)))
                return NULL;
        return TAKE_PTR(object);
}

static json_t *make_epoch(int64_t time_sec)
{
        _cleanup_json_ json_t *object = json_object();

        if (!object || !json_put(object, "seconds", json_integer(time_sec)) ||
            !json_put(object, "time", json_time(time_sec)))
                return NULL;
        return TAKE_PTR(object);
}

static json_t *make_manifest(const Manifest *manifest)
{
        const Recipe *recipe = manifest->recipe;
        _cleanup_json_ json_t *object = json_object();

        if (!object || !json_put(object, "manifest_version", json_integer(MANIFEST_VERSION)) ||
            !json_put(object, "tool", make_tool()) ||
            !json_put(object, "name", json_text(recipe_name(recipe))) ||
            !json_put(object, "version", json_text(manifest->version)) ||
            !json_put(object, "architecture", json_text(recipe_architecture(recipe))) ||
            !json_put(object, "suite", json_text(recipe_suite(recipe))) ||
            !json_put(object, "description", json_text(section_string(recipe_image(recipe), "Description"))) ||
            !json_put(object, "recipe_sha256", json_text(recipe_digest(recipe))) ||
            !json_put(object, "source_date_epoch", make_epoch(manifest->source_date_epoch_sec)) ||
            !json_put(object, "stages", make_stages(manifest)) ||
            !json_put(object, "repositories", make_repositories(manifest->releases)) ||
            !json_put(object, "packages", make_packages(manifest->packages)) ||
            !json_put(object, "allowed", make_allows(manifest->allows)) ||
            !json_put(object, "files", make_files(manifest)) ||
            !json_put(object, "tar", make_tar(manifest->statistics)))
                return NULL;
        return TAKE_PTR(object);
}

int manifest_format(const Manifest *manifest, char **ret_text, Error *error)
{
        _cleanup_json_ json_t *object = make_manifest(manifest);
        _cleanup_buffer_ Buffer buffer = BUFFER_INIT;

        if (!object || json_append_lines(&buffer, object) < 0)
                return error_out_of_memory(error);
        char *result = buffer_take(&buffer);
        if (!result)
                return error_out_of_memory(error);
        *ret_text = result;
        return 0;
}
