/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "packages_fixture.h"

#include "http_fixture.h"

#include "base/digest.h"

#include <glob.h>

/* apt_update() with a cache, against an archive on a web server and one in the file system. */

static char *archive, *keyring, *cache;

static int setup(void **state)
{
        http_clean_environment();
        int r = fixture_setup(state);
        if (r < 0)
                return r;
        archive = fixture_path("archive");
        keyring = fixture_path("archive/keyring.gpg");
        cache = fixture_path("cache");
        http_start(fixture.directory);
        _cleanup_free_ char *main_pool = fixture_path("archive/pool/main"), *other = fixture_path("archive/pool/other");
        fixture_script("make-deb.sh", main_pool, "tt-a", "1", NULL);
        fixture_script("make-deb.sh", other, "tt-o", "1", NULL);
        return 0;
}

static int teardown(void **state)
{
        http_stop();
        free(archive);
        free(keyring);
        free(cache);
        return fixture_teardown(state);
}

/* Two files of one second would be one for apt, which asks by time alone. */
static void make_suite(const char *suite, const char *components, const char *date, const char *valid_until)
{
        static time_t modified_sec = 1700000000;
        _cleanup_free_ char *in_release = NULL;

        fixture_script("make-archive.sh", archive, suite, "--components", components, "--date", date,
                       valid_until ? "--valid-until" : NULL, valid_until, NULL);
        assert_true(asprintf(&in_release, "%s/dists/%s/InRelease", archive, suite) > 0);
        modified_sec++;
        const struct timespec times[] = { { .tv_sec = modified_sec }, { .tv_sec = modified_sec } };
        assert_int_equal(utimensat(AT_FDCWD, in_release, times, 0), 0);
}

static Apt *open_apt(const char *work, bool offline)
{
        _cleanup_free_ char *work_path = fixture_path(work);
        Apt *apt = NULL;

        need_sandbox();
        assert_ok(make_directories(cache, 0755, &fixture.error));
        assert_ok(make_directories(work_path, 0755, &fixture.error));
        AptOptions options = { fixture.sandbox, "amd64", cache, work_path, fixture.output, offline, NULL };
        assert_ok(apt_open(&options, &apt, &fixture.error));
        return apt;
}

/* Adds a stanza; with `more` in place of the keyring. */
static void add_repository(RepositoryList *list, const char *uri, const char *suite, const char *components,
                           const char *more)
{
        _cleanup_repository_list_ RepositoryList one = { 0 };
        _cleanup_free_ char *text = NULL;

        assert_true(asprintf(&text, "Types: deb\nURIs: %s\nSuites: %s\nComponents: %s\nSigned-By: %s\n%s", uri, suite,
                             components, keyring, more) > 0);
        assert_ok(repository_parse(text, "test", "/", &one, &fixture.error));
        assert_int_equal(repository_list_take(list, &one.items[0]), 0);
}

/* One repository of the web server. */
static RepositoryList web(const char *suite, const char *components, const char *more)
{
        _cleanup_free_ char *uri = http_uri("files/archive");
        RepositoryList list = { 0 };

        add_repository(&list, uri, suite, components, more);
        return list;
}

/* The requests that an update makes, and of them those of apt. */
static unsigned update(Apt *apt, const RepositoryList *list, unsigned *ret_apt, AptReleases *ret)
{
        HttpRecord *record = http_server.record;

        record->n_requests = record->n_apt = 0;
        assert_ok(apt_update(apt, list, ret, &fixture.error));
        if (ret_apt)
                *ret_apt = record->n_apt;
        return record->n_requests;
}

static size_t count_generations(void)
{
        _cleanup_free_ char *pattern = fixture_path("cache/lists/*/[0-9a-f]*");
        glob_t found;
        int r = glob(pattern, 0, NULL, &found);

        assert_true(r == 0 || r == GLOB_NOMATCH);
        size_t n = r == 0 ? found.gl_pathc : 0;
        globfree(&found);
        return n;
}

static void clear_cache(void)
{
        if (fixture.sandbox)
                assert_ok(sandbox_remove_tree(fixture.sandbox, cache, &fixture.error));
}

static void assert_resolves(Apt *apt, const RepositoryList *list, const char *name)
{
        _cleanup_free_ char *path = fixture_path("empty");
        _cleanup_transaction_ AptTransaction transaction = { 0 };
        AptRequest request = { .verb = APT_INSTALL, .packages = (char *[]){ (char *) name, NULL } };
        struct stat there;

        if (stat(path, &there) < 0)
                assert_ok(sandbox_make_directory(fixture.sandbox, fixture.directory, "empty", &fixture.error));
        _cleanup_close_ int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        SandboxTree tree = { .directory_fd = fd };
        assert_ok(apt_select(apt, list, NULL, &fixture.error));
        assert_ok(apt_resolve(apt, &tree, &request, &transaction, &fixture.error));
        assert_int_equal(transaction.n_packages, 1);
}

static void test_unchanged(void **state)
{
        (void) state;
        _cleanup_apt_ Apt *apt = open_apt("work-1", false);
        _cleanup_apt_ Apt *second = NULL, *third = NULL, *fourth = NULL;
        _cleanup_(apt_releases_done) AptReleases first_releases = { 0 }, releases = { 0 }, plain = { 0 };
        _cleanup_repository_list_ RepositoryList list = web("stable", "main", "");
        unsigned n_apt;

        make_suite("stable", "main", "2024-02-29 12:00 UTC", NULL);
        assert_true(update(apt, &list, &n_apt, &first_releases) > 1);
        assert_true(n_apt > 1);
        second = open_apt("work-2", false);
        assert_int_equal(update(second, &list, &n_apt, &releases), 1);
        assert_int_equal(n_apt, 0);
        assert_non_null(strstr(http_server.record->last, "\r\nIf-Modified-Since: "));
        assert_null(strstr(http_server.record->last, "\r\nIf-None-Match: "));
        assert_string_equal(releases.items[0].sha256, first_releases.items[0].sha256);
        assert_int_equal(releases.newest_sec, 1709208000);
        assert_true(releases.fresh_sec >= first_releases.fresh_sec);
        assert_true(time(NULL) - releases.fresh_sec < 600);
        assert_resolves(second, &list, "tt-a");
        /* what the server has said is asked with the next time */
        third = open_apt("work-3", false);
        assert_int_equal(update(third, &list, &n_apt, NULL), 1);
        assert_non_null(strstr(http_server.record->last, "\r\nIf-None-Match: "));
        /* a server without validators sends it again */
        http_server.record->plain = true;
        fourth = open_apt("work-4", false);
        assert_int_equal(update(fourth, &list, &n_apt, &plain), 1);
        assert_int_equal(n_apt, 0);
        http_server.record->plain = false;
        assert_string_equal(plain.items[0].sha256, first_releases.items[0].sha256);
        assert_int_equal(count_generations(), 1);
        clear_cache();
}

/* A generation lasts as long as a build works with it. */
static void test_changed(void **state)
{
        (void) state;
        _cleanup_apt_ Apt *old = open_apt("work-old", false);
        _cleanup_apt_ Apt *first = NULL, *next = NULL, *last = NULL;
        _cleanup_(apt_releases_done) AptReleases before = { 0 }, after = { 0 };
        _cleanup_repository_list_ RepositoryList list = web("moving", "main", "");
        unsigned n_apt;

        make_suite("moving", "main", "2024-02-28", NULL);
        update(old, &list, NULL, NULL);
        first = open_apt("work-first", false);
        update(first, &list, &n_apt, &before);
        assert_int_equal(n_apt, 0);
        make_suite("moving", "main", "2024-02-29", NULL);
        next = open_apt("work-next", false);
        update(next, &list, &n_apt, &after);
        assert_true(n_apt > 0);
        assert_string_not_equal(before.items[0].sha256, after.items[0].sha256);
        assert_int_equal(after.newest_sec - before.newest_sec, 24 * 60 * 60);
        assert_int_equal(count_generations(), 2);
        assert_resolves(first, &list, "tt-a");
        first = apt_close(first);
        make_suite("moving", "main", "2024-03-01", NULL);
        last = open_apt("work-last", false);
        update(last, &list, &n_apt, NULL);
        assert_int_equal(count_generations(), 1);
        clear_cache();
}

/* The repositories that two sets share are asked for once, and each set keeps indexes of its own. */
static void test_two_sets(void **state)
{
        (void) state;
        _cleanup_apt_ Apt *apt = NULL;
        _cleanup_repository_list_ RepositoryList one = web("stable", "main", ""), two = web("stable", "main", ""),
                                                 only = { 0 }, unknown = web("nosuite", "main", "");
        _cleanup_free_ char *uri = http_uri("files/archive");

        need_sandbox();
        make_suite("stable", "main", "2024-02-29 12:00 UTC", NULL);
        make_suite("second", "other", "2024-02-29 12:00 UTC", NULL);
        add_repository(&two, uri, "second", "other", "");
        add_repository(&only, uri, "second", "other", "");
        for (int i = 0; i < 2; i++) {
                apt_close(apt);
                apt = open_apt("work-sets", false);
                unsigned n_one = update(apt, &one, NULL, NULL), n_two = update(apt, &two, NULL, NULL);
                unsigned n_only = update(apt, &only, NULL, NULL);
                if (i == 1) {
                        assert_int_equal(n_one, 1);
                        assert_int_equal(n_two, 1);
                        assert_int_equal(n_only, 0);
                }
                assert_resolves(apt, &one, "tt-a");
                assert_resolves(apt, &two, "tt-o");
                assert_resolves(apt, &only, "tt-o");
        }
        _cleanup_free_ char *message = NULL;
        assert_true(asprintf(&message, "The indexes of the repository %s were not fetched", uri) > 0);
        assert_fails(apt_select(apt, &unknown, NULL, &fixture.error), message, NULL);
        clear_cache();
}

static void test_expired(void **state)
{
        (void) state;
        _cleanup_apt_ Apt *apt = open_apt("work-expired", false);
        _cleanup_apt_ Apt *offline = NULL;
        _cleanup_repository_list_ RepositoryList strict = web("short", "main", ""),
                                                 lenient = web("short", "main", "Check-Valid-Until: no\n");
        unsigned n_apt;

        make_suite("short", "main", "now", "now + 4 seconds");
        update(apt, &strict, NULL, NULL);
        update(apt, &lenient, NULL, NULL);
        sleep(5);
        update(apt, &lenient, &n_apt, NULL);
        assert_int_equal(n_apt, 0);
        error_done(&fixture.error);
        assert_true(apt_update(apt, &strict, NULL, &fixture.error) < 0);
        assert_non_null(strstr(fixture.error.message, " has expired"));
        offline = open_apt("work-expired-offline", true);
        assert_ok(apt_update(offline, &strict, NULL, &fixture.error));
        clear_cache();
}

static int call_truncate(int root_fd, void *userdata, Buffer *reply, Error *error)
{
        _cleanup_close_ int fd = openat(root_fd, userdata, O_WRONLY | O_CLOEXEC);

        (void) reply;
        return fd < 0 || ftruncate(fd, 1) < 0 ? error_set_errno(error, errno, "Can't cut %s", (char *) userdata) : 0;
}

/* Cuts the first Packages file of the cache, which belongs to the sandbox. */
static void cut_index(void)
{
        _cleanup_free_ char *pattern = fixture_path("cache/lists/*/[0-9a-f]*/*_Packages");
        glob_t found;

        assert_int_equal(glob(pattern, 0, NULL, &found), 0);
        char *name = strrchr(found.gl_pathv[0], '/');
        *name++ = '\0';
        _cleanup_close_ int fd = open(found.gl_pathv[0], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        SandboxTree tree = { .directory_fd = fd };
        assert_ok(sandbox_call(fixture.sandbox, &tree, call_truncate, name, NULL, &fixture.error));
        globfree(&found);
}

/* A cache that is not whole counts for nothing. */
static void test_damaged(void **state)
{
        (void) state;
        _cleanup_apt_ Apt *apt = open_apt("work-damaged", false);
        _cleanup_repository_list_ RepositoryList list = web("stable", "main", "");
        unsigned n_apt;

        make_suite("stable", "main", "2024-02-29 12:00 UTC", NULL);
        update(apt, &list, NULL, NULL);
        update(apt, &list, &n_apt, NULL);
        assert_int_equal(n_apt, 0);
        cut_index();
        update(apt, &list, &n_apt, NULL);
        assert_true(n_apt > 0);
        assert_resolves(apt, &list, "tt-a");
        _cleanup_free_ char *pattern = fixture_path("cache/lists/*/state");
        glob_t found;
        assert_int_equal(glob(pattern, 0, NULL, &found), 0);
        assert_int_equal(found.gl_pathc, 1);
        static const char *const states[] = { "", "{", "{}", "{\"version\":1,\"generation\":\"../../../../../etc\"}" };
        for (size_t i = 0; i < ELEMENTS(states); i++) {
                assert_ok(write_file_atomic(AT_FDCWD, found.gl_pathv[0], states[i], strlen(states[i]), 0644,
                                            &fixture.error));
                update(apt, &list, &n_apt, NULL);
                assert_true(n_apt > 0);
        }
        update(apt, &list, &n_apt, NULL);
        assert_int_equal(n_apt, 0);
        globfree(&found);
        clear_cache();
}

/* apt has the word, and the cache stays as it is. */
static void test_errors(void **state)
{
        (void) state;
        _cleanup_apt_ Apt *apt = open_apt("work-errors", false);
        _cleanup_repository_list_ RepositoryList list = web("stable", "main", "");
        unsigned n_apt;

        make_suite("stable", "main", "2024-02-29 12:00 UTC", NULL);
        update(apt, &list, NULL, NULL);
        http_server.record->broken = true;
        error_done(&fixture.error);
        assert_true(apt_update(apt, &list, NULL, &fixture.error) < 0);
        assert_non_null(fixture.error.message);
        http_server.record->broken = false;
        update(apt, &list, &n_apt, NULL);
        assert_int_equal(n_apt, 0);
        clear_cache();
}

static void test_offline(void **state)
{
        (void) state;
        _cleanup_apt_ Apt *apt = open_apt("work-online", false);
        _cleanup_apt_ Apt *offline = open_apt("work-offline", true);
        _cleanup_(apt_releases_done) AptReleases before = { 0 }, after = { 0 };
        _cleanup_repository_list_ RepositoryList list = web("stable", "main", "");
        _cleanup_free_ char *message = NULL, *path = NULL, *none = NULL;
        _cleanup_(apt_package_done) AptPackage package = { 0 }, missing = { 0 };

        make_suite("stable", "main", "2024-02-29 12:00 UTC", NULL);
        assert_true(asprintf(&message,
                             "The package lists of %s stable are not in the cache, and nothing is to be fetched (offline)",
                             list.items[0].uris[0]) > 0);
        assert_fails(apt_update(offline, &list, NULL, &fixture.error), message,
                     "Build it once with the network, then offline with the same repositories and keyrings");
        update(apt, &list, NULL, &before);
        http_server.record->broken = true;
        assert_int_equal(update(offline, &list, NULL, &after), 0);
        assert_string_equal(after.items[0].sha256, before.items[0].sha256);
        assert_int_equal(after.fresh_sec, before.fresh_sec);
        assert_resolves(offline, &list, "tt-a");
        assert_fails(apt_fetch_package(offline, NULL, "tt-a", &missing, &none, &fixture.error),
                     "The package tt-a 1 is not in the cache, and nothing is to be fetched (offline)",
                     "Build once with the network, which brings it there, or name a --pool that has it");
        assert_int_equal(http_server.record->n_requests, 0);
        http_server.record->broken = false;
        assert_ok(apt_select(apt, &list, NULL, &fixture.error));
        assert_ok(apt_fetch_package(apt, NULL, "tt-a", &package, &path, &fixture.error));
        http_server.record->n_requests = 0;
        assert_ok(apt_fetch_package(offline, NULL, "tt-a", &missing, &none, &fixture.error));
        assert_string_not_equal(path, none);
        assert_int_equal(http_server.record->n_requests, 0);
        clear_cache();
}

/* A directory is there without a network, changed or not. */
static void test_local(void **state)
{
        (void) state;
        _cleanup_apt_ Apt *offline = open_apt("work-local", true);
        _cleanup_(apt_package_done) AptPackage package = { 0 };
        _cleanup_(apt_releases_done) AptReleases before = { 0 }, same = { 0 }, after = { 0 };
        _cleanup_repository_list_ RepositoryList list = { 0 };
        _cleanup_free_ char *uri = NULL, *path = NULL;

        make_suite("local", "main", "2024-02-28", NULL);
        assert_true(asprintf(&uri, "file://%s", archive) > 0);
        add_repository(&list, uri, "local", "main", "");
        assert_ok(apt_update(offline, &list, &before, &fixture.error));
        output_clear_tail(fixture.output);
        assert_ok(apt_update(offline, &list, &same, &fixture.error));
        _cleanup_free_ char *said = output_tail(fixture.output);
        assert_string_equal(said, "The package lists are unchanged");
        make_suite("local", "main", "2024-02-29", NULL);
        assert_ok(apt_update(offline, &list, &after, &fixture.error));
        assert_string_equal(before.items[0].sha256, same.items[0].sha256);
        assert_int_equal(after.newest_sec - before.newest_sec, 24 * 60 * 60);
        assert_ok(apt_select(offline, &list, NULL, &fixture.error));
        assert_ok(apt_fetch_package(offline, NULL, "tt-a", &package, &path, &fixture.error));
        clear_cache();
}

int main(int argc, char **argv)
{
        sandbox_init_hook(argc, argv);
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_unchanged), cmocka_unit_test(test_changed), cmocka_unit_test(test_two_sets),
                cmocka_unit_test(test_expired),   cmocka_unit_test(test_damaged), cmocka_unit_test(test_errors),
                cmocka_unit_test(test_offline),   cmocka_unit_test(test_local),
        };
        return cmocka_run_group_tests(tests, setup, teardown);
}
