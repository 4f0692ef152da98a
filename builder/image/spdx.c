/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/spdx.h"

#include "image/spdx_internal.h"
#include "packages/os_release.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#define ID_DOCUMENT "SPDXRef-DOCUMENT"
#define ID_IMAGE "SPDXRef-Image"
#define ID_SYSTEM "SPDXRef-OperatingSystem"
#define ID_DIGITS 12
/* The digest of the tar makes it one of a kind; nothing needs to be there (SPDX 2.3, 6.5). */
#define NAMESPACE_FORMAT "https://spdx.org/spdxdocs/%s-%s"

/* ------------------------------------------------------------------------------------------------ the system */

void spdx_system_done(SpdxSystem *system)
{
        free(system->id);
        free(system->version);
        free(system->title);
        free(system->distribution);
        *system = (SpdxSystem){ 0 };
}

/* The first of the keys that is there; `fallback` otherwise. */
static char *first_value(const char *os_release, const char *const *keys, const char *fallback)
{
        for (; *keys; keys++) {
                char *value = os_release_get(os_release, *keys);
                if (!value || *value)
                        return value;
                free(value);
        }
        return strdup(fallback);
}

int spdx_system(const char *os_release, const char *suite, SpdxSystem *ret)
{
        _cleanup_spdx_system_ SpdxSystem system = {
                .id = first_value(os_release, (const char *const[]){ "ID", NULL }, "linux"),
                .version = first_value(os_release, (const char *const[]){ "VERSION_ID", "VERSION_CODENAME", NULL }, suite),
                .title = first_value(os_release, (const char *const[]){ "PRETTY_NAME", "NAME", NULL }, "Linux"),
        };

        if (!system.id || !system.version || !system.title ||
            asprintf(&system.distribution, "%s%s%s", system.id, *system.version ? "-" : "", system.version) < 0)
                return -ENOMEM;
        *ret = system;
        system = (SpdxSystem){ 0 };
        return 0;
}

/* ------------------------------------------------------------------------------------------------ building blocks */

char *spdx_id(const char *kind, const char *const parts[static 3])
{
        _cleanup_digest_ Digest *digest = NULL;
        char hex[SHA256_HEX_SIZE], *id = NULL;

        if (digest_new(&digest) < 0)
                return NULL;
        for (size_t i = 0; i < 3; i++)
                if (digest_add_field(digest, parts[i]) < 0)
                        return NULL;
        if (digest_finish(digest, hex) < 0)
                return NULL;
        _cleanup_free_ char *name = strdup(parts[0]);
        for (char *c = name; c && *c; c++)
                if ((unsigned char) *c >= 0x80 || (!isalnum((unsigned char) *c) && *c != '.' && *c != '-'))
                        *c = '-';
        return !name || asprintf(&id, "SPDXRef-%s-%s-%.*s", kind, name, ID_DIGITS, hex) < 0 ? NULL : id;
}

json_t *spdx_element(const char *id, const char *name, const char *version, const char *purpose)
{
        _cleanup_json_ json_t *object = json_object();

        if (!object || !json_put(object, "SPDXID", json_string(id)) || !json_put(object, "name", json_text(name)) ||
            !json_put(object, "downloadLocation", json_string(SPDX_NO_ASSERTION)) ||
            !json_put(object, "filesAnalyzed", json_false()) ||
            !json_put(object, "licenseConcluded", json_string(SPDX_NO_ASSERTION)) ||
            !json_put(object, "licenseDeclared", json_string(SPDX_NO_ASSERTION)) ||
            !json_put(object, "copyrightText", json_string(SPDX_NO_ASSERTION)) ||
            !json_put(object, "supplier", json_string(SPDX_NO_ASSERTION)))
                return NULL;
        if ((*version && !json_put(object, "versionInfo", json_text(version))) ||
            (purpose && !json_put(object, "primaryPackagePurpose", json_string(purpose))))
                return NULL;
        return TAKE_PTR(object);
}

json_t *spdx_relation(const char *from, const char *type, const char *to)
{
        return json_pack("{s:s, s:s, s:s}", "spdxElementId", from, "relationshipType", type, "relatedSpdxElement", to);
}

/* ------------------------------------------------------------------------------------------------ the document */

typedef struct Document {
        const Spdx *spdx;
        SpdxSystem system;
        json_t *packages, *relationships;
        json_t *sources;    /* set of ids */
        json_t *references; /* {id: {name, text}} */
} Document;

static void document_done(Document *document)
{
        spdx_system_done(&document->system);
        json_decref(document->packages);
        json_decref(document->relationships);
        json_decref(document->sources);
        json_decref(document->references);
}

static bool relate(Document *document, const char *from, const char *type, const char *to)
{
        return json_add(document->relationships, spdx_relation(from, type, to));
}

/* The files are made of one tar; the first of them stands for all. */
static json_t *describe_files(const Spdx *spdx)
{
        _cleanup_buffer_ Buffer text = BUFFER_INIT;
        int r = buffer_printf(&text, "SHA-256 of the tar: %s", spdx->statistics->tar_sha256);

        for (size_t i = 0; r == 0 && i < spdx->n_outputs; i++)
                r = buffer_printf(&text, "; of %s: %s", spdx->output_names[i], spdx->outputs[i].sha256);
        return r < 0 ? NULL : json_text(text.data);
}

static bool add_image(Document *document)
{
        const Spdx *spdx = document->spdx;
        _cleanup_json_ json_t *object = spdx_element(ID_IMAGE, spdx->name, spdx->version, "CONTAINER");

        if (!object || !json_put(object, "comment", describe_files(spdx)) ||
            (!string_empty(spdx->description) && !json_put(object, "description", json_text(spdx->description))))
                return false;
        if (spdx->n_outputs > 0 &&
            (!json_put(object, "packageFileName", json_string(spdx->output_names[0])) ||
             !json_put(object, "checksums",
                       json_pack("[{s:s, s:s}]", "algorithm", "SHA256", "checksumValue", spdx->outputs[0].sha256))))
                return false;
        return json_add(document->packages, TAKE_PTR(object)) &&
               relate(document, ID_DOCUMENT, "DESCRIBES", ID_IMAGE);
}

static bool add_system(Document *document)
{
        const SpdxSystem *system = &document->system;
        _cleanup_json_ json_t *object = spdx_element(ID_SYSTEM, system->id, system->version, "OPERATING_SYSTEM");

        return object && json_put(object, "summary", json_text(system->title)) &&
               json_add(document->packages, TAKE_PTR(object)) && relate(document, ID_IMAGE, "CONTAINS", ID_SYSTEM);
}

/* The source of a patched package is that of the package before. */
static bool add_source(Document *document, const DpkgPackage *package, const char *package_id)
{
        const LockPackage *archive = spdx_archive(document->spdx->lock, package);
        bool patched = archive && archive->patched_sha256;
        const char *source = patched ? archive->source : package->source;
        const char *version = patched ? archive->source_version : package->source_version;
        _cleanup_free_ char *id = spdx_id("Source", (const char *const[]){ source, version, "source" });

        if (!id || !relate(document, package_id, "GENERATED_FROM", id))
                return false;
        if (json_object_get(document->sources, id))
                return true;
        return json_put(document->sources, id, json_true()) &&
               json_add(document->packages, spdx_source(&document->system, source, version, id));
}

static bool same_package(const DpkgPackage *a, const DpkgPackage *b)
{
        return strcmp(a->name, b->name) == 0 && strcmp(a->architecture, b->architecture) == 0;
}

static bool add_packages(Document *document)
{
        const DpkgList *list = &document->spdx->inventory->packages;

        for (size_t i = 0; i < list->n_items; i++) {
                const DpkgPackage *package = &list->items[i];
                /* no dpkg writes that, but a script may have */
                if (i > 0 && same_package(package, package - 1))
                        continue;
                _cleanup_free_ char *id = spdx_id(
                        "Package", (const char *const[]){ package->name, package->version, package->architecture });
                if (!id ||
                    !json_add(document->packages,
                              spdx_package(document->spdx, &document->system, i, id, document->references)) ||
                    !relate(document, ID_SYSTEM, "CONTAINS", id) || !add_source(document, package, id))
                        return false;
        }
        return true;
}

static int compare_licences(const void *a, const void *b)
{
        json_t *const *first = a, *const *second = b;

        return strcmp(json_string_value(json_object_get(*first, "licenseId")),
                      json_string_value(json_object_get(*second, "licenseId")));
}

/* Sorted by identifier; NULL when memory is short. */
static json_t *extracted_licences(json_t *references)
{
        size_t n = 0, n_references = json_object_size(references);
        _cleanup_free_ json_t **items = calloc(n_references + 1, sizeof(json_t *));
        _cleanup_json_ json_t *array = json_array();
        const char *id;
        json_t *reference;
        bool failed = !items || !array;

        json_object_foreach(references, id, reference)
        {
                if (failed)
                        break;
                items[n] = json_pack("{s:s, s:O, s:O}", "licenseId", id, "name", json_object_get(reference, "name"),
                                     "extractedText", json_object_get(reference, "text"));
                failed = !items[n++];
        }
        if (!failed && n > 1)
                qsort(items, n, sizeof(json_t *), compare_licences);
        for (size_t i = 0; items && i < n; i++) {
                if (failed)
                        json_decref(items[i]);
                else
                        failed = !json_add(array, items[i]);
        }
        return failed ? NULL : TAKE_PTR(array);
}

static json_t *creation_info(const Spdx *spdx)
{
        return json_pack("{s:o*, s:[s]}", "created", json_time(spdx->source_date_epoch_sec), "creators",
                         "Tool: templar-" TEMPLAR_VERSION);
}

static json_t *make_document(Document *document)
{
        const Spdx *spdx = document->spdx;
        _cleanup_json_ json_t *object = json_object();

        if (!object || !json_put(object, "spdxVersion", json_string("SPDX-2.3")) ||
            !json_put(object, "SPDXID", json_string(ID_DOCUMENT)) ||
            !json_put(object, "dataLicense", json_string("CC0-1.0")) ||
            !json_put(object, "name", json_text(spdx->base_name)) ||
            !json_put(object, "documentNamespace",
                      json_sprintf(NAMESPACE_FORMAT, spdx->base_name, spdx->statistics->tar_sha256)) ||
            !json_put(object, "creationInfo", creation_info(spdx)) ||
            !json_put(object, "packages", json_incref(document->packages)) ||
            !json_put(object, "relationships", json_incref(document->relationships)))
                return NULL;
        if (json_object_size(document->references) > 0 &&
            !json_put(object, "hasExtractedLicensingInfos", extracted_licences(document->references)))
                return NULL;
        return TAKE_PTR(object);
}

int spdx_format(const Spdx *spdx, char **ret_text, Error *error)
{
        _cleanup_(document_done) Document document = {
                .spdx = spdx,
                .packages = json_array(),
                .relationships = json_array(),
                .sources = json_object(),
                .references = json_object(),
        };
        _cleanup_buffer_ Buffer buffer = BUFFER_INIT;
        _cleanup_json_ json_t *object = NULL;

        if (!document.packages || !document.relationships || !document.sources || !document.references ||
            spdx_system(spdx->inventory->os_release, spdx->suite, &document.system) < 0 || !add_image(&document) ||
            !add_system(&document) || !add_packages(&document) || !(object = make_document(&document)) ||
            json_append_lines(&buffer, object) < 0)
                return error_out_of_memory(error);
        *ret_text = buffer_take(&buffer);
        return *ret_text ? 0 : error_out_of_memory(error);
}
