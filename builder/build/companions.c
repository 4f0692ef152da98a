/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "build/companions.h"

#include "build/materials.h"
#include "image/manifest.h"
#include "image/spdx.h"

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

/* What is known once the tree is packed. */
typedef struct Facts {
        const Job *job;
        const PackedImage *image;
        char *base_name;
        char **names; /* of the image's files */
        Inventory inventory;
        Lock lock;
        ProvenanceFiles subjects; /* what the version consists of so far */
} Facts;

static void facts_done(Facts *facts)
{
        free(facts->base_name);
        strv_free(facts->names);
        inventory_done(&facts->inventory);
        lock_done(&facts->lock);
        provenance_files_done(&facts->subjects);
}

static int collect_facts(Facts *facts, Error *error)
{
        const Job *job = facts->job;
        _cleanup_strv_ char **lowers = NULL;
        SandboxTree tree;

        if (asprintf(&facts->base_name, "%s-%s", job->stem, job_version(job)) < 0) {
                facts->base_name = NULL;
                return error_out_of_memory(error);
        }
        for (size_t i = 0; i < facts->image->n_outputs; i++)
                if (strv_appendf(&facts->names, "%s.%s", facts->base_name,
                                 image_format_names[facts->image->outputs[i].format]) < 0)
                        return error_out_of_memory(error);
        int r = job_clean_tree(job, &tree, &lowers, error);
        if (r == 0)
                r = inventory_read(job->sandbox, &tree, &facts->inventory, error);
        return r < 0 ? r : job_lock(job, &facts->lock, error);
}

static int add_subject(Facts *facts, const char *suffix, const char *sha256, Error *error)
{
        _cleanup_free_ char *name = NULL;

        if (asprintf(&name, "%s.%s", facts->base_name, suffix) < 0) {
                name = NULL;
                return error_out_of_memory(error);
        }
        return provenance_add(&facts->subjects, "subject", name, sha256) < 0 ? error_out_of_memory(error) : 0;
}

static int add_packed_subjects(Facts *facts, Error *error)
{
        const char *settings_sha256 = facts->image->settings_sha256;
        int r = 0;

        for (size_t i = 0; r == 0 && i < facts->image->n_outputs; i++) {
                const PackOutput *output = &facts->image->outputs[i];
                r = add_subject(facts, image_format_names[output->format], output->sha256, error);
                /* the second name under which hosts ask for the settings, see release_publish() */
                if (r == 0 && *settings_sha256 && output->format == IMAGE_TAR_ZST)
                        r = add_subject(facts, "tar.zst.nspawn", settings_sha256, error);
        }
        return r == 0 && *settings_sha256 ? add_subject(facts, "nspawn", settings_sha256, error) : r;
}

static int write_text(Facts *facts, Release *release, const char *suffix, const char *text, Error *error)
{
        char sha256[SHA256_HEX_SIZE];

        if (digest_buffer(text, strlen(text), sha256) < 0)
                return error_out_of_memory(error);
        int r = release_write_file(release, suffix, text, strlen(text), error);
        return r < 0 ? r : add_subject(facts, suffix, sha256, error);
}

static int write_manifest(Facts *facts, Release *release, Error *error)
{
        const Job *job = facts->job;
        _cleanup_free_ ManifestStage *stages = NULL;
        _cleanup_strv_ char **stage_texts = NULL;
        _cleanup_free_ char *text = NULL;
        int r = stage_list(job, &stages, &stage_texts, error);

        if (r < 0)
                return r;
        Manifest manifest = {
                .recipe = job->recipe,
                .version = job_version(job),
                .source_date_epoch_sec = job_epoch_sec(job),
                .stages = stages,
                .n_stages = job->n_stages,
                .packages = &facts->inventory.packages,
                .releases = &job->releases,
                .statistics = facts->image->statistics,
                .outputs = facts->image->outputs,
                .output_names = (const char *const *) facts->names,
                .n_outputs = facts->image->n_outputs,
                .allows = facts->image->allows,
        };
        r = manifest_format(&manifest, &text, error);
        return r < 0 ? r : write_text(facts, release, "manifest.json", text, error);
}

static int write_lock(Facts *facts, Release *release, Error *error)
{
        _cleanup_free_ char *text = NULL;
        int r = lock_format(&facts->lock, &text, error);

        return r < 0 ? r : write_text(facts, release, "lock", text, error);
}

static int write_sbom(Facts *facts, Release *release, Error *error)
{
        const Job *job = facts->job;
        _cleanup_free_ char *text = NULL;
        Spdx spdx = {
                .base_name = facts->base_name,
                .name = job->stem,
                .version = job_version(job),
                .description = section_string(recipe_image(job->recipe), "Description"),
                .suite = recipe_suite(job->recipe),
                .source_date_epoch_sec = job_epoch_sec(job),
                .inventory = &facts->inventory,
                .lock = &facts->lock,
                .statistics = facts->image->statistics,
                .outputs = facts->image->outputs,
                .output_names = (const char *const *) facts->names,
                .n_outputs = facts->image->n_outputs,
        };
        int r = spdx_format(&spdx, &text, error);

        return r < 0 ? r : write_text(facts, release, "spdx.json", text, error);
}

static int format_statement(const Facts *facts, char **ret, Error *error)
{
        const Job *job = facts->job;
        _cleanup_(materials_done) Materials materials = { 0 };
        _cleanup_spdx_system_ SpdxSystem system = { 0 };
        int r = materials_collect(job, facts->image->settings_sha256, &materials, error);

        if (r < 0)
                return r;
        for (size_t i = 0; r == 0 && i < facts->subjects.n_items; i++)
                if (string_ends_with(facts->subjects.items[i].name, ".lock"))
                        r = provenance_add(&materials.files, "lock", facts->subjects.items[i].name,
                                           facts->subjects.items[i].sha256);
        if (r < 0 || spdx_system(facts->inventory.os_release, recipe_suite(job->recipe), &system) < 0)
                return error_out_of_memory(error);
        Provenance provenance = {
                .recipe = materials.recipe,
                .settings = materials.settings,
                .formats = facts->image->formats,
                .name = recipe_name(job->recipe),
                .version = job_version(job),
                .architecture = recipe_architecture(job->recipe),
                .suite = recipe_suite(job->recipe),
                .source_date_epoch_sec = job_epoch_sec(job),
                .subjects = &facts->subjects,
                .dependencies = &materials.files,
                .lock = &facts->lock,
                .system = &system,
        };
        return provenance_format(&provenance, ret, error);
}

int companions_write(const Job *job, Release *release, const PackedImage *image, char **ret_statement, Error *error)
{
        _cleanup_(facts_done) Facts facts = { .job = job, .image = image };
        int r = collect_facts(&facts, error);

        if (r == 0)
                r = add_packed_subjects(&facts, error);
        if (r == 0)
                r = write_manifest(&facts, release, error);
        if (r == 0)
                r = write_lock(&facts, release, error);
        if (r == 0)
                r = write_sbom(&facts, release, error);
        return r < 0 ? r : format_statement(&facts, ret_statement, error);
}
