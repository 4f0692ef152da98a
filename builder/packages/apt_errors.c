/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "packages/apt_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* apt's words, as apt 2.2 to 3.x say them in the C locale, turned into ours. */

/* A line of apt and what we know from it; all of it belongs to the caller of the rules below. */
typedef struct Complaint {
        const char *line;  /* without "E: " or "W: " */
        char *repository;  /* "URI SUITE" as a person knows it, or "" */
        const char *reason; /* points into `line` */
} Complaint;

typedef int (*ComplaintHandler)(const Complaint *complaint, Error *error);

static int unreachable(const Complaint *complaint, Error *error)
{
        error_set(error, -EHOSTUNREACH, "The repository %s can't be reached: %s", complaint->repository,
                  complaint->reason);
        return error_hint(error, "Check its address, the network and http_proxy");
}

static int no_suite(const Complaint *complaint, Error *error)
{
        error_set(error, -ENOENT, "The repository %s does not exist: there is no Release file", complaint->repository);
        if (string_starts_with(complaint->repository, "file:"))
                return error_hint(error, "Check the suite's name and the path; its files must be readable for all");
        return error_hint(error, "Check the suite's name and the address");
}

static int expired(const Complaint *complaint, Error *error)
{
        const char *since = strchr(complaint->line, '(');
        int length = since ? (int) strcspn(since, ")") + 1 : 0;

        error_set(error, -EKEYEXPIRED, "The Release file of the repository %s has expired %.*s", complaint->repository,
                  length, since ? since : "");
        return error_hint(error, "CheckValidUntil=no accepts it, for suites that are no longer updated");
}

static int not_yet_valid(const Complaint *complaint, Error *error)
{
        error_set(error, -EKEYREJECTED, "The Release file of the repository %s is from the future",
                  complaint->repository);
        return error_hint(error, "Check this machine's clock");
}

static int no_key(const Complaint *complaint, Error *error)
{
        const char *key = strstr(complaint->line, "NO_PUBKEY ");
        size_t skip = strlen("NO_PUBKEY ");

        if (!key) {
                key = strstr(complaint->line, "Missing key ");
                skip = strlen("Missing key ");
        }
        key = key ? key + skip : "?";
        error_set(error, -ENOKEY, "The repository %s is signed by a key that is not in its keyring (%.*s)",
                  complaint->repository, (int) strcspn(key, " ,"), key);
        return error_hint(error, "Name the right keyring with SignedBy= (or Keyring=)");
}

static int bad_signature(const Complaint *complaint, Error *error)
{
        error_set(error, -EKEYREJECTED, "The repository %s has a wrong signature: its Release file was changed",
                  complaint->repository);
        return error_hint(
                error, "A proxy or a mirror that is being updated can be the reason; try again, or another mirror");
}

static int expired_key(const Complaint *complaint, Error *error)
{
        error_set(error, -EKEYEXPIRED, "The repository %s is signed by an expired key", complaint->repository);
        return error_hint(error, "Give a newer keyring with SignedBy= (or Keyring=)");
}

static int revoked_key(const Complaint *complaint, Error *error)
{
        return error_set(error, -EKEYREVOKED, "The repository %s is signed by a revoked key", complaint->repository);
}

static int other_signature_trouble(const Complaint *complaint, Error *error)
{
        return error_set(error, -EKEYREJECTED, "The signature of the repository %s can't be verified: %s",
                         complaint->repository, complaint->reason);
}

static int unsigned_repository(const Complaint *complaint, Error *error)
{
        error_set(error, -ENOKEY, "The repository %s is not signed", complaint->repository);
        return error_hint(error, "Trusted=yes accepts that, at your own risk");
}

static int changing_mirror(const Complaint *complaint, Error *error)
{
        error_set(error, -EBADMSG, "An index of the repository %s does not match its Release file",
                  complaint->repository);
        return error_hint(error, "The mirror is being updated; try again in some minutes, or another mirror");
}

static int no_component(const Complaint *complaint, Error *error)
{
        const char *name = strstr(complaint->line, "the component '");

        name = name ? name + strlen("the component '") : "?";
        return error_set(error, -ENOENT, "The repository %s has no component \"%.*s\"", complaint->repository,
                         (int) strcspn(name, "'"), name);
}

static int conflicting(const Complaint *complaint, Error *error)
{
        error_set(error, -EINVAL,
                  "Two repositories with the same address and suite have different keyrings or settings");
        return error_detail(error, "%s", complaint->line);
}

static int no_method(const Complaint *complaint, Error *error)
{
        error_set(error, -EPROTONOSUPPORT, "apt can't fetch from the repository: %s", complaint->line);
        return error_hint(error, "Addresses start with http:, https: or file:");
}

static int not_fetched(const Complaint *complaint, Error *error)
{
        return error_set(error, -EIO, "The repository %s can't be fetched: %s", complaint->repository,
                         complaint->reason);
}

static const struct {
        const char *needle, *second; /* both must be there */
        ComplaintHandler handle;
} complaints[] = {
        { "is expired", "Release file for", expired },
        { "is not valid yet", "Release file for", not_yet_valid },
        { "NO_PUBKEY", "", no_key },
        { "Missing key", "", no_key },
        { "EXPKEYSIG", "", expired_key },
        { "KEYEXPIRED", "", expired_key },
        { "REVKEYSIG", "", revoked_key },
        { "BADSIG", "", bad_signature },
        { "GPG error", "", other_signature_trouble },
        { "OpenPGP signature verification failed", "", other_signature_trouble },
        { "does not have a Release file", "", no_suite },
        { "no longer has a Release file", "", no_suite },
        { "is not signed", "", unsigned_repository },
        { "is no longer signed", "", unsigned_repository },
        { "doesn't have the component", "", no_component },
        { "Conflicting values set for option", "", conflicting },
        { "The method driver", "could not be found", no_method },
        { "Hash Sum mismatch", "Failed to fetch", changing_mirror },
        { "unexpected size", "Failed to fetch", changing_mirror },
        { "Could not resolve", "Failed to fetch", unreachable },
        { "Could not connect", "Failed to fetch", unreachable },
        { "onnection ", "Failed to fetch", unreachable },
        { "nable to connect", "Failed to fetch", unreachable },
        { "timed out", "Failed to fetch", unreachable },
        { "Temporary failure resolving", "Failed to fetch", unreachable },
        { "Something wicked happened resolving", "Failed to fetch", unreachable },
        { "Failed to fetch", "", not_fetched },
};

/* Whose `uri` (or uri/dists/suite/...) stands at `text`: "URI SUITE"; suites are told by what follows. */
static char *name_repository(const char *line, const RepositoryList *repositories)
{
        char *name = NULL;
        size_t best = 0;

        for (size_t i = 0; i < repositories->n_items; i++)
                for (char **uri = repositories->items[i].uris; uri && *uri; uri++)
                        for (char **suite = repositories->items[i].suites; suite && *suite; suite++) {
                                _cleanup_free_ char *with_space = NULL, *with_path = NULL;
                                size_t length = strlen(*uri);
                                while (length > 0 && (*uri)[length - 1] == '/')
                                        length--;
                                if (asprintf(&with_space, "%.*s %s", (int) length, *uri, *suite) < 0 ||
                                    asprintf(&with_path, "%.*s/dists/%s/", (int) length, *uri, *suite) < 0)
                                        return NULL;
                                const char *found = strstr(line, with_path);
                                size_t matched = length + strlen(*suite);
                                if (!found && (found = strstr(line, with_space)) && found[strlen(with_space)] != ' ' &&
                                    found[strlen(with_space)] != '\'' && found[strlen(with_space)] != ':')
                                        found = NULL;
                                if (!found || matched <= best)
                                        continue;
                                best = matched;
                                free(name);
                                name = TAKE_PTR(with_space);
                        }
        return name ? name : strdup("");
}

/* apt writes "copy:/dir" for file:///dir and file:/dir; so that names match, all become file:/dir. */
static char *public_line(const char *line)
{
        _cleanup_buffer_ Buffer buffer = BUFFER_INIT;

        for (const char *copy; (copy = strstr(line, "copy:/")); line = copy + strlen("copy:"))
                if (buffer_append(&buffer, line, (size_t) (copy - line)) < 0 ||
                    buffer_append_string(&buffer, "file:") < 0)
                        return NULL;
        return buffer_append_string(&buffer, line) < 0 ? NULL : buffer_take(&buffer);
}

/* "Failed to fetch URI  REASON", "GPG error: URI SUITE InRelease: REASON" */
static const char *find_reason(const char *line)
{
        const char *reason = strstr(line, "  ");

        if (string_starts_with(line, "Failed to fetch") && reason)
                return reason + 2;
        reason = strstr(line, "Release: ");
        return reason ? reason + strlen("Release: ") : line;
}

static int handle_line(const char *text, const RepositoryList *repositories, Error *error)
{
        _cleanup_free_ char *line = public_line(text), *repository = line ? name_repository(line, repositories) : NULL;

        if (!repository)
                return error_out_of_memory(error);
        Complaint complaint = { line, repository, find_reason(line) };
        for (size_t i = 0; i < ELEMENTS(complaints); i++)
                if (strstr(line, complaints[i].needle) && strstr(line, complaints[i].second))
                        return complaints[i].handle(&complaint, error);
        return 0;
}

static RepositoryList *normalised(const RepositoryList *repositories, RepositoryList *copy)
{
        if (repository_list_copy(repositories, copy) < 0)
                return NULL;
        for (size_t i = 0; i < copy->n_items; i++)
                for (char **uri = copy->items[i].uris; uri && *uri; uri++)
                        if (string_starts_with(*uri, "file:///"))
                                memmove(*uri + 5, *uri + 7, strlen(*uri + 7) + 1);
        return copy;
}

/* All lines of the kind "E: ..." and "W: ...", for the detail. */
static char *collect_complaints(char *const *lines)
{
        _cleanup_strv_ char **kept = NULL;

        for (; *lines; lines++)
                if (string_starts_with(*lines, "E: ") || string_starts_with(*lines, "W: ")) {
                        _cleanup_free_ char *line = public_line(*lines);
                        if (!line || strv_append(&kept, line) < 0)
                                return NULL;
                }
        return strv_join(kept, "\n");
}

int apt_update_error(const char *log, const RepositoryList *repositories, Error *error)
{
        _cleanup_repository_list_ RepositoryList names = { 0 };
        _cleanup_strv_ char **lines = strv_split(log, "\n");
        const char *first = NULL;
        int r = 0;

        if (!lines || !normalised(repositories, &names))
                return error_out_of_memory(error);
        for (char **line = lines; r == 0 && *line; line++) {
                bool is_error = string_starts_with(*line, "E: ");
                if (!is_error && !string_starts_with(*line, "W: "))
                        continue;
                if (is_error && !first)
                        first = *line + 3;
                r = handle_line(*line + 3, &names, error);
        }
        if (r == 0 && first)
                r = error_set(error, -EIO, "apt can't update the indexes: %s", first);
        if (r < 0 && error && !error->detail) {
                _cleanup_free_ char *detail = collect_complaints(lines);
                if (!string_empty(detail))
                        error_detail(error, "%s", detail);
        }
        return r;
}

char *apt_unknown_package(const char *log)
{
        static const char *const needles[] = { "E: Unable to locate package ", "E: Package '" };

        for (size_t i = 0; i < ELEMENTS(needles); i++) {
                const char *found = strstr(log, needles[i]);
                if (!found)
                        continue;
                found += strlen(needles[i]);
                const char *end = found + strcspn(found, "'\n");
                if (i == 1 && !string_starts_with(end, "' has no installation candidate"))
                        continue;
                return strndup(found, (size_t) (end - found));
        }
        return NULL;
}

/* The indented lines below `header`, with `between` in place of each newline. */
static int listed(const char *stdout_text, const char *header, const char *between, Error *error)
{
        const char *list = strstr(stdout_text, header);
        _cleanup_buffer_ Buffer names = BUFFER_INIT;

        if (!list)
                return 0;
        list += strcspn(list, "\n");
        while (string_starts_with(list, "\n  ")) {
                list += strlen("\n  ");
                size_t length = strcspn(list, "\n");
                if (buffer_printf(&names, "%s%.*s", names.length > 0 ? between : "", (int) length, list) < 0)
                        return -ENOMEM;
                list += length;
        }
        return names.data ? error_detail(error, "%s", names.data) : 0;
}

/* *ret: that is what it is. */
static int virtual_package(const char *name, const char *stdout_text, bool *ret, Error *error)
{
        _cleanup_buffer_ Buffer header = BUFFER_INIT;

        if (buffer_printf(&header, "Package %s is a virtual package provided by:", name) < 0)
                return error_out_of_memory(error);
        *ret = strstr(stdout_text, header.data);
        if (!*ret)
                return 0;
        error_set(error, -ENOENT, "The package %s is a virtual one, which several packages provide", name);
        if (listed(stdout_text, header.data, "\n", error) == -ENOMEM)
                return error_out_of_memory(error);
        return error_hint(error, "Name the one that it shall be");
}

int apt_unknown_error(const char *name, char *const *names, Error *error)
{
        error_set(error, -ENOENT, "The package %s is in none of the repositories", name);
        const char *nearest = names ? nearest_word(name, (const char *const *) names) : NULL;
        return nearest && strcmp(nearest, name) != 0 ? error_hint(error, "Did you mean %s?", nearest) : -ENOENT;
}

static int unknown_package(const char *name, const char *stdout_text, char *const *names, Error *error)
{
        bool is_virtual = false;
        int r = virtual_package(name, stdout_text, &is_virtual, error);

        return r < 0 ? r : apt_unknown_error(name, names, error);
}

/* "E: Version '9' for 'foo' was not found" */
static int unknown_version(const char *line, Error *error)
{
        const char *kind = string_starts_with(line, "Version '") ? "version" : "suite";
        const char *what = strchr(line, '\'') + 1, *name = strstr(line, "' for '");

        if (!name)
                return error_set(error, -ENOENT, "%s", line);
        name += strlen("' for '");
        return error_set(error, -ENOENT, "The package %.*s has no %s \"%.*s\" in the repositories",
                         (int) strcspn(name, "'"), name, kind, (int) strcspn(what, "'"), what);
}

/* The part of apt's words that says why: from "unmet dependencies" on. */
static int unmet_dependencies(const char *stdout_text, const char *line, Error *error)
{
        static const char header[] = "The following packages have unmet dependencies:\n";
        const char *why = strstr(stdout_text, header);

        error_set(error, -EBUSY, "The packages can't be installed together: %s", why ? "unmet dependencies" : line);
        if (!why)
                return -EBUSY;
        why += strlen(header);
        size_t length = 0;
        while (why[length] == ' ')
                length += strcspn(why + length, "\n") + (strchr(why + length, '\n') != NULL);
        while (length > 0 && why[length - 1] == '\n')
                length--;
        return error_detail(error, "%.*s", (int) length, why);
}

static int refused(const char *line, const char *stdout_text, Error *error)
{
        static const struct {
                const char *needle, *message, *header;
        } cases[] = {
                { "Essential packages were removed", "Essential packages would be removed",
                  "The following essential packages will be removed" },
                { "Removing essential", "Essential packages would be removed", "The following" },
                { "Held packages were changed", "Held packages would be changed",
                  "The following held packages will be changed:" },
                { "Packages were downgraded", "Packages would be downgraded",
                  "The following packages will be DOWNGRADED:" },
        };

        for (size_t i = 0; i < ELEMENTS(cases); i++)
                if (strstr(line, cases[i].needle)) {
                        error_set(error, -EPERM, "%s", cases[i].message);
                        int r = listed(stdout_text, cases[i].header, " ", error);
                        return r == -ENOMEM ? error_out_of_memory(error) : -EPERM;
                }
        return 0;
}

int apt_resolve_error(const char *log, const char *stdout_text, char *const *names, Error *error)
{
        _cleanup_free_ char *unknown = apt_unknown_package(log);
        const char *line = strstr(log, "E: ");

        if (unknown)
                return unknown_package(unknown, stdout_text, names, error);
        if (!line) {
                error_set(error, -EIO, "apt-get failed");
                return error_detail(error, "%s%s", stdout_text, log);
        }
        line += 3;
        _cleanup_free_ char *first = strndup(line, strcspn(line, "\n"));
        if (!first)
                return error_out_of_memory(error);
        if (strstr(first, "' was not found") && strchr(first, '\''))
                return unknown_version(first, error);
        int r = refused(first, stdout_text, error);
        if (r < 0)
                return r;
        if (strstr(first, "held broken packages") || strstr(first, "Unmet dependencies") ||
            strstr(stdout_text, "unmet dependencies"))
                return unmet_dependencies(stdout_text, first, error);
        return error_set(error, -EIO, "apt can't work out what to install: %s", first);
}
