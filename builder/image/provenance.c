/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/provenance.h"

#include "base/json.h"
#include "packages/purl.h"

#include <errno.h>
#include <string.h>

void provenance_files_done(ProvenanceFiles *files)
{
        for (size_t i = 0; i < files->n_items; i++) {
                free(files->items[i].role);
                free(files->items[i].name);
        }
        free(files->items);
        *files = (ProvenanceFiles){ 0 };
}

int provenance_add(ProvenanceFiles *files, const char *role, const char *name, const char *sha256)
{
        for (size_t i = 0; i < files->n_items; i++)
                if (strcmp(files->items[i].role, role) == 0 && strcmp(files->items[i].name, name) == 0)
                        return 0;
        ProvenanceFile *grown = reallocarray(files->items, files->n_items + 1, sizeof *grown);
        if (!grown)
                return -ENOMEM;
        files->items = grown;
        ProvenanceFile *file = &grown[files->n_items++];
        *file = (ProvenanceFile){ .role = strdup(role), .name = strdup(name) };
        snprintf(file->sha256, sizeof file->sha256, "%s", sha256);
        return file->role && file->name ? 0 : -ENOMEM;
}

/* ------------------------------------------------------------------------------------------------ resource descriptors */

static json_t *digest(const char *sha256)
{
        return json_pack("{s:s}", "sha256", sha256);
}

static json_t *subjects(const ProvenanceFiles *files)
{
        _cleanup_json_ json_t *array = json_array();

        for (size_t i = 0; array && i < files->n_items; i++)
                if (!json_add(array, json_pack("{s:o, s:o}", "name", json_text(files->items[i].name), "digest",
                                               digest(files->items[i].sha256))))
                        return NULL;
        return TAKE_PTR(array);
}

static bool add_files(json_t *array, const ProvenanceFiles *files)
{
        for (size_t i = 0; i < files->n_items; i++) {
                const ProvenanceFile *file = &files->items[i];
                if (!json_add(array, json_pack("{s:o, s:o, s:{s:s}}", "name", json_text(file->name), "digest",
                                               digest(file->sha256), "annotations", "role", file->role)))
                        return false;
        }
        return true;
}

/* A suite that ends in a slash is the path of a flat repository. */
static json_t *release_uri(const AptRelease *release)
{
        const char *slash = string_ends_with(release->uri, "/") ? "" : "/";

        if (string_ends_with(release->suite, "/"))
                return json_sprintf("%s%s%sInRelease", release->uri, slash, release->suite);
        return json_sprintf("%s%sdists/%s/InRelease", release->uri, slash, release->suite);
}

static bool add_releases(json_t *array, const Lock *lock)
{
        for (size_t i = 0; i < lock->n_repositories; i++) {
                const AptRelease *release = &lock->repositories[i];
                if (!json_add(array, json_pack("{s:o, s:o, s:{s:s}}", "uri", release_uri(release), "digest",
                                               digest(release->sha256), "annotations", "role", "repository")))
                        return false;
        }
        return true;
}

/* What it was before it was patched; patch and result are said beside it. */
static json_t *package_annotations(const LockPackage *package)
{
        _cleanup_json_ json_t *object = json_pack("{s:s}", "role", "package");

        if (!object || (package->patch_sha256 && !json_put(object, "patch_sha256", json_string(package->patch_sha256))) ||
            (package->patched_sha256 && !json_put(object, "patched_sha256", json_string(package->patched_sha256))))
                return NULL;
        return TAKE_PTR(object);
}

static bool add_package(json_t *array, const LockPackage *package, const SpdxSystem *system)
{
        _cleanup_free_ char *purl = purl_format(&(Purl){ system->id, package->name, package->version,
                                                         package->architecture, system->distribution });
        _cleanup_json_ json_t *object = purl ? json_pack("{s:s, s:o, s:o}", "uri", purl, "digest", digest(package->sha256),
                                                         "annotations", package_annotations(package))
                                             : NULL;

        if (!object || (!string_empty(package->uri) && !json_put(object, "downloadLocation", json_text(package->uri))))
                return false;
        return json_add(array, TAKE_PTR(object));
}

static json_t *dependencies(const Provenance *provenance)
{
        _cleanup_json_ json_t *array = json_array();

        if (!array || !add_files(array, provenance->dependencies) || !add_releases(array, provenance->lock))
                return NULL;
        for (size_t i = 0; i < provenance->lock->n_packages; i++)
                if (!add_package(array, &provenance->lock->packages[i], provenance->system))
                        return NULL;
        return TAKE_PTR(array);
}

/* ------------------------------------------------------------------------------------------------ the predicate */

static json_t *strings(char *const *vector)
{
        _cleanup_json_ json_t *array = json_array();

        for (; array && vector && *vector; vector++)
                if (!json_add(array, json_text(*vector)))
                        return NULL;
        return TAKE_PTR(array);
}

static json_t *external_parameters(const Provenance *provenance)
{
        _cleanup_json_ json_t *object = json_object();

        if (!object || !json_put(object, "recipe", json_text(provenance->recipe)) ||
            !json_put(object, "settings", strings(provenance->settings)) ||
            !json_put(object, "formats", strings(provenance->formats)) ||
            !json_put(object, "source_date_epoch", json_integer(provenance->source_date_epoch_sec)))
                return NULL;
        return TAKE_PTR(object);
}

static json_t *internal_parameters(const Provenance *provenance)
{
        _cleanup_json_ json_t *object = json_object();

        if (!object || !json_put(object, "image", json_text(provenance->name)) ||
            !json_put(object, "version", json_text(provenance->version)) ||
            !json_put(object, "architecture", json_text(provenance->architecture)) ||
            !json_put(object, "suite", json_text(provenance->suite)))
                return NULL;
        return TAKE_PTR(object);
}

static json_t *build_definition(const Provenance *provenance)
{
        _cleanup_json_ json_t *object = json_object();

        if (!object || !json_put(object, "buildType", json_string(PROVENANCE_BUILD_TYPE)) ||
            !json_put(object, "externalParameters", external_parameters(provenance)) ||
            !json_put(object, "internalParameters", internal_parameters(provenance)) ||
            !json_put(object, "resolvedDependencies", dependencies(provenance)))
                return NULL;
        return TAKE_PTR(object);
}

/* Without the metadata of one run: neither when nor by which number it was can be the same again. */
static json_t *run_details(void)
{
        return json_pack("{s:{s:s, s:{s:s}}}", "builder", "id", PROVENANCE_BUILDER_ID, "version", "templar",
                         TEMPLAR_VERSION);
}

static json_t *statement(const Provenance *provenance)
{
        _cleanup_json_ json_t *object = json_object(), *predicate = json_object();

        if (!object || !predicate || !json_put(predicate, "buildDefinition", build_definition(provenance)) ||
            !json_put(predicate, "runDetails", run_details()) ||
            !json_put(object, "_type", json_string("https://in-toto.io/Statement/v1")) ||
            !json_put(object, "predicateType", json_string("https://slsa.dev/provenance/v1")) ||
            !json_put(object, "subject", subjects(provenance->subjects)) ||
            !json_put(object, "predicate", TAKE_PTR(predicate)))
                return NULL;
        return TAKE_PTR(object);
}

int provenance_format(const Provenance *provenance, char **ret_text, Error *error)
{
        _cleanup_json_ json_t *object = statement(provenance);
        char *text = object ? json_dumps(object, JSON_COMPACT | JSON_SORT_KEYS) : NULL;

        if (!text)
                return error_out_of_memory(error);
        *ret_text = text;
        return 0;
}
