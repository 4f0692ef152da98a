/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "packages/apt_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>

#include "base/cancel.h"
#include "base/file.h"
#include "packages/readable.h"
#include "packages/tap.h"

#define LOCK_POLL_NSEC (50 * 1000 * 1000)
#define LOG_LIMIT_BYTES ((size_t) 1 << 20)

/* Nothing of the host's configuration counts. No caches: apt knows the indexes behind its own by size and second alone, and
 * what it is given is read in no time (apt_reach()). ForceEssential: else apt takes itself for essential, whatever the
 * archive says, and the variant essential would have it. */
static const char configuration[] =
        "Dir::Etc \"" APT_INSIDE "\";\n"
        "Dir::Etc::Main \"/dev/null\";\n"
        "Dir::Etc::Parts \"/dev/null\";\n"
        "Dir::Etc::SourceList \"/dev/null\";\n"
        "Dir::Etc::SourceParts \"" APT_INSIDE "/sources\";\n"
        "Dir::Etc::Preferences \"" APT_INSIDE "/preferences\";\n"
        "Dir::Etc::PreferencesParts \"/dev/null\";\n"
        "Dir::Etc::Trusted \"/dev/null\";\n"
        "Dir::Etc::TrustedParts \"/dev/null\";\n"
        "Dir::Etc::Netrc \"/dev/null\";\n"
        "Dir::Etc::NetrcParts \"/dev/null\";\n"
        "Dir::State \"/tmp\";\n"
        "Dir::State::Lists \"" APT_INSIDE_LISTS "\";\n"
        "Dir::State::Status \"" APT_INSIDE "/status\";\n"
        "Dir::State::Extended_States \"" APT_INSIDE "/extended_states\";\n"
        "Dir::Cache \"/tmp\";\n"
        "Dir::Cache::Archives \"/tmp/archives\";\n"
        "Dir::Cache::pkgcache \"\";\n"
        "Dir::Cache::srcpkgcache \"\";\n"
        "Dir::Log \"/tmp\";\n"
        "pkgCacheGen::ForceEssential \",\";\n"
        "APT::Sandbox::User \"root\";\n"
        "APT::Get::List-Cleanup \"false\";\n"
        "APT::Update::Error-Mode \"any\";\n"
        "APT::Color \"0\";\n"
        "Acquire::Languages \"none\";\n"
        "Acquire::PDiffs \"false\";\n"
        "Acquire::By-Hash \"yes\";\n"
        "Acquire::ForceHash \"SHA256\";\n"
        "Acquire::AllowInsecureRepositories \"false\";\n"
        "Acquire::AllowWeakRepositories \"false\";\n"
        "Acquire::AllowDowngradeToInsecureRepositories \"false\";\n"
        "Acquire::Retries \"3\";\n"
        "Acquire::http::Timeout \"30\";\n"
        "Acquire::https::Timeout \"30\";\n";

static const char *const proxy_names[] = { "http_proxy", "https_proxy", "no_proxy", "all_proxy",
                                           "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY" };

/* Neither renamed nor synced: nobody else looks, and after a crash nobody needs it. Removed first, as some file systems
 * wait for the disk when a file is closed that was cut to nothing and written again. */
int apt_write(Apt *apt, const char *name, const void *data, size_t size_bytes, Error *error)
{
        _cleanup_free_ char *path = path_join(apt->work, name);

        if (!path)
                return error_out_of_memory(error);
        if (unlink(path) < 0 && errno != ENOENT)
                return error_set_errno(error, errno, "Can't replace %s", path);
        _cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
        int r = fd < 0 ? -errno : write_all(fd, data, size_bytes);
        if (r == 0 && fchmod(fd, 0644) < 0)
                r = -errno;
        return r < 0 ? error_set_errno(error, -r, "Can't write %s", path) : 0;
}

int apt_write_text(Apt *apt, const char *name, const char *text, Error *error)
{
        return apt_write(apt, name, text, strlen(text), error);
}

static int owner_of(const char *path, uid_t *ret)
{
        struct stat status;

        if (lstat(path, &status) < 0)
                return -errno;
        *ret = status.st_uid;
        return S_ISDIR(status.st_mode) ? 0 : -ENOTDIR;
}

int apt_make_sandbox_directory(Sandbox *sandbox, const char *parent, const char *name, char **ret_path, Error *error)
{
        _cleanup_free_ char *path = path_join(parent, name);
        uint32_t uid_base, gid_base;
        uid_t owner = 0;
        int r;

        if (!path)
                return error_out_of_memory(error);
        /* made and handed over in two steps: nobody looks at it in between */
        _cleanup_close_ int guard_fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (guard_fd < 0 || flock(guard_fd, LOCK_EX) < 0)
                return error_set_errno(error, errno, "Can't lock %s", parent);
        sandbox_id_base(sandbox, &uid_base, &gid_base);
        r = owner_of(path, &owner);
        if (r == 0 && owner == uid_base) {
                *ret_path = TAKE_PTR(path);
                return 0;
        }
        if (r == 0 || r == -ENOTDIR) {
                r = remove_tree(AT_FDCWD, path, error);
                if (r < 0)
                        return error_hint(error,
                                          "It belongs to other ids than those of the sandbox; remove it as root");
        } else if (r != -ENOENT) {
                return error_set_errno(error, -r, "Can't look at %s", path);
        }
        r = sandbox_make_directory(sandbox, parent, name, error);
        if (r == -EEXIST) {
                /* another build was faster */
                error_done(error);
                r = 0;
        }
        if (r == 0)
                *ret_path = TAKE_PTR(path);
        return r;
}

int apt_lock(const char *path, bool exclusive, int *ret_fd, Error *error)
{
        _cleanup_close_ int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

        if (fd < 0)
                return error_set_errno(error, errno, "Can't open the lock %s", path);
        while (flock(fd, (exclusive ? LOCK_EX : LOCK_SH) | LOCK_NB) < 0) {
                if (errno != EWOULDBLOCK && errno != EINTR)
                        return error_set_errno(error, errno, "Can't lock %s", path);
                if (cancel_signal())
                        return error_cancelled(error);
                nanosleep(&(struct timespec){ .tv_nsec = LOCK_POLL_NSEC }, NULL);
        }
        *ret_fd = TAKE_FD(fd);
        return 0;
}

/* The user and password of a proxy's URI must not reach a log. */
static int hide_credentials(Output *output, const char *uri)
{
        const char *start = strstr(uri, "://");

        if (!output || !uri_has_credentials(uri))
                return 0;
        start += 3;
        const char *at = memrchr(start, '@', strcspn(start, "/?#"));
        _cleanup_free_ char *both = at ? strndup(start, (size_t) (at - start)) : NULL;
        if (!both)
                return -ENOMEM;
        char *password = strchr(both, ':');
        int r = output_hide(output, both);
        return r == 0 && password ? output_hide(output, password + 1) : r;
}

static int hide_proxies(Output *output)
{
        for (size_t i = 0; i < ELEMENTS(proxy_names); i++) {
                const char *value = getenv(proxy_names[i]);
                int r = value ? hide_credentials(output, value) : 0;
                if (r < 0)
                        return r;
        }
        return 0;
}

static int make_places(Apt *apt, Error *error)
{
        _cleanup_free_ char *sources = path_join(apt->work, "sources"), *keys = path_join(apt->work, "keys");
        _cleanup_free_ char *lists = path_join(apt->cache, "lists"), *debs = path_join(apt->work, "debs");
        int r = sources && keys && lists && debs ? 0 : error_out_of_memory(error);

        if (r == 0)
                r = readable_directory(apt->work, error);
        if (r == 0)
                r = readable_directory(sources, error);
        if (r == 0)
                r = readable_directory(keys, error);
        if (r == 0)
                r = readable_directory(debs, error);
        if (r == 0)
                r = make_directories(lists, 0755, error);
        if (r == 0)
                r = make_directories(apt->pins, 0755, error);
        return r == 0 ? package_store_open(apt->cache, &apt->packages, error) : r;
}

int apt_architectures(const Apt *apt, const RepositoryList *repositories, char ***ret)
{
        _cleanup_strv_ char **architectures = NULL;
        int r = strv_append(&architectures, apt->architecture);

        for (size_t i = 0; r == 0 && i < repositories->n_items; i++)
                for (char **one = repositories->items[i].architectures; r == 0 && one && *one; one++)
                        if (!strv_contains(architectures, *one))
                                r = strv_append(&architectures, *one);
        if (r == 0)
                *ret = TAKE_PTR(architectures);
        return r;
}

int apt_write_configuration(Apt *apt, const RepositoryList *repositories, Error *error)
{
        _cleanup_strv_ char **architectures = NULL;
        _cleanup_buffer_ Buffer text = BUFFER_INIT;
        int r = apt_architectures(apt, repositories, &architectures);
        _cleanup_free_ char *list = r == 0 ? strv_join(architectures, "\"; \"") : NULL;
        if (!list || buffer_printf(&text, "%sAPT::Architecture \"%s\";\nAPT::Architectures { \"%s\"; };\n",
                                   configuration, apt->architecture, list) < 0)
                return error_out_of_memory(error);
        return apt_write_text(apt, "apt.conf", text.data, error);
}

static int write_files(Apt *apt, Error *error)
{
        int r = apt_write_text(apt, "preferences", "", error);

        if (r == 0)
                r = apt_write_text(apt, "status", "", error);
        return r == 0 ? apt_write_text(apt, "extended_states", "", error) : r;
}

int apt_open(const AptOptions *options, Apt **ret, Error *error)
{
        _cleanup_apt_ Apt *apt = calloc(1, sizeof *apt);

        if (!apt)
                return error_out_of_memory(error);
        apt->sandbox = options->sandbox;
        apt->output = options->output;
        apt->offline = options->offline;
        apt->architecture = strdup(options->architecture);
        apt->cache = strdup(options->cache_directory);
        apt->work_parent = strdup(options->work_directory);
        apt->work = path_join(options->work_directory, "apt");
        apt->pins = path_join(options->work_directory, "pins");
        apt->pools = options->pools;
        if (!apt->architecture || !apt->cache || !apt->work_parent || !apt->work || !apt->pins || hide_proxies(apt->output) < 0)
                return error_out_of_memory(error);
        int r = make_places(apt, error);
        if (r == 0)
                r = write_files(apt, error);
        if (r < 0)
                return error_wrap(error, "Preparing apt");
        if (!apt->offline)
                apt_collect_lists(apt);
        *ret = TAKE_PTR(apt);
        return 0;
}

Apt *apt_close(Apt *apt)
{
        if (!apt)
                return NULL;
        for (size_t i = 0; i < apt->n_sets; i++)
                apt_set_free(apt, apt->sets[i]);
        free(apt->sets);
        freshness_free(apt->freshness);
        repository_list_done(&apt->selected);
        free(apt->architecture);
        free(apt->cache);
        free(apt->work);
        free(apt->work_parent);
        package_store_close(apt->packages);
        free(apt->pins);
        free(apt);
        return NULL;
}

typedef struct Mounts {
        SandboxMount *items;
        size_t n_items;
        char **targets; /* owns those that are no constants */
} Mounts;

static void mounts_done(Mounts *mounts)
{
        free(mounts->items);
        strv_free(mounts->targets);
}

static int add_mount(Mounts *mounts, const char *source, const char *target, bool writable)
{
        SandboxMount *grown = reallocarray(mounts->items, mounts->n_items + 1, sizeof *grown);

        if (!grown)
                return -ENOMEM;
        mounts->items = grown;
        grown[mounts->n_items++] = (SandboxMount){ source, target, writable };
        return 0;
}

const char *apt_local_path(const char *uri)
{
        if (!string_starts_with(uri, "file:"))
                return NULL;
        uri += strlen("file:");
        return uri + (string_starts_with(uri, "//") ? 2 : 0);
}

static int add_local_repositories(Mounts *mounts, const RepositoryList *repositories)
{
        for (size_t i = 0; repositories && i < repositories->n_items; i++)
                for (char **uri = repositories->items[i].uris; uri && *uri; uri++) {
                        const char *directory = apt_local_path(*uri);
                        bool known = !directory;
                        for (size_t j = 0; !known && j < mounts->n_items; j++)
                                known = strcmp(mounts->items[j].target, directory) == 0;
                        if (!known && access(directory, F_OK) == 0 &&
                            add_mount(mounts, directory, directory, false) < 0)
                                return -ENOMEM;
                }
        return 0;
}

static int add_debs(Mounts *mounts, char *const *deb_paths)
{
        for (size_t i = 0; deb_paths && deb_paths[i]; i++) {
                if (strv_appendf(&mounts->targets, APT_INSIDE_DEBS "/%zu.deb", i) < 0 ||
                    add_mount(mounts, deb_paths[i], mounts->targets[i], false) < 0)
                        return -ENOMEM;
        }
        return 0;
}

static int collect_mounts(const Apt *apt, const AptRun *run, Mounts *ret)
{
        if (add_mount(ret, apt->work, APT_INSIDE, false) < 0 || add_mount(ret, apt->current->lists, APT_INSIDE_LISTS, true) < 0 ||
            add_local_repositories(ret, run->repositories) < 0)
                return -ENOMEM;
        return add_debs(ret, run->deb_paths);
}

static int collect_environment(bool network, char ***ret)
{
        _cleanup_strv_ char **environment = strv_copy((char *const *) sandbox_environment);

        if (!environment || strv_append(&environment, "APT_CONFIG=" APT_INSIDE "/apt.conf") < 0)
                return -ENOMEM;
        for (size_t i = 0; network && i < ELEMENTS(proxy_names); i++) {
                const char *value = getenv(proxy_names[i]);
                if (value && strv_appendf(&environment, "%s=%s", proxy_names[i], value) < 0)
                        return -ENOMEM;
        }
        *ret = TAKE_PTR(environment);
        return 0;
}

/* What a run says besides what is captured. */
typedef struct Listening {
        const AptRun *run;
        bool failed;
} Listening;

static void on_line(const char *line, void *userdata)
{
        Listening *listening = userdata;
        Buffer *log = listening->run->ret_log;

        if (log && log->length < LOG_LIMIT_BYTES && buffer_printf(log, "%s\n", line) < 0)
                listening->failed = true;
        if (listening->run->on_line)
                listening->run->on_line(listening->run->userdata);
}

int apt_run(Apt *apt, const AptRun *run, int *ret_status, Error *error)
{
        _cleanup_(mounts_done) Mounts mounts = { 0 };
        _cleanup_strv_ char **environment = NULL;
        _cleanup_tap_ Tap tap = TAP_INIT;
        Listening listening = { .run = run };

        bool network = run->network && !apt->offline;
        int r = apt_set_fill(apt, apt->current, error);
        if (r < 0)
                return r;
        if (collect_mounts(apt, run, &mounts) < 0 || collect_environment(network, &environment) < 0)
                return error_out_of_memory(error);
        r = tap_open(&tap, apt->output, on_line, &listening, error);
        if (r < 0)
                return r;
        SandboxCommand command = {
                .root = SANDBOX_ROOT_TOOLS,
                .argv = run->argv,
                .environment = (const char *const *) environment,
                .mounts = mounts.items,
                .n_mounts = mounts.n_items,
                .network = network,
                .stdin_fd = -1,
                .output = tap.output,
                .ret_stdout = run->ret_stdout,
        };
        r = sandbox_run_status(apt->sandbox, &command, ret_status, error);
        return r == 0 && listening.failed ? error_out_of_memory(error) : r;
}
