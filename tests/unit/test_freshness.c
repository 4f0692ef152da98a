/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "http_fixture.h"

#include "base/cancel.h"
#include "packages/freshness.h"

#define TIMEOUT_MSEC 60000 /* for answers that come */
#define SHORT_TIMEOUT_MSEC 500 /* for those that don't */

static int setup(void **state)
{
        (void) state;
        http_clean_environment();
        http_start("/nowhere");
        return 0;
}

static int teardown(void **state)
{
        (void) state;
        http_stop();
        return 0;
}

static FreshnessFile file_of(const char *uri)
{
        return (FreshnessFile){ .uri = uri, .data = HTTP_BODY, .size_bytes = strlen(HTTP_BODY) };
}

static FreshnessVerdict check_within(unsigned timeout_msec, FreshnessFile *files, size_t n_files)
{
        _cleanup_freshness_ Freshness *freshness = NULL;
        FreshnessVerdict verdict = FRESHNESS_UNKNOWN;

        assert_int_equal(freshness_new(timeout_msec, &freshness, NULL), 0);
        assert_int_equal(freshness_check(freshness, files, n_files, &verdict, NULL), 0);
        return verdict;
}

static FreshnessVerdict check(FreshnessFile *files, size_t n_files)
{
        return check_within(TIMEOUT_MSEC, files, n_files);
}

static void test_answers(void **state)
{
        (void) state;
        static const struct {
                const char *path, *etag;
                int64_t modified_sec;
                FreshnessVerdict expected;
        } cases[] = {
                { "same", NULL, 0, FRESHNESS_SAME },
                { "etag", HTTP_ETAG, 0, FRESHNESS_SAME },
                { "etag", "\"two\"", 0, FRESHNESS_UNKNOWN }, /* 404 */
                { "since", NULL, 1709208000, FRESHNESS_SAME },
                { "liar", NULL, 0, FRESHNESS_UNKNOWN }, /* 304 that was not asked for */
                { "liar", NULL, 1, FRESHNESS_SAME },
                { "changed", NULL, 0, FRESHNESS_CHANGED },
                { "shorter", NULL, 0, FRESHNESS_CHANGED },
                { "endless", NULL, 0, FRESHNESS_CHANGED },
                { "error", NULL, 0, FRESHNESS_UNKNOWN },
                { "cut", NULL, 0, FRESHNESS_UNKNOWN },
                { "slow", NULL, 0, FRESHNESS_UNKNOWN },
                { "missing", NULL, 0, FRESHNESS_UNKNOWN },
                { "redirect", NULL, 0, FRESHNESS_SAME },
                { "circle", NULL, 0, FRESHNESS_UNKNOWN },
                { "to-file", NULL, 0, FRESHNESS_UNKNOWN },
                { "to-ftp", NULL, 0, FRESHNESS_UNKNOWN },
        };

        for (size_t i = 0; i < ELEMENTS(cases); i++) {
                _cleanup_free_ char *uri = http_uri(cases[i].path);
                _cleanup_(freshness_file_done) FreshnessFile file = file_of(uri);
                file.etag = cases[i].etag ? strdup(cases[i].etag) : NULL;
                file.modified_sec = cases[i].modified_sec;
                unsigned timeout_msec = strcmp(cases[i].path, "slow") == 0 ? SHORT_TIMEOUT_MSEC : TIMEOUT_MSEC;
                FreshnessVerdict verdict = check_within(timeout_msec, &file, 1);
                if (verdict != cases[i].expected)
                        print_error("%s\n", cases[i].path);
                assert_int_equal(verdict, cases[i].expected);
        }
}

static void test_other_protocols(void **state)
{
        (void) state;
        static const char *const uris[] = { "file:///etc/hostname", "ftp://127.0.0.1/x", "gopher://127.0.0.1/", "",
                                            "http://127.0.0.1:1/refused" };

        for (size_t i = 0; i < ELEMENTS(uris); i++) {
                FreshnessFile file = file_of(uris[i]);
                assert_int_equal(check(&file, 1), FRESHNESS_UNKNOWN);
        }
}

/* What the server says is kept, and sent back as it was; a redirect's own headers are not. */
static void test_validators(void **state)
{
        (void) state;
        _cleanup_free_ char *uri = http_uri("redirect"), *odd = http_uri("odd-validators");
        _cleanup_(freshness_file_done) FreshnessFile file = file_of(uri), strange = file_of(odd);

        assert_int_equal(check(&file, 1), FRESHNESS_SAME);
        assert_string_equal(file.etag, HTTP_ETAG);
        assert_string_equal(file.last_modified, HTTP_DATE);
        assert_int_equal(check(&file, 1), FRESHNESS_SAME);
        assert_non_null(strstr(http_server.record->last, "\r\nIf-None-Match: " HTTP_ETAG "\r\n"));
        assert_non_null(strstr(http_server.record->last, "\r\nIf-Modified-Since: " HTTP_DATE "\r\n"));
        assert_non_null(strstr(http_server.record->last, "\r\nCache-Control: max-age=0\r\n"));
        assert_int_equal(check(&strange, 1), FRESHNESS_SAME);
        assert_null(strange.etag);
}

static void test_many_files(void **state)
{
        (void) state;
        _cleanup_free_ char *same = http_uri("same"), *redirect = http_uri("redirect"), *changed = http_uri("changed"),
                            *slow = http_uri("slow");
        FreshnessFile good[] = { file_of(same), file_of(redirect) };
        /* nobody waits for the slow one once it is known */
        FreshnessFile bad[] = { file_of(same), file_of(slow), file_of(changed) };

        assert_int_equal(check(good, ELEMENTS(good)), FRESHNESS_SAME);
        assert_int_equal(check(bad, ELEMENTS(bad)), FRESHNESS_CHANGED);
        assert_int_equal(check(NULL, 0), FRESHNESS_SAME);
        for (size_t i = 0; i < ELEMENTS(good); i++)
                freshness_file_done(&good[i]);
        for (size_t i = 0; i < ELEMENTS(bad); i++)
                freshness_file_done(&bad[i]);
}

/* A file is asked for once, and again when something else is expected. */
static void test_known(void **state)
{
        (void) state;
        _cleanup_freshness_ Freshness *freshness = NULL;
        _cleanup_free_ char *uri = http_uri("same");
        _cleanup_(freshness_file_done) FreshnessFile file = file_of(uri), other = file_of(uri);
        FreshnessVerdict verdict;

        other.data = "something else     ";
        assert_int_equal(freshness_new(TIMEOUT_MSEC, &freshness, NULL), 0);
        unsigned before = http_server.record->n_requests;
        for (int i = 0; i < 3; i++) {
                assert_int_equal(freshness_check(freshness, &file, 1, &verdict, NULL), 0);
                assert_int_equal(verdict, FRESHNESS_SAME);
        }
        assert_int_equal(http_server.record->n_requests - before, 1);
        assert_int_equal(freshness_check(freshness, &other, 1, &verdict, NULL), 0);
        assert_int_equal(verdict, FRESHNESS_CHANGED);
        assert_int_equal(http_server.record->n_requests - before, 2);
}

static void test_proxy(void **state)
{
        (void) state;
        _cleanup_free_ char *proxy = http_uri(""), *uri = http_uri("same");
        FreshnessFile file = file_of("http://deb.debian.org/same");

        /* the request line of a proxy's client is the whole address */
        assert_int_equal(setenv("http_proxy", proxy, 1), 0);
        assert_int_equal(check(&file, 1), FRESHNESS_UNKNOWN);
        assert_true(string_starts_with(http_server.record->last, "GET http://deb.debian.org/same HTTP/1.1\r\n"));
        assert_int_equal(setenv("http_proxy", "http://127.0.0.1:1", 1), 0);
        assert_int_equal(setenv("no_proxy", "127.0.0.1", 1), 0);
        _cleanup_(freshness_file_done) FreshnessFile direct = file_of(uri);
        assert_int_equal(check(&direct, 1), FRESHNESS_SAME);
        http_clean_environment();
}

/* In a process of its own: the signal is remembered for ever. */
static _Noreturn void be_interrupted(const char *uri)
{
        Freshness *freshness = NULL;
        FreshnessFile file = file_of(uri);
        FreshnessVerdict verdict;
        pid_t self = getpid();

        if (cancel_install() < 0 || freshness_new(600 * 1000, &freshness, NULL) < 0)
                _exit(1);
        pid_t pid = fork();
        if (pid == 0) {
                nanosleep(&(struct timespec){ .tv_nsec = 100 * 1000 * 1000 }, NULL);
                kill(self, SIGTERM);
                _exit(0);
        }
        int r = freshness_check(freshness, &file, 1, &verdict, NULL);
        waitpid(pid, NULL, 0);
        freshness_free(freshness);
        _exit(r == -ECANCELED ? 42 : 2);
}

static void test_interrupted(void **state)
{
        (void) state;
        _cleanup_free_ char *uri = http_uri("slow");
        int status = 0;
        pid_t pid = fork();

        assert_true(pid >= 0);
        if (pid == 0)
                be_interrupted(uri);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 42);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_answers),    cmocka_unit_test(test_other_protocols),
                cmocka_unit_test(test_validators), cmocka_unit_test(test_many_files),
                cmocka_unit_test(test_known),      cmocka_unit_test(test_proxy),
                cmocka_unit_test(test_interrupted),
        };
        return cmocka_run_group_tests(tests, setup, teardown);
}
