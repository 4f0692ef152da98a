/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/cleanup.h"
#include "base/file.h"
#include "base/output.h"
#include "base/process.h"
#include "base/strings.h"
#include "sandbox/internal.h"
#include "sandbox/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* A sandbox with a small tree (busybox alone), for the tests of the sandbox. */

typedef struct Fixture {
        char *directory; /* of ours, 0700 */
        Sandbox *sandbox;
        SandboxTree tree;
        Output *output;
        Error error;
        const char *skip; /* why there is none */
} Fixture;

static Fixture fixture;

/* The message is what a failed assertion has to show. */
#define assert_ok(call)                                                                                      \
        do {                                                                                                 \
                int r_ = (call);                                                                             \
                if (r_ < 0)                                                                                  \
                        print_error("%s: %s (%s)\n", #call,                                                  \
                                    fixture.error.message ? fixture.error.message : "",                      \
                                    fixture.error.detail ? fixture.error.detail : "");                       \
                assert_int_equal(r_, 0);                                                                     \
        } while (0)

static inline int copy_busybox(int root_fd, void *userdata, Buffer *reply, Error *error)
{
        static const char *const directories[] = { "bin", "etc", "mnt", "usr", "var" };
        _cleanup_close_ int from = open(userdata, O_RDONLY | O_CLOEXEC);

        (void) reply;
        if (from < 0)
                return error_set_errno(error, errno, "Can't open %s", (const char *) userdata);
        for (size_t i = 0; i < ELEMENTS(directories); i++)
                if (mkdirat(root_fd, directories[i], 0755) < 0)
                        return error_set_errno(error, errno, "Can't make %s", directories[i]);
        _cleanup_close_ int to =
                openat(root_fd, "bin/busybox", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755);
        int r = to < 0 ? -errno : copy_bytes(from, to);
        return r < 0 ? error_set_errno(error, -r, "Can't copy busybox") : 0;
}

static inline int fixture_run(const char *const *argv, int *ret_status, Buffer *ret_stdout)
{
        SandboxCommand command = {
                .root = SANDBOX_ROOT_TREE,
                .tree = &fixture.tree,
                .argv = argv,
                .stdin_fd = -1,
                .output = fixture.output,
                .ret_stdout = ret_stdout,
        };

        error_done(&fixture.error);
        return sandbox_run_status(fixture.sandbox, &command, ret_status, &fixture.error);
}

/* Runs a shell script in the tree and compares what it prints, to the byte. */
static inline void assert_script(const char *script, const char *expected)
{
        const char *const argv[] = { "sh", "-c", script, NULL };
        _cleanup_buffer_ Buffer text = BUFFER_INIT;
        int status = -1;

        assert_ok(fixture_run(argv, &status, &text));
        assert_string_equal(text.data ? text.data : "", expected);
        assert_int_equal(status, 0);
}

static inline int call_in_tree(SandboxFunction function, void *userdata, Buffer *reply)
{
        error_done(&fixture.error);
        return sandbox_call(fixture.sandbox, &fixture.tree, function, userdata, reply, &fixture.error);
}

static inline bool make_tree(void)
{
        static const char *const install[] = { "/bin/busybox", "--install", "-s", "/bin", NULL };
        char busybox[] = "/bin/busybox";
        int status = -1;

        if (sandbox_make_directory(fixture.sandbox, fixture.directory, "tree", &fixture.error) < 0)
                return false;
        _cleanup_free_ char *path = path_join(fixture.directory, "tree");
        fixture.tree.directory_fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
        return fixture.tree.directory_fd >= 0 && call_in_tree(copy_busybox, busybox, NULL) == 0 &&
               fixture_run(install, &status, NULL) == 0 && status == 0;
}

static inline int fixture_setup(void **state)
{
        (void) state;
        fixture = (Fixture){ .tree.directory_fd = -1 };
        if (access("/bin/busybox", X_OK) < 0) {
                fixture.skip = "no /bin/busybox; install busybox-static";
                return 0;
        }
        const char *parent = getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp";
        if (output_new(NULL, &fixture.output, &fixture.error) < 0 ||
            make_temporary_directory(parent, "templar-test-sandbox.", &fixture.directory, &fixture.error) <
                    0 ||
            sandbox_open(&fixture.sandbox, &fixture.error) < 0 || !make_tree()) {
                print_error("%s\n%s\n%s\n", fixture.error.message ? fixture.error.message : "?",
                            fixture.error.detail ? fixture.error.detail : "",
                            fixture.error.hint ? fixture.error.hint : "");
                return -1;
        }
        return 0;
}

static inline int fixture_teardown(void **state)
{
        (void) state;
        int r = 0;

        cleanup_close(&fixture.tree.directory_fd);
        if (fixture.sandbox && fixture.directory)
                r = sandbox_remove_tree(fixture.sandbox, fixture.directory, &fixture.error);
        if (r < 0)
                print_error("%s\n", fixture.error.message);
        sandbox_close(fixture.sandbox);
        output_free(fixture.output);
        error_done(&fixture.error);
        free(fixture.directory);
        return r;
}

#define needs_fixture()                                                                                      \
        do {                                                                                                 \
                if (fixture.skip) {                                                                          \
                        print_message("SKIP: %s\n", fixture.skip);                                           \
                        skip();                                                                              \
                }                                                                                            \
                error_done(&fixture.error);                                                                  \
        } while (0)

/* Root's sandboxes all have the same ids, and others may run at this moment, so the namespace tells. Of an
 * ordinary user's processes it can't be read, but those ids are no one else's. */
static inline bool is_in_sandbox(const char *pid)
{
        struct stat ours, theirs;
        char path[64], line[256];
        uint32_t uid_base, gid_base;
        unsigned uid;

        snprintf(path, sizeof path, "/proc/%.20s/ns/user", pid);
        if (geteuid() == 0)
                return stat(path, &theirs) == 0 && fstat(fixture.sandbox->user_namespace_fd, &ours) == 0 &&
                       ours.st_ino == theirs.st_ino;
        snprintf(path, sizeof path, "/proc/%.20s/status", pid);
        sandbox_id_base(fixture.sandbox, &uid_base, &gid_base);
        _cleanup_fclose_ FILE *file = fopen(path, "re");
        while (file && fgets(line, sizeof line, file))
                if (sscanf(line, "Uid: %u", &uid) == 1)
                        return uid >= uid_base && uid - uid_base < SANDBOX_IDS;
        return false;
}

/* Processes of the sandbox, anywhere on the host. */
static inline unsigned count_processes(void)
{
        _cleanup_closedir_ DIR *proc = opendir("/proc");
        unsigned count = 0;

        assert_non_null(proc);
        for (struct dirent *entry; (entry = readdir(proc));)
                if (entry->d_name[0] >= '0' && entry->d_name[0] <= '9')
                        count += is_in_sandbox(entry->d_name);
        return count;
}

/* The running test again, as that user. */
static inline int run_as_user(const char *name, const char *home)
{
        _cleanup_output_ Output *output = NULL;
        _cleanup_error_ Error error = ERROR_INIT;
        _cleanup_free_ char *copy = path_join(home, "test");
        _cleanup_free_ char *tmpdir = NULL;
        char self[4096];
        ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
        int status = -1;

        if (length < 0 || !copy || asprintf(&tmpdir, "TMPDIR=%s", home) < 0 ||
            output_new(NULL, &output, &error) < 0)
                return -1;
        self[length] = '\0';
        const char *const install[] = { "install", "-o", name, "-m", "0700", self, copy, NULL };
        const char *const run[] = { "runuser", "-u", name, "--", copy, NULL };
        const char *const environment[] = { "PATH=/usr/sbin:/usr/bin:/sbin:/bin", tmpdir, NULL };
        ProcessCommand installing = { .argv = install, .stdin_fd = -1, .output = output };
        ProcessCommand running = {
                .argv = run, .environment = environment, .stdin_fd = -1, .output = output
        };
        if (process_run(&installing, &error) == 0 && process_run_status(&running, &status, &error) == 0 &&
            status == 0)
                return 0;
        _cleanup_free_ char *tail = output_tail(output);
        print_error("as %s: status %d, %s\n%s\n", name, status, error.message ? error.message : "",
                    tail ? tail : "");
        return -1;
}

/* Where the test is run by root: a user is made, gets subordinate ids, and is removed. */
static inline void test_as_ordinary_user(void **state)
{
        char name[32], home[64], range[32];

        (void) state;
        needs_fixture();
        if (geteuid() != 0) {
                print_message("SKIP: this is an ordinary user already\n");
                skip();
        }
        snprintf(name, sizeof name, "templar%d", (int) getpid());
        snprintf(home, sizeof home, "/tmp/templar-test-home.%d", (int) getpid());
        /* other tests run beside this one */
        unsigned start = 0x60000000u + (unsigned) getpid() % 3000 * SANDBOX_IDS;
        snprintf(range, sizeof range, "%u-%u", start, start + SANDBOX_IDS - 1);
        const char *const add[] = { "useradd", "--create-home",   "--home-dir", home, "-K", "SUB_UID_COUNT=0",
                                    "-K",      "SUB_GID_COUNT=0", name,         NULL };
        const char *const ids[] = { "usermod", "--add-subuids", range, "--add-subgids", range, name, NULL };
        const char *const del[] = { "userdel", name, NULL };
        _cleanup_error_ Error error = ERROR_INIT;
        if (process_run(&(ProcessCommand){ .argv = add, .stdin_fd = -1 }, &error) < 0) {
                print_message("SKIP: no user can be made here: %s\n", error.message);
                skip();
        }
        int r = process_run(&(ProcessCommand){ .argv = ids, .stdin_fd = -1 }, &error);
        if (r == 0 && chmod(home, 0700) == 0)
                r = run_as_user(name, home);
        int deleted = process_run(&(ProcessCommand){ .argv = del, .stdin_fd = -1 }, &error);
        int removed = remove_tree(AT_FDCWD, home, NULL);
        assert_int_equal(r, 0);
        assert_int_equal(deleted, 0);
        assert_int_equal(removed, 0);
}
