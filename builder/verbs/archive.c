/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "build/archive.h"

#include "stages/stage.h"
#include "verbs/directories.h"
#include "verbs/locks.h"
#include "verbs/verb.h"

#include <errno.h>
#include <string.h>

typedef struct ArchiveCall {
        BuildOptions options;
        char *cache, *development_home, *lock_path, *directory;
        Lock lock;
} ArchiveCall;

static void archive_call_done(ArchiveCall *archive)
{
        free(archive->cache);
        free(archive->development_home);
        free(archive->lock_path);
        free(archive->directory);
        lock_done(&archive->lock);
}

static int read_options(const VerbCall *call, ArchiveCall *archive, Error *error)
{
        const Options *options = call->options;
        const char *out = options_string(options, "out");
        char *const *pools = NULL;

        if (options_switch(options, "key") && options_switch(options, "no-sign"))
                return error_set_usage(error, -EINVAL, "--key and --no-sign contradict each other");
        int r = pools_check(options, &pools, error);
        if (r >= 0)
                r = lock_open(options, call->arguments[0], &archive->lock, &archive->lock_path, error);
        if (r >= 0)
                r = cache_directory(options_string(options, "cache"), &archive->cache, error);
        if (r < 0)
                return r;
        archive->options = (BuildOptions){ .out_directory = out ? out : DEFAULT_OUT,
                                           .cache_directory = archive->cache,
                                           .offline = options_switch(options, "offline"),
                                           .key = options_string(options, "key"),
                                           .sign = !options_switch(options, "no-sign"),
                                           .lock = &archive->lock,
                                           .lock_path = archive->lock_path,
                                           .pools = pools,
                                           .report = call->report };
        if (archive->options.sign && !archive->options.key)
                r = development_home(archive->options.out_directory, &archive->development_home, error);
        archive->options.development_home = archive->development_home;
        return r;
}

/* "DIR/" is DIR. */
static int read_directory(const char *text, char **ret, Error *error)
{
        size_t length = strlen(text);

        if (length == 0)
                return error_set_usage(error, -EINVAL, "The archive's directory has no name");
        while (length > 1 && text[length - 1] == '/')
                length--;
        *ret = strndup(text, length);
        return *ret ? 0 : error_out_of_memory(error);
}

static void show_result(const VerbCall *call, const ArchiveCall *archive, const ArchiveResult *result)
{
        char size[SIZE_TEXT_MAX];
        _cleanup_json_ json_t *members =
                json_pack("{s:s, s:s, s:I, s:I}", "directory", archive->directory, "suite", result->suite, "packages",
                          (json_int_t) result->n_packages, "size_bytes", (json_int_t) result->size_bytes);

        report_json_event(call->report, "archived", members);
        report_result(call->report, "%s", archive->directory);
        report_note(call->report, "%zu packages, %s. To build from it, on any machine and without a network:\n"
                                  "  templar build --locked --offline --pool %s %s",
                    result->n_packages, size_text(result->size_bytes, size), archive->directory, call->arguments[0]);
}

static int run(const VerbCall *call, Error *error)
{
        RecipeOptions options = { .schema = &stage_recipe_schema, .settings = options_list(call->options, "set") };
        _cleanup_(archive_call_done) ArchiveCall archive = { .cache = NULL };
        _cleanup_recipe_ Recipe *recipe = NULL;
        _cleanup_archive_result_ ArchiveResult result = { 0 };

        int r = read_directory(call->arguments[1], &archive.directory, error);
        if (r >= 0)
                r = recipe_load(call->arguments[0], &options, &recipe, error);
        if (r >= 0)
                r = read_options(call, &archive, error);
        if (r >= 0)
                r = build_archive(recipe, &archive.options, archive.directory, &result, error);
        if (r >= 0)
                show_result(call, &archive, &result);
        return r;
}

static const Option options[] = {
        { .name = "lock",
          .argument = "FILE",
          .value = VALUE_FILE,
          .help = "the lock whose packages are collected, as that of a release (default: the one beside the recipe)" },
        { .name = "key",
          .letter = 'k',
          .argument = "FINGERPRINT",
          .value = VALUE_KEY,
          .help = "sign with this secret key of GNUPGHOME (default: the development key)" },
        { .name = "no-sign", .help = "leave the archive unsigned: templar compares digests in any case, apt will refuse it" },
        { .name = "out",
          .letter = 'o',
          .argument = "DIR",
          .value = VALUE_DIRECTORY,
          .help = "where releases are, with the development key beside it (default: " DEFAULT_OUT ")" },
        OPTION_SET,
        { .name = "cache",
          .argument = "DIR",
          .value = VALUE_DIRECTORY,
          .help = "where downloads are kept (default: as for templar build)" },
        OPTION_POOL,
        { .name = "offline", .help = "take packages from the cache and from directories alone" },
        OPTION_QUIET,
        OPTION_VERBOSE,
        OPTION_JSON,
        { 0 },
};

static const VerbExample examples[] = {
        { "templar archive recipes/web.recipe /srv/archive/web", "Keep all that the image is made of." },
        { "templar build --locked --offline --pool /srv/archive/web recipes/web.recipe", "Build it from there." },
        { 0 },
};

const Verb verb_archive = {
        .name = "archive",
        .arguments = "RECIPE DIR",
        .summary = "collect every package that a lock names into an archive of its own",
        .description = "Makes DIR, which must not be there yet: an archive for apt (pool/, dists/SUITE/, signed) with every "
                       "package of the recipe's lock, byte by byte, and the lock. From it `templar build --locked --offline "
                       "--pool DIR` makes the image again, years later and on another machine, when no mirror has these "
                       "versions any more."
                       "\n\n"
                       "apt takes packages from it as well: `deb [signed-by=DIR/keyring.gpg] file:DIR SUITE main`.",
        .minimum = 2,
        .maximum = 2,
        .completes = VALUE_RECIPE,
        .options = options,
        .examples = examples,
        .run = run,
};
