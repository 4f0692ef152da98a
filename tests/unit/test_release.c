/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "signing/release.h"

#include "base/digest.h"
#include "tests/unit/release_fixture.h"

#include <sys/stat.h>
#include <sys/wait.h>

#define BASE "web-amd64-2026.11.23"
#define NEXT "web-amd64-2026.11.24"

/* --- what is published
 * ----------------------------------------------------------------------------------------- */

static void publishes_every_form(void **state)
{
        _cleanup_place_ Place place = place_new(state);
        _cleanup_release_ Release *release = NULL;
        _cleanup_signer_ Signer *signer = NULL;
        ReleaseFile *files = NULL;
        size_t n_files = 0;
        int fd = -1;

        assert_done(release_open(place.directory, BASE, &release, &error));
        assert_done(signer_open(place.home, place.key, &signer, &error));
        assert_done(release_create_file(release, "tar.xz", &fd, &error));
        assert_int_equal(write_all(fd, "xz", 2), 0);
        close(fd);
        assert_done(release_write_file(release, "tar.zst", "zst", 3, &error));
        assert_done(release_write_file(release, "nspawn", "[Exec]\n", 7, &error));
        assert_done(release_write_file(release, "manifest.json", "{}\n", 3, &error));
        assert_done(release_publish(release, signer, &files, &n_files, &error));
        assert_int_equal(n_files, 5 + 4 + 2 + 2);
        assert_string_equal(files[n_files - 1].name, "SHA256SUMS.gpg");
        for (size_t i = 0; i < n_files; i++) {
                _cleanup_free_ char *path = path_join(place.directory, files[i].name);
                char sha256[SHA256_HEX_SIZE];
                uint64_t size_bytes = 0;
                struct stat status;
                assert_done(digest_file(AT_FDCWD, path, &size_bytes, sha256, &error));
                assert_string_equal(files[i].sha256, sha256);
                assert_int_equal(files[i].size_bytes, size_bytes);
                assert_int_equal(stat(path, &status), 0);
                assert_int_equal(status.st_mode & 07777, 0644);
        }
        release_files_free(files, n_files);
        static const char *const names[] = {
                "import-pubring.gpg",   "import-pubring.pgp",   BASE ".manifest.json",      BASE ".nspawn",
                BASE ".tar.xz",         BASE ".tar.xz.sha256",  BASE ".tar.xz.sha256.asc",  BASE ".tar.zst",
                BASE ".tar.zst.nspawn", BASE ".tar.zst.sha256", BASE ".tar.zst.sha256.asc", NULL,
        };
        assert_listed(place.directory, names);
        assert_text(place.directory, BASE ".tar.zst.nspawn", "[Exec]\n");
        assert_verifies(&place, 11);
        release = release_close(release);
        assert_tidy(place.directory);
}

/* The sums in a pair name every settings file that some host asks for. */
static void pairs_list_settings(void **state)
{
        _cleanup_place_ Place place = place_new(state);
        _cleanup_release_ Release *release = NULL;
        _cleanup_signer_ Signer *signer = NULL;
        ReleaseFile *files = NULL;
        size_t n_files = 0;

        assert_done(release_open(place.directory, BASE, &release, &error));
        assert_done(signer_open(place.home, place.key, &signer, &error));
        assert_done(release_write_file(release, "nspawn", "[Exec]\n", 7, &error));
        assert_done(release_write_file(release, "tar.gz", "gz", 2, &error));
        assert_done(release_write_file(release, "tar.zst", "zst", 3, &error));
        assert_done(release_publish(release, signer, &files, &n_files, &error));
        release_files_free(files, n_files);
        _cleanup_free_ char *gz_path = path_join(place.directory, BASE ".tar.gz.sha256");
        _cleanup_free_ char *zst_path = path_join(place.directory, BASE ".tar.zst.sha256");
        _cleanup_buffer_ Buffer gz = fixture_read(gz_path), zst = fixture_read(zst_path);
        assert_non_null(strstr(gz.data, "  " BASE ".tar.gz\n"));
        assert_non_null(strstr(gz.data, "  " BASE ".nspawn\n"));
        assert_null(strstr(gz.data, ".tar.zst"));
        assert_non_null(strstr(zst.data, "  " BASE ".tar.zst\n"));
        assert_non_null(strstr(zst.data, "  " BASE ".nspawn\n"));
        assert_non_null(strstr(zst.data, "  " BASE ".tar.zst.nspawn\n"));
        assert_null(strstr(zst.data, ".tar.gz"));
}

/* sha256sum(1), gpg(1) and gpgv(1) agree. */
static void satisfies_other_programs(void **state)
{
        _cleanup_place_ Place place = place_new(state);
        _cleanup_free_ char *command = NULL, *bare_home = fixture_home(state, "bare");

        fixture_publish(place.directory, BASE, place.home, place.key);
        assert_true(
                asprintf(&command,
                         "set -e; cd %s; sha256sum --quiet --strict -c SHA256SUMS\n"
                         "gpgv --quiet --keyring ./import-pubring.gpg SHA256SUMS.gpg SHA256SUMS\n"
                         "gpgv --quiet --keyring ./import-pubring.pgp %s.tar.xz.sha256.asc %s.tar.xz.sha256\n"
                         "gpgv --quiet --keyring ./import-pubring.pgp --output - %s.tar.xz.sha256 >../pair\n"
                         "sha256sum --quiet --strict -c ../pair\n"
                         "cmp import-pubring.gpg import-pubring.pgp\n"
                         "gpg --quiet --homedir %s --no-default-keyring --keyring ./import-pubring.gpg "
                         "--verify SHA256SUMS.gpg SHA256SUMS\n",
                         place.directory, BASE, BASE, BASE, bare_home) > 0);
        assert_int_equal(RUN("sh", "-c", command), 0);
}

static void modes_ignore_the_umask(void **state)
{
        _cleanup_place_ Place place = place_new(state);
        static const struct {
                const char *path;
                mode_t mode;
        } cases[] = {
                { "out", 0755 },
                { "out/web", 0755 },
                { "out/web/amd64", 0755 },
                { "out/web/amd64/" BASE ".tar.xz", 0644 },
                { "out/web/amd64/" BASE ".tar.xz.sha256.asc", 0644 },
                { "out/web/amd64/SHA256SUMS", 0644 },
                { "out/web/amd64/SHA256SUMS.gpg", 0644 },
                { "out/web/amd64/import-pubring.pgp", 0644 },
        };
        mode_t old = umask(0077);

        fixture_publish(place.directory, BASE, place.home, place.key);
        umask(old);
        for (size_t i = 0; i < ELEMENTS(cases); i++) {
                _cleanup_free_ char *path = fixture_path(state, cases[i].path);
                struct stat status;
                assert_int_equal(stat(path, &status), 0);
                assert_int_equal(status.st_mode & 07777, cases[i].mode);
        }
}

static void unsigned_has_plain_sums_only(void **state)
{
        _cleanup_place_ Place place = place_new(state);
        static const char *const names[] = { BASE ".nspawn", BASE ".tar.xz", NULL };

        fixture_publish(place.directory, BASE, NULL, NULL);
        assert_listed(place.directory, names);
        assert_false(fixture_there(place.directory, "SHA256SUMS.gpg"));
        assert_false(fixture_there(place.directory, "import-pubring.gpg"));
        assert_tidy(place.directory);
}

static void changes_between_signed_and_unsigned(void **state)
{
        _cleanup_place_ Place place = place_new(state);

        fixture_publish(place.directory, BASE, place.home, place.key);
        fixture_publish(place.directory, NEXT, NULL, NULL);
        assert_false(fixture_there(place.directory, "SHA256SUMS.gpg"));
        assert_true(fixture_there(place.directory, BASE ".tar.xz.sha256.asc"));
        fixture_publish(place.directory, "web-amd64-2026.11.25", place.home, place.key);
        assert_verifies(&place, 2 + 4 + 2 + 4);
}

/* --- versions
 * -------------------------------------------------------------------------------------------------- */

static void keeps_older_versions(void **state)
{
        _cleanup_place_ Place place = place_new(state);
        static const char *const names[] = {
                "import-pubring.gpg",  "import-pubring.pgp",      BASE ".nspawn", BASE ".tar.xz",
                BASE ".tar.xz.sha256", BASE ".tar.xz.sha256.asc", NEXT ".nspawn", NEXT ".tar.xz",
                NEXT ".tar.xz.sha256", NEXT ".tar.xz.sha256.asc", NULL,
        };

        fixture_publish(place.directory, BASE, place.home, place.key);
        fixture_publish(place.directory, NEXT, place.home, place.key);
        assert_listed(place.directory, names);
        assert_verifies(&place, 10);
}

static void never_overwrites(void **state)
{
        _cleanup_place_ Place place = place_new(state);
        _cleanup_free_ char *sums_path = path_join(place.directory, "SHA256SUMS");

        fixture_publish(place.directory, BASE, place.home, place.key);
        _cleanup_buffer_ Buffer before = fixture_read(sums_path);
        assert_refused(fixture_try_publish(place.directory, BASE, "other", place.home, place.key, &error),
                       -EEXIST, "a published version is never overwritten");
        _cleanup_buffer_ Buffer after = fixture_read(sums_path);
        assert_string_equal(before.data, after.data);
        assert_text(place.directory, BASE ".tar.xz", "image of " BASE);
        assert_verifies(&place, 6);
        assert_tidy(place.directory);
}

static void drops_what_is_withdrawn(void **state)
{
        _cleanup_place_ Place place = place_new(state);
        _cleanup_free_ char *image = path_join(place.directory, BASE ".tar.xz");
        static const char *const names[] = {
                "import-pubring.gpg",
                "import-pubring.pgp",
                BASE ".nspawn",
                BASE ".tar.xz.sha256",
                BASE ".tar.xz.sha256.asc",
                NEXT ".nspawn",
                NEXT ".tar.xz",
                NEXT ".tar.xz.sha256",
                NEXT ".tar.xz.sha256.asc",
                NULL,
        };

        fixture_publish(place.directory, BASE, place.home, place.key);
        assert_int_equal(unlink(image), 0);
        fixture_publish(place.directory, NEXT, place.home, place.key);
        assert_listed(place.directory, names);
}

static void refuses_changed_files(void **state)
{
        _cleanup_place_ Place place = place_new(state);

        fixture_publish(place.directory, BASE, place.home, place.key);
        replace_file(place.directory, BASE ".tar.xz", "changed");
        assert_refused(fixture_try_publish(place.directory, NEXT, "new", place.home, place.key, &error),
                       -EBADMSG, "has changed since it was published");
        assert_false(fixture_there(place.directory, NEXT ".tar.xz"));
        /* touched, but the same */
        replace_file(place.directory, BASE ".tar.xz", "image of " BASE);
        fixture_publish(place.directory, NEXT, place.home, place.key);
        assert_verifies(&place, 10);
}

/* The time of the last access tells. */
static void does_not_read_old_images_again(void **state)
{
        _cleanup_place_ Place place = place_new(state);
        _cleanup_free_ char *image = path_join(place.directory, BASE ".tar.xz");
        struct stat before, after, last;

        fixture_publish(place.directory, BASE, place.home, place.key);
        assert_int_equal(stat(image, &before), 0);
        fixture_publish(place.directory, NEXT, place.home, place.key);
        assert_int_equal(stat(image, &after), 0);
        Buffer content = fixture_read(image);
        buffer_done(&content);
        assert_int_equal(stat(image, &last), 0);
        if (before.st_atim.tv_sec == last.st_atim.tv_sec && before.st_atim.tv_nsec == last.st_atim.tv_nsec) {
                print_message("this file system keeps no times of access\n");
                skip();
        }
        assert_int_equal(before.st_atim.tv_sec, after.st_atim.tv_sec);
        assert_int_equal(before.st_atim.tv_nsec, after.st_atim.tv_nsec);
}

static void refuses_strangers(void **state)
{
        static const char *const names[] = { "web-amd64-1.tar.xz", "web-amd64-1.tar", "a.nspawn", "b.sha256",
                                             "c.sha256.asc" };
        _cleanup_place_ Place place = place_new(state);

        fixture_publish(place.directory, BASE, place.home, place.key);
        for (size_t i = 0; i < ELEMENTS(names); i++) {
                _cleanup_free_ char *path = path_join(place.directory, names[i]);
                fixture_write(path, "x", 1);
                assert_refused(
                        fixture_try_publish(place.directory, NEXT, "new", place.home, place.key, &error),
                        -EBADMSG, "it was not published here");
                assert_int_equal(unlink(path), 0);
        }
        /* what hosts don't act upon is listed */
        replace_file(place.directory, "README", "hello\n");
        fixture_publish(place.directory, NEXT, place.home, place.key);
        assert_verifies(&place, 11);
}

static void refuses_sums_of_other_forms(void **state)
{
        _cleanup_place_ Place place = place_new(state);

        assert_done(make_directories(place.directory, 0755, &error));
        replace_file(place.directory, "SHA256SUMS", "hello\n");
        assert_refused(fixture_try_publish(place.directory, BASE, "x", place.home, place.key, &error),
                       -EBADMSG, "SHA256SUMS: Line 1");
        assert_text(place.directory, "SHA256SUMS", "hello\n");
}

/* --- keyrings
 * -------------------------------------------------------------------------------------------------- */

static void rotation_keeps_both_keys(void **state)
{
        _cleanup_place_ Place place = place_new(state);
        _cleanup_free_ char *second = fixture_key(place.home, "Second");

        fixture_publish(place.directory, BASE, place.home, place.key);
        assert_int_equal(count_public_keys(state, place.keyring), 1);
        fixture_publish(place.directory, NEXT, place.home, second);
        assert_int_equal(count_public_keys(state, place.keyring), 2);
        assert_verifies(&place, 10);
}

static void revoked_keys_leave_the_keyring(void **state)
{
        _cleanup_place_ Place place = place_new(state);
        _cleanup_free_ char *second = fixture_key(place.home, "Second");
        _cleanup_free_ char *other = path_join(place.directory, "import-pubring.pgp");

        fixture_publish(place.directory, BASE, place.home, place.key);
        fixture_revoke(place.home, place.key);
        /* an administrator ships the revocation */
        fixture_export(place.home, place.keyring, place.key);
        fixture_export(place.home, other, place.key);
        fixture_publish(place.directory, NEXT, place.home, second);
        assert_int_equal(count_public_keys(state, place.keyring), 1);
}

static void keyrings_that_differ_are_refused(void **state)
{
        _cleanup_place_ Place place = place_new(state);
        _cleanup_free_ char *second = fixture_key(place.home, "Second");

        fixture_publish(place.directory, BASE, place.home, place.key);
        fixture_export(place.home, place.keyring, second);
        assert_refused(fixture_try_publish(place.directory, NEXT, "x", place.home, place.key, &error),
                       -EBADMSG, "differ");
        assert_false(fixture_there(place.directory, NEXT ".tar.xz"));
}

/* --- staging
 * --------------------------------------------------------------------------------------------------- */

static void nothing_stays_without_publish(void **state)
{
        _cleanup_place_ Place place = place_new(state);
        _cleanup_release_ Release *release = NULL;
        _cleanup_free_ char *staging = NULL;

        assert_done(release_open(place.directory, BASE, &release, &error));
        assert_done(release_write_file(release, "tar", "x", 1, &error));
        staging = strdup(release_staging_directory(release));
        assert_true(string_starts_with(staging, place.directory));
        assert_true(fixture_there(staging, BASE ".tar"));
        release = release_close(release);
        assert_int_not_equal(access(staging, F_OK), 0);
        assert_tidy(place.directory);
        assert_int_equal(fixture_count(place.directory, "web-"), 0);
}

static void renames_what_is_staged(void **state)
{
        _cleanup_place_ Place place = place_new(state);
        _cleanup_release_ Release *release = NULL;
        ReleaseFile *files = NULL;
        size_t n_files = 0;

        assert_done(release_open(place.directory, "late", &release, &error));
        assert_done(release_write_file(release, "tar", "x", 1, &error));
        assert_refused(release_set_base_name(release, "a/b", &error), -EINVAL,
                       "can't be the name of a release");
        assert_done(release_set_base_name(release, BASE, &error));
        assert_done(release_write_file(release, "manifest.json", "{}", 2, &error));
        assert_done(release_publish(release, NULL, &files, &n_files, &error));
        release_files_free(files, n_files);
        static const char *const names[] = { BASE ".manifest.json", BASE ".tar", NULL };
        assert_listed(place.directory, names);
        assert_refused(release_publish(release, NULL, &files, &n_files, &error), -EINVAL,
                       "nothing to publish");
}

static void refuses_bad_names(void **state)
{
        static const char *const bases[] = { "", ".hidden", "-x", "a b", "a/b", "../a", "a_b", "a\n" };
        static const char *const suffixes[] = { "", ".tar", "tar/x", "1.tar", "../x", "tar gz" };
        _cleanup_place_ Place place = place_new(state);
        _cleanup_release_ Release *release = NULL;

        for (size_t i = 0; i < ELEMENTS(bases); i++)
                assert_refused(release_open(place.directory, bases[i], &release, &error), -EINVAL,
                               "can't be the name of a release");
        assert_done(release_open(place.directory, BASE, &release, &error));
        for (size_t i = 0; i < ELEMENTS(suffixes); i++)
                assert_refused(release_write_file(release, suffixes[i], "x", 1, &error), -EINVAL,
                               "can't be the suffix");
        assert_done(release_write_file(release, "tar", "x", 1, &error));
        assert_refused(release_write_file(release, "tar", "x", 1, &error), -EEXIST, "Can't make");
}

static void refuses_empty_images_and_no_image(void **state)
{
        _cleanup_place_ Place place = place_new(state);
        _cleanup_release_ Release *release = NULL;
        ReleaseFile *files = NULL;
        size_t n_files = 0;

        assert_done(release_open(place.directory, BASE, &release, &error));
        assert_refused(release_publish(release, NULL, &files, &n_files, &error), -EINVAL,
                       "nothing to publish");
        assert_done(release_write_file(release, "tar.xz", "", 0, &error));
        assert_refused(release_publish(release, NULL, &files, &n_files, &error), -ENODATA, "is empty");
        assert_int_equal(fixture_count(place.directory, "web-"), 0);
}

static void waits_for_the_lock(void **state)
{
        _cleanup_place_ Place place = place_new(state);
        pid_t children[4];

        for (size_t i = 0; i < ELEMENTS(children); i++) {
                children[i] = fork();
                if (children[i] == 0) {
                        char base[64];
                        snprintf(base, sizeof base, "web-amd64-%zu", i);
                        _exit(fixture_try_publish(place.directory, base, base, place.home, place.key, NULL) ==
                                              0
                                      ? 0
                                      : 1);
                }
        }
        for (size_t i = 0; i < ELEMENTS(children); i++) {
                int status = -1;
                assert_int_equal(process_wait(children[i], &status), 0);
                assert_int_equal(status, 0);
        }
        assert_verifies(&place, 4 * 4 + 2);
        assert_tidy(place.directory);
}

/* --- looking at what is there
 * ---------------------------------------------------------------------------------- */

static void compares(void **state)
{
        _cleanup_place_ Place place = place_new(state);
        char sha256[SHA256_HEX_SIZE], other[SHA256_HEX_SIZE];
        ReleaseMatch match = RELEASE_DIFFERENT;

        assert_int_equal(digest_buffer("image of " BASE, strlen("image of " BASE), sha256), 0);
        assert_int_equal(digest_buffer("", 0, other), 0);
        assert_done(release_compare(place.directory, BASE ".tar.xz", sha256, &match, &error));
        assert_int_equal(match, RELEASE_ABSENT);
        fixture_publish(place.directory, BASE, place.home, place.key);
        assert_done(release_compare(place.directory, BASE ".tar.xz", sha256, &match, &error));
        assert_int_equal(match, RELEASE_SAME);
        assert_done(release_compare(place.directory, BASE ".tar.xz", other, &match, &error));
        assert_int_equal(match, RELEASE_DIFFERENT);
        assert_done(release_compare(place.directory, BASE ".tar.gz", sha256, &match, &error));
        assert_int_equal(match, RELEASE_ABSENT);
}

static void counts_versions(void **state)
{
        static const struct {
                const char *file, *newest, *free;
        } steps[] = {
                { NULL, "", "2026.11.23" },
                { "web-amd64-2026.11.2.tar.xz", "", "2026.11.23" },
                { "web-amd64-2026.11.233.tar.xz", "", "2026.11.23" },
                { "web-amd64-2026.11.23-rc1.tar.xz", "", "2026.11.23" },
                { "web-amd64-2026.11.23.01.tar.xz", "", "2026.11.23" },
                { "web-amd64-2026.11.23.notes", "", "2026.11.23" },
                { "web-arm64-2026.11.23.tar.xz", "", "2026.11.23" },
                { "web-amd64-2026.11.23.manifest.json", "2026.11.23", "2026.11.23.1" },
                { "web-amd64-2026.11.23.lock", "2026.11.23", "2026.11.23.1" },
                { "web-amd64-2026.11.23.1.tar.xz", "2026.11.23.1", "2026.11.23.2" },
                { "web-amd64-2026.11.23.9.tar.xz.sha256", "2026.11.23.9", "2026.11.23.10" },
                { "web-amd64-2026.11.23.10.nspawn", "2026.11.23.10", "2026.11.23.11" },
                { "web-amd64-2026.11.23.3.4.tar", "2026.11.23.10", "2026.11.23.11" },
        };
        _cleanup_free_ char *directory = fixture_path(state, "versions");

        for (size_t i = 0; i < ELEMENTS(steps); i++) {
                _cleanup_free_ char *newest = NULL, *next = NULL;
                if (steps[i].file) {
                        assert_done(make_directories(directory, 0755, &error));
                        replace_file(directory, steps[i].file, "x");
                }
                assert_done(release_versions(directory, "web-amd64", "2026.11.23", &newest, &next, &error));
                assert_string_equal(newest, steps[i].newest);
                assert_string_equal(next, steps[i].free);
        }
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(publishes_every_form),
                TEST(pairs_list_settings),
                TEST(satisfies_other_programs),
                TEST(modes_ignore_the_umask),
                TEST(unsigned_has_plain_sums_only),
                TEST(changes_between_signed_and_unsigned),
                TEST(keeps_older_versions),
                TEST(never_overwrites),
                TEST(drops_what_is_withdrawn),
                TEST(refuses_changed_files),
                TEST(does_not_read_old_images_again),
                TEST(refuses_strangers),
                TEST(refuses_sums_of_other_forms),
                TEST(rotation_keeps_both_keys),
                TEST(revoked_keys_leave_the_keyring),
                TEST(keyrings_that_differ_are_refused),
                TEST(nothing_stays_without_publish),
                TEST(renames_what_is_staged),
                TEST(refuses_bad_names),
                TEST(refuses_empty_images_and_no_image),
                TEST(waits_for_the_lock),
                TEST(compares),
                TEST(counts_versions),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
