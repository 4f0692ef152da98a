/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "build/job.h"

#include "base/file.h"
#include "build/companions.h"
#include "build/inspect.h"
#include "image/pack.h"
#include "signing/attest.h"
#include "signing/sign.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#define LIVE_INTERVAL_NSEC 100000000
#define SETTINGS_LIMIT_BYTES ((uint64_t) 1 << 20) /* what the hosts accept of a settings file */

/* What the packing process and its parent share. */
typedef struct PackShared {
        PackProgress progress;
        _Atomic bool done;
        PackOutput outputs[IMAGE_FORMATS];
        PackStatistics statistics;
} PackShared;

typedef struct Packing {
        PackShared *shared;
        size_t n_outputs;
        int64_t clamp_sec;
        Inspection *inspection;
        int blocks_fd; /* see layers/block_service.h; -1: no cache */
        Report *report;
} Packing;

static void *show_progress(void *userdata)
{
        Packing *packing = userdata;
        char size[SIZE_TEXT_MAX];

        while (!packing->shared->done) {
                report_live(packing->report, "%" PRIu64 " files, %s", packing->shared->progress.entries,
                            size_text(packing->shared->progress.bytes, size));
                nanosleep(&(struct timespec){ .tv_nsec = LIVE_INTERVAL_NSEC }, NULL);
        }
        return NULL;
}

/* Runs in a process of its own with the ids of the tree. */
static int pack_in_sandbox(int root_fd, void *userdata, Buffer *reply, Error *error)
{
        Packing *packing = userdata;
        _cleanup_block_cache_ BlockCache *cache = packing->blocks_fd >= 0 ? block_cache_new(packing->blocks_fd) : NULL;
        PackOptions options = {
                .clamp_sec = packing->clamp_sec,
                .progress = &packing->shared->progress,
                .cache = cache,
                .lint = &packing->inspection->options,
                .lint_report = &packing->inspection->found,
        };
        pthread_t watcher;

        bool watched = pthread_create(&watcher, NULL, show_progress, packing) == 0;
        int r = pack_tree(root_fd, &options, packing->shared->outputs, packing->n_outputs, &packing->shared->statistics,
                          error);
        packing->shared->done = true;
        if (watched)
                pthread_join(watcher, NULL);
        return r < 0 ? r : inspection_send(packing->inspection, reply, error);
}

static void unmap_shared(PackShared **shared)
{
        if (*shared)
                munmap(*shared, sizeof **shared);
}

static void close_outputs(Packing *packing)
{
        for (size_t i = 0; packing->shared && i < packing->n_outputs; i++)
                if (packing->shared->outputs[i].fd >= 0)
                        close(TAKE_FD(packing->shared->outputs[i].fd));
}

static bool has_output(const Packing *packing, ImageFormat format)
{
        for (size_t i = 0; i < packing->n_outputs; i++)
                if (packing->shared->outputs[i].format == format)
                        return true;
        return false;
}

static char *const *formats_of(const Job *job)
{
        return job->options->formats ? job->options->formats : section_list(recipe_image(job->recipe), "Formats");
}

static int open_outputs(Job *job, Release *release, Packing *packing, Error *error)
{
        char *const *formats = formats_of(job);
        char *const *levels = section_list(recipe_image(job->recipe), "Level");

        if (!formats || !*formats)
                return error_set_usage(error, -EINVAL, "Formats= is empty, so there is nothing to pack");
        for (; *formats; formats++) {
                int format = image_format_parse(*formats);
                if (format < 0)
                        return error_set_usage(error, format, "There is no image format \"%s\"", *formats);
                if (has_output(packing, (ImageFormat) format))
                        continue;
                PackOutput *output = &packing->shared->outputs[packing->n_outputs];
                *output = (PackOutput){
                        .format = (ImageFormat) format,
                        .level = image_level_from_list(levels, (ImageFormat) format),
                        .fd = -1,
                };
                int r = release_create_file(release, *formats, &output->fd, error);
                if (r < 0)
                        return r;
                packing->n_outputs++;
        }
        return 0;
}

static int pack(Job *job, Release *release, Packing *packing, Error *error)
{
        _cleanup_block_service_ BlockService blocks = BLOCK_SERVICE_INIT;
        _cleanup_buffer_ Buffer reply = BUFFER_INIT;
        _cleanup_strv_ char **lowers = NULL;
        SandboxTree tree;
        int r = open_outputs(job, release, packing, error);

        if (r == 0)
                r = job_clean_tree(job, &tree, &lowers, error);
        if (r == 0 && !job->options->no_cache)
                r = block_service_start(layer_store_blocks(job->store), &blocks, error);
        packing->blocks_fd = blocks.socket_fd;
        if (r == 0)
                r = sandbox_call(job->sandbox, &tree, pack_in_sandbox, packing, &reply, error);
        close_outputs(packing);
        if (r == 0)
                r = inspection_receive(packing->inspection, &reply, error);
        return r;
}

/* The settings file of the recipe, when it names one. */
typedef struct Settings {
        Buffer text;
        char sha256[SHA256_HEX_SIZE]; /* "" when there is none */
} Settings;

static void settings_done(Settings *settings)
{
        buffer_done(&settings->text);
}

static int read_settings(const Job *job, Settings *ret, Error *error)
{
        const char *path = section_path(recipe_image(job->recipe), "Nspawn");
        int r = path ? read_file(AT_FDCWD, path, SETTINGS_LIMIT_BYTES, &ret->text, error) : 0;

        if (r < 0 || !path)
                return r;
        /* an empty file is one, too */
        if (buffer_append(&ret->text, "", 0) < 0 || digest_buffer(ret->text.data, ret->text.length, ret->sha256) < 0)
                return error_out_of_memory(error);
        return 0;
}

static int add_file(const Job *job, json_t *files, const char *suffix, const char *sha256)
{
        _cleanup_free_ char *name = NULL;

        if (asprintf(&name, "%s-%s.%s", job->stem, job_version(job), suffix) < 0) {
                name = NULL;
                return -ENOMEM;
        }
        return json_array_append_new(files, json_pack("{s:s, s:s}", "name", name, "sha256", sha256)) < 0 ? -ENOMEM : 0;
}

/* Every file whose bytes make the version, as {name, sha256}: the images and the settings. */
static int list_files(const Job *job, const Packing *packing, const char *settings_sha256, json_t **ret, Error *error)
{
        _cleanup_json_ json_t *files = json_array();
        int r = 0;

        for (size_t i = 0; r == 0 && i < packing->n_outputs; i++) {
                const PackOutput *output = &packing->shared->outputs[i];
                r = add_file(job, files, image_format_names[output->format], output->sha256);
        }
        if (r == 0 && *settings_sha256)
                r = add_file(job, files, "nspawn", settings_sha256);
        if (r < 0 || !files)
                return error_out_of_memory(error);
        *ret = TAKE_PTR(files);
        return 0;
}

/* RELEASE_SAME only when every file of the version is there with the same bytes; RELEASE_ABSENT when none is. */
static int compare_release(const Job *job, const json_t *files, ReleaseMatch *ret, Error *error)
{
        size_t n_same = 0, n_absent = 0, n_files = json_array_size(files);

        for (size_t i = 0; i < n_files; i++) {
                const json_t *file = json_array_get(files, i);
                ReleaseMatch match;
                int r = release_compare(job->directory, json_string_value(json_object_get(file, "name")),
                                        json_string_value(json_object_get(file, "sha256")), &match, error);
                if (r < 0)
                        return r;
                n_same += match == RELEASE_SAME;
                n_absent += match == RELEASE_ABSENT;
        }
        *ret = n_absent == n_files ? RELEASE_ABSENT : n_same == n_files ? RELEASE_SAME : RELEASE_DIFFERENT;
        return 0;
}

static char *base_name_of(const Job *job)
{
        char *name = NULL;

        return asprintf(&name, "%s-%s", job->stem, job_version(job)) < 0 ? NULL : name;
}

int job_open_signer(const Job *job, Signer **ret, Error *error)
{
        const BuildOptions *options = job->options;

        if (!options->sign)
                return 0;
        if (options->key)
                return signer_open(options->gnupg_home, options->key, ret, error);
        return signer_open_development(options->development_home, ret, error);
}

static int publish(Job *job, Release *release, const char *statement, Error *error)
{
        _cleanup_signer_ Signer *signer = NULL;
        ReleaseFile *files = NULL;
        size_t n_files = 0;
        Report *report = job->options->report;

        report_stage_start(report, 0, 0, "sign",
                           job->options->sign    ? "Signing and verifying"
                           : job->options->trial ? "Listing"
                                                 : "Publishing unsigned");
        int r = job_open_signer(job, &signer, error);
        if (r == 0 && signer)
                r = attest_write(release, signer, statement, error);
        if (r == 0)
                r = release_publish(release, signer, &files, &n_files, error);
        if (r < 0) {
                report_stage_failed(report);
                return r;
        }
        report_stage_end(report, signer ? signer_user_id(signer) : NULL);
        for (size_t i = 0; i < n_files && !job->options->trial; i++) {
                _cleanup_free_ char *path = path_join(job->directory, files[i].name);
                if (path)
                        report_file(report, path, files[i].size_bytes, files[i].sha256);
        }
        release_files_free(files, n_files);
        return 0;
}

static int fill_result(const Job *job, bool unchanged, BuildResult *ret, Error *error)
{
        _cleanup_build_result_ BuildResult result = {
                .directory = strdup(job->directory),
                .base_name = base_name_of(job),
                .version = strdup(job_version(job)),
                .unchanged = unchanged,
        };

        if (!result.directory || !result.version || !result.base_name)
                return error_out_of_memory(error);
        *ret = result;
        result = (BuildResult){ 0 };
        return 0;
}

static int pack_reported(Job *job, Release *release, Packing *packing, Error *error)
{
        char size[SIZE_TEXT_MAX], note[64];

        report_stage_start(packing->report, 0, 0, "pack", "Packing");
        int r = pack(job, release, packing, error);
        if (r < 0) {
                report_stage_failed(packing->report);
                return r;
        }
        snprintf(note, sizeof note, "%" PRIu64 " files, %s", packing->shared->statistics.n_entries,
                 size_text(packing->shared->statistics.tar_bytes, size));
        report_stage_end(packing->report, note);
        return 0;
}

static int rename_release(Job *job, Release *release, Error *error)
{
        int r = level_take_free_version(levels_last(&job->levels), error);

        if (r < 0)
                return r;
        _cleanup_free_ char *base_name = base_name_of(job);
        return base_name ? release_set_base_name(release, base_name, error) : error_out_of_memory(error);
}

static int write_companions(const Job *job, Release *release, const Packing *packing, const Settings *settings,
                            char **ret_statement, Error *error)
{
        PackedImage image = {
                .outputs = packing->shared->outputs,
                .n_outputs = packing->n_outputs,
                .statistics = &packing->shared->statistics,
                .settings_sha256 = settings->sha256,
                .formats = formats_of(job),
                .allows = &packing->inspection->allows,
        };

        return companions_write(job, release, &image, ret_statement, error);
}

/* The packed image against what is there under that version: *ret_taken, see job.h. */
static int publish_packed(Job *job, Release *release, Packing *packing, const Settings *settings, json_t **ret_files,
                          BuildResult *ret, bool *ret_taken, Error *error)
{
        ReleaseMatch match = RELEASE_ABSENT;
        _cleanup_free_ char *statement = NULL;
        int r = list_files(job, packing, settings->sha256, ret_files, error);

        if (r == 0)
                r = compare_release(job, *ret_files, &match, error);
        if (r < 0)
                return r;
        if (match == RELEASE_SAME)
                return fill_result(job, true, ret, error);
        *ret_taken = match == RELEASE_DIFFERENT && job_stages_see_version(job);
        if (*ret_taken)
                return 0;
        if (match == RELEASE_DIFFERENT) {
                r = rename_release(job, release, error);
                json_decref(TAKE_PTR(*ret_files));
                if (r == 0)
                        r = list_files(job, packing, settings->sha256, ret_files, error);
        }
        if (r == 0)
                r = inspection_conclude(packing->inspection, packing->report, error);
        if (r == 0 && *settings->sha256)
                r = release_write_file(release, "nspawn", settings->text.data, settings->text.length, error);
        if (r == 0)
                r = write_companions(job, release, packing, settings, &statement, error);
        if (r == 0)
                r = publish(job, release, statement, error);
        return r < 0 ? r : fill_result(job, false, ret, error);
}

static int pack_and_publish(Job *job, const Settings *settings, BuildResult *ret, bool *ret_taken, Error *error)
{
        _cleanup_release_ Release *release = NULL;
        _cleanup_inspection_ Inspection inspection = { 0 };
        _cleanup_free_ char *base_name = base_name_of(job);
        _cleanup_json_ json_t *files = NULL;
        _cleanup_(unmap_shared) PackShared *shared =
                mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        char release_key[SHA256_HEX_SIZE];

        if (shared == MAP_FAILED)
                shared = NULL;
        if (!shared || !base_name)
                return error_out_of_memory(error);
        Packing packing = {
                .shared = shared,
                .clamp_sec = job_epoch_sec(job),
                .inspection = &inspection,
                .report = job->options->report,
        };
        int r = inspection_start(job, &inspection, error);
        if (r == 0)
                r = release_open(job->directory, base_name, &release, error);
        if (r == 0)
                r = job_clean(job, error);
        if (r == 0)
                r = pack_reported(job, release, &packing, error);
        if (r == 0 && !job->options->no_cache)
                r = layer_store_trim(job->store, error);
        if (r == 0)
                r = publish_packed(job, release, &packing, settings, &files, ret, ret_taken, error);
        if (r == 0 && !*ret_taken)
                r = job_release_key(job, settings->sha256, release_key, error);
        if (r == 0 && !*ret_taken && !job->options->trial)
                job_write_record(job, release_key, files);
        return r;
}

/* Nothing needs to be packed where everything that decides about the bytes is as it was; and where it can't be, and the
 * tree carries the version, it has to be made again with the next one anyway. */
static int finish(Job *job, BuildResult *ret, bool *ret_taken, Error *error)
{
        _cleanup_(settings_done) Settings settings = { 0 };
        bool forced = job->options->no_cache || job->options->from_stage;
        char release_key[SHA256_HEX_SIZE];
        int r = read_settings(job, &settings, error);

        if (r == 0)
                r = job_release_key(job, settings.sha256, release_key, error);
        if (r < 0)
                return r;
        ReleaseMatch match = forced ? RELEASE_ABSENT : job_compare_record(job, release_key);
        *ret_taken = match == RELEASE_DIFFERENT && job_stages_see_version(job);
        if (*ret_taken)
                return 0;
        if (match != RELEASE_SAME)
                return pack_and_publish(job, &settings, ret, ret_taken, error);
        job_renew_record(job, release_key);
        r = fill_result(job, true, ret, error);
        if (r == 0)
                ret->up_to_date = true;
        return r;
}

int job_finish(Job *job, BuildResult *ret, bool *ret_taken, Error *error)
{
        _cleanup_free_ char *base_name = base_name_of(job);

        if (!base_name)
                return error_out_of_memory(error);
        int r = finish(job, ret, ret_taken, error);
        return r < 0 && error->kind != ERROR_CANCELLED ? error_wrap(error, "%s", base_name) : r;
}
