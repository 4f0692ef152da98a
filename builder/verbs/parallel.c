/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "verbs/parallel.h"

#include "base/cancel.h"
#include "base/file.h"
#include "base/process.h"
#include "base/strings.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

#define TICK_MSEC 200
#define LINE_LIMIT_BYTES ((size_t) 16 << 20)
#define NAME_COLUMNS 20

enum { EXIT_FAILED = 1, EXIT_WRONG = 2, EXIT_CANCELLED = 3 };

/* One process, and what is known of its work. */
typedef struct Worker {
        pid_t pid;
        int fd; /* its events */
        Buffer pending; /* a line that is not whole yet */
        char *name;     /* the argument, then the image */
        char *stage, *live;
        double started_sec;
        bool failed; /* it has told why */
        bool wrong;
} Worker;

typedef struct Parallel {
        const VerbCall *call;
        BatchFunction function;
        void *userdata;
        Worker *workers; /* running ones */
        size_t n_workers, n_jobs, next;
        size_t n_changed, n_unchanged, n_failed, n_wrong;
        int code;
        bool cancelled;
} Parallel;

static double now_sec(void)
{
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return (double) now.tv_sec + (double) now.tv_nsec / 1e9;
}

static void replace(char **text, const char *other)
{
        char *copy = strdup(other);

        if (!copy)
                return;
        free(*text);
        *text = copy;
}

static void worker_done(Worker *worker)
{
        if (worker->fd >= 0)
                close(worker->fd);
        buffer_done(&worker->pending);
        free(worker->name);
        free(worker->stage);
        free(worker->live);
}

/* ------------------------------------------------------------------------------------------------ the child */

static _Noreturn void work(Parallel *parallel, const char *argument, int fd, pid_t parent)
{
        _cleanup_error_ Error error = ERROR_INIT;
        Report *report = parallel->call->report;
        int null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

        for (size_t i = 0; i < parallel->n_workers; i++)
                close(parallel->workers[i].fd);
        if (null_fd >= 0)
                (void) !dup2(null_fd, STDIN_FILENO);
        /* signals of its own, not those of the parent */
        if (cancel_install() < 0 || prctl(PR_SET_PDEATHSIG, SIGTERM) < 0 || getppid() != parent)
                _exit(EXIT_FAILED);
        report_redirect(report, fd);
        int r = parallel->function(argument, parallel->userdata, &error);
        if (r < 0 && error.kind != ERROR_CANCELLED)
                report_error(report, &error);
        _exit(r >= 0 ? 0 : error.kind == ERROR_CANCELLED ? EXIT_CANCELLED : error.kind == ERROR_USAGE ? EXIT_WRONG : EXIT_FAILED);
}

static int start(Parallel *parallel, Error *error)
{
        const char *argument = parallel->call->arguments[parallel->next];
        Worker *grown = reallocarray(parallel->workers, parallel->n_workers + 1, sizeof *grown);
        int fds[2];

        if (!grown)
                return error_out_of_memory(error);
        parallel->workers = grown;
        Worker worker = { .fd = -1, .name = strdup(argument), .started_sec = now_sec() };
        if (!worker.name)
                return error_out_of_memory(error);
        if (pipe2(fds, O_CLOEXEC) < 0) {
                worker_done(&worker);
                return error_set_errno(error, errno, "Can't make a pipe");
        }
        fflush(NULL);
        pid_t parent = getpid();
        worker.fd = fds[0];
        worker.pid = fork();
        if (worker.pid == 0) {
                close(fds[0]);
                work(parallel, argument, fds[1], parent);
        }
        int fork_errno = errno;
        close(fds[1]);
        if (worker.pid < 0) {
                worker_done(&worker);
                return error_set_errno(error, fork_errno, "Can't start a process");
        }
        grown[parallel->n_workers++] = worker;
        parallel->next++;
        return 0;
}

/* ------------------------------------------------------------------------------------------------ events */

static const char *text_of(const json_t *event, const char *member)
{
        const char *text = json_string_value(json_object_get(event, member));

        return text ? text : "";
}

static void show_stage(const Parallel *parallel, Worker *worker, const json_t *event, bool ended, bool failed)
{
        int number = (int) json_integer_value(json_object_get(event, "stage"));
        _cleanup_free_ char *text = NULL;
        const char *note = text_of(event, "note");

        if (number > 0 ? asprintf(&text, "[%d/%d] %s", number, (int) json_integer_value(json_object_get(event, "stages")),
                                  text_of(event, "description")) < 0
                       : asprintf(&text, "%s", text_of(event, "description")) < 0) {
                text = NULL;
                return;
        }
        if (ended)
                report_line(parallel->call->report, "%-*s %s  %.1f s%s%s%s", NAME_COLUMNS, worker->name, text,
                            json_number_value(json_object_get(event, "seconds")), failed ? "  failed" : "",
                            *note ? "  " : "", note);
        replace(&worker->stage, ended ? "" : text);
        replace(&worker->live, "");
}

static void show_error(Parallel *parallel, Worker *worker, const json_t *event)
{
        _cleanup_error_ Error error = ERROR_INIT;

        error_set(&error, -EIO, "%s: %s", worker->name, text_of(event, "message"));
        if (*text_of(event, "detail"))
                error_detail(&error, "%s", text_of(event, "detail"));
        if (*text_of(event, "hint"))
                error_hint(&error, "%s", text_of(event, "hint"));
        report_error(parallel->call->report, &error);
        worker->failed = true;
}

static void show_built(Parallel *parallel, const json_t *event)
{
        const json_t *images = json_object_get(event, "images");

        for (size_t i = 0; i < json_array_size(images); i++)
                report_result(parallel->call->report, "%s", json_string_value(json_array_get(images, i)));
}

/* For people; JSON is handed on as it is. */
static void show_event(Parallel *parallel, Worker *worker, const json_t *event, const char *name)
{
        Report *report = parallel->call->report;

        if (strcmp(name, "stage-started") == 0)
                show_stage(parallel, worker, event, false, false);
        else if (strcmp(name, "stage-ended") == 0)
                show_stage(parallel, worker, event, true, false);
        else if (strcmp(name, "stage-failed") == 0)
                show_stage(parallel, worker, event, true, true);
        else if (strcmp(name, "live") == 0)
                replace(&worker->live, text_of(event, "text"));
        else if (strcmp(name, "note") == 0)
                report_line(report, "%-*s %s", NAME_COLUMNS, worker->name, text_of(event, "message"));
        else if (strcmp(name, "warning") == 0)
                report_warning(report, "%s: %s", worker->name, text_of(event, "message"));
        else if (strcmp(name, "output") == 0)
                report_line(report, "%-*s | %s", NAME_COLUMNS, worker->name, text_of(event, "line"));
        else if (strcmp(name, "error") == 0)
                show_error(parallel, worker, event);
        else if (strcmp(name, "built") == 0)
                show_built(parallel, event);
}

static void take_event(Parallel *parallel, Worker *worker, const char *line, size_t length)
{
        _cleanup_json_ json_t *event = json_loadb(line, length, 0, NULL);
        const char *name = json_string_value(json_object_get(event, "event"));
        const char *image = json_string_value(json_object_get(event, "image"));

        if (!name)
                return;
        if (image)
                replace(&worker->name, image);
        if (strcmp(name, "built") == 0) {
                bool unchanged = json_is_true(json_object_get(event, "unchanged"));
                parallel->n_unchanged += unchanged;
                parallel->n_changed += !unchanged;
        }
        if (strcmp(name, "live") != 0)
                report_json_line(parallel->call->report, event);
        worker->failed = worker->failed || strcmp(name, "error") == 0;
        if (report_mode(parallel->call->report) != REPORT_JSON)
                show_event(parallel, worker, event, name);
}

/* 0 at the end. */
static ssize_t read_events(Parallel *parallel, Worker *worker)
{
        char chunk[65536], *newline;
        ssize_t n = read(worker->fd, chunk, sizeof chunk);

        if (n < 0)
                return errno == EINTR || errno == EAGAIN ? 1 : 0;
        if (n == 0 || worker->pending.length > LINE_LIMIT_BYTES ||
            buffer_append(&worker->pending, chunk, (size_t) n) < 0)
                return 0;
        while ((newline = memchr(worker->pending.data, '\n', worker->pending.length))) {
                size_t length = (size_t) (newline - worker->pending.data);
                take_event(parallel, worker, worker->pending.data, length);
                worker->pending.length -= length + 1;
                memmove(worker->pending.data, newline + 1, worker->pending.length + 1);
        }
        return n;
}

/* ------------------------------------------------------------------------------------------------ the parent */

static void finish_worker(Parallel *parallel, Worker *worker)
{
        _cleanup_error_ Error error = ERROR_INIT;
        int status = 0;
        bool known = process_wait(worker->pid, &status) >= 0;
        int code = known && WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_FAILED;

        parallel->cancelled = parallel->cancelled || code == EXIT_CANCELLED;
        if (code != 0 && code != EXIT_CANCELLED) {
                parallel->n_failed++;
                parallel->n_wrong += code == EXIT_WRONG;
                if (!known)
                        error_set(&error, -ECHILD, "%s: how its build ended is not known", worker->name);
                if (!worker->failed && (!known || process_status_error(status, worker->name, NULL, &error) < 0))
                        report_error(parallel->call->report, &error);
        }
        worker_done(worker);
        *worker = parallel->workers[--parallel->n_workers];
}

static void show_rows(Parallel *parallel)
{
        _cleanup_strv_ char **rows = NULL;

        for (size_t i = 0; i < parallel->n_workers; i++) {
                const Worker *worker = &parallel->workers[i];
                if (strv_appendf(&rows, "%-*s %6.1f s  %s%s%s", NAME_COLUMNS, worker->name,
                                 now_sec() - worker->started_sec, worker->stage ? worker->stage : "",
                                 worker->live && *worker->live ? "  " : "", worker->live ? worker->live : "") < 0)
                        return;
        }
        report_rows(parallel->call->report, rows, parallel->n_workers);
}

static void stop(Parallel *parallel)
{
        for (size_t i = 0; i < parallel->n_workers; i++)
                kill(parallel->workers[i].pid, SIGTERM);
}

/* Whatever comes from the workers, for at most one tick. */
static int attend(Parallel *parallel, bool stopping, Error *error)
{
        _cleanup_free_ struct pollfd *fds = calloc(parallel->n_workers + 1, sizeof *fds);

        if (!fds)
                return error_out_of_memory(error);
        for (size_t i = 0; i < parallel->n_workers; i++)
                fds[i] = (struct pollfd){ .fd = parallel->workers[i].fd, .events = POLLIN };
        fds[parallel->n_workers] = (struct pollfd){ .fd = stopping ? -1 : cancel_fd(), .events = POLLIN };
        int n = poll(fds, parallel->n_workers + 1, TICK_MSEC);
        if (n < 0 && errno != EINTR)
                return error_set_errno(error, errno, "Can't wait for the builds");
        /* from the end: the last one takes the place of one that is finished */
        for (size_t i = parallel->n_workers; n > 0 && i-- > 0;)
                if (fds[i].revents && read_events(parallel, &parallel->workers[i]) == 0)
                        finish_worker(parallel, &parallel->workers[i]);
        show_rows(parallel);
        return 0;
}

static int run_all(Parallel *parallel, Error *error)
{
        bool stopping = false;
        int r = 0;

        while (parallel->n_workers > 0 || (!stopping && parallel->next < parallel->call->n_arguments)) {
                while (r == 0 && !stopping && parallel->n_workers < parallel->n_jobs &&
                       parallel->next < parallel->call->n_arguments)
                        r = start(parallel, error);
                if (!stopping && (r < 0 || cancel_signal() || parallel->cancelled)) {
                        stop(parallel);
                        stopping = true;
                }
                int attended = attend(parallel, stopping, r < 0 ? NULL : error);
                if (attended < 0 && r == 0)
                        r = attended;
        }
        return r;
}

static void show_summary(const Parallel *parallel, const char *what)
{
        _cleanup_json_ json_t *members = json_pack("{s:I, s:I, s:I}", "built", (json_int_t) parallel->n_changed, "unchanged",
                                                   (json_int_t) parallel->n_unchanged, "failed",
                                                   (json_int_t) parallel->n_failed);

        report_json_event(parallel->call->report, "summary", members);
        report_line(parallel->call->report, "%zu %s: %zu built, %zu unchanged, %zu failed", parallel->call->n_arguments,
                    what, parallel->n_changed, parallel->n_unchanged, parallel->n_failed);
}

int parallel_run(const VerbCall *call, const char *what, size_t n_jobs, BatchFunction function, void *userdata,
                 Error *error)
{
        Parallel parallel = { .call = call, .function = function, .userdata = userdata, .n_jobs = n_jobs };
        int r = run_all(&parallel, error);

        free(parallel.workers);
        if (r < 0)
                return r;
        if (cancel_signal() || parallel.cancelled)
                return error_cancelled(error);
        show_summary(&parallel, what);
        if (parallel.n_failed == 0)
                return 0;
        if (parallel.n_wrong == parallel.n_failed)
                return error_set_usage(error, -EINVAL, "%zu of %zu %s are wrong", parallel.n_failed, call->n_arguments, what);
        return error_set(error, -EIO, "%zu of %zu %s failed", parallel.n_failed, call->n_arguments, what);
}
