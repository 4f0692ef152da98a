/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "stages/sources.h"

#include "base/file.h"
#include "stages/keyring.h"
#include "stages/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

/* One repository's keyring: read on the host before the tree is entered, where only its ids count. */
typedef struct SourceKey {
        const char *host_path; /* borrowed; NULL for a key that stands in the sources themselves */
        Buffer content;        /* binary; empty: none is needed */
} SourceKey;

typedef struct SourcesJob {
        const Sources *sources;
        SourceKey *keys; /* one for each repository */
} SourcesJob;

static void strip_end(char *text)
{
        for (size_t end = strlen(text); end > 0 && strchr(" \t", text[end - 1]);)
                text[--end] = '\0';
}

static bool is_priority(const char *text)
{
        text += text[0] == '-';
        return *text && !text[strspn(text, "0123456789")] && strlen(text) <= 5;
}

/* Cuts `text` into its first word, its last, and what is between them. */
static bool cut_pin(char *text, const char **ret_pattern, const char **ret_spec, const char **ret_priority)
{
        strip_end(text);
        char *pattern = text + strspn(text, " \t"), *spec = strpbrk(pattern, " \t"), *priority = text + strlen(text);

        while (priority > text && !strchr(" \t", priority[-1]))
                priority--;
        if (!spec || priority <= spec + 1)
                return false;
        *spec++ = '\0';
        priority[-1] = '\0';
        spec += strspn(spec, " \t");
        strip_end(spec);
        *ret_pattern = pattern;
        *ret_spec = spec;
        *ret_priority = priority;
        return string_starts_with(spec, "release ") || string_starts_with(spec, "origin ") ||
               string_starts_with(spec, "version ");
}

int sources_parse_pin(const char *text, char **ret_copy, const char **ret_pattern, const char **ret_spec,
                      const char **ret_priority, Error *error)
{
        const char *pattern, *spec, *priority;
        _cleanup_free_ char *copy = strdup(text);

        if (!copy)
                return error_out_of_memory(error);
        if (!cut_pin(copy, &pattern, &spec, &priority) || !is_priority(priority)) {
                error_set_usage(error, -EINVAL, "\"%s\" is not a pin; expected a package, what it is pinned to, and a "
                                "priority", text);
                return error_hint(error, "as in: Pin=nginx* release n=bookworm-backports 500");
        }
        *ret_pattern = pattern;
        *ret_spec = spec;
        *ret_priority = priority;
        *ret_copy = TAKE_PTR(copy);
        return 0;
}

static int format_pins(char *const *pins, Buffer *ret, Error *error)
{
        for (; pins && *pins; pins++) {
                const char *pattern, *spec, *priority;
                _cleanup_free_ char *copy = NULL;
                int r = sources_parse_pin(*pins, &copy, &pattern, &spec, &priority, error);
                if (r < 0)
                        return r;
                if (buffer_printf(ret, "%sPackage: %s\nPin: %s\nPin-Priority: %s\n", ret->length > 0 ? "\n" : "",
                                  pattern, spec, priority) < 0)
                        return error_out_of_memory(error);
        }
        return 0;
}

static bool tree_has_file(int root_fd, const char *path)
{
        _cleanup_close_ int fd = open_in_root(root_fd, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
        struct stat status;

        return fd >= 0 && fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
}

static int write_text(int root_fd, const char *path, const Buffer *text, Error *error)
{
        return tree_write(root_fd, path,
                          &(TreeFile){ .data = text->data, .size_bytes = text->length, .source_fd = -1, .mode = 0644 },
                          error);
}

static bool tree_has_same(int root_fd, const char *path, const Buffer *content)
{
        _cleanup_buffer_ Buffer there = BUFFER_INIT;

        return tree_read(root_fd, path, &there, NULL) == 0 && there.length == content->length &&
               memcmp(there.data, content->data, content->length) == 0;
}

/* BASENAME.gpg of the host's keyring, or the name of the sources file; numbered while another keyring has the name. */
static int keyring_target(int root_fd, const Sources *sources, const SourceKey *key, char **ret_path, Error *error)
{
        const char *directory = sources->old_apt ? "/etc/apt/trusted.gpg.d" : "/etc/apt/keyrings";
        const char *slash = key->host_path ? strrchr(key->host_path, '/') : NULL;
        const char *base = slash ? slash + 1 : key->host_path ?: sources->name;
        const char *dot = key->host_path ? strrchr(base, '.') : NULL;
        int length = (int) (dot > base ? (size_t) (dot - base) : strlen(base));

        for (unsigned number = 1;; number++) {
                _cleanup_free_ char *path = NULL;
                int n = number == 1 ? asprintf(&path, "%s/%.*s.gpg", directory, length, base)
                                    : asprintf(&path, "%s/%.*s-%u.gpg", directory, length, base, number);
                if (n < 0) {
                        path = NULL;
                        return error_out_of_memory(error);
                }
                if (tree_has_file(root_fd, path) && !tree_has_same(root_fd, path, &key->content))
                        continue;
                *ret_path = TAKE_PTR(path);
                return 0;
        }
}

/* A keyring that the image gets from a package stays as current as the package: it is used where it lies. */
static int place_keyring(int root_fd, const Sources *sources, const SourceKey *key, char **ret_path, Error *error)
{
        bool packaged = key->host_path && string_starts_with(key->host_path, "/usr/share/keyrings/") &&
                        tree_has_file(root_fd, key->host_path);
        _cleanup_free_ char *path = NULL;
        int r = 0;

        if (packaged)
                path = strdup(key->host_path);
        else
                r = keyring_target(root_fd, sources, key, &path, error);
        if (r == 0 && !path)
                r = error_out_of_memory(error);
        if (r == 0 && !packaged)
                r = write_text(root_fd, path, &key->content, error);
        if (r == 0 && !sources->old_apt)
                *ret_path = TAKE_PTR(path);
        return r;
}

static int place_keyrings(int root_fd, const SourcesJob *job, char **paths, Error *error)
{
        int r = 0;

        for (size_t i = 0; r == 0 && i < job->sources->list->n_items; i++)
                if (job->keys[i].content.length > 0)
                        r = place_keyring(root_fd, job->sources, &job->keys[i], &paths[i], error);
        return r;
}

static char *sources_path(const Sources *sources)
{
        char *path = NULL;
        int n;

        if (sources->one_line && (sources->supersede || sources->replace_all))
                return strdup("/etc/apt/sources.list");
        n = asprintf(&path, "/etc/apt/sources.list.d/%s.%s", sources->name, sources->one_line ? "list" : "sources");
        return n < 0 ? NULL : path;
}

static int remove_former(int root_fd, const Sources *sources, Error *error)
{
        bool found;
        int r = 0;

        if (sources->supersede || sources->replace_all)
                r = tree_remove(root_fd, "/etc/apt/sources.list", &found, error);
        if (r == 0 && sources->replace_all)
                r = tree_empty_directory(root_fd, "/etc/apt/sources.list.d", error);
        if (r == 0 && sources->replace_all)
                r = tree_empty_directory(root_fd, "/etc/apt/preferences.d", error);
        return r;
}

static int write_sources(int root_fd, const Sources *sources, char *const *keyring_paths, Error *error)
{
        _cleanup_free_ char *path = sources_path(sources), *preferences = NULL;
        _cleanup_buffer_ Buffer text = BUFFER_INIT, pins = BUFFER_INIT;

        if (!path || repository_format(sources->list, keyring_paths, sources->one_line, &text) < 0)
                return error_out_of_memory(error);
        int r = write_text(root_fd, path, &text, error);
        if (r == 0)
                r = format_pins(sources->pins, &pins, error);
        if (r < 0 || pins.length == 0)
                return r;
        if (asprintf(&preferences, "/etc/apt/preferences.d/%s.pref", sources->name) < 0) {
                preferences = NULL;
                return error_out_of_memory(error);
        }
        return write_text(root_fd, preferences, &pins, error);
}

static int write_in_tree(int root_fd, void *userdata, Buffer *reply _unused_, Error *error)
{
        const SourcesJob *job = userdata;
        size_t n = job->sources->list->n_items;
        char **paths = calloc(n + 1, sizeof *paths);

        if (!paths)
                return error_out_of_memory(error);
        int r = remove_former(root_fd, job->sources, error);
        if (r == 0)
                r = place_keyrings(root_fd, job, paths, error);
        if (r == 0)
                r = write_sources(root_fd, job->sources, paths, error);
        for (size_t i = 0; i < n; i++)
                free(paths[i]);
        free(paths);
        return r;
}

static int read_key(const Repository *repository, SourceKey *key, Error *error)
{
        if (repository->trusted)
                return 0;
        if (repository->inline_key) {
                int r = keyring_dearmor(repository->inline_key, strlen(repository->inline_key), &key->content, error);
                return r < 0 ? error_wrap(error, "the key of %s", repository->uris[0]) : 0;
        }
        key->host_path = repository->keyring;
        return keyring_read(repository->keyring, &key->content, error);
}

int sources_write(Sandbox *sandbox, const SandboxTree *tree, const Sources *sources, Error *error)
{
        size_t n = sources->list->n_items;
        _cleanup_repository_list_ RepositoryList copy = { 0 };
        Sources without_keys = *sources;
        SourceKey *keys = calloc(n + 1, sizeof *keys);
        int r = 0;

        if (!keys || repository_list_copy(sources->list, &copy) < 0) {
                free(keys);
                return error_out_of_memory(error);
        }
        for (size_t i = 0; r == 0 && i < n; i++) {
                r = read_key(&sources->list->items[i], &keys[i], error);
                /* it becomes a file: apt before 2.3.10 reads no keys inside of sources */
                free(copy.items[i].inline_key);
                copy.items[i].inline_key = NULL;
        }
        without_keys.list = &copy;
        if (r == 0)
                r = sandbox_call(sandbox, tree, write_in_tree, &(SourcesJob){ .sources = &without_keys, .keys = keys },
                                 NULL, error);
        for (size_t i = 0; i < n; i++)
                buffer_done(&keys[i].content);
        free(keys);
        return r;
}
