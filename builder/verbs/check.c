/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/digest.h"
#include "base/strings.h"
#include "packages/repository.h"
#include "recipe/recipe.h"
#include "sandbox/sandbox.h"
#include "stages/stage.h"
#include "verbs/batch.h"
#include "verbs/verb.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* The host's programs that stages run, and Debian's packages with them. */
static const struct {
        const char *section; /* NULL: every recipe with a stage */
        const char *program, *package;
} needed_tools[] = {
        { NULL, "apt-get", "apt" },
        { NULL, "dpkg-deb", "dpkg" },
        { "Debootstrap", "debootstrap", "debootstrap" },
        { "PatchDeb", "patch", "patch" },
};

/* root's programs count although an ordinary user's PATH leaves them out: the sandbox finds them. */
static bool program_installed(const char *name)
{
        const char *path = getenv("PATH");
        _cleanup_strv_ char **directories = strv_split(path ? path : "", ":");

        if (!directories || strv_append(&directories, "/usr/sbin") < 0 ||
            strv_append(&directories, "/sbin") < 0)
                return true; /* without memory other things fail first */
        for (size_t i = 0; directories[i]; i++) {
                _cleanup_free_ char *file = NULL;
                if (asprintf(&file, "%s/%s", directories[i], name) < 0) {
                        file = NULL;
                        continue;
                }
                if (access(file, X_OK) == 0)
                        return true;
        }
        return false;
}

static bool has_stage(const Recipe *recipe, const char *section)
{
        for (size_t i = 0; i < recipe_n_stages(recipe); i++)
                if (!section || strcmp(section_schema(recipe_stage(recipe, i))->name, section) == 0)
                        return true;
        return false;
}

static int check_tools(const Recipe *recipe, Error *error)
{
        for (size_t i = 0; i < ELEMENTS(needed_tools); i++) {
                if (!has_stage(recipe, needed_tools[i].section) || program_installed(needed_tools[i].program))
                        continue;
                error_set(error, -ENOENT, "%s can't be built here: %s is not installed", recipe_path(recipe),
                          needed_tools[i].program);
                return error_hint(error, "Install it: apt install %s", needed_tools[i].package);
        }
        return 0;
}

static int check_keyring(const Recipe *recipe, const Repository *repository, Error *error)
{
        const char *suite = repository->suites ? repository->suites[0] : "";
        const char *keyring = repository->keyring;

        if (repository->trusted || repository->inline_key)
                return 0;
        if (!keyring)
                keyring = repository_default_keyring(suite);
        if (!keyring) {
                error_set(error, -ENOKEY, "%s: this machine has no keyring for the suite %s",
                          recipe_path(recipe), suite);
                return error_hint(error,
                                  "Install the distribution's keyring package (debian-archive-keyring, "
                                  "ubuntu-keyring), or name a keyring in the recipe.");
        }
        if (access(keyring, R_OK) < 0)
                return error_set_errno(error, errno, "%s: can't read the keyring %s", recipe_path(recipe),
                                       keyring);
        return 0;
}

/* What the stages would say of themselves before a build: their repositories, the content of the files they
 * name. */
static int check_stages(const Recipe *recipe, Error *error)
{
        _cleanup_repository_list_ RepositoryList repositories = { 0 };
        _cleanup_strv_ char **pins = NULL;
        int r = 0;

        for (size_t i = 0; r >= 0 && i < recipe_n_stages(recipe); i++) {
                const RecipeSection *section = recipe_stage(recipe, i);
                const StageKind *kind = stage_kind_of(section);
                _cleanup_digest_ Digest *digest = NULL;
                if (digest_new(&digest) < 0)
                        return error_out_of_memory(error);
                if (kind->repositories)
                        r = kind->repositories(section, recipe, &repositories, &pins, error);
                if (r >= 0)
                        r = stage_digest(section, digest, error);
        }
        for (size_t i = 0; r >= 0 && i < repositories.n_items; i++)
                r = check_keyring(recipe, &repositories.items[i], error);
        return r;
}

static void show(const VerbCall *call, const Recipe *recipe)
{
        size_t n = recipe_n_stages(recipe);
        _cleanup_json_ json_t *members =
                json_pack("{s:s, s:s, s:s, s:s, s:I}", "path", recipe_path(recipe), "architecture",
                          recipe_architecture(recipe), "suite", recipe_suite(recipe), "digest",
                          recipe_digest(recipe), "stages", (json_int_t) n);

        report_json_event(call->report, "checked", members);
        report_result(call->report, "%s: ok (%zu stage%s)", recipe_path(recipe), n, n == 1 ? "" : "s");
}

static int check_one(const char *path, void *userdata, Error *error)
{
        const VerbCall *call = userdata;
        RecipeOptions options = { .schema = &stage_recipe_schema,
                                  .settings = options_list(call->options, "set") };
        _cleanup_recipe_ Recipe *recipe = NULL;

        int r = recipe_load(path, &options, &recipe, error);
        if (r < 0)
                return r;
        report_subject(call->report, recipe_name(recipe));
        r = check_stages(recipe, error);
        if (r >= 0)
                r = check_tools(recipe, error);
        if (r >= 0)
                show(call, recipe);
        return r;
}

/* A recipe is right or wrong wherever it is read, so the user's missing ids are a warning. */
static void warn_about_sandbox(Report *report)
{
        _cleanup_sandbox_ Sandbox *sandbox = NULL;
        _cleanup_error_ Error error = ERROR_INIT;

        if (sandbox_open(&sandbox, &error) < 0)
                report_warning(report, "This user can't build here: %s%s%s",
                               error.message ? error.message : "?", error.hint ? "\n" : "",
                               error.hint ? error.hint : "");
}

static int run(const VerbCall *call, Error *error)
{
        int r = batch_run(call, "recipes", check_one, (void *) call, error);

        if (r >= 0 || error->kind == ERROR_FAILED)
                warn_about_sandbox(call->report);
        return r;
}

static const Option options[] = {
        OPTION_SET,
        OPTION_JSON,
        { 0 },
};

static const VerbExample examples[] = {
        { "templar check recipes/*.recipe", "All recipes, all errors." },
        { 0 },
};

const Verb verb_check = {
        .name = "check",
        .arguments = "RECIPE...",
        .summary = "check recipes without building them",
        .description = "Reads each recipe with its drop-ins and checks all that can be known without "
                       "building: syntax, "
                       "sections, keys and values, the files that it names, patches, repositories and their "
                       "keyrings, and "
                       "whether the programs that its stages run are installed. All errors of a recipe are "
                       "shown at once, "
                       "each with its line and a caret. Exit status 2 means a wrong recipe, 1 a program that "
                       "is missing here.",
        .minimum = 1,
        .maximum = VERB_ARGUMENTS_ANY,
        .completes = VALUE_RECIPE,
        .options = options,
        .examples = examples,
        .run = run,
};
