/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "stages/kinds.h"
#include "stages/transaction.h"

#include <string.h>

static char *describe(const RecipeSection *section _unused_)
{
        return strdup("Upgrade");
}

static bool request(const RecipeSection *section _unused_, StageRequest *ret)
{
        ret->apt = (AptRequest){ .verb = APT_DIST_UPGRADE };
        return true;
}

static const KeySchema keys[] = { { .name = NULL } };

const SectionSchema stage_upgrade_schema = {
        .name = "Upgrade",
        .help = "Brings all packages to the newest version of the repositories (apt's dist-upgrade).",
        .keys = keys,
};

const StageKind stage_upgrade = {
        .schema = &stage_upgrade_schema, .version = 2, .request = request, .describe = describe, .run = transaction_run
};
