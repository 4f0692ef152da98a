/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "verbs/verb.h"

static int run(const VerbCall *call, Error *error _unused_)
{
        report_result(call->report, "templar %s", TEMPLAR_VERSION);
        return 0;
}

static const Option options[] = {
        { 0 },
};

const Verb verb_version = {
        .name = "version",
        .arguments = "",
        .summary = "print the version of this program",
        .description = "Prints the version of this program, as `templar --version` does.",
        .options = options,
        .run = run,
};
