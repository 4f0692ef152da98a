/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bootstrap/native.h"

#include "base/strings.h"
#include "bootstrap/database.h"
#include "bootstrap/layout.h"
#include "bootstrap/order.h"
#include "bootstrap/paths.h"
#include "bootstrap/scripts.h"
#include "bootstrap/unpack.h"
#include "packages/guard.h"
#include "packages/marks.h"

#include <errno.h>
#include <string.h>
#include <time.h>

const char *const native_phase_names[NATIVE_N_PHASES] = { "read", "unpack", "preinst", "configure" };

typedef struct Native {
        const NativeBootstrap *bootstrap;
        Packages packages;
        Order order;
        bool *unpacked; /* by number */
        bool one_by_one;
        NativeTimes times;
} Native;

/* ------------------------------------------------------------------------------------------------ phases */

static double now_sec(void)
{
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return (double) now.tv_sec + (double) now.tv_nsec / 1e9;
}

static double enter_phase(const Native *native, NativePhase phase, size_t n_packages)
{
        if (native->bootstrap->phase)
                native->bootstrap->phase(phase, n_packages, native->bootstrap->userdata);
        return now_sec();
}

static void leave_phase(Native *native, NativePhase phase, double start_sec)
{
        native->times.seconds[phase] += now_sec() - start_sec;
}

/* ------------------------------------------------------------------------------------------------ unpacking */

/* What the call works on, and what it hands back. */
typedef struct UnpackCall {
        const Native *native;
        const Round *round;
        bool first;
} UnpackCall;

/* Of every package that was touched: its number, then the length of its paths, then they. */
static int reply_paths(const Packages *packages, const Round *round, const bool *changed, Buffer *reply)
{
        for (size_t i = 0; i < packages->n_items; i++) {
                const Buffer *paths = &packages->items[i].paths;
                uint64_t head[] = { i, paths->length };
                bool touched = changed[i];
                for (size_t j = 0; !touched && j < round->n_unpacked; j++)
                        touched = round->unpacked[j] == i;
                if (touched && (buffer_append(reply, head, sizeof head) < 0 ||
                                buffer_append(reply, paths->data, paths->length) < 0))
                        return -ENOMEM;
        }
        return 0;
}

static int unpack_in_tree(int root_fd, const UnpackCall *call, Packages *packages, bool *changed, Error *error)
{
        const NativeBootstrap *bootstrap = call->native->bootstrap;
        const Round *round = call->round;
        UnpackJob job = {
                .packages = packages,
                .numbers = round->unpacked,
                .n_numbers = round->n_unpacked,
                .unpacked = call->native->unpacked,
                .one_by_one = call->native->one_by_one,
        };
        int r = call->first && bootstrap->merged_usr ? layout_merge_usr(root_fd, error) : 0;

        if (r == 0)
                r = unpack_packages(root_fd, &job, error);
        if (r == 0 && call->first)
                r = layout_finish(root_fd, packages, error);
        if (r == 0 && call->first)
                r = layout_write_files(root_fd, bootstrap->sources, bootstrap->keeps_unmerged, error);
        if (r == 0 && call->first)
                r = database_make(root_fd, bootstrap->architecture, error);
        for (size_t i = 0; i < packages->n_items; i++)
                changed[i] = packages->items[i].paths_changed;
        if (r == 0)
                r = database_add(root_fd, packages, round->unpacked, round->n_unpacked, error);
        if (r == 0 && !call->first)
                r = database_activate(root_fd, packages, round->unpacked, round->n_unpacked, error);
        /* in the first round behind the unpacking, else before it, from another call */
        if (r == 0 && call->first)
                r = scripts_prepare(root_fd, packages, round->scripts, round->n_scripts, error);
        return r;
}

/* In a process of its own, so what changes in memory is no change. */
static int call_unpack(int root_fd, void *userdata, Buffer *reply, Error *error)
{
        UnpackCall *call = userdata;
        Packages packages = call->native->packages;
        _cleanup_free_ bool *changed = calloc(packages.n_items + 1, sizeof *changed);

        if (!changed)
                return error_out_of_memory(error);
        int r = unpack_in_tree(root_fd, call, &packages, changed, error);
        if (r == 0 && reply_paths(&packages, call->round, changed, reply) < 0)
                r = error_out_of_memory(error);
        return r;
}

static bool is_path_list(const char *data, size_t length)
{
        if (length == 0)
                return true;
        if (data[length - 1] != '\0')
                return false;
        for (size_t at = 0; at < length; at += strlen(data + at) + 1)
                if (!strchr("dlf", data[at]) || data[at] == '\0' || data[at + 1] != '/')
                        return false;
        return true;
}

static int take_paths(Native *native, const Buffer *reply, Error *error)
{
        uint64_t head[2];

        for (size_t at = 0; at < reply->length; at += (size_t) head[1]) {
                if (reply->length - at < sizeof head)
                        return error_set(error, -EBADMSG, "The sandbox gave half a list of paths");
                memcpy(head, reply->data + at, sizeof head);
                at += sizeof head;
                if (head[0] >= native->packages.n_items || head[1] > reply->length - at ||
                    !is_path_list(reply->data + at, (size_t) head[1]))
                        return error_set(error, -EBADMSG, "The sandbox gave a list of paths that can't be");
                Buffer *paths = &native->packages.items[head[0]].paths;
                buffer_done(paths);
                if (buffer_append(paths, reply->data + at, (size_t) head[1]) < 0)
                        return error_out_of_memory(error);
        }
        return 0;
}

static int unpack_round(Native *native, const Round *round, bool first, Error *error)
{
        _cleanup_buffer_ Buffer reply = BUFFER_INIT;
        UnpackCall call = { native, round, first };
        double start = enter_phase(native, NATIVE_UNPACK, round->n_unpacked);
        int r = sandbox_call(native->bootstrap->sandbox, native->bootstrap->tree, call_unpack, &call, &reply, error);

        if (r == 0)
                r = take_paths(native, &reply, error);
        for (size_t i = 0; r == 0 && i < round->n_unpacked; i++)
                native->unpacked[round->unpacked[i]] = true;
        leave_phase(native, NATIVE_UNPACK, start);
        return r;
}

/* ------------------------------------------------------------------------------------------------ scripts */

static DpkgTask task_of(const Native *native)
{
        const NativeBootstrap *bootstrap = native->bootstrap;

        return (DpkgTask){
                .sandbox = bootstrap->sandbox,
                .tree = bootstrap->tree,
                .environment = bootstrap->environment,
                .output = bootstrap->output,
                .n_steps = native->packages.n_items,
                .progress = bootstrap->progress,
                .userdata = bootstrap->userdata,
        };
}

static const Package *find_package(const Native *native, const char *name)
{
        for (size_t i = 0; i < native->packages.n_items; i++)
                if (strcmp(native->packages.items[i].origin->name, name) == 0)
                        return &native->packages.items[i];
        return NULL;
}

static int run_scripts(Native *native, const Round *round, Error *error)
{
        const Package *dpkg = find_package(native, "dpkg");
        DpkgTask task = task_of(native);

        task.progress = NULL;
        double start = enter_phase(native, NATIVE_PREINST, round->n_scripts);
        int r = scripts_run(&task, &native->packages, round->scripts, round->n_scripts, dpkg ? dpkg->origin->version : "",
                            error);
        leave_phase(native, NATIVE_PREINST, start);
        return r;
}

static int call_prepare(int root_fd, void *userdata, Buffer *reply _unused_, Error *error)
{
        const UnpackCall *call = userdata;

        return scripts_prepare(root_fd, &call->native->packages, call->round->scripts, call->round->n_scripts, error);
}

/* NULL: all that is left. */
static int configure(Native *native, const size_t *numbers, size_t n_numbers, Error *error)
{
        _cleanup_strv_ char **names = NULL;
        DpkgTask task = task_of(native);
        int r = 0;

        for (size_t i = 0; r == 0 && i < n_numbers; i++)
                r = strv_append(&names, native->packages.items[numbers[i]].origin->name);
        if (r < 0)
                return error_out_of_memory(error);
        double start = enter_phase(native, NATIVE_CONFIGURE, numbers ? n_numbers : native->packages.n_items);
        r = dpkg_configure(&task, names, error);
        leave_phase(native, NATIVE_CONFIGURE, start);
        return r;
}

/* Scripts come before their packages. */
static int later_round(Native *native, const Round *round, Error *error)
{
        const NativeBootstrap *bootstrap = native->bootstrap;
        UnpackCall call = { native, round, false };
        int r = round->n_configured > 0 ? configure(native, round->configured, round->n_configured, error) : 0;

        if (r == 0 && round->n_scripts > 0)
                r = sandbox_call(bootstrap->sandbox, bootstrap->tree, call_prepare, &call, NULL, error);
        if (r == 0)
                r = run_scripts(native, round, error);
        if (r == 0)
                r = unpack_round(native, round, false, error);
        /* a package may have brought another start-stop-daemon */
        return r == 0 ? guard_enter(bootstrap->sandbox, bootstrap->tree, error) : r;
}

static int run_guarded(Native *native, Error *error)
{
        const Order *order = &native->order;
        int r = run_scripts(native, &order->rounds[0], error);

        if (r == 0 && order->n_first > 0)
                r = configure(native, order->first, order->n_first, error);
        for (size_t i = 1; r == 0 && i < order->n_rounds; i++)
                r = later_round(native, &order->rounds[i], error);
        return r == 0 ? configure(native, NULL, 0, error) : r;
}

static int run_rounds(Native *native, Error *error)
{
        const NativeBootstrap *bootstrap = native->bootstrap;
        int r = unpack_round(native, &native->order.rounds[0], true, error);

        if (r == 0)
                r = guard_enter(bootstrap->sandbox, bootstrap->tree, error);
        if (r < 0)
                return r;
        r = run_guarded(native, error);
        int left = guard_leave(bootstrap->sandbox, bootstrap->tree, r < 0 ? NULL : error);
        return r < 0 ? r : left;
}

/* ------------------------------------------------------------------------------------------------ the whole */

static int call_empty(int root_fd, void *userdata _unused_, Buffer *reply _unused_, Error *error)
{
        return layout_empty(root_fd, error);
}

/* Something in them depends on their order: everything from its beginning, one package after the other. */
static int start_over(Native *native, Error *error)
{
        const NativeBootstrap *bootstrap = native->bootstrap;
        int r = sandbox_call(bootstrap->sandbox, bootstrap->tree, call_empty, NULL, NULL, error);

        memset(native->unpacked, 0, native->packages.n_items * sizeof *native->unpacked);
        for (size_t i = 0; i < native->packages.n_items; i++)
                buffer_done(&native->packages.items[i].paths);
        native->one_by_one = true;
        return r == 0 ? run_rounds(native, error) : r;
}

/* As mmdebstrap has it: what dpkg alone would have installed is not marked, nor what apt was asked for. */
static bool is_automatic(const Native *native, size_t number)
{
        const Package *package = &native->packages.items[number];

        return !native->order.essential[number] &&
               !(package->priority && strv_contains((char *const *) native->bootstrap->priorities, package->priority)) &&
               !strv_contains(native->bootstrap->asked, package->origin->name);
}

static int write_marks(Native *native, Error *error)
{
        const NativeBootstrap *bootstrap = native->bootstrap;
        AptTransaction marks = { 0 };
        _cleanup_strv_ char **automatic = NULL;

        for (size_t i = 0; i < native->packages.n_items; i++) {
                const char *name = native->packages.items[i].origin->name;
                if (is_automatic(native, i) && strv_append(&automatic, name) < 0)
                        return error_out_of_memory(error);
        }
        marks.automatic = automatic;
        return marks_update(bootstrap->sandbox, bootstrap->tree, &marks, bootstrap->architecture, error);
}

static void native_done(Native *native)
{
        packages_done(&native->packages);
        order_done(&native->order);
        free(native->unpacked);
}

static int read_packages(Native *native, Error *error)
{
        const NativeBootstrap *bootstrap = native->bootstrap;
        double start = enter_phase(native, NATIVE_READ, bootstrap->transaction->n_packages);
        int r = packages_open(bootstrap->sandbox, bootstrap->tree, bootstrap->apt, bootstrap->transaction,
                              &native->packages, error);

        if (r == 0)
                r = order_make(&native->packages, &native->order, error);
        if (r == 0) {
                native->unpacked = calloc(native->packages.n_items + 1, sizeof *native->unpacked);
                r = native->unpacked ? 0 : error_out_of_memory(error);
        }
        leave_phase(native, NATIVE_READ, start);
        return r;
}

int native_bootstrap(const NativeBootstrap *bootstrap, NativeTimes *ret_times, Error *error)
{
        _cleanup_(native_done) Native native = { .bootstrap = bootstrap };
        int r = read_packages(&native, error);

        if (r == 0)
                r = run_rounds(&native, error);
        if (r == -EAGAIN) {
                error_done(error);
                r = start_over(&native, error);
        }
        if (r == 0)
                r = write_marks(&native, error);
        if (r == 0)
                *ret_times = native.times;
        return r;
}
