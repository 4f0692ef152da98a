/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "packages/repository.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/file.h"
#include "packages/deb822.h"

#define ARMOR_START "-----BEGIN PGP PUBLIC KEY BLOCK-----"

/* Where we are, for messages. */
typedef struct Place {
        const char *name, *directory;
        unsigned line;
        Error *error;
} Place;

#define place_error(place, code, format, ...)                                                                \
        error_set_usage((place)->error, code, "%s:%u: " format, (place)->name, (place)->line, ##__VA_ARGS__)

static int parse_bool(const Place *place, const char *name, const char *value, bool *ret)
{
        static const char *const yes[] = { "yes", "true", "with", "on", "enable", "1" };
        static const char *const no[] = { "no", "false", "without", "off", "disable", "0" };

        for (size_t i = 0; i < ELEMENTS(yes); i++) {
                if (strcasecmp(value, yes[i]) == 0)
                        return *ret = true, 0;
                if (strcasecmp(value, no[i]) == 0)
                        return *ret = false, 0;
        }
        return place_error(place, -EINVAL, "%s is \"%s\", but must be yes or no", name, value);
}

static bool is_fingerprint(const char *text)
{
        size_t length = strlen(text);

        if (text[length - 1] == '!')
                length--;
        return length >= 16 && strspn(text, "0123456789abcdefABCDEF") >= length;
}

static int set_signed_by(const Place *place, Repository *repository, const char *value)
{
        value += strspn(value, " \n");
        free(repository->keyring);
        free(repository->inline_key);
        repository->keyring = repository->inline_key = NULL;
        if (!*value)
                return 0;
        if (string_starts_with(value, "-----BEGIN")) {
                if (!string_starts_with(value, ARMOR_START))
                        return place_error(place, -EINVAL, "Signed-By holds something that is not a public key");
                repository->inline_key = strdup(value);
                return repository->inline_key ? 0 : error_out_of_memory(place->error);
        }
        if (strpbrk(value, " ,\t\n"))
                return place_error(place, -EINVAL, "Signed-By must be one path to a keyring, or an armored key");
        if (*value != '/' && is_fingerprint(value)) {
                place_error(place, -EINVAL, "Signed-By is a fingerprint, but must be a path to a keyring");
                return error_hint(place->error, "Export the key: gpg --export %s > keyring.gpg", value);
        }
        repository->keyring = *value == '/' ? strdup(value) : path_join(place->directory, value);
        return repository->keyring ? 0 : error_out_of_memory(place->error);
}

static int set_list(const Place *place, char ***target, const char *value, const char *separators)
{
        _cleanup_strv_ char **words = strv_split(value, separators);

        if (!words)
                return error_out_of_memory(place->error);
        strv_free(*target);
        *target = words[0] ? TAKE_PTR(words) : NULL;
        return 0;
}

static int check_types(const Place *place, char *const *types)
{
        for (; types && *types; types++)
                if (strcmp(*types, "deb") != 0 && strcmp(*types, "deb-src") != 0)
                        return place_error(place, -EINVAL, "Unknown type \"%s\"; deb and deb-src are known", *types);
        return 0;
}

static int check_uri(const Place *place, const char *uri)
{
        size_t scheme = strspn(uri, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+.-");

        if (scheme == 0 || uri[scheme] != ':' || uri[scheme + 1] != '/')
                return place_error(place, -EINVAL, "\"%s\" is no URI; one looks like http://host/path", uri);
        return 0;
}

/* What apt requires of a stanza. */
static int check_repository(const Place *place, const Repository *repository)
{
        int r = check_types(place, repository->types);

        if (r < 0)
                return r;
        if (!repository->types)
                return place_error(place, -EINVAL, "The repository has no Types");
        if (!repository->uris)
                return place_error(place, -EINVAL, "The repository has no URIs");
        if (!repository->suites)
                return place_error(place, -EINVAL, "The repository has no Suites");
        for (char **uri = repository->uris; *uri; uri++) {
                r = check_uri(place, *uri);
                if (r < 0)
                        return r;
        }
        for (char **suite = repository->suites; *suite; suite++) {
                bool flat = string_ends_with(*suite, "/");
                if (flat && repository->components)
                        return place_error(place, -EINVAL, "The suite \"%s\" is a directory and can't have Components",
                                           *suite);
                if (!flat && !repository->components)
                        return place_error(place, -EINVAL, "The suite \"%s\" needs Components", *suite);
        }
        return 0;
}

/* What stanzas and the options of one-line entries have in common, by the names of either. */
typedef enum Key {
        KEY_TYPES,
        KEY_URIS,
        KEY_SUITES,
        KEY_COMPONENTS,
        KEY_ARCHITECTURES,
        KEY_SIGNED_BY,
        KEY_TRUSTED,
        KEY_CHECK_VALID_UNTIL,
        KEY_ENABLED,
        KEY_IGNORED, /* what only steers how much apt fetches, or is written for people */
} Key;

typedef struct KeyName {
        const char *stanza, *option;
        Key key;
} KeyName;

static const KeyName key_names[] = {
        { "Types", NULL, KEY_TYPES },
        { "URIs", NULL, KEY_URIS },
        { "Suites", NULL, KEY_SUITES },
        { "Components", NULL, KEY_COMPONENTS },
        { "Architectures", "arch", KEY_ARCHITECTURES },
        { "Signed-By", "signed-by", KEY_SIGNED_BY },
        { "Trusted", "trusted", KEY_TRUSTED },
        { "Check-Valid-Until", "check-valid-until", KEY_CHECK_VALID_UNTIL },
        { "Enabled", NULL, KEY_ENABLED },
        { "Languages", "lang", KEY_IGNORED },
        { "Targets", "target", KEY_IGNORED },
        { "PDiffs", "pdiffs", KEY_IGNORED },
        { "By-Hash", "by-hash", KEY_IGNORED },
        { "Description", NULL, KEY_IGNORED },
};

static const KeyName *find_key(const char *name, bool option)
{
        for (size_t i = 0; i < ELEMENTS(key_names); i++) {
                const char *candidate = option ? key_names[i].option : key_names[i].stanza;
                if (candidate && strcasecmp(candidate, name) == 0)
                        return &key_names[i];
        }
        return NULL;
}

static int unknown_key(const Place *place, const char *name, bool option)
{
        const char *candidates[ELEMENTS(key_names) + 1] = { NULL };
        size_t n = 0;

        for (size_t i = 0; i < ELEMENTS(key_names); i++)
                if (option ? key_names[i].option : key_names[i].stanza)
                        candidates[n++] = option ? key_names[i].option : key_names[i].stanza;
        place_error(place, -EINVAL, "The %s \"%s\" is not supported", option ? "option" : "field", name);
        const char *nearest = nearest_word(name, candidates);
        return nearest ? error_hint(place->error, "Did you mean %s?", nearest) : -EINVAL;
}

static int set_key(const Place *place, Repository *repository, bool *enabled, const KeyName *key, const char *value)
{
        const char *separators = key->option ? ", \t\n" : " \t\n";

        switch (key->key) {
        case KEY_TYPES:
                return set_list(place, &repository->types, value, separators);
        case KEY_URIS:
                return set_list(place, &repository->uris, value, separators);
        case KEY_SUITES:
                return set_list(place, &repository->suites, value, separators);
        case KEY_COMPONENTS:
                return set_list(place, &repository->components, value, separators);
        case KEY_ARCHITECTURES:
                return set_list(place, &repository->architectures, value, separators);
        case KEY_SIGNED_BY:
                return set_signed_by(place, repository, value);
        case KEY_TRUSTED:
                return parse_bool(place, "Trusted", value, &repository->trusted);
        case KEY_CHECK_VALID_UNTIL:
                return parse_bool(place, "Check-Valid-Until", value, &repository->check_valid_until);
        case KEY_ENABLED:
                return parse_bool(place, "Enabled", value, enabled);
        case KEY_IGNORED:
                return 0;
        }
        return -EINVAL;
}

static int parse_field(Place *place, const Deb822Field *field, Repository *repository, bool *enabled)
{
        _cleanup_free_ char *name = strndup(field->name, field->name_length), *value = deb822_value(field);

        if (!name || !value)
                return error_out_of_memory(place->error);
        place->line = field->line;
        if (strncasecmp(name, "X-", 2) == 0)
                return 0;
        const KeyName *key = find_key(name, false);
        return key ? set_key(place, repository, enabled, key, value) : unknown_key(place, name, false);
}

static int parse_stanza(Place *place, Deb822 *reader, Repository *repository, bool *ret_enabled)
{
        Deb822Field field;
        unsigned start = reader->line;
        int r;

        while ((r = deb822_next_field(reader, &field)) > 0) {
                r = parse_field(place, &field, repository, ret_enabled);
                if (r < 0)
                        return r;
        }
        if (r < 0) {
                place->line = reader->line;
                return place_error(place, r, "Expected \"Name: value\"");
        }
        place->line = start;
        return *ret_enabled ? check_repository(place, repository) : 0;
}

static int parse_stanzas(Place *place, const char *text, RepositoryList *list)
{
        Deb822 reader = DEB822_INIT(text);

        while (deb822_next_stanza(&reader)) {
                Repository repository = { .check_valid_until = true };
                bool enabled = true;
                int r = parse_stanza(place, &reader, &repository, &enabled);
                if (r == 0 && enabled && repository_list_take(list, &repository) < 0)
                        r = error_out_of_memory(place->error);
                repository_done(&repository);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* "arch=amd64" from between the brackets. */
static int parse_option(const Place *place, const char *word, Repository *repository)
{
        const char *equals = strchr(word, '=');
        bool enabled;

        if (!equals || equals == word)
                return place_error(place, -EINVAL, "Expected option=value instead of \"%s\"", word);
        if (equals[-1] == '+' || equals[-1] == '-')
                return place_error(place, -EINVAL, "\"%s\": += and -= are not supported", word);
        _cleanup_free_ char *name = strndup(word, (size_t) (equals - word));
        if (!name)
                return error_out_of_memory(place->error);
        const KeyName *key = find_key(name, true);
        return key ? set_key(place, repository, &enabled, key, equals + 1) : unknown_key(place, name, true);
}

/* Takes "[...]" out of the line: the options are read, the rest starts at *rest. */
static int parse_options(const Place *place, const char *line, Repository *repository, const char **rest)
{
        const char *end = strchr(line, ']');

        if (!end)
                return place_error(place, -EINVAL, "\"[\" without \"]\"");
        _cleanup_free_ char *inside = strndup(line + 1, (size_t) (end - line - 1));
        _cleanup_strv_ char **words = inside ? strv_split(inside, " \t") : NULL;
        if (!words)
                return error_out_of_memory(place->error);
        for (char **word = words; *word; word++) {
                int r = parse_option(place, *word, repository);
                if (r < 0)
                        return r;
        }
        *rest = end + 1;
        return 0;
}

static int parse_line(const Place *place, const char *line, Repository *repository)
{
        size_t type_length = strcspn(line, " \t[");
        _cleanup_free_ char *type = strndup(line, type_length);
        int r = type ? 0 : error_out_of_memory(place->error);

        if (r == 0)
                r = set_list(place, &repository->types, type, "");
        line += type_length;
        line += strspn(line, " \t");
        if (r == 0 && *line == '[')
                r = parse_options(place, line, repository, &line);
        _cleanup_strv_ char **words = r == 0 ? strv_split(line, " \t\r") : NULL;
        if (r < 0)
                return r;
        if (!words)
                return error_out_of_memory(place->error);
        if (strv_length(words) < 2)
                return place_error(place, -EINVAL, "Expected: deb [options] URI SUITE COMPONENT...");
        if (strv_append(&repository->uris, words[0]) < 0 || strv_append(&repository->suites, words[1]) < 0 ||
            strv_extend(&repository->components, words + 2) < 0)
                return error_out_of_memory(place->error);
        return check_repository(place, repository);
}

static int parse_lines(Place *place, const char *text, RepositoryList *list)
{
        for (place->line = 1; *text; place->line++) {
                size_t length = strcspn(text, "\n"), used = strcspn(text, "\n#");
                _cleanup_free_ char *copy = strndup(text, used);
                if (!copy)
                        return error_out_of_memory(place->error);
                const char *line = copy + strspn(copy, " \t\r");
                if (*line) {
                        Repository repository = { .check_valid_until = true };
                        int r = parse_line(place, line, &repository);
                        if (r == 0 && repository_list_take(list, &repository) < 0)
                                r = error_out_of_memory(place->error);
                        repository_done(&repository);
                        if (r < 0)
                                return r;
                }
                text += length + (text[length] == '\n');
        }
        return 0;
}

/* The first line that says anything: a field, or "deb ...". */
static bool is_one_line_form(const char *text)
{
        for (;;) {
                text += strspn(text, " \t\r\n");
                if (*text != '#')
                        break;
                text += strcspn(text, "\n");
        }
        size_t length = strcspn(text, " \t[\n");
        return text[length] != '\n' && text[length] != '\0' && !memchr(text, ':', length) &&
               isalpha((unsigned char) *text);
}

int repository_parse(const char *text, const char *name, const char *directory, RepositoryList *ret, Error *error)
{
        _cleanup_repository_list_ RepositoryList list = { 0 };
        Place place = { .name = name, .directory = directory, .error = error };
        int r = is_one_line_form(text) ? parse_lines(&place, text, &list) : parse_stanzas(&place, text, &list);

        if (r < 0)
                return r;
        *ret = list;
        list = (RepositoryList){ 0 };
        return 0;
}
