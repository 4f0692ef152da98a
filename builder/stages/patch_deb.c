/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "packages/dpkg.h"
#include "packages/patch.h"
#include "packages/transaction.h"
#include "stages/kinds.h"
#include "stages/transaction.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

/* deb-version(7): what may stand in a version, with "+" or "~" first so that the suffix can't run into a number. */
static int check_suffix(const char *value, Error *error)
{
        if (value[0] != '+' && value[0] != '~')
                return error_set_usage(error, -EINVAL,
                                       "a suffix starts with '+' (newer than the package) or '~' (older)");
        if (!value[1])
                return error_set_usage(error, -EINVAL, "the suffix is empty");
        for (const char *c = value; *c; c++)
                if (!isalnum((unsigned char) *c) && !strchr("+~.", *c))
                        return error_set_usage(error, -EINVAL,
                                               "a version's suffix consists of letters, digits, '.', '+' and '~'");
        return 0;
}

static int digest(const RecipeSection *section, Digest *digest, Error *error)
{
        return stage_digest_file(digest, section_path(section, "Patch"), error);
}

static char *describe(const RecipeSection *section)
{
        char *words[] = { (char *) section_string(section, "Package"), NULL };

        return stage_describe("Patch", words);
}

static void warn_about_base(StageContext *context, const AptPackage *package)
{
        const char *base = section_string(context->section, "Base");

        if (!base || dpkg_compare_versions(package->version, base) <= 0)
                return;
        report_warning(context->report,
                       "[PatchDeb] %s is at version %s, newer than %s, for which %s was made; see whether the patch is "
                       "still needed, then raise Base=",
                       package->name, package->version, base, section_string(context->section, "Patch"));
}

static int patch(StageContext *context, const char *deb_path, char **ret_path, char **ret_version, Error *error)
{
        report_live(context->report, "patching %s", section_string(context->section, "Package"));
        return deb_patch(context->sandbox,
                         &(DebPatch){ .deb_path = deb_path,
                                      .patch_path = section_path(context->section, "Patch"),
                                      .suffix = section_string(context->section, "Suffix"),
                                      .work_directory = context->work_directory },
                         context->output, ret_path, ret_version, error);
}

/* What would be installed unpatched: the package itself and what it depends on decide the result. */
static bool request(const RecipeSection *section, StageRequest *ret)
{
        ret->words[0] = (char *) (uintptr_t) section_string(section, "Package");
        ret->words[1] = NULL;
        ret->apt = (AptRequest){ .verb = APT_INSTALL, .packages = ret->words };
        return true;
}

/* What was taken is the package as it was, and the patch. */
static int tell_original(StageContext *context, AptPackage *original, Error *error)
{
        char patch_sha256[SHA256_HEX_SIZE];
        int r = digest_file(AT_FDCWD, section_path(context->section, "Patch"), NULL, patch_sha256, error);

        if (r < 0)
                return r;
        for (size_t i = 0; i < context->ret_used->n_packages; i++) {
                AptPackage *package = &context->ret_used->packages[i];
                if (!package->local_path)
                        continue;
                original->patch_sha256 = strdup(patch_sha256);
                original->patched_sha256 = TAKE_PTR(package->sha256);
                if (!original->patch_sha256)
                        return error_out_of_memory(error);
                apt_package_done(package);
                *package = *original;
                *original = (AptPackage){ 0 };
                return 0;
        }
        return 0;
}

static int run_resolved(StageContext *context, Error *error)
{
        _cleanup_(apt_package_done) AptPackage package = { 0 };
        _cleanup_free_ char *deb_path = NULL, *patched_path = NULL, *version = NULL;

        int r = apt_select(context->apt, context->repositories, *context->pins, error);
        if (r == 0)
                r = apt_fetch_package(context->apt, context->tree, section_string(context->section, "Package"),
                                      &package, &deb_path, error);
        if (r < 0)
                return r;
        warn_about_base(context, &package);
        r = patch(context, deb_path, &patched_path, &version, error);
        if (r < 0)
                return r;
        r = stage_note(context, error, "%s %s", package.name, version);
        if (r < 0)
                return r;
        char *paths[] = { patched_path, NULL };
        r = transaction_run_request(context, &(AptRequest){ .verb = APT_INSTALL, .deb_paths = paths }, error);
        return r < 0 ? r : tell_original(context, &package, error);
}

/* The same patch on the same bytes makes the same package, unless the tools that pack it have changed. */
static int patch_again(StageContext *context, AptPackage *package, Error *error)
{
        _cleanup_free_ char *deb_path = apt_package_path(context->apt, package), *patched_path = NULL, *version = NULL;
        char hex[SHA256_HEX_SIZE];

        if (!deb_path)
                return error_out_of_memory(error);
        int r = patch(context, deb_path, &patched_path, &version, error);
        if (r == 0)
                r = digest_file(AT_FDCWD, patched_path, NULL, hex, error);
        if (r < 0)
                return r;
        if (strcmp(hex, package->patched_sha256) != 0) {
                error_set(error, -EBADMSG, "The patched %s %s has the SHA-256 %s, and %s is locked", package->name, version,
                          hex, package->patched_sha256);
                return error_hint(error, "The dpkg-deb of this machine may pack in another way than the one of then");
        }
        package->local_path = TAKE_PTR(patched_path);
        return stage_note(context, error, "%s %s", package->name, version);
}

static int run_locked(StageContext *context, Error *error)
{
        _cleanup_transaction_ AptTransaction transaction = { 0 };

        if (apt_transaction_copy(context->transaction, &transaction) < 0 ||
            apt_transaction_copy(context->transaction, context->ret_used) < 0)
                return error_out_of_memory(error);
        context->ret_has_used = true;
        int r = apt_download(context->apt, &transaction, NULL, NULL, error);
        for (size_t i = 0; r == 0 && i < transaction.n_packages; i++)
                if (transaction.packages[i].patched_sha256)
                        r = patch_again(context, &transaction.packages[i], error);
        return r == 0 ? transaction_apply(context, &transaction, error) : r;
}

static int run(StageContext *context, Error *error)
{
        return context->locked ? run_locked(context, error) : run_resolved(context, error);
}

static const KeySchema keys[] = {
        { .name = "Package", .type = KEY_WORD, .required = true,
          .help = "The package, from the repositories: its name, name=version, or name/suite." },
        { .name = "Patch", .type = KEY_SOURCE, .required = true,
          .help = "A unified diff, applied with -p1 over the files and DEBIAN/." },
        { .name = "Suffix", .type = KEY_WORD, .fallback = "+templar1", .check = check_suffix,
          .help = "Appended to the package's version." },
        { .name = "Base", .type = KEY_WORD,
          .help = "The version that the patch was made for; a newer one is a warning." },
        { .name = NULL },
};

const SectionSchema stage_patch_deb_schema = {
        .name = "PatchDeb",
        .help = "Fetches a package, patches it, gives it a version of its own, and installs it.",
        .keys = keys,
};

const StageKind stage_patch_deb = {
        .schema = &stage_patch_deb_schema,
        .version = 3,
        .request = request,
        .digest = digest,
        .describe = describe,
        .run = run,
};
