/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "stages/bootstrap.h"

#include "base/file.h"
#include "base/process.h"
#include "packages/dpkg.h"
#include "stages/bootstrap_cache.h"
#include "stages/bootstrap_used.h"
#include "stages/keyring.h"
#include "stages/kinds.h"
#include "stages/suites.h"
#include "stages/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#define KEYRING_TARGET "/run/templar/keyring.gpg"
#define CACHE_TARGET "/run/templar/debootstrap"
#define LOG_PATH "/debootstrap/debootstrap.log"
#define LOG_TAIL_BYTES 16384

/* What debootstrap says while it works, for the live line, and its last complaint. */
typedef struct Progress {
        Report *report;
        OutputListener next;
        void *next_userdata;
        unsigned retrieved, extracted, unpacked, configured;
        char complaint[512];
} Progress;

static void show_step(Progress *progress, const char *what, unsigned *count, const char *name)
{
        (*count)++;
        report_live(progress->report, "%s %.*s (%u)", what, (int) strcspn(name, " "), name, *count);
}

static void on_line(const char *line, void *userdata)
{
        static const char *const words[] = { "I: Retrieving ", "I: Extracting ", "I: Unpacking ", "I: Configuring " };
        static const char *const live[] = { "retrieving", "extracting", "unpacking", "configuring" };
        Progress *progress = userdata;
        unsigned *counts[] = { &progress->retrieved, &progress->extracted, &progress->unpacked, &progress->configured };

        for (size_t i = 0; i < ELEMENTS(words); i++)
                /* "Unpacking the base system..." is a heading */
                if (string_starts_with(line, words[i]) && !string_ends_with(line, " system...") &&
                    !string_ends_with(line, " packages..."))
                        show_step(progress, live[i], counts[i], line + strlen(words[i]));
        if (string_starts_with(line, "E: "))
                snprintf(progress->complaint, sizeof progress->complaint, "%s", line + 3);
        if (progress->next)
                progress->next(line, progress->next_userdata);
}

/* container=lxc: debootstrap then neither asks for mknod() nor for mounts of its own. Proxies are for the first half
 * alone, so nothing in the tree can pick them up. */
static int make_environment(StageContext *context, bool network, char ***ret, Error *error)
{
        static const char *const proxies[] = { "http_proxy", "https_proxy", "no_proxy" };
        _cleanup_strv_ char **environment = NULL;
        int r = 0;

        for (const char *const *item = context->environment; r == 0 && *item; item++)
                if (!string_starts_with(*item, "container="))
                        r = strv_append(&environment, *item);
        if (r == 0)
                r = strv_append(&environment, "container=lxc");
        for (size_t i = 0; r == 0 && network && i < ELEMENTS(proxies); i++) {
                const char *value = getenv(proxies[i]);
                if (string_empty(value))
                        continue;
                r = strv_appendf(&environment, "%s=%s", proxies[i], value);
                if (r == 0 && uri_has_credentials(value))
                        r = output_hide(context->output, value);
        }
        if (r < 0)
                return error_out_of_memory(error);
        *ret = TAKE_PTR(environment);
        return 0;
}

static int append_list_option(char ***arguments, const char *option, char *const *words)
{
        _cleanup_free_ char *joined = NULL;

        if (!words || !*words)
                return 0;
        joined = strv_join(words, ",");
        return joined ? strv_appendf(arguments, "--%s=%s", option, joined) : -ENOMEM;
}

static int make_arguments(StageContext *context, const Bootstrap *bootstrap, char ***ret, Error *error)
{
        _cleanup_strv_ char **arguments = NULL;
        int r = strv_append(&arguments, "debootstrap");

        if (r == 0)
                r = strv_append(&arguments, "--foreign");
        if (r == 0)
                r = strv_append(&arguments, "--force-check-gpg");
        if (r == 0)
                r = strv_append(&arguments, "--keyring=" KEYRING_TARGET);
        if (r == 0)
                r = strv_append(&arguments, "--cache-dir=" CACHE_TARGET);
        if (r == 0)
                r = strv_appendf(&arguments, "--arch=%s", recipe_architecture(context->recipe));
        if (r == 0 && !string_equal(bootstrap->variant, "standard"))
                r = strv_appendf(&arguments, "--variant=%s", bootstrap->variant);
        if (r == 0)
                r = append_list_option(&arguments, "components", bootstrap->repository->components);
        if (r == 0)
                r = append_list_option(&arguments, "include", bootstrap->include);
        if (r == 0)
                r = append_list_option(&arguments, "exclude", bootstrap->exclude);
        if (r == 0)
                r = strv_append(&arguments, bootstrap->suite);
        if (r == 0)
                r = strv_append(&arguments, SANDBOX_TREE_PATH);
        if (r == 0)
                r = strv_append(&arguments, bootstrap->repository->uris[0]);
        if (r == 0 && !string_equal(bootstrap->suite, bootstrap->script))
                r = strv_append(&arguments, bootstrap->script);
        if (r < 0)
                return error_out_of_memory(error);
        *ret = TAKE_PTR(arguments);
        return 0;
}

/* The directory of a file: mirror, or NULL. */
static const char *mirror_directory(const char *uri)
{
        if (!string_starts_with(uri, "file:"))
                return NULL;
        uri += strlen("file:");
        return string_starts_with(uri, "//") ? strchr(uri + 2, '/') : uri;
}

static int first_half(StageContext *context, const Bootstrap *bootstrap, const char *keyring_path,
                      const BootstrapCache *cache, Error *error)
{
        _cleanup_strv_ char **arguments = NULL, **environment = NULL;
        const char *directory = mirror_directory(bootstrap->repository->uris[0]);
        SandboxMount mounts[] = {
                { .source = keyring_path, .target = KEYRING_TARGET },
                { .source = cache->own, .target = CACHE_TARGET, .writable = true },
                { .source = directory, .target = directory },
        };

        int r = make_arguments(context, bootstrap, &arguments, error);
        if (r == 0)
                r = make_environment(context, !directory, &environment, error);
        if (r < 0)
                return r;
        return sandbox_run(context->sandbox,
                           &(SandboxCommand){ .root = SANDBOX_ROOT_TOOLS,
                                              .tree = context->tree,
                                              .argv = (const char *const *) arguments,
                                              .environment = (const char *const *) environment,
                                              .mounts = mounts,
                                              .n_mounts = directory ? 3 : 2,
                                              .network = !directory,
                                              .stdin_fd = -1,
                                              .output = context->output },
                           error);
}

static int second_half(StageContext *context, Error *error)
{
        static const char *const argv[] = { "/debootstrap/debootstrap", "--second-stage", NULL };
        _cleanup_strv_ char **environment = NULL;

        int r = make_environment(context, false, &environment, error);
        if (r < 0)
                return r;
        return sandbox_run(context->sandbox,
                           &(SandboxCommand){ .root = SANDBOX_ROOT_TREE,
                                              .tree = context->tree,
                                              .argv = argv,
                                              .environment = (const char *const *) environment,
                                              .stdin_fd = -1,
                                              .output = context->output },
                           error);
}

/* Replies with the end of debootstrap's own log. */
static int read_log(int root_fd, void *userdata _unused_, Buffer *reply, Error *error)
{
        _cleanup_close_ int fd = open_in_root(root_fd, LOG_PATH, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);

        if (fd < 0)
                return 0;
        if (lseek(fd, -LOG_TAIL_BYTES, SEEK_END) < 0 && lseek(fd, 0, SEEK_SET) < 0)
                return 0;
        return read_descriptor(fd, 2 * LOG_TAIL_BYTES, reply) < 0 ? error_out_of_memory(error) : 0;
}

/* debootstrap prints little and logs the rest into the tree: that goes into the output too, and its complaint last, so
 * that the lines which are shown end with what matters. */
static int explain(StageContext *context, const Progress *progress, const Bootstrap *bootstrap, Error *error)
{
        _cleanup_buffer_ Buffer log = BUFFER_INIT;
        _cleanup_free_ char *tail = NULL;

        if (error->kind == ERROR_CANCELLED)
                return error->code;
        int r = sandbox_call(context->sandbox, context->tree, read_log, NULL, &log, NULL);
        if (r == 0 && log.length > 0)
                r = output_feed(context->output, log.data, log.length);
        if (r == 0 && progress->complaint[0])
                r = output_printf(context->output, "E: %s\n", progress->complaint);
        if (r == 0)
                r = output_end(context->output);
        if (r == 0)
                tail = output_tail(context->output);
        if (tail)
                error_detail(error, "%s", tail);
        if (progress->complaint[0])
                error_wrap(error, "%s", progress->complaint);
        return error_wrap(error, "%s from %s", bootstrap->suite, bootstrap->repository->uris[0]);
}

/* What debootstrap leaves behind or copies from the host: lists and packages of its own download, the host's
 * name and resolver, links in /dev. */
static int tidy(int root_fd, void *userdata _unused_, Buffer *reply _unused_, Error *error)
{
        static const char *const empty[] = { "/dev", "/var/lib/apt/lists", "/var/cache/apt/archives" };
        static const char *const remove[] = { "/debootstrap", "/etc/resolv.conf", "/etc/hostname" };
        bool found;

        for (size_t i = 0; i < ELEMENTS(empty); i++) {
                int r = tree_empty_directory(root_fd, empty[i], error);
                if (r < 0)
                        return r;
        }
        for (size_t i = 0; i < ELEMENTS(remove); i++) {
                int r = tree_remove(root_fd, remove[i], &found, error);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int run_halves(StageContext *context, const Bootstrap *bootstrap, const char *keyring_path,
                      BootstrapCache *cache, Error *error)
{
        Progress progress = { .report = context->report };

        progress.next = output_listener(context->output, &progress.next_userdata);
        output_listen(context->output, on_line, &progress);
        int r = first_half(context, bootstrap, keyring_path, cache, error);
        if (r == 0)
                r = bootstrap_cache_keep(cache, context->tree, error);
        if (r == 0)
                r = bootstrap_tell(context, bootstrap, error);
        if (r == 0)
                r = second_half(context, error);
        output_listen(context->output, progress.next, progress.next_userdata);
        return r < 0 ? explain(context, &progress, bootstrap, error) : 0;
}

static int write_keyring(const Bootstrap *bootstrap, const char *path, Error *error)
{
        _cleanup_buffer_ Buffer keyring = BUFFER_INIT;

        int r = keyring_read(bootstrap->repository->keyring, &keyring, error);
        return r < 0 ? r : write_file_atomic(AT_FDCWD, path, keyring.data, keyring.length, 0644, error);
}

int bootstrap_run(StageContext *context, const Bootstrap *bootstrap, Error *error)
{
        _cleanup_bootstrap_cache_ BootstrapCache cache = { 0 };
        _cleanup_dpkg_list_ DpkgList list = { 0 };
        _cleanup_free_ char *keyring_path = path_join(context->work_directory, "keyring.gpg");

        if (!keyring_path)
                return error_out_of_memory(error);
        int r = write_keyring(bootstrap, keyring_path, error);
        if (r == 0)
                r = bootstrap_cache_open(context->sandbox, context->cache_directory, &cache, error);
        if (r == 0)
                r = run_halves(context, bootstrap, keyring_path, &cache, error);
        if (r == 0)
                r = sandbox_call(context->sandbox, context->tree, tidy, NULL, NULL, error);
        if (r == 0)
                r = dpkg_list(context->sandbox, context->tree, &list, error);
        return r < 0 ? r : stage_note(context, error, "%zu packages", list.n_items);
}
