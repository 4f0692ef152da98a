/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "packages/apt_internal.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/digest.h"
#include "base/file.h"
#include "packages/readable.h"
#include "packages/status.h"

#define FORBIDDEN_NAME "forbidden"

void apt_transaction_done(AptTransaction *transaction)
{
        for (size_t i = 0; i < transaction->n_packages; i++)
                apt_package_done(&transaction->packages[i]);
        for (size_t i = 0; i < transaction->n_steps; i++)
                free(transaction->steps[i].package);
        free(transaction->packages);
        free(transaction->steps);
        strv_free(transaction->automatic);
        strv_free(transaction->manual);
        *transaction = (AptTransaction){ 0 };
}

/* The length of NAME or NAME:ARCH in "NAME", "NAME=VERSION" and "NAME/SUITE". */
static size_t name_length(const char *request)
{
        return strcspn(request, "=/");
}

/* apt takes "x-" for "remove x" and anything odd for a regular expression, so only what can be a name gets there. */
int apt_check_name(const char *request, Error *error)
{
        size_t length = name_length(request), letters = strcspn(request, ":=/");
        bool good = letters >= 2 && (islower((unsigned char) *request) || isdigit((unsigned char) *request)) &&
                    request[letters - 1] != '-';

        for (size_t i = 1; good && i < letters; i++)
                good = islower((unsigned char) request[i]) || isdigit((unsigned char) request[i]) ||
                       strchr("+-.", request[i]);
        for (size_t i = letters + 1; good && i < length; i++)
                good = isalnum((unsigned char) request[i]) || request[i] == '-';
        for (const char *rest = request + length; good && *rest; rest++)
                good = isalnum((unsigned char) *rest) || strchr("=/+-.:~_", *rest);
        if (!good || (request[length] && !request[length + 1]))
                return error_set_usage(error, -EINVAL,
                                       "\"%s\" can't be a package: write NAME, NAME=VERSION or NAME/SUITE", request);
        return 0;
}

static int check_names(char *const *requests, Error *error)
{
        for (; requests && *requests; requests++) {
                int r = apt_check_name(*requests, error);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* Of a removal: what is not there can't be meant. */
static int check_installed(char *const *requests, const char *status, bool purge, Error *error)
{
        _cleanup_dpkg_list_ DpkgList list = { 0 };
        int r = status_parse(status, &list, error);

        if (r < 0)
                return r;
        for (; requests && *requests; requests++) {
                _cleanup_free_ char *name = strndup(*requests, strcspn(*requests, ":=/"));
                _cleanup_free_ char *stanza = NULL;
                if (!name || asprintf(&stanza, "\nPackage: %s\n", name) < 0) {
                        stanza = NULL;
                        return error_out_of_memory(error);
                }
                /* configuration files that a removed package left can be purged */
                if (dpkg_list_find(&list, name) ||
                    (purge && (strstr(status, stanza) || string_starts_with(status, stanza + 1))))
                        continue;
                error_set(error, -ENOENT, "The package %s can't be removed: it is not installed", name);
                const char **names = calloc(list.n_items + 1, sizeof *names);
                for (size_t i = 0; names && i < list.n_items; i++)
                        names[i] = list.items[i].name;
                const char *nearest = names ? nearest_word(name, names) : NULL;
                if (nearest)
                        error_hint(error, "Did you mean %s?", nearest);
                free(names);
                return -ENOENT;
        }
        return 0;
}

static bool has_pin(char *const *requests)
{
        for (; requests && *requests; requests++)
                if (strpbrk(*requests, "=/"))
                        return true;
        return false;
}

static const char *verb_name(const AptRequest *request)
{
        return request->verb == APT_INSTALL || request->verb == APT_BOOTSTRAP ? "install"
               : request->verb == APT_DIST_UPGRADE ? "dist-upgrade"
               : request->purge                    ? "purge"
                                                   : "remove";
}

/* `mode`: -s (what and in which order) or --print-uris (from where). */
static int make_arguments(const AptRequest *request, const char *mode, const char *verbosity, char ***ret)
{
        _cleanup_strv_ char **argv = NULL;
        int r = strv_appendf(&argv, "apt-get");

        if (r == 0)
                r = strv_append(&argv, mode);
        if (r == 0)
                r = strv_append(&argv, verbosity);
        if (r == 0)
                r = strv_append(&argv, "-y");
        if (r == 0)
                r = strv_append(&argv, request->recommends ? "--install-recommends" : "--no-install-recommends");
        if (r == 0)
                r = strv_append(&argv, "--no-install-suggests");
        if (r == 0)
                r = strv_append(&argv, APT_REACHED);
        if (r == 0 && has_pin(request->packages))
                r = strv_append(&argv, "--allow-downgrades");
        if (r == 0 && request->verb == APT_BOOTSTRAP)
                r = strv_append(&argv, "-oDir::Etc::Preferences=" APT_INSIDE "/" FORBIDDEN_NAME);
        if (r == 0)
                r = strv_append(&argv, verb_name(request));
        if (r == 0)
                r = strv_append(&argv, "--");
        if (r == 0 && request->pattern)
                r = strv_append(&argv, request->pattern);
        if (r == 0)
                r = strv_extend(&argv, request->packages);
        for (size_t i = 0; r == 0 && request->deb_paths && request->deb_paths[i]; i++)
                r = strv_appendf(&argv, APT_INSIDE_DEBS "/%zu.deb", i);
        if (r == 0)
                *ret = TAKE_PTR(argv);
        return r;
}

int apt_run_failed(Apt *apt, const AptReach *reach, const Buffer *log, const Buffer *stdout_text, Error *error)
{
        const char *words = log->data ? log->data : "";
        _cleanup_free_ char *unknown = apt_unknown_package(words);
        /* for "did you mean"; none is no error */
        _cleanup_strv_ char **names = unknown ? apt_reach_names(reach) : NULL;
        int r = apt->output && stdout_text->data ? output_feed(apt->output, stdout_text->data, stdout_text->length) : 0;

        if (r < 0)
                return error_set_errno(error, -r, "Can't write the log");
        return apt_resolve_error(words, stdout_text->data ? stdout_text->data : "", names, error);
}

static int ask(Apt *apt, const AptReach *reach, const AptRequest *request, const char *mode, const char *verbosity,
               Buffer *ret, Error *error)
{
        _cleanup_buffer_ Buffer log = BUFFER_INIT;
        _cleanup_strv_ char **argv = NULL;
        int status = 0;

        if (make_arguments(request, mode, verbosity, &argv) < 0)
                return error_out_of_memory(error);
        AptRun run = {
                .argv = (const char *const *) argv,
                .repositories = &apt->selected,
                .deb_paths = request->deb_paths,
                .ret_stdout = ret,
                .ret_log = &log,
        };
        int r = apt_run(apt, &run, &status, error);
        if (r < 0)
                return r;
        if (status != 0)
                return apt_run_failed(apt, reach, &log, ret, error);
        return buffer_append(ret, "", 0) < 0 ? error_out_of_memory(error) : 0;
}

static AptPackage *find_file(const AptPackages *packages, const char *file_name)
{
        for (size_t i = 0; i < packages->n_items; i++)
                if (packages->items[i].file_name && strcmp(packages->items[i].file_name, file_name) == 0)
                        return &packages->items[i];
        return NULL;
}

/* A .deb of the recipe: apt knows it as APT_INSIDE_DEBS/NUMBER.deb. */
static int complete_local(AptPackage *package, char *const *deb_paths, Error *error)
{
        static const char prefix[] = "file:" APT_INSIDE_DEBS "/";
        char digest[SHA256_HEX_SIZE];

        if (!string_starts_with(package->uri, prefix))
                return 0;
        unsigned long number = strtoul(package->uri + strlen(prefix), NULL, 10);
        if (number >= strv_length(deb_paths))
                return error_set(error, -EINVAL, "apt-get names a package that it was not given: %s", package->uri);
        int r = digest_file(AT_FDCWD, deb_paths[number], &package->size_bytes, digest, error);
        if (r < 0)
                return r;
        free(package->uri);
        free(package->sha256);
        package->sha256 = strdup(digest);
        package->local_path = strdup(deb_paths[number]);
        if (asprintf(&package->uri, "file:%s", deb_paths[number]) < 0)
                package->uri = NULL;
        return package->sha256 && package->local_path && package->uri ? 0 : error_out_of_memory(error);
}

/* Moves what is known of the package from the list of files to the transaction. */
static int take_package(AptTransaction *transaction, const AptChange *change, AptPackages *files,
                        char *const *deb_paths, Error *error)
{
        _cleanup_free_ char *name = strndup(change->name, strcspn(change->name, ":"));
        _cleanup_free_ char *file_name = name ? apt_file_name(name, change->version, change->architecture) : NULL;

        if (!file_name)
                return error_out_of_memory(error);
        AptPackage *package = find_file(files, file_name);
        if (!package)
                return error_set(error, -ENOENT, "apt-get does not say from where %s %s comes", change->name,
                                 change->version);
        int r = complete_local(package, deb_paths, error);
        if (r < 0)
                return r;
        if (!package->sha256) {
                error_set(error, -EKEYREJECTED, "The repository has no SHA-256 of the package %s", name);
                return error_hint(error, "Its indexes are too old or too weak to be believed");
        }
        package->name = TAKE_PTR(name);
        package->version = strdup(change->version);
        package->architecture = strdup(change->architecture);
        if (!package->version || !package->architecture)
                return error_out_of_memory(error);
        transaction->packages[transaction->n_packages++] = *package;
        *package = (AptPackage){ 0 };
        return 0;
}

static bool is_asked_for(const AptChange *change, char *const *manual)
{
        size_t length = strcspn(change->name, ":");

        for (; manual && *manual; manual++)
                if (strcspn(*manual, ":") == length && strncmp(*manual, change->name, length) == 0)
                        return true;
        return false;
}

static int add_once(char ***names, const char *name)
{
        return strv_contains(*names, name) ? 0 : strv_append(names, name);
}

static int collect_manual(const AptRequest *request, const AptChanges *changes, AptTransaction *transaction)
{
        char *const *asked = request->verb == APT_INSTALL ? request->packages : NULL;
        char *const *selected = request->verb == APT_INSTALL ? changes->selected : NULL;
        int r = 0;

        for (; r == 0 && selected && *selected; selected++)
                r = add_once(&transaction->manual, *selected);
        for (; r == 0 && asked && *asked; asked++) {
                _cleanup_free_ char *name = strndup(*asked, name_length(*asked));
                r = name ? add_once(&transaction->manual, name) : -ENOMEM;
        }
        for (size_t i = 0; r == 0 && i < transaction->n_packages; i++)
                if (transaction->packages[i].local_path)
                        r = add_once(&transaction->manual, transaction->packages[i].name);
        return r;
}

static int collect_steps(const AptChanges *changes, AptTransaction *transaction)
{
        for (size_t i = 0; i < changes->n_items; i++) {
                char *name = strdup(changes->items[i].name);
                if (!name)
                        return -ENOMEM;
                transaction->steps[transaction->n_steps++] = (AptStep){ changes->items[i].action, name };
        }
        return 0;
}

static bool is_there(const Apt *apt, const AptPackage *package)
{
        return package->local_path || package_store_has(apt->packages, package->sha256, package->size_bytes);
}

static int fill_transaction(const Apt *apt, const AptRequest *request, const AptChanges *changes, AptPackages *files,
                            AptTransaction *transaction, Error *error)
{
        transaction->steps = calloc(changes->n_items + 1, sizeof *transaction->steps);
        transaction->packages = calloc(changes->n_items + 1, sizeof *transaction->packages);
        if (!transaction->steps || !transaction->packages || collect_steps(changes, transaction) < 0)
                return error_out_of_memory(error);
        for (size_t i = 0; i < changes->n_items; i++) {
                if (changes->items[i].action != APT_UNPACK)
                        continue;
                int r = take_package(transaction, &changes->items[i], files, request->deb_paths, error);
                if (r < 0)
                        return r;
                const AptPackage *package = &transaction->packages[transaction->n_packages - 1];
                transaction->download_bytes += is_there(apt, package) ? 0 : package->size_bytes;
        }
        if (collect_manual(request, changes, transaction) < 0)
                return error_out_of_memory(error);
        for (size_t i = 0; i < changes->n_items; i++)
                if (changes->items[i].is_new && !is_asked_for(&changes->items[i], transaction->manual) &&
                    strv_append(&transaction->automatic, changes->items[i].name) < 0)
                        return error_out_of_memory(error);
        return 0;
}

static bool has_unpacking(const AptChanges *changes)
{
        for (size_t i = 0; i < changes->n_items; i++)
                if (changes->items[i].action == APT_UNPACK)
                        return true;
        return false;
}

int apt_take_debs(Apt *apt, char *const *paths, char ***ret, Error *error)
{
        _cleanup_free_ char *directory = path_join(apt->work, "debs");
        _cleanup_strv_ char **debs = NULL;

        if (!directory)
                return error_out_of_memory(error);
        for (; paths && *paths; paths++) {
                _cleanup_free_ char *path = NULL;
                char name[32];
                snprintf(name, sizeof name, "%u.deb", apt->n_debs++);
                int r = readable_path(*paths, directory, name, &path, error);
                if (r < 0)
                        return r;
                if (strv_append(&debs, path) < 0)
                        return error_out_of_memory(error);
        }
        *ret = TAKE_PTR(debs);
        return 0;
}

static int resolve(Apt *apt, const AptRequest *request, const Buffer *status, AptTransaction *ret, Error *error)
{
        _cleanup_apt_reach_ AptReach *reach = NULL;
        _cleanup_buffer_ Buffer simulation = BUFFER_INIT, uris = BUFFER_INIT;
        _cleanup_changes_ AptChanges changes = { 0 };
        _cleanup_apt_packages_ AptPackages files = { 0 };
        _cleanup_transaction_ AptTransaction transaction = { 0 };

        int r = apt_reach(apt, request, status, &reach, error);
        if (r == 0)
                r = apt_reach_check(reach, request, error);
        /* -q=0, as apt tells only then which packages it takes for virtual ones */
        if (r == 0)
                r = ask(apt, reach, request, "-s", "-q=0", &simulation, error);
        if (r == 0)
                r = apt_parse_changes(simulation.data, &changes, error);
        if (r == 0 && has_unpacking(&changes)) {
                r = ask(apt, reach, request, "--print-uris", "-q", &uris, error);
                if (r == 0)
                        r = apt_parse_uris(uris.data, &files, error);
        }
        if (r == 0)
                r = fill_transaction(apt, request, &changes, &files, &transaction, error);
        if (r == 0)
                r = apt_find_sources_in(apt, apt_reach_lists(reach), &transaction, error);
        if (r < 0)
                return r;
        *ret = transaction;
        transaction = (AptTransaction){ 0 };
        return 0;
}

/* ------------------------------------------------------------------------------------------------ an empty tree */

/* Forbidden packages have no candidate, and the pattern must not choose them. */
static int forbid(Apt *apt, const AptRequest *request, char **ret_pattern, Error *error)
{
        _cleanup_buffer_ Buffer preferences = BUFFER_INIT, pattern = BUFFER_INIT;
        int r = buffer_printf(&pattern, "?and(%s", request->pattern);

        for (char *const *name = request->forbidden; r == 0 && name && *name; name++) {
                r = buffer_printf(&preferences, "Package: %s\nPin: release *\nPin-Priority: -1\n\n", *name);
                if (r == 0)
                        r = buffer_printf(&pattern, ",?not(?exact-name(%s))", *name);
        }
        if (r == 0)
                r = buffer_append_string(&pattern, ")");
        if (r < 0)
                return error_out_of_memory(error);
        r = apt_write_text(apt, FORBIDDEN_NAME, preferences.data ? preferences.data : "", error);
        if (r == 0)
                *ret_pattern = buffer_take(&pattern);
        return r;
}

static int compare_packages(const void *a, const void *b)
{
        const AptPackage *left = a, *right = b;
        int r = strcmp(left->name, right->name);

        return r != 0 ? r : strcmp(left->architecture, right->architecture);
}

static int check_sum(const AptPackage *package, Error *error)
{
        if (package->sha256)
                return 0;
        error_set(error, -EKEYREJECTED, "The repository has no SHA-256 of the package %s", package->name);
        return error_hint(error, "Its indexes are too old or too weak to be believed");
}

/* The files alone say everything: in which order packages are unpacked is nothing that apt has to find out. */
static int resolve_bootstrap(Apt *apt, const AptRequest *request, AptTransaction *ret, Error *error)
{
        _cleanup_apt_reach_ AptReach *reach = NULL;
        _cleanup_buffer_ Buffer uris = BUFFER_INIT;
        _cleanup_apt_packages_ AptPackages files = { 0 };
        _cleanup_free_ char *pattern = NULL;
        AptRequest whole = *request;

        int r = forbid(apt, request, &pattern, error);
        whole.pattern = pattern;
        if (r == 0)
                r = apt_reach(apt, &whole, &BUFFER_INIT, &reach, error);
        if (r == 0)
                r = apt_reach_check(reach, &whole, error);
        if (r == 0)
                r = ask(apt, reach, &whole, "--print-uris", "-q", &uris, error);
        if (r == 0)
                r = apt_parse_uris(uris.data, &files, error);
        for (size_t i = 0; r == 0 && i < files.n_items; i++) {
                r = apt_split_file_name(&files.items[i], error);
                if (r == 0)
                        r = check_sum(&files.items[i], error);
                if (r == 0 && !is_there(apt, &files.items[i]))
                        ret->download_bytes += files.items[i].size_bytes;
        }
        if (r < 0)
                return r;
        if (files.n_items > 1)
                qsort(files.items, files.n_items, sizeof *files.items, compare_packages);
        ret->packages = TAKE_PTR(files.items);
        ret->n_packages = files.n_items;
        files.n_items = 0;
        return apt_find_sources_in(apt, apt_reach_lists(reach), ret, error);
}

int apt_check_selection(const Apt *apt, Error *error)
{
        return apt->has_selection ? 0 : error_set(error, -EINVAL, "No repositories are selected");
}

int apt_resolve(Apt *apt, const SandboxTree *tree, const AptRequest *request, AptTransaction *ret, Error *error)
{
        _cleanup_buffer_ Buffer status = BUFFER_INIT;
        _cleanup_strv_ char **debs = NULL;
        AptRequest readable = *request;
        int r = apt_check_selection(apt, error);

        if (r == 0)
                r = check_names(request->packages, error);
        if (r == 0)
                r = apt_take_debs(apt, request->deb_paths, &debs, error);
        readable.deb_paths = debs;
        if (r == 0)
                r = apt_take_status(apt, tree, &status, error);
        if (r == 0 && request->verb == APT_REMOVE_PACKAGES)
                r = check_installed(request->packages, status.data ? status.data : "", request->purge, error);
        if (r == 0 && request->verb == APT_BOOTSTRAP)
                r = check_names(request->forbidden, error);
        if (r < 0)
                return r;
        return request->verb == APT_BOOTSTRAP ? resolve_bootstrap(apt, request, ret, error)
                                              : resolve(apt, &readable, &status, ret, error);
}
