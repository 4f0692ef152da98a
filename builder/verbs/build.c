/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "build/build.h"

#include "image/format.h"
#include "stages/stage.h"
#include "verbs/batch.h"
#include "verbs/directories.h"
#include "verbs/locks.h"
#include "verbs/parallel.h"
#include "verbs/size.h"
#include "verbs/verb.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define JOBS_MAX 256u

/* The command line, read once for all recipes. */
typedef struct BuildCall {
        const VerbCall *call;
        BuildOptions options;
        char **formats;
        char *cache, *development_home, *shell_command;
} BuildCall;

static void build_call_done(BuildCall *build)
{
        strv_free(build->formats);
        free(build->cache);
        free(build->development_home);
        free(build->shell_command);
}

/* "tar.xz,tar.zst" or with spaces; a name that stands twice counts once. NULL when nothing is given. */
static int read_formats(const char *text, char ***ret, Error *error)
{
        _cleanup_strv_ char **words = text ? strv_split(text, ", ") : NULL, **formats = NULL;

        for (size_t i = 0; words && words[i]; i++) {
                if (image_format_parse(words[i]) < 0) {
                        const char *nearest = nearest_word(words[i], image_format_names);
                        _cleanup_free_ char *all = strv_join((char *const *) image_format_names, ", ");
                        error_set_usage(error, -EINVAL, "There is no image format \"%s\"", words[i]);
                        return nearest ? error_hint(error, "Did you mean \"%s\"?", nearest)
                                       : error_hint(error, "There are: %s", all ? all : "");
                }
                if (!strv_contains(formats, words[i]) && strv_append(&formats, words[i]) < 0)
                        return error_out_of_memory(error);
        }
        if (text && !formats)
                return error_set_usage(error, -EINVAL, "--formats names no format");
        *ret = TAKE_PTR(formats);
        return 0;
}

static int check_contradictions(const Options *options, Error *error)
{
        static const char *const pairs[][2] = { { "key", "no-sign" },
                                                { "quiet", "verbose" },
                                                { "no-cache", "from" } };
        bool several = strv_length(options_arguments(options)) > 1;

        for (size_t i = 0; i < ELEMENTS(pairs); i++)
                if (options_switch(options, pairs[i][0]) && options_switch(options, pairs[i][1]))
                        return error_set_usage(error, -EINVAL, "--%s and --%s contradict each other",
                                               pairs[i][0], pairs[i][1]);
        if (several && options_string(options, "lock")) {
                error_set_usage(error, -EINVAL, "--lock names the lock of one recipe, and there are several");
                return error_hint(error, "With --locked each is built from the lock beside it");
        }
        return 0;
}

static int read_cache_size(const char *text, uint64_t *ret_bytes, Error *error)
{
        int r = text ? parse_size(text, ret_bytes) : 0;

        if (r >= 0)
                return 0;
        error_set_usage(error, r, "--cache-size: \"%s\" is not a size", text);
        return error_hint(error, "As 512M, 20G or 1T");
}

static int read_jobs(const char *text, uint64_t *ret_n_jobs, Error *error)
{
        if (!text || parse_unsigned(text, 1, JOBS_MAX, ret_n_jobs) == 0)
                return 0;
        return error_set_usage(error, -EINVAL, "--jobs: \"%s\" is not a number from 1 to %u", text, JOBS_MAX);
}

static int read_options(const VerbCall *call, BuildCall *build, Error *error)
{
        const Options *options = call->options;
        const char *out = options_string(options, "out"), *key = options_string(options, "key");
        uint64_t cache_size_bytes = 0;
        char *const *pools = NULL;

        int r = check_contradictions(options, error);
        if (r >= 0)
                r = read_formats(options_string(options, "formats"), &build->formats, error);
        if (r >= 0)
                r = read_cache_size(options_string(options, "cache-size"), &cache_size_bytes, error);
        if (r >= 0)
                r = pools_check(options, &pools, error);
        if (r >= 0)
                r = cache_directory(options_string(options, "cache"), &build->cache, error);
        if (r >= 0)
                r = shell_command(options, &build->shell_command, error);
        if (r < 0)
                return r;
        build->options = (BuildOptions){ .out_directory = out ? out : DEFAULT_OUT,
                                         .cache_directory = build->cache,
                                         .cache_size_bytes = cache_size_bytes,
                                         .from_stage = options_string(options, "from"),
                                         .no_cache = options_switch(options, "no-cache"),
                                         .offline = options_switch(options, "offline"),
                                         .key = key,
                                         .sign = !options_switch(options, "no-sign"),
                                         .keep_failed = options_switch(options, "keep-failed"),
                                         .formats = build->formats,
                                         .pools = pools,
                                         .shell_command = build->shell_command,
                                         .report = call->report };
        return 0;
}

/* The format to show in the line for the hosts: the first that systemd before 258 takes, else the first. */
static const char *format_for_hosts(char *const *formats)
{
        for (size_t i = 0; formats[i]; i++)
                if (image_format_parse(formats[i]) != IMAGE_TAR_ZST)
                        return formats[i];
        return formats[0];
}

static void explain_pull(const BuildCall *build, const Recipe *recipe, const BuildResult *result,
                         const char *format)
{
        Report *report = build->options.report;

        report_note(report,
                    "To pull it on a host, serve %s over http and run there%s:\n"
                    "  machinectl pull-tar --verify=%s http://SERVER/%s/%s/%s.%s %s",
                    build->options.out_directory,
                    image_format_parse(format) == IMAGE_TAR_ZST ? " (systemd 258 or newer)" : "",
                    build->options.sign ? "signature" : "checksum", recipe_name(recipe),
                    recipe_architecture(recipe), result->base_name, format, recipe_name(recipe));
        if (build->options.sign)
                report_note(report,
                            "The host verifies with %s/import-pubring.gpg, to be put into /etc/systemd/.",
                            result->directory);
        if (build->options.sign && !build->options.key)
                report_note(
                        report,
                        "It is signed by the development key in %s: for hosts of your own, not for releases.",
                        build->development_home);
}

static void show_result(const BuildCall *build, const Recipe *recipe, const BuildResult *result,
                        char *const *formats)
{
        Report *report = build->options.report;
        _cleanup_json_ json_t *files = json_array();

        if (result->up_to_date)
                report_note(report, "%s is up to date: nothing has changed since version %s.", recipe_name(recipe),
                            result->version);
        else if (result->unchanged)
                report_note(report, "%s has not changed: version %s is already there with the same bytes.",
                            recipe_name(recipe), result->version);
        for (size_t i = 0; formats[i]; i++) {
                _cleanup_free_ char *path = NULL;
                if (asprintf(&path, "%s/%s.%s", result->directory, result->base_name, formats[i]) < 0) {
                        path = NULL;
                        return;
                }
                report_result(report, "%s", path);
                json_array_append_new(files, json_string(path));
        }
        _cleanup_json_ json_t *members = json_pack(
                "{s:s, s:s, s:s, s:b, s:b, s:O}", "directory", result->directory, "base_name", result->base_name,
                "version", result->version, "unchanged", result->unchanged, "up_to_date", result->up_to_date, "images",
                files);
        report_json_event(report, "built", members);
        if (build->call->n_arguments == 1 && !options_switch(build->call->options, "json"))
                explain_pull(build, recipe, result, format_for_hosts(formats));
}

/* Only now that a recipe is right: finding the home makes the directory of releases. */
static int find_development_home(BuildCall *build, Error *error)
{
        if (!build->options.sign || build->options.key || build->development_home)
                return 0;
        int r = development_home(build->options.out_directory, &build->development_home, error);
        build->options.development_home = build->development_home;
        return r;
}

static bool is_locked(const BuildCall *build)
{
        return options_switch(build->call->options, "locked") || options_string(build->call->options, "lock");
}

static int build_one(const char *path, void *userdata, Error *error)
{
        BuildCall *build = userdata;
        RecipeOptions options = { .schema = &stage_recipe_schema,
                                  .settings = options_list(build->call->options, "set") };
        _cleanup_recipe_ Recipe *recipe = NULL;
        _cleanup_build_result_ BuildResult result = { 0 };
        _cleanup_free_ char *lock_path = NULL;
        _cleanup_lock_ Lock lock = { 0 };
        BuildOptions building;

        int r = recipe_load(path, &options, &recipe, error);
        if (r >= 0 && is_locked(build))
                r = lock_open(build->call->options, path, &lock, &lock_path, error);
        if (r < 0)
                return r;
        report_subject(build->options.report, recipe_name(recipe));
        r = find_development_home(build, error);
        building = build->options;
        building.lock_path = lock_path;
        building.lock = lock_path ? &lock : NULL;
        if (r >= 0)
                r = build_recipe(recipe, &building, &result, error);
        if (r < 0) {
                report_stage_failed(build->options.report);
                return r;
        }
        char *const *formats =
                build->formats ? build->formats : section_list(recipe_image(recipe), "Formats");
        if (formats)
                show_result(build, recipe, &result, formats);
        return 0;
}

static int run(const VerbCall *call, Error *error)
{
        _cleanup_(build_call_done) BuildCall build = { .call = call };

        uint64_t n_jobs = (uint64_t) sysconf(_SC_NPROCESSORS_ONLN);

        int r = read_options(call, &build, error);
        if (r >= 0)
                r = read_jobs(options_string(call->options, "jobs"), &n_jobs, error);
        if (r < 0)
                return r;
        if (call->n_arguments == 1 || n_jobs == 1)
                return batch_run(call, "recipes", build_one, &build, error);
        return parallel_run(call, "recipes", (size_t) n_jobs, build_one, &build, error);
}

static const Option options[] = {
        { .name = "out",
          .letter = 'o',
          .argument = "DIR",
          .value = VALUE_DIRECTORY,
          .help = "where releases go, as DIR/NAME/ARCHITECTURE/ (default: " DEFAULT_OUT ")" },
        OPTION_SET,
        { .name = "formats",
          .argument = "LIST",
          .value = VALUE_FORMATS,
          .help = "instead of the recipe's Formats=: tar, tar.gz, tar.xz, tar.zst, divided by commas" },
        { .name = "key",
          .letter = 'k',
          .argument = "FINGERPRINT",
          .value = VALUE_KEY,
          .help = "sign with this secret key of GNUPGHOME (default: a development key, made on first use in "
                  "the folder "
                  "gnupg beside DIR)" },
        { .name = "no-sign", .help = "publish without signatures" },
        { .name = "cache",
          .argument = "DIR",
          .value = VALUE_DIRECTORY,
          .help = "where downloads, layers and work are kept (default: $TEMPLAR_CACHE, else /var/cache/templar for "
                  "root and "
                  "~/.cache/templar for others)" },
        { .name = "cache-size",
          .argument = "SIZE",
          .value = VALUE_TEXT,
          .help = "how much the layers, compressed blocks and packages there may take; those that were not used for the longest time "
                  "go first (default: 20G)" },
        { .name = "no-cache", .help = "run every stage, in a plain directory, and store neither layers nor blocks" },
        { .name = "from",
          .argument = "STAGE",
          .value = VALUE_STAGE,
          .help = "run this stage and all after it, even if nothing has changed: its number, its section's name, or "
                  "Script[2] for one of several" },
        { .name = "offline", .help = "use the package lists and packages that the cache has, and say how old the lists are" },
        { .name = "locked", .help = "build exactly what the lock beside the recipe names (see templar lock): the same image" },
        { .name = "lock",
          .argument = "FILE",
          .value = VALUE_FILE,
          .help = "the same with another lock, as that of a release" },
        OPTION_POOL,
        { .name = "jobs",
          .letter = 'j',
          .argument = "N",
          .value = VALUE_TEXT,
          .help = "build that many recipes at a time (default: as many as there are processors)" },
        { .name = "keep-failed", .help = "say where what a failed stage changed is kept" },
        OPTION_QUIET,
        OPTION_VERBOSE,
        OPTION_JSON,
        { 0 },
};

static const VerbExample examples[] = {
        { "templar build recipes/debian-bookworm.recipe",
          "Build, sign with the development key, verify, publish." },
        { "templar build --set Debootstrap.Mirror=http://mirror.example/debian web.recipe",
          "Change one key of the recipe for this build." },
        { "templar build --key 0123456789ABCDEF0123456789ABCDEF01234567 --json recipes/*.recipe",
          "The nightly build of a server: every recipe, signed with its own key, told in JSON." },
        { "templar build --locked --offline --pool /srv/archive web.recipe",
          "The image of web.lock again, from nothing but an archive that was kept." },
        { 0 },
};

const Verb verb_build = {
        .name = "build",
        .arguments = "RECIPE...",
        .summary = "build images from recipes, sign and publish them",
        .description = "Builds each recipe: runs its stages in a sandbox, packs the tree, signs the release, "
                       "verifies it as a "
                       "host would and renames it into place. Prints the paths of the images. A version that "
                       "exists is never "
                       "overwritten: the same content changes nothing, other content becomes VERSION.1, "
                       "VERSION.2 and so on."
                       "\n\n"
                       "What each stage changed is kept as a layer, so only stages run that something has changed for: "
                       "their section, a file that they name, a package in the archive, or a stage before them. When "
                       "nothing has changed at all, nothing is packed; else the image's compressed blocks that are still the "
                       "same come from the cache."
                       "\n\n"
                       "Root needs nothing more; other users need subordinate ids in /etc/subuid and "
                       "/etc/subgid. When one of "
                       "several recipes fails the others are still built, and the exit status tells.",
        .minimum = 1,
        .maximum = VERB_ARGUMENTS_ANY,
        .completes = VALUE_RECIPE,
        .options = options,
        .examples = examples,
        .run = run,
};
