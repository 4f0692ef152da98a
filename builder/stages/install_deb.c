/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "stages/kinds.h"
#include "stages/transaction.h"

#include <errno.h>

static int check(const RecipeSection *section, Error *error)
{
        for (char *const *file = section_list(section, "Files"); file && *file; file++)
                if (!string_ends_with(*file, ".deb"))
                        return error_set_usage(error, -EINVAL, "Files= takes .deb files, and %s is none", *file);
        return 0;
}

static int digest(const RecipeSection *section, Digest *digest, Error *error)
{
        int r = 0;

        for (char *const *path = section_paths(section, "Files"); r == 0 && path && *path; path++)
                r = stage_digest_file(digest, *path, error);
        return r;
}

static char *describe(const RecipeSection *section)
{
        return stage_describe("Install", section_list(section, "Files"));
}

static bool request(const RecipeSection *section, StageRequest *ret)
{
        ret->apt = (AptRequest){
                .verb = APT_INSTALL,
                .deb_paths = section_paths(section, "Files"),
                .recommends = section_bool(section, "Recommends"),
        };
        return true;
}

static const KeySchema keys[] = {
        { .name = "Files", .type = KEY_SOURCE_LIST, .required = true, .help = "The .deb files." },
        { .name = "Recommends", .type = KEY_BOOL, .fallback = "no",
          .help = "Whether what they recommend is installed, too." },
        { .name = NULL },
};

const SectionSchema stage_install_deb_schema = {
        .name = "InstallDeb",
        .help = "Installs .deb files that lie beside the recipe; what they depend on comes from the repositories.",
        .keys = keys,
        .check = check,
};

const StageKind stage_install_deb = {
        .schema = &stage_install_deb_schema,
        .version = 2,
        .request = request,
        .digest = digest,
        .describe = describe,
        .run = transaction_run,
};
