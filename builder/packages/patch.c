/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "packages/patch.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "packages/apt_internal.h"
#include "packages/deb_tree.h"
#include "packages/readable.h"
#include "packages/tap.h"

#define INSIDE "/run/templar/patch"
#define DEB_INSIDE "/run/templar/package.deb"
#define PATCH_INSIDE "/run/templar/change.patch"
#define DETAIL_LIMIT_BYTES ((size_t) 16 << 10)

/* One package at work: a directory of the sandbox with tree/ (the package taken apart) and rejects. */
typedef struct Work {
        Sandbox *sandbox;
        const DebPatch *patch;
        Output *output;
        char *name; /* of the directory in the work directory */
        char *path;
        char *deb_path, *patch_path; /* what the sandbox can read */
        int64_t date_sec; /* of the package's own control file: the same on any day */
} Work;

static void drop_copy(char *path, const char *original)
{
        if (path && !string_equal(path, original))
                unlink(path);
        free(path);
}

static void work_done(Work *work)
{
        if (work->path) {
                int r = sandbox_remove_tree(work->sandbox, work->path, NULL);
                (void) r;
        }
        drop_copy(work->deb_path, work->patch ? work->patch->deb_path : NULL);
        drop_copy(work->patch_path, work->patch ? work->patch->patch_path : NULL);
        free(work->name);
        free(work->path);
}

static int check_suffix(const char *suffix, Error *error)
{
        bool good = *suffix != '\0';

        for (const char *c = suffix; good && *c; c++)
                good = isalnum((unsigned char) *c) || strchr(".+~", *c);
        if (good)
                return 0;
        return error_set_usage(error, -EINVAL,
                               "The suffix \"%s\" can't be part of a version: letters, digits, ., + and ~ can",
                               suffix);
}

static int check_programs(Error *error)
{
        if (access("/usr/bin/patch", X_OK) < 0) {
                error_set(error, -ENOENT, "The program patch is missing on this machine");
                return error_hint(error, "Install it: apt-get install patch");
        }
        return 0;
}

static int work_open(Work *work, Sandbox *sandbox, const DebPatch *patch, Output *output, Error *error)
{
        static unsigned counter;

        *work = (Work){ .sandbox = sandbox, .patch = patch, .output = output };
        if (asprintf(&work->name, "deb-patch-%d-%u", (int) getpid(), counter++) < 0) {
                work->name = NULL;
                return error_out_of_memory(error);
        }
        int r = readable_path(patch->deb_path, patch->work_directory, "input.deb", &work->deb_path, error);
        if (r == 0)
                r = readable_path(patch->patch_path, patch->work_directory, "input.patch", &work->patch_path, error);
        if (r == 0)
                r = apt_make_sandbox_directory(sandbox, patch->work_directory, work->name, &work->path, error);
        return r;
}

static void on_line(const char *line, void *userdata)
{
        Buffer *log = userdata;

        /* evidence for people: what has no room or no memory is missing, no more */
        if (log->length < DETAIL_LIMIT_BYTES && buffer_printf(log, "%s%s", log->length > 0 ? "\n" : "", line) < 0)
                return;
}

/* A tool of the host. LC_ALL=C: quotes and words as everywhere. */
static int run_tool(const Work *work, const char *const *argv, const char *const *more, int *ret_status,
                    Buffer *ret_log, Error *error)
{
        const SandboxMount mounts[] = {
                { work->path, INSIDE, true },
                { work->deb_path, DEB_INSIDE, false },
                { work->patch_path, PATCH_INSIDE, false },
        };
        _cleanup_strv_ char **environment = NULL;
        _cleanup_tap_ Tap tap = TAP_INIT;

        for (const char *const *one = sandbox_environment; *one; one++)
                if (!string_starts_with(*one, "LC_ALL=") && strv_append(&environment, *one) < 0)
                        return error_out_of_memory(error);
        if (strv_append(&environment, "LC_ALL=C") < 0 || strv_extend(&environment, (char *const *) more) < 0)
                return error_out_of_memory(error);
        int r = tap_open(&tap, work->output, on_line, ret_log, error);
        if (r < 0)
                return r;
        SandboxCommand command = {
                .root = SANDBOX_ROOT_TOOLS,
                .argv = argv,
                .environment = (const char *const *) environment,
                .mounts = mounts,
                .n_mounts = ELEMENTS(mounts),
                .stdin_fd = -1,
                .output = tap.output,
        };
        r = sandbox_run_status(work->sandbox, &command, ret_status, error);
        return r == 0 && buffer_append(ret_log, "", 0) < 0 ? error_out_of_memory(error) : r;
}

static int unpack(const Work *work, Error *error)
{
        static const char *const argv[] = { "dpkg-deb", "-R", DEB_INSIDE, INSIDE "/tree", NULL };
        _cleanup_buffer_ Buffer log = BUFFER_INIT;
        int status = 0, r = run_tool(work, argv, NULL, &status, &log, error);

        if (r < 0 || status == 0)
                return r;
        error_set(error, -EBADMSG, "The package %s can't be unpacked", work->patch->deb_path);
        return error_detail(error, "%s", log.data);
}

/* Functions on the package's files. */
typedef struct Task {
        const DebEntry *entry; /* NULL: control is only read */
} Task;

static int read_date(int root_fd, int64_t *ret_sec, Error *error)
{
        _cleanup_close_ int fd = open_in_root(root_fd, "DEBIAN/control", O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0);
        struct stat status;

        if (fd < 0 || fstat(fd, &status) < 0)
                return error_set_errno(error, fd < 0 ? -fd : errno, "Can't look at the package's control file");
        *ret_sec = status.st_mtim.tv_sec > 0 ? status.st_mtim.tv_sec : 0;
        return 0;
}

static int call_control(int root_fd, void *userdata, Buffer *reply, Error *error)
{
        const Task *task = userdata;
        _cleanup_control_ DebControl control = { 0 };
        int r = task->entry ? deb_tree_finish(root_fd, task->entry, &control, error)
                            : deb_tree_read_control(root_fd, &control, error);

        if (r < 0)
                return r;
        int64_t date_sec = 0;
        if (!task->entry)
                r = read_date(root_fd, &date_sec, error);
        if (r == 0 && buffer_printf(reply, "%s %s %s %" PRId64, control.package, control.version, control.architecture,
                                    date_sec) < 0)
                r = error_out_of_memory(error);
        if (r < 0)
                return r;
        return 0;
}

static int open_tree(const Work *work, SandboxTree *ret, Error *error)
{
        _cleanup_free_ char *path = path_join(work->path, "tree");

        if (!path)
                return error_out_of_memory(error);
        ret->directory_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        return ret->directory_fd < 0 ? error_set_errno(error, errno, "Can't open the unpacked package") : 0;
}

/* *ret_date_sec may be NULL; it is that of the package as it was. */
static int control_of(const Work *work, const DebEntry *entry, DebControl *ret, int64_t *ret_date_sec, Error *error)
{
        Task task = { entry };
        SandboxTree tree = { .directory_fd = -1 };
        _cleanup_buffer_ Buffer reply = BUFFER_INIT;
        int r = open_tree(work, &tree, error);

        if (r == 0)
                r = sandbox_call(work->sandbox, &tree, call_control, &task, &reply, error);
        cleanup_close(&tree.directory_fd);
        if (r < 0)
                return r;
        _cleanup_strv_ char **words = strv_split(reply.data, " ");
        if (!words)
                return error_out_of_memory(error);
        uint64_t date_sec;
        if (strv_length(words) != 4 || parse_unsigned(words[3], 0, INT64_MAX, &date_sec) < 0)
                return error_set(error, -EBADMSG, "The sandbox gave no control data");
        if (ret_date_sec)
                *ret_date_sec = (int64_t) date_sec;
        *ret = (DebControl){ strdup(words[0]), strdup(words[1]), strdup(words[2]) };
        return ret->package && ret->version && ret->architecture ? 0 : error_out_of_memory(error);
}

static int call_read_rejects(int root_fd, void *userdata, Buffer *reply, Error *error)
{
        _cleanup_close_ int fd = open_in_root(root_fd, "rejects", O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0);
        char chunk[DETAIL_LIMIT_BYTES];

        (void) userdata;
        if (fd < 0)
                return 0;
        ssize_t n = read(fd, chunk, sizeof chunk);
        return n > 0 && buffer_append(reply, chunk, (size_t) n) < 0 ? error_out_of_memory(error) : 0;
}

static int patch_failed(const Work *work, const DebControl *control, int status, const char *said, Error *error)
{
        const char *slash = strrchr(work->patch->patch_path, '/');
        const char *name = slash ? slash + 1 : work->patch->patch_path;
        _cleanup_close_ int fd = open(work->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        SandboxTree tree = { .directory_fd = fd };
        _cleanup_buffer_ Buffer rejects = BUFFER_INIT;

        int r = fd < 0 ? 0 : sandbox_call(work->sandbox, &tree, call_read_rejects, NULL, &rejects, error);
        if (r < 0)
                return r;
        if (status == 1)
                error_set(error, -EBADMSG, "The patch %s does not apply to %s %s", name, control->package,
                          control->version);
        else
                error_set(error, -EBADMSG, "The patch %s can't be applied to %s %s (patch exited with status %d)", name,
                          control->package, control->version, status);
        error_detail(error, "%s%s%s", said, rejects.length > 0 ? "\n" : "", rejects.data ? rejects.data : "");
        return error_hint(error, "Renew the patch for this version; lines of context must match exactly");
}

static int apply(const Work *work, const DebControl *control, Error *error)
{
        static const char *const argv[] = {
                "patch", "-p1", "--force", "--fuzz=0", "--no-backup-if-mismatch", "-r", INSIDE "/rejects",
                "-d", INSIDE "/tree", "-i", PATCH_INSIDE, NULL,
        };
        _cleanup_buffer_ Buffer said = BUFFER_INIT;
        int status = 0, r = run_tool(work, argv, NULL, &status, &said, error);

        return r < 0 || status == 0 ? r : patch_failed(work, control, status, said.data, error);
}

/* gzip: the same bytes with any number of processors, and readable by every dpkg. */
static int pack(const Work *work, Error *error)
{
        static const char *const argv[] = { "dpkg-deb", "-Zgzip", "-b", INSIDE "/tree", INSIDE "/result.deb", NULL };
        char epoch[64];
        const char *const more[] = { epoch, NULL };
        _cleanup_buffer_ Buffer log = BUFFER_INIT;
        int status = 0;

        snprintf(epoch, sizeof epoch, "SOURCE_DATE_EPOCH=%lld", (long long) work->date_sec);
        int r = run_tool(work, argv, more, &status, &log, error);
        if (r < 0 || status == 0)
                return r;
        error_set(error, -EBADMSG, "The patched package can't be packed");
        return error_detail(error, "%s", log.data);
}

/* From the sandbox's directory to ours: written under another name, then renamed. */
static int take_result(const Work *work, const DebControl *control, char **ret_path, Error *error)
{
        _cleanup_free_ char *from = path_join(work->path, "result.deb"), *temporary = NULL, *to = NULL;
        _cleanup_free_ char *file_name = apt_file_name(control->package, control->version, control->architecture);

        if (!from || !file_name || !(to = path_join(work->patch->work_directory, file_name)) ||
            asprintf(&temporary, "%s.new", to) < 0)
                return error_out_of_memory(error);
        _cleanup_close_ int in = open(from, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
        _cleanup_close_ int out = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);
        int r = in < 0 || out < 0 ? -errno : copy_bytes(in, out);
        if (r == 0 && (fchmod(out, 0644) < 0 || rename(temporary, to) < 0))
                r = -errno;
        if (r < 0) {
                unlink(temporary);
                return error_set_errno(error, -r, "Can't store %s", to);
        }
        *ret_path = TAKE_PTR(to);
        return 0;
}

static int patch_package(Work *work, char **ret_path, char **ret_version, Error *error)
{
        const char *slash = strrchr(work->patch->patch_path, '/');
        DebEntry entry = {
                .patch_name = slash ? slash + 1 : work->patch->patch_path,
                .suffix = work->patch->suffix,
        };
        _cleanup_control_ DebControl before = { 0 }, after = { 0 };

        int r = unpack(work, error);
        if (r == 0)
                r = control_of(work, NULL, &before, &work->date_sec, error);
        if (r == 0)
                r = apply(work, &before, error);
        entry.date_sec = work->date_sec;
        if (r == 0)
                r = control_of(work, &entry, &after, NULL, error);
        if (r == 0)
                r = pack(work, error);
        if (r == 0)
                r = take_result(work, &after, ret_path, error);
        if (r == 0)
                *ret_version = TAKE_PTR(after.version);
        return r;
}

int deb_patch(Sandbox *sandbox, const DebPatch *patch, Output *output, char **ret_path, char **ret_version,
              Error *error)
{
        _cleanup_(work_done) Work work = { 0 };
        int r = check_suffix(patch->suffix, error);

        if (r == 0)
                r = check_programs(error);
        if (r == 0)
                r = work_open(&work, sandbox, patch, output, error);
        return r == 0 ? patch_package(&work, ret_path, ret_version, error) : r;
}
