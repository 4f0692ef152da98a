/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "signing/release.h"

#include "tests/unit/release_fixture.h"

#include <sys/stat.h>
#include <time.h>

/* Publications that fail or are killed: the directory is as before or complete, never half. */

#define BASE "web-amd64-2026.11.23"
#define NEXT "web-amd64-2026.11.24"

static void undoes_a_failure_in_the_middle(void **state)
{
        _cleanup_place_ Place place = place_new(state);
        _cleanup_release_ Release *release = NULL;
        _cleanup_signer_ Signer *signer = NULL;
        _cleanup_free_ char *second = fixture_key(place.home, "Second");
        ReleaseFile *files = NULL;
        size_t n_files = 0;

        fixture_publish(place.directory, BASE, place.home, place.key);
        assert_done(release_open(place.directory, NEXT, &release, &error));
        assert_done(signer_open(place.home, second, &signer, &error));
        assert_done(release_write_file(release, "tar.xz", "x", 1, &error));
        assert_done(release_write_file(release, "nspawn", "x", 1, &error));
        /* a directory: no stranger to the sums, but its name is taken when the renames get there */
        _cleanup_free_ char *taken = path_join(place.directory, NEXT ".tar.xz.sha256.asc");
        assert_int_equal(mkdir(taken, 0755), 0);
        assert_refused(release_publish(release, signer, &files, &n_files, &error), -EEXIST,
                       "never overwritten");
        release = release_close(release);
        assert_int_equal(rmdir(taken), 0);
        assert_int_equal(fixture_count(place.directory, NEXT), 0);
        assert_tidy(place.directory);
        assert_verifies(&place, 6);
}

static void undoes_the_sums(void **state)
{
        _cleanup_place_ Place place = place_new(state);
        _cleanup_free_ char *second = fixture_key(place.home, "Second");
        _cleanup_free_ char *signature = path_join(place.directory, "SHA256SUMS.gpg");
        _cleanup_free_ char *kept = fixture_path(state, "kept");

        fixture_publish(place.directory, BASE, place.home, place.key);
        /* the last rename fails on a directory that is not empty */
        assert_int_equal(rename(signature, kept), 0);
        assert_int_equal(mkdir(signature, 0755), 0);
        replace_file(signature, "x", "x");
        _cleanup_error_ Error failure = ERROR_INIT;
        assert_true(fixture_try_publish(place.directory, NEXT, "x", place.home, second, &failure) < 0);
        assert_non_null(strstr(failure.message, "Can't rename SHA256SUMS.gpg"));
        assert_done(remove_tree(AT_FDCWD, signature, &error));
        assert_int_equal(rename(kept, signature), 0);
        assert_int_equal(count_public_keys(state, place.keyring), 1);
        assert_int_equal(fixture_count(place.directory, NEXT), 0);
        assert_verifies(&place, 6);
        assert_tidy(place.directory);
}

static void removes_leftover_staging(void **state)
{
        _cleanup_place_ Place place = place_new(state);
        _cleanup_free_ char *old = path_join(place.directory, ".staging-dead/deeper");

        assert_done(make_directories(old, 0700, &error));
        fixture_publish(place.directory, BASE, place.home, place.key);
        assert_tidy(place.directory);
        assert_verifies(&place, 6);
}

static void recovers_before_the_sums(void **state)
{
        _cleanup_place_ Place place = place_new(state);

        fixture_publish(place.directory, BASE, place.home, place.key);
        replace_file(place.directory, NEXT ".tar.xz", "half");
        replace_file(place.directory, "NOTES", "somebody's");
        replace_file(place.directory, ".publishing",
                     "templar-publication 1\nsigned\n.staging-abcdef\n" NEXT ".nspawn\n" NEXT ".tar.xz\n");
        fixture_publish(place.directory, NEXT, place.home, place.key);
        assert_text(place.directory, NEXT ".tar.xz", "image of " NEXT);
        assert_text(place.directory, "NOTES", "somebody's");
        assert_verifies(&place, 11);
        assert_tidy(place.directory);
}

/* Killed after the keyrings were exchanged: the list still speaks of the old ones. */
static void recovers_old_keyrings(void **state)
{
        static const char *const names[] = { "import-pubring.gpg", "import-pubring.pgp" };
        _cleanup_place_ Place place = place_new(state);
        _cleanup_release_ Release *release = NULL;
        _cleanup_free_ char *staging = path_join(place.directory, ".staging-abcdef");
        _cleanup_free_ char *second = fixture_key(place.home, "Second");

        fixture_publish(place.directory, BASE, place.home, place.key);
        assert_int_equal(mkdir(staging, 0700), 0);
        for (size_t i = 0; i < ELEMENTS(names); i++) {
                _cleanup_free_ char *from = path_join(place.directory, names[i]),
                                    *to = path_join(staging, names[i]);
                assert_int_equal(rename(from, to), 0);
                fixture_export(place.home, from, second);
        }
        replace_file(place.directory, ".publishing",
                     "templar-publication 1\nsigned\n.staging-abcdef\n" NEXT ".tar.xz\n");
        assert_done(release_open(place.directory, NEXT, &release, &error));
        release = release_close(release);
        assert_verifies(&place, 6);
        assert_tidy(place.directory);
}

static void recovers_between_sums_and_signature(void **state)
{
        _cleanup_place_ Place place = place_new(state);
        _cleanup_release_ Release *release = NULL;
        _cleanup_free_ char *staging = path_join(place.directory, ".staging-abcdef");
        _cleanup_free_ char *from = path_join(place.directory, "SHA256SUMS.gpg");
        _cleanup_free_ char *to = path_join(staging, "SHA256SUMS.gpg");

        fixture_publish(place.directory, BASE, place.home, place.key);
        assert_int_equal(mkdir(staging, 0700), 0);
        assert_int_equal(rename(from, to), 0);
        replace_file(place.directory, "SHA256SUMS.gpg", "of the release before");
        replace_file(place.directory, ".publishing",
                     "templar-publication 1\nsigned\n.staging-abcdef\n" BASE ".nspawn\n" BASE ".tar.xz\n");
        assert_done(release_open(place.directory, NEXT, &release, &error));
        release = release_close(release);
        assert_verifies(&place, 6);
        assert_tidy(place.directory);
}

static void refuses_journals_that_reach_out(void **state)
{
        static const char *const journals[] = {
                "",
                "x\n",
                "templar-publication 1\n",
                "templar-publication 1\nsigned\n.staging-a\n../kept\n",
                "templar-publication 1\nsigned\n.staging-a\n/etc/passwd\n",
                "templar-publication 1\nsigned\n../x\nNOTES\n",
                "templar-publication 1\nsigned\n.staging-a/../x\nNOTES\n",
                "templar-publication 1\nsigned\n.staging-a\nSHA256SUMS\n",
                "templar-publication 1\nsigned\n.staging-a\n.lock\n",
                "templar-publication 1\nmaybe\n.staging-a\nNOTES\n",
        };
        _cleanup_place_ Place place = place_new(state);
        _cleanup_release_ Release *release = NULL;

        fixture_publish(place.directory, BASE, place.home, place.key);
        replace_file(place.directory, "NOTES", "somebody's");
        for (size_t i = 0; i < ELEMENTS(journals); i++) {
                replace_file(place.directory, ".publishing", journals[i]);
                assert_refused(release_open(place.directory, NEXT, &release, &error), -EBADMSG,
                               "is not a journal");
        }
        assert_text(place.directory, "NOTES", "somebody's");
        assert_true(fixture_there(place.directory, "SHA256SUMS"));
}

#define KILLS 24

/* A child that publishes and is killed after `delay_nsec`; 0 lets it end. Returns the time that it took. */
static int64_t publish_and_kill(const Place *place, int number, int64_t delay_nsec)
{
        struct timespec start, end, delay = { delay_nsec / 1000000000, delay_nsec % 1000000000 };
        int status = 0;

        clock_gettime(CLOCK_MONOTONIC, &start);
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
                char base[64];
                snprintf(base, sizeof base, "web-amd64-%d", number);
                _exit(fixture_try_publish(place->directory, base, base, place->home, place->key, NULL) == 0
                              ? 0
                              : 1);
        }
        if (delay_nsec > 0) {
                nanosleep(&delay, NULL);
                kill(child, SIGKILL);
        }
        assert_int_equal(process_wait(child, &status), 0);
        clock_gettime(CLOCK_MONOTONIC, &end);
        return (end.tv_sec - start.tv_sec) * 1000000000LL + end.tv_nsec - start.tv_nsec;
}

/* Killed anywhere: the next release_open() finds or makes a directory that verifies. */
static void survives_kills(void **state)
{
        _cleanup_place_ Place place = place_new(state);
        int64_t whole_nsec = publish_and_kill(&place, 0, 0);
        size_t n_published = 0;

        for (int i = 1; i <= KILLS; i++) {
                _cleanup_release_ Release *release = NULL;
                _cleanup_verify_result_ VerifyResult result = { 0 };
                publish_and_kill(&place, i, whole_nsec * (i + 6) / 24);
                assert_done(release_open(place.directory, NEXT, &release, &error));
                release = release_close(release);
                assert_tidy(place.directory);
                assert_done(verify_directory(place.directory, place.keyring, &result, &error));
                assert_int_equal((result.n_files - 2) % 4, 0);
                n_published = (result.n_files - 2) / 4;
        }
        print_message("%zu of %d were published\n", n_published, KILLS + 1);
        /* ends the agents of the killed */
        free(fixture_key(place.home, "last"));
        assert_false(fixture_there(place.home, "S.gpg-agent"));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(undoes_a_failure_in_the_middle),  TEST(undoes_the_sums),
                TEST(removes_leftover_staging),        TEST(recovers_before_the_sums),
                TEST(recovers_old_keyrings),           TEST(recovers_between_sums_and_signature),
                TEST(refuses_journals_that_reach_out), TEST(survives_kills),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
