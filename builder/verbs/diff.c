/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/file.h"
#include "base/json.h"
#include "verbs/artifact.h"
#include "verbs/diff_view.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>

static void side_done(DiffSide *side)
{
        free(side->path);
        index_done(&side->index);
        package_set_done(&side->packages);
}
#define _cleanup_side_ _cleanup_(side_done)

static int read_lock(DiffSide *side, Error *error)
{
        Lock lock = { 0 };
        int r = lock_read(side->path, &lock, error);

        if (r == 0)
                r = package_set_from_lock(&lock, &side->packages, error);
        lock_done(&lock);
        return r;
}

/* A manifest or a lock. */
static int read_json(DiffSide *side, Error *error)
{
        _cleanup_buffer_ Buffer text = BUFFER_INIT;
        json_error_t problem;
        int r = read_file(AT_FDCWD, side->path, LOCK_LIMIT_BYTES, &text, error);

        if (r < 0)
                return r;
        _cleanup_json_ json_t *json = json_loadb(text.data, text.length, JSON_REJECT_DUPLICATES, &problem);
        if (!json)
                return error_set(error, -EINVAL, "%s:%d:%d: %s", side->path, problem.line, problem.column,
                                 problem.text);
        if (!json_object_get(json, "manifest_version")) {
                side->kind = DIFF_LOCK;
                return read_lock(side, error);
        }
        side->kind = DIFF_MANIFEST;
        r = package_set_from_manifest(json, &side->packages, error);
        return r < 0 ? error_wrap(error, "%s", side->path) : 0;
}

static int read_image(DiffSide *side, int fd, Error *error)
{
        side->kind = DIFF_IMAGE;
        int r = index_image(fd, &side->index, error);
        if (r == 0)
                r = package_set_from_status(side->index.status.data ? side->index.status.data : "", &side->packages,
                                            error);
        return r < 0 ? error_wrap(error, "%s", side->path) : 0;
}

static int read_side(DiffSide *side, Error *error)
{
        _cleanup_close_ int fd = open(side->path, O_RDONLY | O_NOCTTY | O_CLOEXEC);
        struct stat status;
        char first = '\0';

        if (fd < 0 || fstat(fd, &status) < 0)
                return error_set_errno(error, errno, "Can't open %s", side->path);
        if (!S_ISREG(status.st_mode))
                return error_set(error, -EINVAL, "%s is not a regular file", side->path);
        side->file_bytes = (uint64_t) status.st_size;
        if (pread(fd, &first, 1, 0) < 0)
                return error_set_errno(error, errno, "Can't read %s", side->path);
        return first == '{' ? read_json(side, error) : read_image(side, fd, error);
}

typedef struct Reading {
        DiffSide *side;
        Error error;
} Reading;

static void *read_beside(void *userdata)
{
        Reading *reading = userdata;

        if (read_side(reading->side, &reading->error) < 0)
                return NULL;
        return reading->side;
}

/* Both at the same time: decompressing is what takes the time. */
static int read_sides(DiffSide *before, DiffSide *after, Error *error)
{
        Reading reading = { .side = before, .error = ERROR_INIT };
        sigset_t all, signals;
        pthread_t thread;

        /* signals are the calling thread's */
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &signals);
        int failed = pthread_create(&thread, NULL, read_beside, &reading);
        pthread_sigmask(SIG_SETMASK, &signals, NULL);
        if (failed)
                return error_set_errno(error, failed, "Can't start a thread");
        int r = read_side(after, error);
        pthread_join(thread, NULL);
        if (reading.error.code < 0 && (r == 0 || error->kind != ERROR_CANCELLED)) {
                error_done(error);
                return error_move(error, &reading.error);
        }
        error_done(&reading.error);
        return r;
}

static int show(const VerbCall *call, const DiffSide *before, const DiffSide *after, Error *error)
{
        _cleanup_diff_summary_ DiffSummary summary = { 0 };
        bool has_files = before->kind == DIFF_IMAGE && after->kind == DIFF_IMAGE;
        DiffView view = {
                .report = call->report,
                .before = before,
                .after = after,
                .summary = &summary,
                .has_files = has_files,
                .summary_only = options_switch(call->options, "summary"),
                .all = options_switch(call->options, "all"),
        };

        int r = diff_summarize(has_files ? &before->index : NULL, has_files ? &after->index : NULL, &before->packages,
                               &after->packages, &summary, error);
        if (r == 0)
                r = options_switch(call->options, "json")       ? diff_show_json(&view, error)
                    : options_switch(call->options, "markdown") ? diff_show_markdown(&view, error)
                                                                : diff_show_text(&view, error);
        return r == 0 && options_switch(call->options, "exit-code") && !diff_is_same(&view) ? 1 : r;
}

static int run(const VerbCall *call, Error *error)
{
        _cleanup_side_ DiffSide before = { 0 }, after = { 0 };

        if (options_switch(call->options, "json") && options_switch(call->options, "markdown"))
                return error_set_usage(error, -EINVAL,
                                       "--json and --markdown are two ways to show one thing; choose one");
        if (options_switch(call->options, "summary") && options_switch(call->options, "all"))
                return error_set_usage(error, -EINVAL, "--summary names no file and --all every one; choose one");
        int r = artifact_find(call->arguments[0], &before.path, error);
        if (r == 0)
                r = artifact_find(call->arguments[1], &after.path, error);
        if (r == 0)
                r = read_sides(&before, &after, error);
        return r < 0 ? r : show(call, &before, &after, error);
}

static const Option options[] = {
        { .name = "all", .letter = 'a', .help = "name every file of directories that came or went" },
        { .name = "summary", .letter = 's', .help = "name no files" },
        { .name = "markdown", .help = "for release notes" },
        { .name = "exit-code", .help = "exit with status 1 when anything differs" },
        OPTION_JSON,
        { 0 },
};

static const VerbExample examples[] = {
        { "templar diff out/images/web/amd64/web-amd64-20261122 out/images/web/amd64",
          "A version and the newest one." },
        { "templar diff --markdown old.tar.xz new.tar.zst >notes.md",
          "Two images; their compression does not matter." },
        { "templar diff --exit-code old.lock new.lock", "Locks name packages, and no files." },
        { 0 },
};

const Verb verb_diff = {
        .name = "diff",
        .arguments = "OLD NEW",
        .summary = "show what differs between two images, releases or locks",
        .description =
                "Shows packages and files that were added, removed or changed, and of the new image: programs that "
                "have become "
                "setuid or setgid, file capabilities, files that everybody may write to, units of systemd that are "
                "enabled, "
                "sockets that listen; the size, and what has grown most."
                "\n\n"
                "OLD and NEW are files (an image, a manifest or a lock), release directories, of which the newest "
                "version "
                "counts, or versions in them: DIRECTORY/NAME-ARCHITECTURE-VERSION. Manifests and locks name packages "
                "only. Times of files are not compared: they are those of the build."
                "\n\n"
                "Exit status 0 means that they could be compared; with --exit-code that nothing differs.",
        .minimum = 2,
        .maximum = 2,
        .completes = VALUE_FILE,
        .options = options,
        .examples = examples,
        .run = run,
};
