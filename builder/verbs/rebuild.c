/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "build/rebuild.h"

#include "verbs/artifact.h"
#include "verbs/directories.h"
#include "verbs/locks.h"
#include "verbs/verb.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#define SHOWN_ENTRIES 10

/* What was said of a file so far: its name stands above the first difference. */
typedef struct Shown {
        const VerbCall *call;
        char *file;
} Shown;

static void shown_done(Shown *shown)
{
        free(shown->file);
}

static void show_difference(const char *name, const ImageDifference *difference, void *userdata)
{
        Shown *shown = userdata;
        Report *report = shown->call->report;
        bool same_text = strcmp(difference->first, difference->second) == 0;
        _cleanup_json_ json_t *members =
                json_pack("{s:s, s:s, s:s, s:s, s:s}", "file", name, "path", difference->path, "what", difference->what,
                          "published", difference->first, "rebuilt", difference->second);

        report_json_event(report, "difference", members);
        if (!string_equal(shown->file, name)) {
                free(shown->file);
                shown->file = strdup(name);
                report_result(report, "%s differs:", name);
        }
        const char *colon = *difference->path ? ": " : "";
        if (same_text)
                report_result(report, "  %s%s%s differs %s", difference->path, colon, difference->what,
                              difference->first);
        else
                report_result(report, "  %s%s%s\n    published  %s\n    rebuilt    %s", difference->path, colon,
                              difference->what, difference->first, difference->second);
}

static void show_file(const VerbCall *call, const RebuildFile *file)
{
        _cleanup_json_ json_t *members =
                json_pack("{s:s, s:b, s:s, s:s}", "file", file->name, "identical", file->same, "sha256", file->sha256,
                          "rebuilt_sha256", file->rebuilt_sha256);

        report_json_event(call->report, "rebuilt-file", members);
        if (file->n_entries > SHOWN_ENTRIES)
                report_result(call->report, "%s: %" PRIu64 " entries differ in all", file->name, file->n_entries);
        report_result(call->report, "%-9s  %s",
                      file->same              ? "identical"
                      : *file->rebuilt_sha256 ? "differs"
                                              : "not made",
                      file->name);
}

static int show(const VerbCall *call, const Rebuild *rebuild, Error *error)
{
        _cleanup_json_ json_t *members =
                json_pack("{s:s, s:b}", "base_name", rebuild->base_name, "identical", rebuild->same);

        for (size_t i = 0; i < rebuild->n_files; i++)
                show_file(call, &rebuild->files[i]);
        report_json_event(call->report, "rebuilt", members);
        if (rebuild->same) {
                report_result(call->report, "%s: identical", rebuild->base_name);
                return 0;
        }
        error_set(error, -EBADMSG, "%s is not what its recipe and lock make here", rebuild->base_name);
        if (!string_equal(rebuild->tool_version, TEMPLAR_VERSION))
                error_hint(error, "It was built by templar %s, and this is %s", rebuild->tool_version, TEMPLAR_VERSION);
        return error->code;
}

static int run(const VerbCall *call, Error *error)
{
        const Options *given = call->options;
        _cleanup_free_ char *cache = NULL, *image = NULL;
        char *const *pools = NULL;
        _cleanup_rebuild_ Rebuild rebuild = { 0 };
        _cleanup_(shown_done) Shown shown = { .call = call };

        int r = artifact_find(call->arguments[0], &image, error);
        if (r >= 0)
                r = pools_check(given, &pools, error);
        if (r >= 0)
                r = cache_directory(options_string(given, "cache"), &cache, error);
        if (r < 0)
                return r;
        RebuildOptions options = {
                .image = image,
                .recipe = options_string(given, "recipe"),
                .lock = options_string(given, "lock"),
                .settings = options_list(given, "set"),
                .keep = options_string(given, "keep"),
                .limit = SHOWN_ENTRIES,
                .build = {
                        .cache_directory = cache,
                        .offline = options_switch(given, "offline"),
                        .pools = pools,
                        .report = call->report,
                },
                .listener = show_difference,
                .userdata = &shown,
        };
        r = rebuild_image(&options, &rebuild, error);
        if (r < 0) {
                report_stage_failed(call->report);
                return r;
        }
        return show(call, &rebuild, error);
}

static const Option options[] = {
        { .name = "recipe",
          .argument = "FILE",
          .value = VALUE_RECIPE,
          .help = "the recipe of the image (default: NAME.recipe here or in the folder recipes, whichever has the "
                  "digest that the manifest tells)" },
        { .name = "lock",
          .argument = "FILE",
          .value = VALUE_FILE,
          .help = "its lock (default: the one beside the image)" },
        OPTION_SET,
        { .name = "keep",
          .argument = "DIR",
          .value = VALUE_DIRECTORY,
          .help = "keep what was rebuilt there, as DIR/NAME/ARCHITECTURE/; the directory must be empty or missing" },
        { .name = "cache",
          .argument = "DIR",
          .value = VALUE_DIRECTORY,
          .help = "where downloads and work are kept (default: as for build)" },
        OPTION_POOL,
        { .name = "offline", .help = "use packages that the cache has, and nothing of the network" },
        OPTION_QUIET,
        OPTION_VERBOSE,
        OPTION_JSON,
        { 0 },
};

static const VerbExample examples[] = {
        { "templar rebuild out/images/web/amd64", "Does the newest version of web come out the same here?" },
        { "templar rebuild --recipe web.recipe web-amd64-20261123.tar.xz",
          "One image that was downloaded with its .manifest.json and .lock." },
        { 0 },
};

const Verb verb_rebuild = {
        .name = "rebuild",
        .arguments = "IMAGE|DIRECTORY",
        .summary = "build an image again from its lock, and compare",
        .description =
                "Builds a published image once more, with the packages of its own lock, and compares every byte: the "
                "images that are there of that version, settings, manifest, lock and SBOM. Prints \"identical\", or "
                "what differs first: the path in the image and whether it is its mode, owner, time, size or content, and "
                "from which byte on. Nothing is published, and nothing but downloads is taken from the cache: every "
                "stage runs."
                "\n\n"
                "What it takes: the manifest and the lock beside the image, and the recipe with its files as it was. "
                "So anybody who has these can tell whether a release is what its sources make, without trusting who "
                "built it.",
        .minimum = 1,
        .maximum = 1,
        .completes = VALUE_FILE,
        .options = options,
        .examples = examples,
        .run = run,
};
