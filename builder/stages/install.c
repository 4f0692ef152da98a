/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "stages/kinds.h"
#include "stages/transaction.h"

static char *describe(const RecipeSection *section)
{
        return stage_describe("Install", section_list(section, "Packages"));
}

static bool request(const RecipeSection *section, StageRequest *ret)
{
        ret->apt = (AptRequest){
                .verb = APT_INSTALL,
                .packages = section_list(section, "Packages"),
                .recommends = section_bool(section, "Recommends"),
        };
        return true;
}

static const KeySchema keys[] = {
        { .name = "Packages", .type = KEY_LIST, .required = true,
          .help = "Packages: names, name=version, or name/suite." },
        { .name = "Recommends", .type = KEY_BOOL, .fallback = "no",
          .help = "Whether what they recommend is installed, too." },
        { .name = NULL },
};

const SectionSchema stage_install_schema = {
        .name = "Install",
        .help = "Installs packages from the repositories. No service starts while the image is built.",
        .keys = keys,
};

const StageKind stage_install = {
        .schema = &stage_install_schema, .version = 2, .request = request, .describe = describe, .run = transaction_run
};
