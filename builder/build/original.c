/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "build/original.h"

#include "base/file.h"
#include "base/json.h"
#include "base/strings.h"
#include "image/format.h"
#include "signing/names.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#define MANIFEST_SUFFIX ".manifest.json"
#define MANIFEST_LIMIT_BYTES ((uint64_t) 64 << 20)

void original_done(Original *original)
{
        free(original->directory);
        free(original->base_name);
        free(original->name);
        free(original->architecture);
        free(original->version);
        free(original->recipe_sha256);
        free(original->tool_version);
        strv_free(original->formats);
        strv_free(original->files);
        *original = (Original){ 0 };
}

/* "NAME-ARCH-VERSION" of a file's name, which may be without any suffix of ours. */
static char *cut_suffix(const char *name)
{
        size_t length = strlen(name), longest = 0;

        for (size_t i = 0; i < IMAGE_FORMATS; i++) {
                size_t suffix = strlen(image_format_names[i]) + 1;
                if (string_ends_with(name, image_format_names[i]) && suffix < length && name[length - suffix] == '.' &&
                    suffix > longest)
                        longest = suffix;
        }
        if (string_ends_with(name, MANIFEST_SUFFIX))
                longest = strlen(MANIFEST_SUFFIX);
        return strndup(name, length - longest);
}

static int read_manifest(const Original *original, json_t **ret, Error *error)
{
        _cleanup_free_ char *path = NULL;
        _cleanup_buffer_ Buffer text = BUFFER_INIT;
        json_error_t problem;

        if (asprintf(&path, "%s/%s" MANIFEST_SUFFIX, original->directory, original->base_name) < 0) {
                path = NULL;
                return error_out_of_memory(error);
        }
        int r = read_file(AT_FDCWD, path, MANIFEST_LIMIT_BYTES, &text, error);
        if (r == -ENOENT)
                return error_hint(error, "The manifest of an image lies beside it, under the same name: it says what "
                                         "made it");
        if (r < 0)
                return r;
        *ret = json_loadb(text.data, text.length, JSON_REJECT_DUPLICATES, &problem);
        return *ret ? 0 : error_set(error, -EBADMSG, "%s is no manifest: %s", path, problem.text);
}

static bool take_text(const json_t *manifest, const char *key, char **ret)
{
        const char *text = json_string_value(json_object_get(manifest, key));

        *ret = text ? strdup(text) : NULL;
        return *ret;
}

static int take_facts(const json_t *manifest, Original *original, Error *error)
{
        _cleanup_free_ char *base_name = NULL;

        if (!take_text(manifest, "name", &original->name) ||
            !take_text(manifest, "architecture", &original->architecture) ||
            !take_text(manifest, "version", &original->version) ||
            !take_text(manifest, "recipe_sha256", &original->recipe_sha256) ||
            !take_text(json_object_get(manifest, "tool"), "version", &original->tool_version))
                return error_set(error, -EBADMSG, "%s" MANIFEST_SUFFIX " is no manifest of an image",
                                 original->base_name);
        if (asprintf(&base_name, "%s-%s-%s", original->name, original->architecture, original->version) < 0) {
                base_name = NULL;
                return error_out_of_memory(error);
        }
        return strcmp(base_name, original->base_name) == 0
                       ? 0
                       : error_set(error, -EBADMSG, "%s" MANIFEST_SUFFIX " is the manifest of %s", original->base_name,
                                   base_name);
}

static int take_formats(const json_t *manifest, Original *original, Error *error)
{
        const json_t *files = json_object_get(manifest, "files"), *file;
        size_t i;

        json_array_foreach(files, i, file)
        {
                const char *name = json_string_value(json_object_get(file, "name"));
                const char *format = json_string_value(json_object_get(file, "format"));
                if (!name || !format || image_format_parse(format) < 0)
                        return error_set(error, -EBADMSG, "%s" MANIFEST_SUFFIX " lists an image of no format",
                                         original->base_name);
                if (strv_contains(original->files, name) && strv_append(&original->formats, format) < 0)
                        return error_out_of_memory(error);
        }
        if (!original->formats)
                return error_set(error, -ENOENT, "None of the images of %s is in %s", original->base_name,
                                 original->directory);
        original->complete = strv_length(original->formats) == json_array_size(files);
        return 0;
}

/* What was made with a key is another thing each time. */
static bool is_signature(const char *suffix)
{
        return string_ends_with(suffix, ".sha256") || string_ends_with(suffix, ".asc") ||
               strcmp(suffix, NAMES_PROVENANCE_SUFFIX) == 0;
}

static int compare_names(const void *a, const void *b)
{
        return strcmp(*(char *const *) a, *(char *const *) b);
}

static int list_files(Original *original, Error *error)
{
        _cleanup_closedir_ DIR *directory = opendir(original->directory);
        size_t length = strlen(original->base_name);

        if (!directory)
                return error_set_errno(error, errno, "Can't open %s", original->directory);
        for (struct dirent *entry; (entry = directory_next(directory));) {
                const char *suffix = entry->d_name + length;
                /* "web-amd64-1.1.tar" is of another version than "web-amd64-1" */
                if (strncmp(entry->d_name, original->base_name, length) != 0 || *suffix != '.' ||
                    (suffix[1] >= '0' && suffix[1] <= '9') || is_signature(suffix))
                        continue;
                if (strv_append(&original->files, entry->d_name) < 0)
                        return error_out_of_memory(error);
        }
        if (errno)
                return error_set_errno(error, errno, "Can't read %s", original->directory);
        if (original->files)
                qsort(original->files, strv_length(original->files), sizeof(char *), compare_names);
        return 0;
}

int original_open(const char *image_path, Original *ret, Error *error)
{
        const char *slash = strrchr(image_path, '/');
        _cleanup_original_ Original original = {
                .directory = path_parent(image_path), .base_name = cut_suffix(slash ? slash + 1 : image_path)
        };
        _cleanup_json_ json_t *manifest = NULL;

        if (!original.directory || !original.base_name)
                return error_out_of_memory(error);
        int r = read_manifest(&original, &manifest, error);
        if (r == 0)
                r = take_facts(manifest, &original, error);
        if (r == 0)
                r = list_files(&original, error);
        if (r == 0)
                r = take_formats(manifest, &original, error);
        if (r < 0)
                return r;
        *ret = original;
        original = (Original){ 0 };
        return 0;
}
