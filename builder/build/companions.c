/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "build/companions.h"

#include "image/manifest.h"

#include <string.h>

static int stage_list(const Job *job, ManifestStage **ret, char ***ret_texts, Error *error)
{
        size_t n_stages = job->n_stages;
        _cleanup_free_ ManifestStage *stages = calloc(n_stages + 1, sizeof *stages);
        _cleanup_strv_ char **texts = calloc(2 * n_stages + 1, sizeof *texts);

        if (!stages || !texts)
                return error_out_of_memory(error);
        for (size_t i = 0; i < n_stages; i++) {
                const RecipeSection *section = job->stages[i].section;
                const StageKind *kind = job->stages[i].kind;
                _cleanup_digest_ Digest *digest = NULL;
                texts[2 * i] = kind->describe(section);
                texts[2 * i + 1] = calloc(1, SHA256_HEX_SIZE);
                if (!texts[2 * i] || !texts[2 * i + 1] || digest_new(&digest) < 0)
                        return error_out_of_memory(error);
                int r = stage_digest(section, digest, error);
                if (r < 0)
                        return r;
                if (digest_finish(digest, texts[2 * i + 1]) < 0)
                        return error_out_of_memory(error);
                stages[i] = (ManifestStage){ kind->schema->name, texts[2 * i], texts[2 * i + 1] };
        }
        *ret = TAKE_PTR(stages);
        *ret_texts = TAKE_PTR(texts);
        return 0;
}

static int write_manifest(const Job *job, Release *release, const PackedImage *image, Error *error)
{
        _cleanup_dpkg_list_ DpkgList packages = { 0 };
        _cleanup_free_ ManifestStage *stages = NULL;
        _cleanup_strv_ char **stage_texts = NULL, **names = NULL, **lowers = NULL;
        _cleanup_free_ char *text = NULL;
        SandboxTree tree;

        int r = job_clean_tree(job, &tree, &lowers, error);
        if (r == 0)
                r = dpkg_list(job->sandbox, &tree, &packages, error);
        if (r == 0)
                r = stage_list(job, &stages, &stage_texts, error);
        if (r < 0)
                return r;
        for (size_t i = 0; i < image->n_outputs; i++)
                if (strv_appendf(&names, "%s-%s.%s", job->stem, job_version(job),
                                 image_format_names[image->outputs[i].format]) < 0)
                        return error_out_of_memory(error);
        Manifest manifest = {
                .recipe = job->recipe,
                .version = job_version(job),
                .source_date_epoch_sec = job_epoch_sec(job),
                .stages = stages,
                .n_stages = job->n_stages,
                .packages = &packages,
                .releases = &job->releases,
                .statistics = image->statistics,
                .outputs = image->outputs,
                .output_names = (const char *const *) names,
                .n_outputs = image->n_outputs,
        };
        r = manifest_format(&manifest, &text, error);
        return r < 0 ? r : release_write_file(release, "manifest.json", text, strlen(text), error);
}

static int write_lock(const Job *job, Release *release, Error *error)
{
        _cleanup_lock_ Lock lock = { 0 };
        _cleanup_free_ char *text = NULL;
        int r = job_lock(job, &lock, error);

        if (r == 0)
                r = lock_format(&lock, &text, error);
        return r < 0 ? r : release_write_file(release, "lock", text, strlen(text), error);
}

int companions_write(const Job *job, Release *release, const PackedImage *image, Error *error)
{
        int r = write_manifest(job, release, image, error);

        return r == 0 ? write_lock(job, release, error) : r;
}
