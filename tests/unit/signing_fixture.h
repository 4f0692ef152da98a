/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/cleanup.h"
#include "base/error.h"
#include "base/file.h"
#include "base/process.h"
#include "base/strings.h"
#include "signing/home.h"
#include "signing/keys.h"
#include "signing/release.h"
#include "signing/sign.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* Shared by the tests of signing/: a temporary folder for every test (it is TMPDIR, too, so that what is left
 * behind shows), and gpg(1) as the program that we did not write. */

/* Asserts success and shows the error otherwise. */
#define assert_done(call)                                                                                    \
        do {                                                                                                 \
                _cleanup_error_ Error error = ERROR_INIT;                                                    \
                int result_ = (call);                                                                        \
                if (result_ < 0)                                                                             \
                        fail_msg("%s\n%s", error.message ? error.message : "(no message)",                   \
                                 error.detail ? error.detail : "");                                          \
                assert_null(error.message);                                                                  \
        } while (0)

/* Asserts a failure with this code and a message that has this text in it. */
#define assert_refused(call, expected_code, text)                                                            \
        do {                                                                                                 \
                _cleanup_error_ Error error = ERROR_INIT;                                                    \
                int result_ = (call);                                                                        \
                if (result_ >= 0)                                                                            \
                        fail_msg("accepted, where \"%s\" was expected", text);                               \
                if (!error.message || !strstr(error.message, text))                                          \
                        fail_msg("\"%s\" instead of \"%s\"\n%s", error.message ? error.message : "", text,   \
                                 error.detail ? error.detail : "");                                          \
                assert_int_equal(result_, expected_code);                                                    \
                assert_int_equal(error.code, expected_code);                                                 \
        } while (0)

static inline int fixture_setup(void **state)
{
        char *path = NULL;

        signal(SIGPIPE, SIG_IGN);
        if (make_temporary_directory("/tmp", "templar-test-", &path, NULL) < 0 ||
            setenv("TMPDIR", path, 1) < 0)
                return -1;
        *state = path;
        return 0;
}

static inline int fixture_teardown(void **state)
{
        unsetenv("TMPDIR");
        remove_and_free((char **) state);
        return 0;
}

/* A path in the test's folder; the caller frees. */
static inline char *fixture_path(void **state, const char *name)
{
        char *path = path_join(*state, name);

        assert_non_null(path);
        return path;
}

static inline char *fixture_home(void **state, const char *name)
{
        char *path = fixture_path(state, name);

        assert_done(gnupg_home_make(path, &error));
        return path;
}

static inline void fixture_write(const char *path, const void *data, size_t size_bytes)
{
        assert_done(write_file_atomic(AT_FDCWD, path, data, size_bytes, 0644, &error));
}

static inline Buffer fixture_read(const char *path)
{
        Buffer buffer = BUFFER_INIT;

        assert_done(read_file(AT_FDCWD, path, UINT64_MAX, &buffer, &error));
        return buffer;
}

static inline bool fixture_there(const char *directory, const char *name)
{
        _cleanup_free_ char *path = path_join(directory, name);

        return access(path, F_OK) == 0;
}

/* The exit status of a program; what it printed goes to the test's log when it is not `expected`. */
static inline int fixture_run(const char *const *argv, int stdin_fd, Buffer *ret_stdout)
{
        _cleanup_output_ Output *output = NULL;
        int status = -1;

        assert_done(output_new(NULL, &output, &error));
        ProcessCommand command = {
                .argv = argv, .stdin_fd = stdin_fd, .output = output, .ret_stdout = ret_stdout
        };
        assert_done(process_run_status(&command, &status, &error));
        return status;
}

#define ARGV(...) ((const char *const[]){ __VA_ARGS__, NULL })
#define RUN(...) fixture_run(ARGV(__VA_ARGS__), -1, NULL)

/* gpg(1) in a home; the agent that it starts is gone afterwards. `input` may be NULL. */
static inline int fixture_gpg_input(const char *home_path, const char *input, const char *const *arguments)
{
        _cleanup_gnupg_home_ GnupgHome home = GNUPG_HOME_INIT;
        const char *argv[40] = { "gpg", "--quiet", "--batch", "--no-tty", "--homedir" };
        _cleanup_close_ int stdin_fd = -1;
        size_t n = 6;

        assert_done(gnupg_home_open(home_path, &home, &error));
        argv[5] = home.path;
        while (*arguments) {
                assert_true(n + 1 < ELEMENTS(argv));
                argv[n++] = *arguments++;
        }
        if (input) {
                _cleanup_free_ char *draft = path_join(home_path, "input");
                fixture_write(draft, input, strlen(input));
                stdin_fd = open(draft, O_RDONLY | O_CLOEXEC);
                assert_true(stdin_fd > 0);
        }
        return fixture_run(argv, stdin_fd, NULL);
}

#define GPG(home, ...) assert_int_equal(fixture_gpg_input(home, NULL, ARGV(__VA_ARGS__)), 0)
#define GPG_INPUT(home, input, ...) assert_int_equal(fixture_gpg_input(home, input, ARGV(__VA_ARGS__)), 0)

/* A key without passphrase; caller frees the fingerprint. */
static inline char *fixture_key(const char *home, const char *user_id)
{
        const KeyNew options = { .user_id = user_id, .without_passphrase = true };
        char *fingerprint = NULL;

        assert_done(keys_new(home, &options, &fingerprint, &error));
        return fingerprint;
}

/* A key that gpg makes at another time or of another kind; caller frees the fingerprint. `faked` may be NULL
 * ("20200101T000000!"). */
static inline char *fixture_odd_key(const char *home, const char *faked, const char *parameters)
{
        Key *keys = NULL;
        size_t n_keys = 0;
        _cleanup_buffer_ Buffer text = BUFFER_INIT;

        assert_int_equal(buffer_printf(&text, "%%no-protection\n%s\n%%commit\n", parameters), 0);
        GPG_INPUT(home, text.data, "--faked-system-time", faked ? faked : "20250101T000000", "--gen-key");
        assert_done(keys_list(home, &keys, &n_keys, &error));
        assert_true(n_keys > 0);
        char *fingerprint = strdup(keys[n_keys - 1].fingerprint);
        keys_free(keys, n_keys);
        return fingerprint;
}

/* Applies the revocation certificate that gpg made with the key. */
static inline void fixture_revoke(const char *home, const char *fingerprint)
{
        _cleanup_free_ char *path = NULL;

        assert_true(asprintf(&path, "%s/openpgp-revocs.d/%s.rev", home, fingerprint) > 0);
        _cleanup_buffer_ Buffer text = fixture_read(path);
        /* a colon before the armor keeps it from being used by mistake */
        char *guard = strstr(text.data, "\n:-----BEGIN");
        assert_non_null(guard);
        GPG_INPUT(home, guard + 2, "--import");
}

/* The public keys (`name` NULL: all) in a binary file. */
static inline void fixture_export(const char *home, const char *path, const char *name)
{
        GPG(home, "--yes", "--output", path, "--export", name);
}

/* Number of files in the test's folder whose name starts so: leftovers. */
static inline size_t fixture_count(const char *directory, const char *prefix)
{
        _cleanup_closedir_ DIR *listing = opendir(directory);
        size_t n = 0;

        assert_non_null(listing);
        for (struct dirent *entry; (entry = readdir(listing));)
                n += string_starts_with(entry->d_name, prefix) && strcmp(entry->d_name, ".") != 0 &&
                     strcmp(entry->d_name, "..") != 0;
        return n;
}

/* A release with the image "BASE.tar.xz" and its settings; `content` makes the image differ. Errors are the
 * caller's. */
static inline int fixture_try_publish(const char *directory, const char *base, const char *content,
                                      const char *home, const char *key, Error *error)
{
        static const char settings[] = "[Exec]\nPrivateUsers=pick\n";
        _cleanup_release_ Release *release = NULL;
        _cleanup_signer_ Signer *signer = NULL;
        ReleaseFile *files = NULL;
        size_t n_files = 0;
        int r = release_open(directory, base, &release, error);

        if (r == 0 && key)
                r = signer_open(home, key, &signer, error);
        if (r == 0)
                r = release_write_file(release, "tar.xz", content, strlen(content), error);
        if (r == 0)
                r = release_write_file(release, "nspawn", settings, sizeof settings - 1, error);
        if (r == 0)
                r = release_publish(release, signer, &files, &n_files, error);
        if (r == 0)
                release_files_free(files, n_files);
        return r;
}

#define fixture_publish(directory, base, home, key)                                                          \
        assert_done(fixture_try_publish(directory, base, "image of " base, home, key, &error))
