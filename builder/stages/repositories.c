/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/file.h"
#include "stages/kinds.h"
#include "stages/sources.h"
#include "stages/suites.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#define FILE_LIMIT_BYTES (1u << 20)
#define DEFAULT_NAME "templar"

static bool is_repositories(const RecipeSection *section)
{
        return section_schema(section) == &stage_repositories_schema;
}

static int read_sources(const RecipeSection *section, RepositoryList *ret, Error *error)
{
        const char *path = section_path(section, "File");
        _cleanup_buffer_ Buffer text = BUFFER_INIT;
        _cleanup_free_ char *directory = NULL;

        int r = read_file(AT_FDCWD, path, FILE_LIMIT_BYTES, &text, error);
        if (r < 0)
                return r;
        if (strlen(text.data) != text.length)
                return error_set_usage(error, -EINVAL, "%s contains NUL bytes", path);
        /* keyrings that the file names lie beside it */
        const char *slash = strrchr(path, '/');
        directory = slash ? strndup(path, (size_t) (slash - path) + 1) : strdup(".");
        if (!directory)
                return error_out_of_memory(error);
        return repository_parse(text.data, path, directory, ret, error);
}

static int from_keys(const RecipeSection *section, RepositoryList *ret, Error *error)
{
        _cleanup_(repository_done) Repository repository = { .check_valid_until = true };

        if (strv_extend(&repository.types, section_list(section, "Types")) < 0 ||
            strv_extend(&repository.uris, section_list(section, "URIs")) < 0 ||
            strv_extend(&repository.suites, section_list(section, "Suites")) < 0 ||
            strv_extend(&repository.components, section_list(section, "Components")) < 0 ||
            strv_extend(&repository.architectures, section_list(section, "Architectures")) < 0 ||
            repository_list_take(ret, &repository) < 0)
                return error_out_of_memory(error);
        return 0;
}

/* SignedBy=, Trusted= and CheckValidUntil= of the section hold for what its file leaves open. */
static int apply_section(const RecipeSection *section, Repository *repository, Error *error)
{
        const char *keyring = section_has(section, "SignedBy") ? section_path(section, "SignedBy") : NULL;

        repository->trusted = repository->trusted || section_bool(section, "Trusted");
        repository->check_valid_until = repository->check_valid_until && section_bool(section, "CheckValidUntil");
        if (repository->trusted || repository->keyring || repository->inline_key)
                return 0;
        for (char *const *suite = repository->suites; !keyring && suite && *suite; suite++)
                keyring = repository_default_keyring(*suite);
        if (!keyring) {
                error_set_usage(error, -ENOKEY, "There is no keyring to verify %s with", repository->uris[0]);
                return error_hint(error,
                                  "Name one with SignedBy=, or install the distribution's (debian-archive-keyring, "
                                  "ubuntu-keyring); Trusted=yes would do without any signature");
        }
        repository->keyring = strdup(keyring);
        return repository->keyring ? 0 : error_out_of_memory(error);
}

/* What the recipe's own keys may not hold, its files may not either. */
static int refuse_credentials(const RecipeSection *section, const Repository *repository, Error *error)
{
        for (char *const *uri = repository->uris; uri && *uri; uri++)
                if (uri_has_credentials(*uri))
                        return error_set_usage(error, -EINVAL,
                                               "%s has an address with user and password, which would end up in the "
                                               "image and in logs",
                                               section_path(section, "File"));
        return 0;
}

/* The repositories of one section, each with its keyring or trusted. */
static int section_repositories(const RecipeSection *section, RepositoryList *ret, Error *error)
{
        _cleanup_repository_list_ RepositoryList list = { 0 };
        int r = section_has(section, "File") ? read_sources(section, &list, error) : from_keys(section, &list, error);

        if (r == 0 && list.n_items == 0)
                r = error_set_usage(error, -EINVAL, "%s holds no repository", section_path(section, "File"));
        for (size_t i = 0; r == 0 && i < list.n_items; i++)
                r = refuse_credentials(section, &list.items[i], error) ?:
                            apply_section(section, &list.items[i], error);
        if (r < 0)
                return r;
        *ret = list;
        list = (RepositoryList){ 0 };
        return 0;
}

static bool names_suite(const RepositoryList *list, const char *suite)
{
        for (size_t i = 0; i < list->n_items; i++)
                if (strv_contains(list->items[i].suites, suite))
                        return true;
        return false;
}

/* True when this section is the first after [Debootstrap] that describes its suite (or replaces everything): what
 * debootstrap was told is then said twice, and the recipe's word is the better one. */
static int takes_over(const RecipeSection *section, const Recipe *recipe, bool *ret, Error *error)
{
        const RecipeSection *first = recipe_stage(recipe, 0);

        *ret = false;
        if (section_schema(first) != &stage_debootstrap_schema)
                return 0;
        for (size_t i = 1; i < recipe_n_stages(recipe); i++) {
                _cleanup_repository_list_ RepositoryList list = { 0 };
                const RecipeSection *other = recipe_stage(recipe, i);
                if (!is_repositories(other))
                        continue;
                int r = section_repositories(other, &list, error);
                if (r < 0)
                        return r;
                bool names = section_bool(other, "Replace") || names_suite(&list, section_string(first, "Suite"));
                if (other == section || names) {
                        *ret = names && other == section;
                        return 0;
                }
        }
        return 0;
}

/* Name=, or the name of File=, or "templar"; a second section of the same name gets a number. */
static int base_name(const RecipeSection *section, char **ret)
{
        const char *name = section_string(section, "Name"), *path;

        if (!name && section_has(section, "File")) {
                path = section_path(section, "File");
                name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
        }
        *ret = strdup(name ?: DEFAULT_NAME);
        if (!*ret)
                return -ENOMEM;
        char *dot = section_has(section, "Name") ? NULL : strrchr(*ret, '.');
        if (dot && dot > *ret)
                *dot = '\0';
        /* apt ignores files with other characters in their names (sources.list(5)) */
        for (char *c = *ret; *c; c++)
                if (!isalnum((unsigned char) *c) && !strchr("-_.", *c))
                        *c = '_';
        return 0;
}

static int file_name(const RecipeSection *section, const Recipe *recipe, char **ret, Error *error)
{
        _cleanup_free_ char *name = NULL;
        unsigned same = 1;

        if (base_name(section, &name) < 0)
                return error_out_of_memory(error);
        for (size_t i = 0; i < recipe_n_stages(recipe) && recipe_stage(recipe, i) != section; i++) {
                _cleanup_free_ char *other = NULL;
                if (!is_repositories(recipe_stage(recipe, i)))
                        continue;
                if (base_name(recipe_stage(recipe, i), &other) < 0)
                        return error_out_of_memory(error);
                same += string_equal(other, name);
        }
        if (same == 1) {
                *ret = TAKE_PTR(name);
                return 0;
        }
        return asprintf(ret, "%s-%u", name, same) < 0 ? error_out_of_memory(error) : 0;
}

static void drop_first(RepositoryList *list)
{
        if (list->n_items == 0)
                return;
        repository_done(&list->items[0]);
        memmove(list->items, list->items + 1, --list->n_items * sizeof *list->items);
}

/* Blanks between the parts are one space each, as the packages' room reads them. */
static int extend_pins(char ***pins, char *const *lines, Error *error)
{
        for (; lines && *lines; lines++) {
                const char *pattern, *spec, *priority;
                _cleanup_free_ char *copy = NULL;
                int r = sources_parse_pin(*lines, &copy, &pattern, &spec, &priority, error);
                if (r < 0)
                        return r;
                if (strv_appendf(pins, "%s %s %s", pattern, spec, priority) < 0)
                        return error_out_of_memory(error);
        }
        return 0;
}

static int repositories(const RecipeSection *section, const Recipe *recipe, RepositoryList *list, char ***pins,
                        Error *error)
{
        _cleanup_repository_list_ RepositoryList own = { 0 };
        bool take_over;

        int r = section_repositories(section, &own, error);
        if (r == 0)
                r = takes_over(section, recipe, &take_over, error);
        if (r < 0)
                return r;
        if (section_bool(section, "Replace")) {
                repository_list_done(list);
                strv_free(*pins);
                *pins = NULL;
        } else if (take_over)
                drop_first(list);
        for (size_t i = 0; i < own.n_items; i++)
                if (repository_list_take(list, &own.items[i]) < 0)
                        return error_out_of_memory(error);
        return extend_pins(pins, section_list(section, "Pin"), error);
}

static int check(const RecipeSection *section, Error *error)
{
        if (section_has(section, "File") == section_has(section, "URIs"))
                return error_set_usage(error, -EINVAL, "[Repositories] needs one of File= and URIs=");
        if (section_has(section, "File") &&
            (section_has(section, "Suites") || section_has(section, "Components") || section_has(section, "Types") ||
             section_has(section, "Architectures")))
                return error_set_usage(error, -EINVAL,
                                       "Types=, Suites=, Components= and Architectures= belong to URIs=; File= says "
                                       "them itself");
        if (section_has(section, "URIs") && !section_list(section, "Suites"))
                return error_set_usage(error, -EINVAL, "URIs= needs Suites=");
        if (section_has(section, "Trusted") && section_bool(section, "Trusted") && section_has(section, "SignedBy"))
                return error_set_usage(error, -EINVAL, "SignedBy= and Trusted=yes contradict each other");
        return 0;
}

static int check_name(const char *value, Error *error)
{
        for (const char *c = value; *c; c++)
                if (!isalnum((unsigned char) *c) && !strchr("-_.", *c))
                        return error_set_usage(error, -EINVAL,
                                               "apt takes letters, digits, '-', '_' and '.' in the name of a file");
        return value[0] == '.' ? error_set_usage(error, -EINVAL, "the name must not start with '.'") : 0;
}

static int check_pin(const char *value, Error *error)
{
        const char *pattern, *spec, *priority;
        _cleanup_free_ char *copy = NULL;

        return sources_parse_pin(value, &copy, &pattern, &spec, &priority, error);
}

static int digest(const RecipeSection *section, Digest *digest, Error *error)
{
        _cleanup_repository_list_ RepositoryList list = { 0 };

        int r = section_has(section, "File") ? stage_digest_file(digest, section_path(section, "File"), error) : 0;
        if (r == 0)
                r = section_repositories(section, &list, error);
        for (size_t i = 0; r == 0 && i < list.n_items; i++)
                if (!list.items[i].trusted && !list.items[i].inline_key)
                        r = stage_digest_file(digest, list.items[i].keyring, error);
        return r;
}

static char *describe(const RecipeSection *section)
{
        char *words[] = { (char *) section_string(section, "File"), NULL };

        return stage_describe("Repositories", section_has(section, "File") ? words : section_list(section, "Suites"));
}

static int note_trusted(StageContext *context, const RepositoryList *list, Error *error)
{
        int r = 0;

        for (size_t i = 0; i < list->n_items; i++)
                for (char **uri = list->items[i].uris; r == 0 && list->items[i].trusted && uri && *uri; uri++)
                        r = stage_note(context, error, "trusted without signature: %s", *uri);
        return r;
}

static int run(StageContext *context, Error *error)
{
        _cleanup_repository_list_ RepositoryList list = { 0 };
        _cleanup_free_ char *name = NULL;
        const char *format = section_string(context->section, "Format");
        Sources sources = { .list = &list, .pins = section_list(context->section, "Pin"),
                            .replace_all = section_bool(context->section, "Replace") };

        int r = section_repositories(context->section, &list, error);
        if (r == 0)
                r = takes_over(context->section, context->recipe, &sources.supersede, error);
        if (r == 0)
                r = file_name(context->section, context->recipe, &name, error);
        if (r < 0)
                return r;
        sources.name = name;
        sources.old_apt = suite_needs_one_line(recipe_suite(context->recipe));
        sources.one_line = string_equal(format, "list") || (string_equal(format, "auto") && sources.old_apt);
        r = sources_write(context->sandbox, context->tree, &sources, error);
        return r < 0 ? r : note_trusted(context, &list, error);
}

static const char *const types[] = { "deb", "deb-src", NULL };
static const char *const formats[] = { "auto", "deb822", "list", NULL };

static const KeySchema keys[] = {
        { .name = "File", .type = KEY_SOURCE,
          .help = "A sources.list(5) file, deb822 or one-line; relative Signed-By paths start beside it." },
        { .name = "URIs", .type = KEY_URI_LIST, .help = "Where the repositories are, instead of File=." },
        { .name = "Suites", .type = KEY_LIST, .help = "Their suites." },
        { .name = "Components", .type = KEY_LIST, .fallback = "main", .help = "Their components." },
        { .name = "Types", .type = KEY_ENUM_LIST, .choices = types, .fallback = "deb",
          .help = "deb, deb-src, or both." },
        { .name = "Architectures", .type = KEY_LIST, .help = "Architectures other than the image's." },
        { .name = "SignedBy", .type = KEY_HOST_FILE,
          .help = "The keyring, binary or armored, that is copied in; without it that of the distribution." },
        { .name = "Trusted", .type = KEY_BOOL, .fallback = "no",
          .help = "Whether a repository without signature is used; said in the summary." },
        { .name = "CheckValidUntil", .type = KEY_BOOL, .fallback = "yes",
          .help = "Whether an expired Release file is refused." },
        { .name = "Name", .type = KEY_WORD, .check = check_name,
          .help = "Name of the file in /etc/apt/sources.list.d; without it that of File=, or templar." },
        { .name = "Format", .type = KEY_ENUM, .choices = formats, .fallback = "auto",
          .help = "How it is written: deb822, or one-line (list); auto takes list for suites with apt before 1.1." },
        { .name = "Pin", .type = KEY_LINES, .check = check_pin,
          .help = "Preference: a package, release, origin or version and what it is, a priority, as in "
                  "nginx* release n=bookworm-backports 500. May repeat." },
        { .name = "Replace", .type = KEY_BOOL, .fallback = "no",
          .help = "Whether all repositories and pins before this section are dropped." },
        { .name = NULL },
};

const SectionSchema stage_repositories_schema = {
        .name = "Repositories",
        .help = "Package repositories, for the stages after it and for the image. The first section that names the "
                "suite of [Debootstrap] takes the place of debootstrap's own entry.",
        .keys = keys,
        .check = check,
};

const StageKind stage_repositories = {
        .schema = &stage_repositories_schema,
        .version = 1,
        .repositories = repositories,
        .digest = digest,
        .describe = describe,
        .run = run,
};
