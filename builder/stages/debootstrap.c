/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "stages/bootstrap.h"
#include "stages/kinds.h"
#include "stages/suites.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define DEBIAN_MIRROR "http://deb.debian.org/debian"
#define UBUNTU_MIRROR "http://archive.ubuntu.com/ubuntu"
#define UBUNTU_PORTS_MIRROR "http://ports.ubuntu.com/ubuntu-ports"

static bool is_native(const RecipeSection *section)
{
        return string_equal(section_string(section, "Engine"), "native");
}

static const char *mirror(const RecipeSection *section, const Recipe *recipe, const char *script)
{
        const char *architecture = recipe_architecture(recipe);

        if (section_has(section, "Mirror"))
                return section_string(section, "Mirror");
        if (!suite_is_ubuntu(script))
                return DEBIAN_MIRROR;
        return string_equal(architecture, "amd64") || string_equal(architecture, "i386") ? UBUNTU_MIRROR
                                                                                          : UBUNTU_PORTS_MIRROR;
}

static int choose_keyring(const RecipeSection *section, const Recipe *recipe, const char *script, char **ret,
                          Error *error)
{
        const char *suite = section_string(section, "Suite"), *path;

        if (section_has(section, "Keyring"))
                path = section_path(section, "Keyring");
        else
                path = repository_default_keyring(suite) ?: repository_default_keyring(script);
        if (!path) {
                recipe_error(recipe, section_key_place(section, "Suite"), error,
                             "this machine has no keyring to verify \"%s\" with", suite);
                return error_hint(error, "apt-get install %s, or name a keyring with Keyring=",
                                  suite_is_ubuntu(script) ? "ubuntu-keyring" : "debian-archive-keyring");
        }
        *ret = strdup(path);
        return *ret ? 0 : error_out_of_memory(error);
}

static int append_words(Repository *repository, const char *uri, const RecipeSection *section)
{
        size_t length = strlen(uri);

        while (length > 0 && uri[length - 1] == '/')
                length--;
        if (strv_appendf(&repository->uris, "%.*s", (int) length, uri) < 0 ||
            strv_append(&repository->types, "deb") < 0 ||
            strv_append(&repository->suites, section_string(section, "Suite")) < 0 ||
            strv_extend(&repository->components, section_list(section, "Components")) < 0)
                return -ENOMEM;
        return 0;
}

int debootstrap_repository(const RecipeSection *section, const Recipe *recipe, Repository *ret, Error *error)
{
        _cleanup_(repository_done) Repository repository = {
                .check_valid_until = section_bool(section, "CheckValidUntil"),
        };
        const char *script;

        int r = suite_script(section_string(section, "Suite"), section_string(section, "LikeSuite"), &script, error);
        if (r == 0)
                r = choose_keyring(section, recipe, script, &repository.keyring, error);
        if (r < 0)
                return r;
        if (append_words(&repository, mirror(section, recipe, script), section) < 0)
                return error_out_of_memory(error);
        *ret = repository;
        repository = (Repository){ 0 };
        return 0;
}

static int repositories(const RecipeSection *section, const Recipe *recipe, RepositoryList *list,
                        char ***pins _unused_, Error *error)
{
        _cleanup_(repository_done) Repository repository = { 0 };

        if (recipe_stage(recipe, 0) != section)
                return recipe_error(recipe, section_place(section), error,
                                    "[Debootstrap] must be the first stage: it wants an empty tree");
        int r = debootstrap_repository(section, recipe, &repository, error);
        if (r < 0)
                return r;
        return repository_list_take(list, &repository) < 0 ? error_out_of_memory(error) : 0;
}

static int check(const RecipeSection *section, Error *error)
{
        const char *suite = section_string(section, "Suite"), *script;

        if (!is_native(section) && string_equal(section_string(section, "Variant"), "essential"))
                return error_set_usage(error, -EINVAL, "Variant=essential needs Engine=native; debootstrap has no such variant");
        /* a recipe is not wrong because this machine has no debootstrap */
        if (!suite || access(SUITES_SCRIPTS_DIRECTORY, R_OK) < 0)
                return 0;
        return suite_script(suite, section_string(section, "LikeSuite"), &script, error);
}

/* The keyring decides who is believed, and its content is what counts. */
static int digest(const RecipeSection *section, Digest *digest, Error *error)
{
        return section_has(section, "Keyring") ? stage_digest_file(digest, section_path(section, "Keyring"), error) : 0;
}

static char *describe(const RecipeSection *section)
{
        char *text = NULL;

        return asprintf(&text, "Debootstrap %s (%s)", section_string(section, "Suite"),
                        section_string(section, "Variant")) < 0
                       ? NULL
                       : text;
}

/* What apt is asked for: the sets that mmdebstrap(1) has under these names. usr-is-merged is what a package that is
 * Essential may ask for in place of usrmerge, which would bring half of perl to convert what is converted. */
#define MINBASE                                                                                              \
        "?essential,?priority(required),?exact-name(apt),"                                                  \
        "?and(?exact-name(usr-is-merged),?reverse-depends(?essential))"

static const struct {
        const char *variant, *pattern;
} patterns[] = {
        { "essential", "?or(?essential,?and(?exact-name(usr-is-merged),?reverse-depends(?essential)))" },
        { "minbase", "?or(" MINBASE ")" },
        { "buildd", "?or(" MINBASE ",?exact-name(build-essential))" },
        { "standard", "?or(" MINBASE ",?priority(important),?priority(standard))" },
};

static bool request(const RecipeSection *section, StageRequest *ret)
{
        if (!is_native(section))
                return false;
        ret->apt = (AptRequest){
                .verb = APT_BOOTSTRAP,
                .packages = section_list(section, "Include"),
                .forbidden = section_list(section, "Exclude"),
        };
        for (size_t i = 0; i < ELEMENTS(patterns); i++)
                if (string_equal(patterns[i].variant, section_string(section, "Variant")))
                        ret->apt.pattern = patterns[i].pattern;
        return true;
}

static int run(StageContext *context, Error *error)
{
        _cleanup_(repository_done) Repository repository = { 0 };
        const RecipeSection *section = context->section;
        Bootstrap bootstrap = {
                .suite = section_string(section, "Suite"),
                .variant = section_string(section, "Variant"),
                .include = section_list(section, "Include"),
                .exclude = section_list(section, "Exclude"),
                .repository = &repository,
        };

        int r = suite_script(bootstrap.suite, section_string(section, "LikeSuite"), &bootstrap.script, error);
        if (r == 0)
                r = debootstrap_repository(section, context->recipe, &repository, error);
        if (r < 0)
                return r;
        return is_native(section) ? native_run(context, &bootstrap, error) : bootstrap_run(context, &bootstrap, error);
}

static int check_suite(const char *value, Error *error)
{
        return value[0] == '-' || strchr(value, '/')
                       ? error_set_usage(error, -EINVAL, "expected the name of a suite, as bookworm")
                       : 0;
}

/* They end up in a list that debootstrap splits at commas, and in an option. */
static int check_packages(const char *value, Error *error)
{
        return value[0] == '-' || strchr(value, ',')
                       ? error_set_usage(error, -EINVAL, "expected names of packages, separated by spaces")
                       : 0;
}

static const char *const variants[] = { "essential", "minbase", "buildd", "standard", NULL };
static const char *const engines[] = { "native", "debootstrap", NULL };

static const KeySchema keys[] = {
        { .name = "Suite", .type = KEY_WORD, .required = true, .check = check_suite,
          .help = "The suite: bookworm, noble." },
        { .name = "Mirror", .type = KEY_URI,
          .help = "Where packages come from: http, https or file; without it " DEBIAN_MIRROR " or " UBUNTU_MIRROR "." },
        { .name = "Components", .type = KEY_LIST, .fallback = "main", .check = check_packages,
          .help = "Components of the suite." },
        { .name = "Variant", .type = KEY_ENUM, .choices = variants, .fallback = "minbase",
          .help = "What is installed: essential (what is marked so), minbase (with it what is of priority required, and "
                  "apt), buildd (with build-essential), standard (with what is of priority important and standard; "
                  "debootstrap leaves the latter out)." },
        { .name = "Include", .type = KEY_LIST, .check = check_packages, .help = "Further packages to install." },
        { .name = "Exclude", .type = KEY_LIST, .check = check_packages, .help = "Packages to leave out." },
        { .name = "Engine", .type = KEY_ENUM, .choices = engines, .fallback = "native",
          .help = "What makes the tree: native (templar itself: apt resolves, all packages are unpacked at once, their "
                  "own scripts run) or debootstrap(8)." },
        { .name = "Keyring", .type = KEY_HOST_FILE,
          .help = "The keys that may sign the suite; without it the keyring of the distribution." },
        { .name = "CheckValidUntil", .type = KEY_BOOL, .fallback = "yes",
          .help = "Whether an expired Release file is refused; no for snapshots and for suites out of support." },
        { .name = "LikeSuite", .type = KEY_WORD, .check = check_suite,
          .help = "For a suite that debootstrap does not know: the known suite that it is built like." },
        { .name = NULL },
};

const SectionSchema stage_debootstrap_schema = {
        .name = "Debootstrap",
        .help = "Makes the first tree. Signatures are always checked.",
        .keys = keys,
        .check = check,
};

const StageKind stage_debootstrap = {
        .schema = &stage_debootstrap_schema,
        .version = 3,
        .repositories = repositories,
        .installs_packages = true,
        .request = request,
        .digest = digest,
        .describe = describe,
        .run = run,
};
