/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "build/record.h"

#include "base/file.h"
#include "build/job.h"
#include "image/format.h"
#include "signing/release.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#define LIMIT_BYTES ((uint64_t) 64 << 20)
#define HASH_CHARACTERS 16

/* Two directories of releases may hold the same image in different states. */
static int hash_directory(const char *out_directory, char ret_hex[static SHA256_HEX_SIZE])
{
        _cleanup_free_ char *real = realpath(out_directory, NULL), *current = NULL, *joined = NULL;

        if (!real && !path_is_absolute(out_directory)) {
                current = getcwd(NULL, 0);
                joined = current ? path_join(current, out_directory) : NULL;
                if (!joined)
                        return -ENOMEM;
        }
        const char *path = real ? real : joined ? joined : out_directory;
        return digest_buffer(path, strlen(path), ret_hex);
}

char *record_path(const char *cache_directory, const char *out_directory, const char *name, const char *architecture)
{
        char hex[SHA256_HEX_SIZE], *path = NULL;

        if (hash_directory(out_directory, hex) < 0)
                return NULL;
        return asprintf(&path, "%s/" RECORD_DIRECTORY "/%s-%s-%.*s.json", cache_directory, name, architecture,
                        HASH_CHARACTERS, hex) < 0
                       ? NULL
                       : path;
}

json_t *record_read(const char *path)
{
        _cleanup_buffer_ Buffer text = BUFFER_INIT;

        if (read_file(AT_FDCWD, path, LIMIT_BYTES, &text, NULL) < 0)
                return NULL;
        _cleanup_json_ json_t *json = json_loadb(text.data, text.length, JSON_REJECT_DUPLICATES, NULL);
        return json_is_object(json) ? TAKE_PTR(json) : NULL;
}

static char *path_of(const Job *job)
{
        return record_path(job->options->cache_directory, job->options->out_directory, recipe_name(job->recipe),
                           recipe_architecture(job->recipe));
}

/* ------------------------------------------------------------------------------------------------ the release's key */

static int add_list(Digest *digest, char *const *list)
{
        char count[24];

        snprintf(count, sizeof count, "%zu", strv_length(list));
        int r = digest_add_field(digest, count);
        for (; r == 0 && list && *list; list++)
                r = digest_add_field(digest, *list);
        return r;
}

static int add_sorted(Digest *digest, char *const *list)
{
        _cleanup_strv_ char **sorted = strv_copy(list);

        if (strv_length(sorted) != strv_length(list))
                return -ENOMEM;
        strv_sort(sorted);
        return add_list(digest, sorted);
}

/* The defaults may change, too. */
static int add_formats(Digest *digest, const RecipeSection *image, char *const *formats)
{
        char *const *levels = section_list(image, "Level");
        _cleanup_strv_ char **words = NULL;

        for (; formats && *formats; formats++) {
                int format = image_format_parse(*formats);
                int level = format < 0 ? 0 : image_level_from_list(levels, (ImageFormat) format);
                if (strv_appendf(&words, "%s:%d", *formats, level) < 0)
                        return -ENOMEM;
        }
        return add_list(digest, words);
}

int job_release_key(const Job *job, const char *settings_sha256, char ret_key[static SHA256_HEX_SIZE], Error *error)
{
        const RecipeSection *image = recipe_image(job->recipe);
        char *const *formats = job->options->formats ? job->options->formats : section_list(image, "Formats");
        const char *signer = !job->options->sign ? "none" : job->options->key ? job->options->key : "development";
        _cleanup_digest_ Digest *digest = NULL;
        char epoch[32];
        const char *const fields[] = { TEMPLAR_VERSION, job->stem, job_version(job), epoch, settings_sha256, signer };
        int r = digest_new(&digest);

        snprintf(epoch, sizeof epoch, "%" PRId64, job_epoch_sec(job));
        for (size_t i = 0; r == 0 && i < ELEMENTS(fields); i++)
                r = digest_add_field(digest, fields[i]);
        if (r == 0)
                r = add_sorted(digest, section_list(image, "Keep"));
        if (r == 0)
                r = add_formats(digest, image, formats);
        if (r == 0)
                r = digest_finish(digest, ret_key);
        return r < 0 ? error_out_of_memory(error) : 0;
}

/* ------------------------------------------------------------------------------------------------ the release's files */

/* Size, time and inode of when it was published: the content is not read again for each build. */
static json_t *stat_file(const char *directory, const json_t *file)
{
        const char *name = json_string_value(json_object_get(file, "name"));
        _cleanup_free_ char *path = name ? path_join(directory, name) : NULL;
        struct stat status;

        if (!path || lstat(path, &status) < 0 || !S_ISREG(status.st_mode))
                return NULL;
        return json_pack("{s:s, s:O, s:I, s:I, s:I, s:I}", "name", name, "sha256", json_object_get(file, "sha256"),
                         "size", (json_int_t) status.st_size, "inode", (json_int_t) status.st_ino, "mtime_sec",
                         (json_int_t) status.st_mtim.tv_sec, "mtime_nsec", (json_int_t) status.st_mtim.tv_nsec);
}

static bool file_is_there(const char *directory, const json_t *file)
{
        const char *name = json_string_value(json_object_get(file, "name"));
        const char *sha256 = json_string_value(json_object_get(file, "sha256"));
        _cleanup_json_ json_t *now = name && sha256 ? stat_file(directory, file) : NULL;
        ReleaseMatch match;

        if (!now)
                return false;
        return json_equal(now, (json_t *) file) ||
               (release_compare(directory, name, sha256, &match, NULL) == 0 && match == RELEASE_SAME);
}

/* The list of what is published names it. */
static bool is_listed(const char *sums, const json_t *file)
{
        _cleanup_free_ char *line = NULL;

        if (asprintf(&line, "%s *%s\n", json_string_value(json_object_get(file, "sha256")),
                     json_string_value(json_object_get(file, "name"))) < 0) {
                line = NULL;
                return false;
        }
        char *mode = line + SHA256_HEX_SIZE;
        if (strlen(line) <= SHA256_HEX_SIZE)
                return false;
        bool found = strstr(sums, line) != NULL;
        *mode = ' ';
        return found || strstr(sums, line) != NULL;
}

static bool release_is_there(const Job *job, const json_t *record)
{
        _cleanup_free_ char *sums_path = path_join(job->directory, "SHA256SUMS");
        const json_t *files = json_object_get(record, "files");
        _cleanup_buffer_ Buffer sums = BUFFER_INIT;

        if (json_array_size(files) == 0 || !sums_path || read_file(AT_FDCWD, sums_path, LIMIT_BYTES, &sums, NULL) < 0)
                return false;
        for (size_t i = 0; i < json_array_size(files); i++)
                if (!file_is_there(job->directory, json_array_get(files, i)) ||
                    !is_listed(sums.data, json_array_get(files, i)))
                        return false;
        return true;
}

/* ------------------------------------------------------------------------------------------------ the tree */

static const char *tree_digest(const Job *job, size_t index)
{
        const Layer *layer = index < job->stack.n ? job->stack.layers[index] : NULL;
        const char *digest = layer ? json_string_value(json_object_get(layer_info(layer), "tree_digest")) : NULL;

        return digest ? digest : "";
}

/* Each stage with the content of its layer. A changed key alone proves nothing (a comment in a script), and changed
 * content neither when the key is the same (times in a log, which the cleaning removes). */
static ReleaseMatch compare_trees(const Job *job, const json_t *layers)
{
        bool same_keys = *job->stack.key != '\0' && json_array_size(layers) == job->n_stages, same_trees = same_keys;

        for (size_t i = 0; i < job->n_stages && i < json_array_size(layers); i++) {
                const json_t *before = json_array_get(layers, i);
                const char *key = json_string_value(json_object_get(before, "key"));
                const char *tree = json_string_value(json_object_get(before, "tree"));
                bool known = key && *key && tree && *tree && *job->stages[i].key && *tree_digest(job, i);
                bool same_key = known && strcmp(key, job->stages[i].key) == 0;
                bool same_tree = known && strcmp(tree, tree_digest(job, i)) == 0;
                if (known && !same_key && !same_tree)
                        return RELEASE_DIFFERENT;
                same_keys = same_keys && same_key;
                same_trees = same_trees && same_tree;
        }
        return same_keys || same_trees ? RELEASE_SAME : RELEASE_ABSENT;
}

ReleaseMatch job_compare_record(const Job *job, const char *release_key)
{
        _cleanup_free_ char *path = path_of(job);
        _cleanup_json_ json_t *record = path ? record_read(path) : NULL;
        const char *known = json_string_value(json_object_get(record, "release"));

        if (!known || strcmp(known, release_key) != 0 || !release_is_there(job, record))
                return RELEASE_ABSENT;
        return compare_trees(job, json_object_get(record, "layers"));
}

/* ------------------------------------------------------------------------------------------------ writing */

static json_t *stage_list(const Job *job)
{
        _cleanup_json_ json_t *list = json_array();

        for (size_t i = 0; list && i < job->n_reached; i++) {
                const JobStage *stage = &job->stages[i];
                _cleanup_free_ char *description = stage->kind->describe(stage->section);
                if (!description ||
                    json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:f, s:O}", "kind", stage->kind->schema->name,
                                                          "description", description, "key", stage->key, "seconds",
                                                          stage->seconds, "inputs", stage->inputs)) < 0)
                        return NULL;
        }
        return TAKE_PTR(list);
}

static json_t *layer_records(const Job *job)
{
        _cleanup_json_ json_t *list = json_array();

        for (size_t i = 0; list && i < job->n_stages; i++)
                if (json_array_append_new(list, json_pack("{s:s, s:s}", "key", job->stages[i].key, "tree",
                                                          tree_digest(job, i))) < 0)
                        return NULL;
        return TAKE_PTR(list);
}

static json_t *file_list(const Job *job, const json_t *files)
{
        _cleanup_json_ json_t *list = json_array();

        for (size_t i = 0; list && i < json_array_size(files); i++)
                if (json_array_append_new(list, stat_file(job->directory, json_array_get(files, i))) < 0)
                        return NULL;
        return TAKE_PTR(list);
}

/* A failed build leaves the last release as it was. */
static json_t *keep_release(const Job *job, json_t *record)
{
        static const char *const members[] = { "release", "layers", "version", "directory", "files" };
        _cleanup_free_ char *path = path_of(job);
        _cleanup_json_ json_t *old = path ? record_read(path) : NULL;

        for (size_t i = 0; record && i < ELEMENTS(members); i++) {
                json_t *member = json_object_get(old, members[i]);
                if (member && json_object_set(record, members[i], member) < 0) {
                        json_decref(record);
                        return NULL;
                }
        }
        return record;
}

static json_t *make_record(const Job *job, const char *release_key, const json_t *files)
{
        _cleanup_json_ json_t *stages = stage_list(job);

        if (!stages)
                return NULL;
        if (!release_key)
                return keep_release(job, json_pack("{s:s, s:O, s:I}", "recipe", recipe_path(job->recipe), "stages", stages,
                                                   "failed", (json_int_t) job->n_reached));
        _cleanup_json_ json_t *list = file_list(job, files), *layers = layer_records(job);
        if (!list || !layers)
                return NULL;
        return json_pack("{s:s, s:O, s:s, s:O, s:s, s:s, s:O}", "recipe", recipe_path(job->recipe), "stages", stages,
                         "release", release_key, "layers", layers, "version", job_version(job), "directory",
                         job->directory, "files", list);
}

void job_write_record(const Job *job, const char *release_key, const json_t *files)
{
        _cleanup_json_ json_t *record = make_record(job, release_key, files);
        _cleanup_free_ char *text = record ? json_dumps(record, JSON_SORT_KEYS | JSON_INDENT(1)) : NULL;
        _cleanup_free_ char *directory = path_join(job->options->cache_directory, RECORD_DIRECTORY);
        _cleanup_free_ char *path = path_of(job);
        _cleanup_error_ Error error = ERROR_INIT;

        if (!text || !directory || !path)
                return;
        int r = make_directories(directory, 0700, &error);
        if (r == 0)
                r = write_file_atomic(AT_FDCWD, path, text, strlen(text), 0600, &error);
        if (r < 0)
                report_warning(job->options->report, "What this build was could not be written down: %s", error.message);
}

void job_renew_record(const Job *job, const char *release_key)
{
        _cleanup_free_ char *path = path_of(job);
        _cleanup_json_ json_t *record = path ? record_read(path) : NULL;
        const json_t *stages = json_object_get(record, "stages");
        bool same = !json_object_get(record, "failed") && json_array_size(stages) == job->n_stages;

        for (size_t i = 0; same && i < job->n_stages; i++)
                same = string_equal(json_string_value(json_object_get(json_array_get(stages, i), "key")),
                                    job->stages[i].key);
        if (!same)
                job_write_record(job, release_key, json_object_get(record, "files"));
}
